// Gives an engine the kernels on bytes, which are a module of their own: few programs need it. Workers listen to nobody while
// they wait for a run, so those that are there end and others begin, with both modules.
import { compile } from "#quantized";
import { CONTROL_LEFT, CONTROL_QUIT, CONTROL_RUN } from "../../assembly/abi.ts";
import { extended } from "../host/extension.ts";
import { Crew } from "./crew.ts";
import type { Engine } from "./engine.ts";

/** Milliseconds after which a worker that has not ended by itself is taken for dead. */
const PATIENCE = 5000;

const extensions = new WeakMap<Engine, Promise<void>>();

/**
 * Has an engine load programs of quantized ops; without it `load` throws an EngineError. The first time it waits for runs
 * under way, and on an engine with workers takes as long as they take to begin; afterwards it does nothing.
 * @throws EngineError where the module cannot be had, or the engine is closed; where workers cannot begin anew, which leaves the
 * engine none that is usable.
 * @example
 * const engine = await createEngine({ threads: 1 });
 * await extendQuantized(engine);
 * await engine.close();
 */
export async function extendQuantized(engine: Engine): Promise<void> {
  let extension = extensions.get(engine);
  if (!extension) {
    extension = extend(engine);
    extensions.set(engine, extension);
    // What failed may be tried again.
    extension.catch(() => extensions.delete(engine));
  }
  return extension;
}

async function extend(engine: Engine): Promise<void> {
  const { instructionSet, memory } = engine;
  const shared = "SharedArrayBuffer" in globalThis && memory.buffer instanceof SharedArrayBuffer;
  const module = await compile({ instructionSet, shared });
  await engine.replace(async (instance, crew) => {
    const both = extended(instance, await WebAssembly.instantiate(module, { env: { memory } }));
    const next = new Crew(both, crew.threads);
    if (crew.begun) {
      await leave(crew, memory);
      try {
        await next.start({ ...crew.begun, extensions: [module] });
      } finally {
        // Those that were there have ended: a run would wait for them.
        crew.failure = next.failure;
      }
    }
    return { instance: both, crew: next };
  });
}

/** Ends the workers, and makes the control words as they were before the first: a new worker would take them for a run. */
async function leave(crew: Crew, memory: WebAssembly.Memory): Promise<void> {
  const words = new Int32Array(memory.buffer, 0, 1024);
  const workers = crew.dismiss();
  // Not by a message of theirs or by terminate(): either may come while they still look at memory.
  const patience = performance.now() + PATIENCE;
  while (Atomics.load(words, CONTROL_LEFT >> 2) < workers && performance.now() < patience)
    await new Promise((resolve) => setTimeout(resolve));
  await crew.close();
  for (const word of [CONTROL_RUN, CONTROL_QUIT, CONTROL_LEFT]) Atomics.store(words, word >> 2, 0);
}
