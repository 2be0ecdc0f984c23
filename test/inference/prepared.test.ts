// A frozen model in two programs: what depends on constants alone runs once, and the predictions have the same bits.
import { afterAll, describe, expect, test, vi } from "vitest";
import { PANEL_HEAD } from "#abi";
import {
  add,
  createEngine,
  defineModel,
  dense,
  EngineError,
  type Model,
  mul,
  relu,
  sequential,
} from "#src/index";
import { freeze, predictor } from "#src/inference/frozen";
import { loadPrepared, prepared } from "#src/inference/prepared";
import { conv2d, conv2dTranspose, gru, residual } from "#src/layers";
import { quantize } from "#src/quantize/index";

const engine = await createEngine({ numerics: "exact", threads: 2 });
engine.soloWork = 0;
afterAll(() => engine.close());
const bits = (values: Float32Array) => [...new Int32Array(values.buffer, values.byteOffset, values.length)];
const inputs = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i));

const turned = () => conv2d(16, 3, { padding: "same" });
const models: [string, Model, string[]][] = [
  [
    "turned weights",
    sequential({ input: [6, 6, 16] }, turned(), relu, residual(turned())),
    ["winogradKernel", "winogradKernel"],
  ],
  ["flipped weights", sequential({ input: [5, 4, 3] }, conv2dTranspose(4, 3)), ["flipTaps"]],
  [
    "weights flipped, then turned",
    sequential({ input: [6, 6, 16] }, conv2dTranspose(16, 3)),
    ["flipTaps", "barrier", "winogradKernel"],
  ],
  ["panels of a recurrence", sequential({ input: [4, 3] }, gru(5)), ["packRecurrent"]],
  ["nothing", sequential({ input: [4] }, dense(3)), []],
];

describe.each(models)("%s", (_, model, kernels) => {
  test("are made once", async () => {
    await model.initialize({ engine, seed: 2 });
    const frozen = await freeze(model, { batchSize: 8, engine });
    const { once, program } = prepared(frozen);
    expect(once?.kernels ?? []).toEqual(kernels);
    const made = kernels.filter((kernel) => kernel !== "barrier");
    expect(program.kernels.filter((kernel) => made.includes(kernel))).toEqual([]);
    expect(program.kernels.length).toBeGreaterThan(0);
    expect(program.regions.has("prepared")).toBe(kernels.length > 0);
  });
  test("do not change a bit, run after run", async () => {
    const frozen = await freeze(model, { batchSize: 8, engine });
    const whole = engine.load(predictor(frozen));
    const parts = await loadPrepared(engine, prepared(frozen));
    for (let run = 1; run <= 3; run++) {
      const x = inputs(frozen.input.size).map((value) => value * run);
      for (const program of [whole, parts]) {
        program.floats("input", 0, x.length).set(x);
        await engine.run(program);
      }
      const [a, b] = [whole, parts].map((program) => bits(program.floats("output", 0, frozen.output.size)));
      expect(b).toEqual(a);
    }
    const used = engine.memoryUsed;
    parts.release();
    expect(engine.memoryUsed).toBeLessThan(used);
    whole.release();
  });
});

test("what a weight is changed by beforehand needs no run of its own for each prediction", async () => {
  const model = defineModel({ input: [4] }, (x) => add(dense(3)(x), mul(dense(3)(x), 2)));
  await model.initialize({ engine });
  const frozen = await freeze(model, { engine });
  expect(prepared(frozen).program.listing()).toBe(predictor(frozen).listing());
});

test("where a run fails nothing is left in memory", async () => {
  const own = await createEngine({ threads: 1 });
  const scaled = defineModel({ input: [6, 6, 16] }, (x) =>
    turned()(mul(x, relu(x.graph.constant(inputs(16), [16])))),
  );
  await scaled.initialize({ engine, seed: 2 });
  const whole = prepared(await freeze(scaled, { engine: own }));
  expect(whole.once).toBeDefined();
  const used = own.memoryUsed;
  const failing = async () => Promise.reject(new EngineError("engine: a worker ended"));
  const spy = vi.spyOn(own, "turn").mockImplementation((work) => work(failing));
  await expect(freeze(scaled, { engine: own })).rejects.toThrow("a worker ended");
  await expect(loadPrepared(own, whole)).rejects.toThrow("a worker ended");
  spy.mockRestore();
  expect(own.memoryUsed).toBe(used);
  await own.close();
});

test("the kernel of a convolution of bytes is a constant as it is, and turned once", async () => {
  const model = sequential({ input: [6, 6, 16] }, turned());
  await model.initialize({ engine, seed: 2 });
  const quantized = await quantize(model, { calibration: inputs(4 * 6 * 6 * 16), engine });
  const { once, program } = prepared(await quantized.frozen(2, engine));
  expect(once?.kernels).toEqual(["winogradKernelBytes"]);
  expect(program.kernels).toContain("winogradBytes");
  expect(program.kernels).not.toContain("winogradKernelBytes");
  // Two panels: 9 taps of 16 channels and 8 columns behind a head.
  const largest = Math.max(...once!.constants.map(({ bytes }) => bytes.length));
  expect(largest).toBe(2 * (PANEL_HEAD + 9 * 16 * 8));
  expect(program.regions.get("prepared")).toBe(2 * (PANEL_HEAD + 16 * 16 * 8 * 2));
});
