// The learning-rate range test: the sweep, the smoothing, the end, the suggestion, and that nothing is left behind.
import { afterAll, describe, expect, test } from "vitest";
import { fromIterable } from "#src/data/index";
import {
  adam,
  createEngine,
  createTrainer,
  DataError,
  meanSquaredError,
  OptionError,
  ShapeError,
  sgd,
} from "#src/index";
import { learningRateRangeTest, type RangeTestOptions } from "#src/instruments";
import { bits, classifier, curve, regressor, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const data = curve(50);
const setting: RangeTestOptions = {
  data,
  loss: meanSquaredError,
  optimizer: (learningRate) => sgd({ learningRate }),
  engine,
  batchSize: 16,
  seed: 3,
};

describe("learningRateRangeTest", () => {
  test("the rates grow from the first to the last by one factor", async () => {
    const { rates } = await learningRateRangeTest(regressor(), {
      ...setting,
      from: 1e-4,
      to: 1e-2,
      steps: 41,
    });
    expect(rates.length).toBe(41);
    expect(rates[0]).toBeCloseTo(1e-4, 14);
    expect(rates[20]).toBeCloseTo(1e-3, 13);
    expect(rates[40]).toBeCloseTo(1e-2, 12);
    for (let i = 1; i < 41; i++) expect(rates[i]! / rates[i - 1]!).toBeCloseTo(100 ** (1 / 40), 9);
  });
  test("the losses are those of the same steps done by hand, smoothed", async () => {
    const steps = 12;
    const { rates, losses } = await learningRateRangeTest(regressor(), {
      ...setting,
      from: 1e-3,
      to: 0.1,
      steps,
    });
    const optimizer = sgd({ learningRate: (step) => rates[step - 1]! });
    const trainer = await createTrainer(regressor(), { loss: meanSquaredError, optimizer, engine, seed: 3 });
    const seen: number[] = [];
    for (let epoch = 1; seen.length < steps; epoch++)
      for (const batch of data.batch(16, { seed: 3, epoch }))
        if (batch.size === 16 && seen.length < steps) seen.push((await trainer.step(batch)).loss);
    for (const [i, loss] of losses.entries()) {
      // The weighted mean written out.
      const shares = seen.slice(0, i + 1).map((_, k) => 0.9 ** (i - k));
      const sum = shares.reduce((a, b) => a + b);
      expect(loss).toBeCloseTo(shares.reduce((a, share, k) => a + share * seen[k]!, 0) / sum, 12);
    }
    const plain = await learningRateRangeTest(regressor(), {
      ...setting,
      from: 1e-3,
      to: 0.1,
      steps,
      smoothing: 0,
    });
    expect(plain.losses).toEqual(seen);
  });
  test.each([
    ["in memory", data],
    ["streamed", data.lazy()],
  ])("ends where the loss runs away, and suggests a rate where it still falls (%s)", async (_, source) => {
    const options = { ...setting, data: source, from: 1e-4, to: 1e4, steps: 200 };
    const { rates, losses, suggestion } = await learningRateRangeTest(regressor(), options);
    expect(rates.length).toBeLessThan(200);
    expect(losses.length).toBe(rates.length);
    const least = Math.min(...losses);
    expect(losses.at(-1)).toBeGreaterThan(4 * least);
    for (let i = 1; i + 1 < losses.length; i++)
      expect(losses[i]).toBeLessThanOrEqual(4 * Math.min(...losses.slice(0, i)));
    const at = rates.indexOf(suggestion!);
    // The mean remembers ten steps: slopes over ten, from the tenth on.
    const slopes = losses.slice(15).map((_, i) => losses[i + 15]! - losses[i + 5]!);
    expect(slopes[at - 10]).toBe(Math.min(...slopes));
    expect(slopes[at - 10]).toBeLessThan(0);
    expect(suggestion).toBeLessThan(rates[losses.indexOf(least)]! * 1.0000001);
  });
  test("a loss that is not finite ends it too", async () => {
    const { rates, losses } = await learningRateRangeTest(regressor(), {
      ...setting,
      from: 1,
      to: 1e38,
      steps: 5,
      smoothing: 0.99,
    });
    expect(rates.length).toBeLessThan(5);
    expect(losses.every(Number.isFinite)).toBe(true);
  });
  test("the model's weights are as before, also after an error", async () => {
    const model = regressor();
    await learningRateRangeTest(model, { ...setting, optimizer: (learningRate) => adam({ learningRate }) });
    expect(bits(weightsOf(model))).toEqual(bits(weightsOf(regressor())));
    let asked = 0;
    const fails = (step: number) => {
      if (++asked > 5) throw new RangeError(`at ${step}`);
      return 0.1;
    };
    const broken = { ...setting, optimizer: () => sgd({ learningRate: fails }) };
    await expect(learningRateRangeTest(model, broken)).rejects.toThrow(RangeError);
    expect(bits(weightsOf(model))).toEqual(bits(weightsOf(regressor())));
  });
  test("where the loss never falls there is no suggestion, and still a picture", async () => {
    const climb = (learningRate: (step: number) => number) => sgd({ learningRate });
    const { suggestion, chart } = await learningRateRangeTest(regressor(), {
      ...setting,
      optimizer: climb,
      from: 1e20,
      to: 1e21,
    });
    expect(suggestion).toBeUndefined();
    expect(chart).not.toContain("▲");
    expect(chart).toContain("•");
  });
  test("a model that is already lost gives nothing, and keeps its weights", async () => {
    const model = regressor();
    const lost = model.weights.snapshot().fill(1e38);
    model.weights.restore(lost);
    const { rates, losses, suggestion, chart } = await learningRateRangeTest(model, setting);
    expect({ rates, losses, suggestion, chart }).toEqual({
      rates: [],
      losses: [],
      suggestion: undefined,
      chart: "",
    });
    expect(model.weights.snapshot()).toEqual(lost);
  });
  test("the picture has the curve, its ends and the suggestion's place", async () => {
    const { rates, losses, suggestion, chart } = await learningRateRangeTest(regressor(), {
      ...setting,
      from: 1e-4,
      to: 1e4,
      steps: 120,
    });
    const lines = chart.split("\n");
    expect(lines.length).toBe(12);
    const fall = losses.slice(0, losses.indexOf(Math.min(...losses)));
    expect(lines[0]).toContain(`${Math.max(...fall).toPrecision(3)} ┤`);
    expect(lines[9]).toContain(`${Math.min(...losses).toPrecision(3)} ┤`);
    const width = Math.min(60, losses.length);
    expect(lines[10]).toMatch(/^ {10}└─*▲─*$/);
    expect(lines[10]!.length).toBe(11 + width);
    const column = Math.floor((rates.indexOf(suggestion!) * width) / rates.length);
    expect(lines[10]!.indexOf("▲")).toBe(11 + column);
    expect(lines[11]!.trim().split(/ +/)).toEqual([rates[0]!.toPrecision(3), rates.at(-1)!.toPrecision(3)]);
    // Every column has a dot, and the least loss lies on the last line.
    const dots = lines.slice(0, 10).map((line) => line.padEnd(11 + width).slice(11));
    for (let i = 0; i < width; i++) expect(dots.some((row) => row[i] === "•")).toBe(true);
    const least = Math.floor((losses.indexOf(Math.min(...losses)) * width) / losses.length);
    expect(dots[9]![least]).toBe("•");
  });
  test.each([
    ["from", [0, -1, Number.NaN, Number.POSITIVE_INFINITY]],
    ["to", [1e-6, 1e-7, Number.NaN, Number.POSITIVE_INFINITY]],
    ["optimizer", [undefined, sgd({ learningRate: 0.1 })]],
    ["steps", [2, 3.5, Number.NaN]],
    ["batchSize", [0, 1.5, Number.NaN]],
    ["smoothing", [-0.1, 1, Number.NaN]],
  ])("refuses %s out of range", async (name, values) => {
    for (const value of values) {
      const promise = learningRateRangeTest(regressor(), { ...setting, [name]: value });
      await expect(promise).rejects.toThrow(OptionError);
      await expect(promise).rejects.toThrow(`learningRateRangeTest: ${name}: wanted`);
    }
  });
  test("a stream without examples is refused, and one smaller than a batch is used", async () => {
    const none = fromIterable(() => [], { inputShape: [5], targetShape: [2] });
    await expect(learningRateRangeTest(regressor(), { ...setting, data: none })).rejects.toThrow(DataError);
    const few = { ...setting, data: data.take(3).lazy(), steps: 5, to: 1e-3 };
    expect((await learningRateRangeTest(regressor(), few)).rates.length).toBe(5);
  });
  test("data that does not fit is refused as in training", async () => {
    await expect(learningRateRangeTest(classifier(9), setting)).rejects.toThrow(ShapeError);
  });
});
