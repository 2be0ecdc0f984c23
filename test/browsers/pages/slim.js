// A module for downhill/slim, served in ways that it should be and should not.
import { createEngine, EngineError, init } from "downhill/slim";

/** What a promise gives, or the class that it fails with. */
const outcomeOf = (work) =>
  work().catch((error) =>
    error instanceof EngineError ? "EngineError" : `${error?.name}: ${error?.message}`,
  );
const create = async () => {
  const engine = await createEngine({ numerics: "exact" });
  await engine.close();
  return engine.threads;
};

export const task = async () => {
  const plain = "/node_modules/downhill/build/wasm/plain.wasm";
  return {
    before: await outcomeOf(create),
    missing: await outcomeOf(() => init({ url: "/no.wasm" })),
    // What a server gives that answers every unknown address with its first page.
    page: await outcomeOf(() => init({ url: location.href })),
    url: await outcomeOf(() => init({ url: plain })),
    response: await outcomeOf(() => init({ response: fetch(plain) })),
    after: await outcomeOf(create),
  };
};
