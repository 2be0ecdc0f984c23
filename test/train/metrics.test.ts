// The metrics of downhill/losses: scikit-learn's numbers (see test/golden/metrics.py), whatever the batches, in evaluation
// and in training; and what they refuse.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DataError, OptionError, ShapeError } from "#src/core/errors";
import { type Dataset, dataset } from "#src/data/index";
import { Graph } from "#src/graph/tensor";
import {
  accuracy,
  createTrainer,
  defineModel,
  dense,
  evaluate,
  type Metric,
  mean,
  sequential,
  sgd,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import {
  absoluteError,
  averagePrecision,
  balancedAccuracy,
  collected,
  confusionMatrix,
  crossEntropy,
  f1,
  iou,
  matthewsCorrelation,
  perplexity,
  precision,
  recall,
  rocAuc,
  rootMeanSquaredError,
  rSquared,
  topK,
} from "#src/losses";
import { enginesWith } from "../support/engines.ts";
import { classes, classifier } from "./setting.ts";

interface Numbers {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
interface Run {
  readonly name: string;
  readonly outputs: Numbers;
  readonly targets: Numbers & { readonly dtype: "f32" | "i32" };
  readonly wanted: Readonly<Record<string, number>>;
  readonly confusionMatrix?: readonly (readonly number[])[];
}
const { runs }: { runs: Run[] } = JSON.parse(
  readFileSync(new URL("../golden/metrics.json", import.meta.url), "utf8"),
);
const [engine] = await enginesWith("exact");

const averagedOnes = { precision, recall, f1, iou };
const others: Record<string, Metric> = {
  balancedAccuracy: balancedAccuracy(),
  matthewsCorrelation: matthewsCorrelation(),
  perplexity: perplexity(),
  rSquared,
  absoluteError,
  rootMeanSquaredError,
  rocAuc: collected("rocAuc", rocAuc),
  averagePrecision: collected("averagePrecision", averagePrecision),
};
function metricOf(name: string): Metric {
  const [kind, average] = name.split(" ") as [keyof typeof averagedOnes, "macro" | undefined];
  if (average) return averagedOnes[kind]({ average, name });
  return name.startsWith("top") ? topK(Number(name.slice(3))) : others[name]!;
}
const dataOf = ({ outputs, targets }: Run): Dataset =>
  targets.dtype === "i32"
    ? dataset({ inputs: { ...outputs }, labels: [...targets.values] })
    : dataset({ inputs: { ...outputs }, targets: { ...targets } });
/** A model that answers what it is asked. */
const echo = ({ outputs: { shape } }: Run) => defineModel({ input: shape }, (x) => x);
const loss = (output: Parameters<typeof mean>[0]) => mean(output);

/** Sums of 32-bit floats, off by a few units in the last place. */
function expectNear(name: string, got: number, want: number): void {
  if (!(Math.abs(got - want) <= 4e-7 * Math.max(1, Math.abs(want))))
    expect.fail(`${name}: got ${got}, wanted ${want}`);
}

describe.each(runs)("scikit-learn's numbers: $name", (run) => {
  const names = Object.keys(run.wanted);
  const metrics = names.map(metricOf);
  test.each([7, 8, 64])("by batches of %i", async (batchSize) => {
    const data = dataOf(run);
    const { metrics: got } = await evaluate(echo(run), data, { loss, metrics, batchSize, engine: engine! });
    for (const name of names) expectNear(name, got[name]!, run.wanted[name]!);
    expect(Object.keys(got)).toEqual(names);
  });
  test("from a stream", async () => {
    const rows = () => dataOf(run).lazy();
    const { metrics: got } = await evaluate(echo(run), rows(), {
      loss,
      metrics,
      batchSize: 7,
      engine: engine!,
    });
    for (const name of names) expectNear(name, got[name]!, run.wanted[name]!);
  });
  if (run.confusionMatrix)
    test("the confusion matrix", () => {
      expect(confusionMatrix(run.outputs.values, run.targets.values)).toEqual(run.confusionMatrix);
    });
});

test("the default average is that of two classes for two, else macro", async () => {
  for (const run of runs) {
    const usual = "precision binary" in run.wanted ? "binary" : "macro";
    if (!(`f1 ${usual}` in run.wanted)) continue;
    const { metrics } = await evaluate(echo(run), dataOf(run), {
      loss,
      metrics: [f1(), iou()],
      engine: engine!,
    });
    expect(metrics.f1).toBeCloseTo(run.wanted[`f1 ${usual}`]!, 6);
    expect(metrics.iou).toBeCloseTo(run.wanted[`iou ${usual}`]!, 6);
  }
});

describe("in training", () => {
  const metrics = [accuracy, topK(1), f1(), collected("examples", (outputs) => outputs.length / 4)];
  const options = {
    loss: softmaxCrossEntropy,
    metrics,
    optimizer: sgd({ learningRate: 0 }),
    engine: engine!,
  };
  const data = classes(100);
  test.each([
    ["in memory", data],
    ["streamed", data.lazy()],
  ])("an epoch's metrics are those of all its batches: %s", async (_, examples) => {
    const model = classifier();
    const { history } = await train(model, {
      ...options,
      data: examples,
      validation: data,
      batchSize: 16,
      epochs: 2,
    });
    const want = await evaluate(model, data, options);
    for (const { metrics: got, validation } of history) {
      expect(got.examples).toBe(100);
      for (const each of [got, validation!.metrics]) {
        expect(each.accuracy).toBeCloseTo(want.metrics.accuracy!, 6);
        expect(each.top1).toBeCloseTo(want.metrics.accuracy!, 6);
        expect(each.f1).toBe(want.metrics.f1);
      }
    }
  });
  test("a step's metrics are those of its batch", async () => {
    const model = classifier();
    const trainer = await createTrainer(model, options);
    for (const batch of data.batch(32)) {
      const { metrics: got } = await trainer.step(batch);
      const { metrics: want } = await evaluate(
        model,
        dataset({ inputs: { values: batch.inputs, shape: [6] }, labels: batch.labels! }),
        options,
      );
      expect(got).toEqual(want);
    }
    trainer.close();
  });
  test("a metric with many numbers leaves room for fewer steps a run", async () => {
    const wide: Metric = { ...collected("wide", (outputs) => outputs.length), name: "wide" };
    const big = sequential({ input: [2] }, dense(5000));
    const many = dataset({
      inputs: { values: new Float32Array(80), shape: [2] },
      labels: new Int32Array(40),
    });
    const { metrics: got } = await evaluate(big, many, {
      loss: softmaxCrossEntropy,
      metrics: [wide],
      batchSize: 4,
      engine: engine!,
    });
    expect(got.wide).toBe(40 * 5000);
    const { history } = await train(big, { ...options, metrics: [wide], data: many, batchSize: 4 });
    expect(history[0]!.metrics.wide).toBe(40 * 5000);
  });
});

describe("at the edges", () => {
  const of = async (
    metrics: Metric[],
    outputs: number[],
    labels: number[],
    width = outputs.length / labels.length,
  ) => {
    const model = defineModel({ input: [width] }, (x) => x);
    const data = dataset({ inputs: { values: outputs, shape: [width] }, labels });
    return (await evaluate(model, data, { loss, metrics, engine: engine! })).metrics;
  };
  test("of equal outputs the first class counts, as for accuracy", async () => {
    const got = await of([topK(1), topK(2), { ...accuracy }], [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 2]);
    expect(got.top1).toBeCloseTo(1 / 3, 6);
    expect(got.top2).toBeCloseTo(2 / 3, 6);
    expect(got.accuracy).toBeCloseTo(1 / 3, 6);
  });
  test("ignored labels are not counted", async () => {
    const outputs = [2, 1, 0, 0, 2, 1, 0, 1, 2, 2, 0, 1];
    const counted = await of(
      [f1(), iou(), balancedAccuracy(), matthewsCorrelation()],
      outputs.slice(0, 9),
      [0, 1, 1],
    );
    const options = { ignoreIndex: 9 };
    const ignoring = [f1(options), iou(options), balancedAccuracy(options), matthewsCorrelation(options)];
    expect(await of(ignoring, outputs, [0, 1, 1, 9])).toEqual(counted);
    const { perplexity: got } = await of([perplexity(options)], outputs, [0, 1, 1, 9]);
    const { perplexity: want } = await of([perplexity()], outputs.slice(0, 9), [0, 1, 1]);
    expect(got).toBeCloseTo(want!, 5);
  });
  test("nothing found is 0, and no class beside one has no correlation", async () => {
    const got = await of([precision(), recall(), matthewsCorrelation()], [1, 0, 1, 0], [1, 1]);
    expect(got).toEqual({ precision: 0, recall: 0, matthewsCorrelation: 0 });
  });
  test("areas are NaN where a class is missing or a score is NaN", () => {
    expect(rocAuc([1, 2], [1, 1])).toBeNaN();
    expect(averagePrecision([1, 2], [0, 0])).toBeNaN();
    expect(averagePrecision([1, 2], [1, 1])).toBe(1);
    expect(rocAuc([1, Number.NaN], [0, 1])).toBeNaN();
  });
  test("R² where all targets are equal", async () => {
    const model = defineModel({ input: [1] }, (x) => x);
    for (const [off, want] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const data = dataset({
        inputs: { values: [5 + off, 5], shape: [1] },
        targets: { values: [5, 5], shape: [1] },
      });
      expect(
        (await evaluate(model, data, { loss, metrics: [rSquared], engine: engine! })).metrics.rSquared,
      ).toBe(want);
    }
  });
});

describe("what is refused", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const y = graph.input("y", [4, 3]);
  const at = graph.input("at", [4], "i32");
  const refused: [string, () => unknown, new (message: string) => Error, string][] = [
    [
      "k above the classes",
      () => topK(4).measure(x, at),
      OptionError,
      "topK: k: wanted at most 3, the classes, got 4",
    ],
    ["k", () => topK(0), OptionError, "topK: k: wanted a positive integer, got 0"],
    ["no labels", () => topK(2).measure(x, y), ShapeError, "topK: wanted integer labels, got f32"],
    [
      "an average",
      () => f1({ average: "mean" as "macro" }),
      OptionError,
      'f1: average: wanted one of "binary", "macro", "weighted", "micro", got "mean"',
    ],
    [
      "binary of three",
      () => recall({ average: "binary" }).measure(x, at),
      OptionError,
      'recall: average: wanted "macro", "weighted" or "micro" for 3 classes, got "binary"',
    ],
    [
      "a threshold",
      () => iou({ threshold: Number.NaN }),
      OptionError,
      "iou: threshold: wanted a finite number, got NaN",
    ],
    [
      "several targets",
      () => matthewsCorrelation().measure(x, y),
      ShapeError,
      "matthewsCorrelation: wanted labels or one float target an example, got f32 [4, 3]",
    ],
    [
      "perplexity of floats",
      () => perplexity().measure(x, y),
      ShapeError,
      "perplexity: wanted integer labels, got f32",
    ],
    [
      "scores",
      () => rocAuc([1, 2, 3], [1]),
      ShapeError,
      "rocAuc: wanted one score a label, or two, got 3 for 1 labels",
    ],
    [
      "outputs",
      () => confusionMatrix([1, 2, 3], [0, 1]),
      ShapeError,
      "confusionMatrix: wanted as many outputs for each label, got 3 for 2 labels",
    ],
    [
      "a label",
      () => confusionMatrix([1, 0], [2, 0]),
      DataError,
      "confusionMatrix: label 0: got 2, wanted 0 to 1",
    ],
  ];
  test.each(refused)("%s", (_, make, type, message) => {
    expect(make).toThrow(new type(message));
    expect(make).toThrow(type);
  });
  test("labels beyond the classes, but for the one that is ignored; then nothing has changed", async () => {
    const model = classifier();
    const options = {
      loss: crossEntropy({ ignoreIndex: -1 }),
      optimizer: sgd({ learningRate: 0.1 }),
      engine: engine!,
    };
    const trainer = await createTrainer(model, options);
    const batch = (labels: number[]) => ({
      inputs: new Float32Array(12).fill(0.5),
      targets: undefined,
      labels: Int32Array.from(labels),
      size: 2,
    });
    const before = model.weights.snapshot();
    await expect(trainer.step(batch([4, 0]))).rejects.toThrow(
      new DataError("crossEntropy: label 0: got 4, wanted 0 to 3, or -1 to be ignored"),
    );
    await expect(trainer.step(batch([-2, 0]))).rejects.toThrow(DataError);
    expect(model.weights.snapshot()).toEqual(before);
    const { loss: alone } = await trainer.step(batch([-1, 2]));
    expect(Number.isFinite(alone) && alone > 0).toBe(true);
    trainer.close();
  });
});
