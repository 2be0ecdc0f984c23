// What is made of all scores at once, exactly: areas under curves and the confusion matrix, of arrays; and any such
// function as a metric, which keeps the scores of all batches.

import { DataError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { mul } from "../ops/arithmetic.ts";
import { concatenate } from "../ops/movement.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { rowsOf, sharesOf } from "../ops/targets.ts";
import type { Metric } from "./loss.ts";

/** Scores of positive and of other examples, from the least up. Undefined: there is NaN. */
function sorted(name: string, scores: ArrayLike<number>, labels: ArrayLike<number>) {
  const width = scores.length / labels.length;
  if (width !== 1 && width !== 2) {
    throw new ShapeError(
      `${name}: wanted one score a label, or two, got ${scores.length} for ${labels.length} labels`,
    );
  }
  const parts: [number[], number[]] = [[], []];
  for (let i = 0; i < labels.length; i++) {
    const score = width === 1 ? scores[i]! : scores[2 * i + 1]! - scores[2 * i]!;
    if (Number.isNaN(score)) return undefined;
    parts[labels[i]! > 0.5 ? 1 : 0].push(score);
  }
  return parts.map((part) => Float64Array.from(part).sort()) as [Float64Array, Float64Array];
}

/**
 * Area under the ROC curve: how often a positive example has a higher score than another, equal scores counting half.
 * Scores one an example, or two as of two classes; labels 0 and 1. Exact. NaN where a score is, or one of the classes is missing.
 * @throws ShapeError where there are not as many scores as labels, nor twice as many.
 * @example rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) // 0.75
 */
export function rocAuc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const [others, positives] = sorted("rocAuc", scores, labels) ?? [];
  if (!others || !positives) return Number.NaN;
  let [below, upTo, wins] = [0, 0, 0];
  for (const score of positives) {
    while (others[below]! < score) below++;
    while (others[upTo]! <= score) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (positives.length * others.length);
}

/**
 * Average precision, the area under the curve of precision by recall in steps, not lines: Σ (Rₖ − Rₖ₋₁) Pₖ over the scores from
 * the highest down. Scores and labels as for rocAuc. NaN where a score is, or no example is positive.
 * @throws ShapeError where there are not as many scores as labels, nor twice as many.
 * @example averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) // 0.83
 */
export function averagePrecision(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const [others, positives] = sorted("averagePrecision", scores, labels) ?? [];
  if (!others || !positives) return Number.NaN;
  let area = 0;
  let [p, o] = [positives.length, others.length];
  while (p > 0) {
    const score = positives[p - 1]!;
    const before = p;
    while (p > 0 && positives[p - 1]! >= score) p--;
    while (o > 0 && others[o - 1]! >= score) o--;
    const found = positives.length - p;
    area += ((before - p) * found) / (found + others.length - o);
  }
  return area / positives.length;
}

/**
 * How often each class (row) is taken for each (column). Outputs as `predict` gives them, some an example, the largest, and of
 * equal ones the first, being the prediction; or one an example for two classes, 1 where it is above the threshold.
 * @throws ShapeError where outputs and labels do not fit. @throws DataError for a label that is no class.
 * @example confusionMatrix([0.9, 0.2, 0.6], [1, 0, 0]) // [[1, 1], [0, 1]]
 */
export function confusionMatrix(
  outputs: ArrayLike<number>,
  labels: ArrayLike<number>,
  options: { readonly threshold?: number } = {},
): number[][] {
  const { threshold = 0.5 } = checkOptions("confusionMatrix", options, { threshold: 0 });
  const width = outputs.length / labels.length;
  if (!(Number.isInteger(width) && width >= 1)) {
    throw new ShapeError(
      `confusionMatrix: wanted as many outputs for each label, got ${outputs.length} for ${labels.length} labels`,
    );
  }
  const classes = Math.max(2, width);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    let best = width === 1 ? Number(outputs[i]! > threshold) : 0;
    for (let k = 1; k < width; k++) if (outputs[i * width + k]! > outputs[i * width + best]!) best = k;
    const row = matrix[labels[i]!];
    if (!row)
      throw new DataError(`confusionMatrix: label ${i}: got ${labels[i]}, wanted 0 to ${classes - 1}`);
    row[best]!++;
  }
  return matrix;
}

/** What a metric is made of: all outputs and all targets, in the order of the examples; labels as numbers. */
export type ScoreFunction = (outputs: Float32Array, targets: Float32Array) => number;

/**
 * A metric that keeps the outputs and the targets of all batches and hands them to a function: for what is not to be had of
 * counts or sums, as rocAuc. It is called for every record, in train also for those of progress: with many examples dear.
 * @throws ShapeError where labels are not one for each row of outputs.
 * @example
 * const ones = digits.test.filter(({ label }) => label < 2);
 * const binary = sequential({ input: [784] }, dense(2));
 * await evaluate(binary, ones, { loss: softmaxCrossEntropy, metrics: [collected("rocAuc", rocAuc)] });
 */
export function collected(name: string, make: ScoreFunction): Metric {
  return {
    name,
    measure(output, target) {
      const numbers = [reshape(output, [output.size])];
      if (target.dtype === "f32") numbers.push(reshape(target, [target.size]));
      else {
        const { count, classes } = rowsOf(name, output, target);
        const places = Array.from({ length: classes }, (_, k) => k);
        numbers.push(reshape(sum(mul(sharesOf(name, output, target), places), { axes: -1 }), [count]));
      }
      return concatenate([output.graph.constant([output.size]), ...numbers]);
    },
    collect() {
      const outputs: Float32Array[] = [];
      const targets: Float32Array[] = [];
      let known: number | undefined;
      return {
        add(numbers) {
          const size = 1 + numbers[0]!;
          outputs.push(numbers.subarray(1, size));
          targets.push(numbers.subarray(size));
          known = undefined;
        },
        value() {
          known ??= make(joined(outputs), joined(targets));
          return known;
        },
      };
    },
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
