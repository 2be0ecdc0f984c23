// `downhill/slim`: the module comes from outside, in any form, and is refused if it is not one.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { relaxedSupported } from "#src/engine/variant";
import { numbers } from "../train/setting.ts";
import { slim, slimData } from "./page.ts";

const bytesOf = (name: string) => readFileSync(new URL(`../../build/wasm/${name}.wasm`, import.meta.url));
const plain = bytesOf("plain");

let server: Server;
let origin = "";
beforeAll(async () => {
  server = createServer(({ url }, response) => {
    const [, kind] = url!.split("/");
    if (kind === "missing") response.writeHead(404).end();
    else if (kind === "page") response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    else response.writeHead(200, { "content-type": kind!.replace("-", "/") }).end(plain);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => server.close());

test("before init, the error says what to do", async () => {
  expect(() => slim.createEngineSync()).toThrow(slim.EngineError);
  await expect(slim.createEngine()).rejects.toThrow(/init\(\{ url \}\) of downhill\/wasm\/plain\.wasm/);
});

describe("init", () => {
  test("takes bytes, a module, an address, a response", async () => {
    expect(await slim.init({ bytes: plain })).toBe("plain");
    expect(await slim.init({ module: new WebAssembly.Module(plain) })).toBe("plain");
    expect(await slim.init({ url: `${origin}/application-wasm` })).toBe("plain");
    expect(await slim.init({ url: new URL(`${origin}/application-wasm`) })).toBe("plain");
    expect(await slim.init({ response: fetch(`${origin}/application-wasm`) })).toBe("plain");
    expect(await slim.init({ response: new Response(plain) })).toBe("plain");
  });
  test("reads bytes where the type is wrong", async () => {
    expect(await slim.init({ url: `${origin}/application-octet` })).toBe("plain");
    expect(await slim.init({ response: fetch(`${origin}/text-plain`) })).toBe("plain");
  });
  test.each([
    ["a page in its place", () => ({ url: `${origin}/page` })],
    ["nothing in its place", () => ({ url: `${origin}/missing` })],
    ["nobody there", () => ({ url: "http://127.0.0.1:1/" })],
    ["bytes of something else", () => ({ bytes: Uint8Array.of(1, 2, 3, 4) })],
    ["a module of something else", () => ({ bytes: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) })],
    ["one for shared memory", () => ({ bytes: bytesOf("plain-shared") })],
  ])("%s is an EngineError", async (_, source) => {
    await expect(slim.init(source())).rejects.toBeInstanceOf(slim.EngineError);
  });
  test.each([
    ["no source", {}],
    ["nothing", undefined],
    ["two sources", { bytes: plain, url: "" }],
  ])("%s is an OptionError", async (_, source) => {
    await expect(slim.init(source as never)).rejects.toBeInstanceOf(slim.OptionError);
  });
});

test("engines take the instruction set that was given", async () => {
  await slim.init({ bytes: plain });
  expect((await slim.createEngine()).instructionSet).toBe("plain");
  if (!relaxedSupported()) return;
  expect(await slim.init({ bytes: bytesOf("relaxed") })).toBe("relaxed");
  expect(slim.createEngineSync().instructionSet).toBe("relaxed");
  expect(slim.createEngineSync({ numerics: "exact" }).instructionSet).toBe("plain");
});

test("it trains and predicts, with and without a promise", async () => {
  await slim.init({ bytes: plain });
  const engine = await slim.createEngine();
  expect(engine.threads).toBe(1);
  await expect(slim.createEngine({ threads: 2 })).rejects.toBeInstanceOf(slim.EngineError);
  const model = slim.sequential({ input: [6] }, slim.dense(4));
  const inputs = { values: numbers(600), shape: [6] };
  const data = slimData.dataset({ inputs, labels: Int32Array.from({ length: 100 }, (_, i) => i % 4) });
  const { history } = await slim.train(model, {
    ...{ data, epochs: 3, engine },
    ...{ loss: slim.softmaxCrossEntropy, optimizer: slim.adam({ learningRate: 0.05 }) },
  });
  expect(history[2]!.loss).toBeLessThan(history[0]!.loss);
  const input = numbers(6);
  expect(model.predictSync(input, { engine })).toEqual(await model.predict(input, { engine }));
});

test("init takes the kernels on bytes too, and tells them apart", async () => {
  expect(await slim.init({ bytes: bytesOf("quantized-plain") })).toBe("plain");
  expect(await slim.init({ bytes: plain })).toBe("plain");
  // Had it taken one for the other, an engine could not begin.
  const engine = slim.createEngineSync({ numerics: "exact" });
  expect(engine.instructionSet).toBe("plain");
  await engine.close();
});
