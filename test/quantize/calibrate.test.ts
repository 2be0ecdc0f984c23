// Calibration finds what the tensors of a model hold, and cuts it where the formulas say, reckoned here anew in 64 bits.
import { afterAll, describe, expect, test } from "vitest";
import { DataError, EngineError, OptionError } from "#src/core/errors";
import { createEngine, dense, relu, sequential } from "#src/index";
import { conv2d, embedding, maxPool2d } from "#src/layers";
import { calibrate } from "#src/quantize/index";
import { Histogram, leastDivergence, withinShare } from "#src/quantize/thresholds";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

/** Normal numbers with a few far outliers. */
function drawn(n: number): Float64Array {
  let state = 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Float64Array.from({ length: n }, (_, index) => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return index % 997 === 0 ? normal * 10 : normal;
  });
}

describe("a model's tensors", () => {
  // 2 x − 1 and its ReLU: the values are known.
  const model = sequential({ input: [1] }, dense(1), relu);
  model.setParameters(
    new Map([
      ["dense.weight", { shape: [1, 1], values: [2] }],
      ["dense.bias", { shape: [1], values: [-1] }],
    ]),
  );
  test("have their smallest and largest numbers, over more than one batch", async () => {
    const inputs = Float32Array.from({ length: 201 }, (_, index) => (index - 50) / 50);
    const ranges = await calibrate(model, inputs, { engine });
    expect([...ranges]).toEqual([
      ["input", { min: -1, max: 3 }],
      ["matmul", { min: -3, max: 5 }],
      ["relu", { min: 0, max: 5 }],
    ]);
  });
  test("have their shares cut", async () => {
    const inputs = Float32Array.from({ length: 1001 }, (_, index) => index);
    const ranges = await calibrate(model, inputs, { method: "percentile", percentile: 90, engine });
    // Of 1001 numbers 50 lie below 50, and 50 above 950; bins have a width of 2000 / 65536.
    const { min, max } = ranges.get("matmul")!;
    expect(Math.abs(min - 99)).toBeLessThanOrEqual(2000 / 65536);
    expect(Math.abs(max - 1899)).toBeLessThanOrEqual(2000 / 65536);
  });
  test("lose outliers to entropy", async () => {
    const values = Float32Array.from(drawn(20_000));
    const all = await calibrate(model, values, { engine });
    const cut = await calibrate(model, values, { method: "entropy", engine });
    for (const name of ["input", "matmul", "relu"]) {
      expect(cut.get(name)!.max).toBeLessThan(0.6 * all.get(name)!.max);
      expect(cut.get(name)!.max).toBeGreaterThan(3);
    }
    expect(cut.get("relu")!.min).toBe(0);
  });
  test("are told apart in a model of integers and of images", async () => {
    const words = sequential({ input: [3], inputType: "i32" }, embedding(5, 4), dense(2));
    await words.initialize({ engine });
    const seen = await calibrate(words, [0, 1, 2, 3, 4, 0], { engine });
    expect(seen.get("input")).toEqual({ min: 0, max: 4 });
    const images = sequential({ input: [4, 4, 1] }, conv2d(3, 3, { activation: "relu" }), maxPool2d(2));
    await images.initialize({ engine });
    const values = Float32Array.from(drawn(64));
    expect([...(await calibrate(images, values, { engine })).keys()]).toEqual([
      "input",
      "convolution",
      "relu",
      "maxPool",
    ]);
  });
  test("do not depend on the number of threads", async () => {
    const two = await createEngine({ numerics: "exact", threads: 2 });
    two.soloWork = 0;
    const values = Float32Array.from(drawn(500));
    const wanted = await calibrate(model, values, { method: "entropy", engine });
    expect(await calibrate(model, values, { method: "entropy", engine: two })).toEqual(wanted);
    await two.close();
  });
});

describe("what cannot be calibrated on is refused", () => {
  const model = sequential({ input: [2] }, dense(1));
  test("a model without weights", async () => {
    await expect(calibrate(model, [1, 2], { engine })).rejects.toThrow(EngineError);
  });
  test("inputs", async () => {
    model.setParameters(
      new Map([
        ["dense.weight", { shape: [2, 1], values: [3e38, 3e38] }],
        ["dense.bias", { shape: [1], values: [0] }],
      ]),
    );
    const tried = (inputs: number[]) => calibrate(model, inputs, { engine });
    await expect(tried([])).rejects.toThrow(
      new DataError("calibrate: got no inputs, wanted examples like those that the model will see"),
    );
    await expect(tried([0.5, 0.5, 0.5, 0.5])).rejects.toThrow(/every number of the inputs is 0.5/);
    await expect(tried([0, 1, Number.NaN, 1])).rejects.toThrow(/example 1, element 0/);
    await expect(tried([0, 1, 8, 1])).rejects.toThrow(
      new DataError("calibrate: matmul: got Infinity in examples 0 to 1, wanted finite numbers"),
    );
    expect((await tried([0, 1, 0.5, 0])).get("input")).toEqual({ min: 0, max: 1 });
  });
  test("options", async () => {
    const tried = (options: object) => calibrate(model, [0, 1], { engine, ...options });
    await expect(tried({ method: "mean" })).rejects.toThrow(OptionError);
    await expect(tried({ percentile: 50 })).rejects.toThrow(/percentile: got 50/);
    await expect(tried({ percentil: 99 })).rejects.toThrow(/percentil: unknown option/);
  });
});

/** The divergence of every cut, said as plainly as can be: P with the outliers, Q by levels, Σ P log(P / Q). */
function divergences(counts: readonly number[]): Map<number, number> {
  const bins = [counts[1]!, ...counts.slice(1)];
  const result = new Map<number, number>();
  for (let i = 128; i <= bins.length; i++) {
    const reference = bins.slice(0, i);
    reference[i - 1]! += bins.slice(i).reduce((sum, each) => sum + each, 0);
    const levels = Array.from({ length: 128 }, () => [] as number[]);
    for (let bin = 0; bin < i; bin++) levels[Math.floor((bin * 128) / i)]!.push(bin);
    const candidate = new Array<number>(i).fill(0);
    for (const level of levels) {
      const filled = level.filter((bin) => bins[bin]! > 0);
      for (const bin of filled)
        candidate[bin] = level.reduce((sum, each) => sum + bins[each]!, 0) / filled.length;
    }
    const p = reference.map((each) => each / reference.reduce((a, b) => a + b, 0));
    const q = candidate.map((each) => each / candidate.reduce((a, b) => a + b, 0));
    result.set(
      i,
      p.reduce((sum, each, bin) => (each > 0 ? sum + each * Math.log(each / q[bin]!) : sum), 0),
    );
  }
  return result;
}

describe("thresholds", () => {
  const values = drawn(30_000);
  test("entropy: the cut of least divergence, the largest of equal ones", () => {
    const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const histogram = new Histogram(300, 0, most);
    for (const value of values) histogram.add(Math.abs(value));
    const by = divergences([...histogram.counts]);
    const least = Math.min(...by.values());
    const cut = (leastDivergence(histogram) * 300) / most;
    expect(cut).toBeCloseTo(Math.round(cut), 9);
    // Sums in another order differ in the last bits.
    expect(by.get(Math.round(cut))! - least).toBeLessThan(1e-12);
    expect(cut).toBeLessThan(300);
  });
  test("entropy: zeros of a ReLU do not count, nor does a distribution that fits lose anything", () => {
    const histogram = new Histogram(2048, 0, 1);
    for (let index = 0; index < 100_000; index++) histogram.add(0);
    for (let index = 0; index < 2048; index++) histogram.add((index + 0.5) / 2048);
    expect(leastDivergence(histogram)).toBe(1);
  });
  test("entropy: numbers far from 0 are no outliers", () => {
    const histogram = new Histogram(2048, 0, 1);
    for (let index = 0; index < 10_000; index++) histogram.add(0.9 + index / 100_000);
    histogram.add(1);
    expect(leastDivergence(histogram)).toBeGreaterThan(0.99);
  });
  test("shares: as many numbers outside as were said, half on each side", () => {
    const sorted = values.slice().sort();
    const [low, high] = [sorted[0]!, sorted.at(-1)!];
    const histogram = new Histogram(2 ** 16, low, high);
    for (const value of values) histogram.add(value);
    const width = (high - low) / 2 ** 16;
    for (const outside of [0, 0.0001, 0.001, 0.01, 0.3]) {
      const [from, to] = withinShare(histogram, outside);
      const cut = Math.floor((sorted.length * outside) / 2);
      expect(Math.abs(from - sorted[cut]!)).toBeLessThanOrEqual(width);
      expect(Math.abs(to - sorted.at(-1 - cut)!)).toBeLessThanOrEqual(width);
    }
  });
});
