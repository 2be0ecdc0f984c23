// The second module: an engine gets it when it is asked to, in every thread, and without it says what is missing.
import { afterAll, describe, expect, test, vi } from "vitest";
import { host } from "#host";
import { EngineError } from "#src/core/errors";
import { createEngine, createEngineSync, type Engine } from "#src/engine/engine";
import { extendQuantized } from "#src/engine/extend";
import { Graph, type Tensor } from "#src/graph/tensor";
import { add } from "#src/ops/arithmetic";
import { dequantizeLinear, quantizedMatmul, quantizeLinear } from "#src/ops/quantized";
import { numericsToTest } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

const made: Engine[] = [];
afterAll(() => Promise.all(made.map((engine) => engine.close())));
async function engineOf(threads: number, numerics: "fast" | "exact" = "fast"): Promise<Engine> {
  const engine = await createEngine({ threads, numerics });
  engine.soloWork = 0;
  made.push(engine);
  return engine;
}

const SIZE = 40;
const numbers = Array.from({ length: SIZE }, (_, k) => k);
const of = (build: (x: Tensor) => Tensor) => {
  const x = new Graph("predict").input("x", [SIZE]);
  return new Trial(new Map([[x, numbers]]), [build(x)]);
};
const floats = () => of((x) => add(x, 1));
const bytes = () => {
  const halves = { scale: 2, zeroPoint: 3 };
  return of((x) => dequantizeLinear(quantizeLinear(x, halves), halves));
};
const numbersOf = async (trial: Trial, engine: Engine) =>
  Array.from(new Float32Array((await trial.run(engine))[0]!.buffer));
/** To the nearest of two, ties to the even half. */
const doubled = numbers.map((x) => 2 * (x % 4 === 1 ? (x - 1) / 2 : Math.round(x / 2)));

test("an engine whose new workers cannot begin says so ever after, instead of waiting for them", async () => {
  const engine = await engineOf(3);
  const loaded = engine.load(floats().program);
  const spy = vi.spyOn(host, "startWorker").mockRejectedValue(new Error("no more threads"));
  const ended = /worker 1 could not begin.*no more threads/;
  await expect(extendQuantized(engine)).rejects.toThrow(ended);
  spy.mockRestore();
  expect(engine.usable).toBe(false);
  await expect(engine.run(loaded)).rejects.toThrow(ended);
  await expect(extendQuantized(engine)).rejects.toThrow(EngineError);
});

describe.each([1, 3])("an engine of %i threads", (threads) => {
  test("refuses bytes before it is extended, and goes on", async () => {
    const engine = await engineOf(threads);
    const used = engine.memoryUsed;
    expect(() => engine.load(bytes().program)).toThrow(EngineError);
    expect(() => engine.load(bytes().program)).toThrow(/no kernel quantizeBytes, see extendQuantized/);
    expect(engine.memoryUsed).toBe(used);
    expect(await numbersOf(floats(), engine)).toEqual(numbers.map((x) => x + 1));
    await extendQuantized(engine);
    expect(await numbersOf(bytes(), engine)).toEqual(doubled);
  });
  test("has both kinds of programs side by side, also one loaded before", async () => {
    for (const numerics of numericsToTest) {
      const engine = await engineOf(threads, numerics);
      const [early, given] = [floats(), numbers.map((x) => x + 1)];
      const loaded = engine.load(early.program);
      expect(await numbersOf(floats(), engine)).toEqual(given);
      // Asked for twice at once, beside a run.
      await Promise.all([engine.run(loaded, 50), extendQuantized(engine), extendQuantized(engine)]);
      for (let round = 0; round < 3; round++) {
        expect(await numbersOf(bytes(), engine)).toEqual(doubled);
        expect(await numbersOf(floats(), engine)).toEqual(given);
        await engine.run(loaded, 3);
      }
      loaded.release();
      expect(engine.usable).toBe(true);
    }
  });
  test("once closed it is not extended", async () => {
    const engine = await engineOf(threads);
    await engine.close();
    await expect(extendQuantized(engine)).rejects.toBeInstanceOf(EngineError);
  });
});

test("an engine made without a promise is extended with one, and runs without", async () => {
  const engine = createEngineSync({ numerics: "exact" });
  await extendQuantized(engine);
  const graph = new Graph("predict");
  const q = graph.input("q", [1, 5], "i8");
  const options = { input: { scale: 1, zeroPoint: 1 }, weightScales: Float32Array.of(0.5) };
  const y = quantizedMatmul(q, Int8Array.of(1, 2, 3, 4, 5), options);
  const loaded = engine.load(new Trial(new Map([[q, [1, 2, 3, 4, 5]]]), [y]).program);
  new Int8Array(engine.memory.buffer, loaded.region("input").address + 64).set([1, 2, 3, 4, 5]);
  engine.runSync(loaded);
  expect(loaded.floats("output", 64, 1)[0]).toBe((0 * 1 + 1 * 2 + 2 * 3 + 3 * 4 + 4 * 5) / 2);
  loaded.release();
});
