// Metrics of classification that are no means of examples: ratios of counts, which are summed over all batches first.

import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, equal, greater, less, lessEqual, mul, sub, where } from "../ops/arithmetic.ts";
import { oneHot } from "../ops/gather.ts";
import { checkSame } from "../ops/loss.ts";
import { concatenate, slice } from "../ops/movement.ts";
import { argmax, mean, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { checkIgnored, rowsOf, sharesOf } from "../ops/targets.ts";
import { oneOf } from "../optim/transform.ts";
import type { Collector, Metric } from "./loss.ts";

/** Options of {@link balancedAccuracy} and {@link matthewsCorrelation}. */
export interface ClassMetricOptions {
  /** What it is called in records. Default: the function's name. */
  readonly name?: string;
  /** For float targets: outputs above it count as positive; 0 for logits. Default: 0.5. */
  readonly threshold?: number;
  /** A label whose rows are not counted. Default: none. */
  readonly ignoreIndex?: number;
}

/** Options of {@link precision}, {@link recall}, {@link f1} and {@link iou}. */
export interface AveragedMetricOptions extends ClassMetricOptions {
  /**
   * "binary": of the positive class, 1 of two; "macro": the mean of the classes that occur or are predicted; "weighted":
   * that weighted by how often they occur; "micro": of the sums of all classes' counts. Default: "binary" for two labels or
   * one float target an example, else "macro".
   */
  readonly average?: "binary" | "macro" | "weighted" | "micro";
}

const KNOWN = { name: 0, threshold: 0, ignoreIndex: 0 } as const;

/** Of one class: predicted and right, predicted, and what there is. */
interface Counts {
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
}

type Average = NonNullable<AveragedMetricOptions["average"]>;

/** Counts of all classes as one vector, [hits, predicted, actual] and the number of examples. */
function count(name: string, options: AveragedMetricOptions, output: Tensor, target: Tensor): Tensor {
  const { threshold = 0.5, ignoreIndex, average } = options;
  const labelled = target.dtype === "i32";
  if (!labelled) checkSame(name, output, target);
  const { count: examples, classes } = labelled
    ? rowsOf(name, output, target)
    : {
        count: output.rank < 2 ? output.size : output.size / output.shape.at(-1)!,
        classes: output.rank < 2 ? 1 : output.shape.at(-1)!,
      };
  const rows = reshape(output, [examples, classes]);
  const actual = labelled
    ? sharesOf(name, output, target, ignoreIndex)
    : greater(reshape(target, [examples, classes]), 0.5);
  const valid = sum(actual, { axes: -1, keepDims: true });
  const predicted = labelled ? mul(oneHot(argmax(rows), classes), valid) : greater(rows, threshold);
  const two = classes === (labelled ? 2 : 1);
  if (average === "binary" && !two) {
    throw new OptionError(
      `${name}: average: wanted "macro", "weighted" or "micro" for ${classes} classes, got "binary"`,
    );
  }
  const positive = two && labelled && (average ?? "binary") === "binary";
  const all = [mul(predicted, actual), predicted, actual].map((each) => {
    const sums = reshape(sum(each, { axes: 0 }), [classes]);
    return positive ? slice(sums, [1], [1]) : sums;
  });
  return concatenate([...all, output.graph.constant([examples])]);
}

/** Sums a vector over batches; the value is made of it. */
function collector(make: (sums: Float64Array) => number): () => Collector {
  return () => {
    let sums = new Float64Array();
    return {
      add(numbers) {
        if (sums.length === 0) sums = new Float64Array(numbers.length);
        for (const [i, x] of numbers.entries()) sums[i]! += x;
      },
      value: () => make(sums),
    };
  };
}

/** The counts of each class; of two, where one column tells of both. */
function countsOf(sums: Float64Array, both: boolean): Counts[] {
  const classes = (sums.length - 1) / 3;
  const counts = Array.from({ length: classes }, (_, k) => ({
    hits: sums[k]!,
    predicted: sums[classes + k]!,
    actual: sums[2 * classes + k]!,
  }));
  const [one] = counts;
  if (!(both && classes === 1 && one)) return counts;
  const n = sums[3]!;
  const [predicted, actual] = [n - one.predicted, n - one.actual];
  return [{ hits: predicted - one.actual + one.hits, predicted, actual }, one];
}

/** 0 where there is nothing to divide by, as scikit-learn has it. */
const ratio = (over: number, under: number) => (under > 0 ? over / under : 0);

function averaged(name: string, options: AveragedMetricOptions, value: (counts: Counts) => number): Metric {
  const { average } = checkOptions(name, options, { ...KNOWN, average: 0 });
  if (average !== undefined)
    oneOf<Average>(`${name}: average`, average, ["binary", "macro", "weighted", "micro"]);
  return counted(name, options, (sums) => {
    const counts = countsOf(sums, average !== undefined && average !== "binary");
    const total = (of: keyof Counts, from = counts) => from.reduce((sofar, each) => sofar + each[of], 0);
    if (average === "micro")
      return value({ hits: total("hits"), predicted: total("predicted"), actual: total("actual") });
    if (average === "weighted")
      return ratio(
        counts.reduce((sofar, each) => sofar + each.actual * value(each), 0),
        total("actual"),
      );
    const seen = counts.filter(({ predicted, actual }) => predicted + actual > 0);
    return ratio(
      seen.reduce((sofar, each) => sofar + value(each), 0),
      seen.length,
    );
  });
}

function counted(name: string, options: AveragedMetricOptions, make: (sums: Float64Array) => number): Metric {
  const { threshold = 0.5 } = options;
  if (!Number.isFinite(threshold))
    throw new OptionError(`${name}: threshold: wanted a finite number, got ${threshold}`);
  checkIgnored(name, options.ignoreIndex);
  return {
    name: options.name ?? name,
    measure: (output, target) => count(name, options, output, target),
    collect: collector(make),
  };
}

/**
 * Share of what is predicted that is right, over all batches; 0 where nothing is predicted. Outputs [..., classes] with
 * labels i32 [...], the largest being predicted; or outputs and targets f32 of one shape, the last axis telling classes apart.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [precision({ average: "weighted" })] });
 */
export const precision = (options: AveragedMetricOptions = {}): Metric =>
  averaged("precision", options, ({ hits, predicted }) => ratio(hits, predicted));

/**
 * Share of what there is that is found, over all batches; 0 where there is nothing. Outputs and targets as for precision.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [recall()] });
 */
export const recall = (options: AveragedMetricOptions = {}): Metric =>
  averaged("recall", options, ({ hits, actual }) => ratio(hits, actual));

/**
 * The harmonic mean of precision and recall, over all batches; of several classes the mean of theirs. Outputs and targets
 * as for precision.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [f1(), f1({ average: "micro", name: "micro" })] });
 */
export const f1 = (options: AveragedMetricOptions = {}): Metric =>
  averaged("f1", options, ({ hits, predicted, actual }) => ratio(2 * hits, predicted + actual));

/**
 * Intersection over union (Jaccard's index) of what is predicted and what there is, over all batches; "macro" is the mean IoU
 * of segmentation. Outputs and targets as for precision.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [iou({ average: "macro" })] });
 */
export const iou = (options: AveragedMetricOptions = {}): Metric =>
  averaged("iou", options, ({ hits, predicted, actual }) => ratio(hits, predicted + actual - hits));

/** A metric of all classes at once, which exclude each other. */
function exclusive(name: string, options: ClassMetricOptions, make: (counts: Counts[]) => number): Metric {
  checkOptions(name, options, KNOWN);
  const metric = counted(name, { ...options, average: "macro" }, (sums) => make(countsOf(sums, true)));
  const measure: Metric["measure"] = (output, target) => {
    if (target.dtype !== "i32" && output.rank > 1 && output.shape.at(-1) !== 1)
      throw new ShapeError(
        `${name}: wanted labels or one float target an example, got f32 ${showShape(target.shape)}`,
      );
    return metric.measure(output, target);
  };
  return { ...metric, measure };
}

/**
 * The mean recall of the classes that occur, over all batches: accuracy if all were equally frequent. Outputs [..., classes]
 * with labels i32 [...], or one output and float target an example.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [balancedAccuracy()] });
 */
export const balancedAccuracy = (options: ClassMetricOptions = {}): Metric =>
  exclusive("balancedAccuracy", options, (counts) => {
    const there = counts.filter(({ actual }) => actual > 0);
    return ratio(
      there.reduce((sofar, { hits, actual }) => sofar + hits / actual, 0),
      there.length,
    );
  });

/**
 * Matthews's correlation coefficient of predictions and classes, −1 to 1, over all batches; 0 where all are of one class, or
 * all predictions. Matthews 1975; of several classes Gorodkin 2004. Outputs and targets as for balancedAccuracy.
 * @throws OptionError for options out of range. @throws ShapeError where output and target do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [matthewsCorrelation()] });
 */
export const matthewsCorrelation = (options: ClassMetricOptions = {}): Metric =>
  exclusive("matthewsCorrelation", options, (counts) => {
    const dot = (a: keyof Counts, b: keyof Counts) =>
      counts.reduce((sofar, each) => sofar + each[a] * each[b], 0);
    const n = counts.reduce((sofar, { actual }) => sofar + actual, 0);
    const hits = counts.reduce((sofar, each) => sofar + each.hits, 0);
    const spread = (n * n - dot("predicted", "predicted")) * (n * n - dot("actual", "actual"));
    return ratio(hits * n - dot("predicted", "actual"), Math.sqrt(spread));
  });

/**
 * Share of examples whose label is among the k largest outputs; equal outputs count in the order of the classes, as for
 * accuracy, which is topK(1). Outputs [..., classes], labels i32 [...].
 * @throws OptionError where k is no positive integer or more than there are classes. @throws ShapeError for other targets.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [topK(3)] });
 */
export function topK(k: number): Metric {
  const name = `top${k}`;
  if (!(Number.isInteger(k) && k >= 1)) throw new OptionError(`topK: k: wanted a positive integer, got ${k}`);
  return {
    name,
    measure(output, target) {
      const { count: examples, classes } = rowsOf("topK", output, target);
      if (target.dtype !== "i32") throw new ShapeError("topK: wanted integer labels, got f32");
      if (k > classes) throw new OptionError(`topK: k: wanted at most ${classes}, the classes, got ${k}`);
      const rows = reshape(output, [examples, classes]);
      const own = sharesOf("topK", output, target);
      const places = Array.from({ length: classes }, (_, at) => at);
      const pick = (from: Tensor | number[]) => sum(where(own, from, 0), { axes: -1, keepDims: true });
      const score = pick(rows);
      // Of NaN no comparison is true: it stands before every number, and as the label's is not found.
      const before = sub(1, lessEqual(rows, score));
      const tied = mul(equal(rows, score), less(output.graph.constant(places), pick(places)));
      return mean(less(sum(add(before, tied), { axes: -1 }), k));
    },
  };
}
