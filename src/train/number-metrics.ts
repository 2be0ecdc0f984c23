// Metrics of numbers, and perplexity: made of sums over all batches where they are no means.

import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { mul, square, sub } from "../ops/arithmetic.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { checkSame, meanAbsoluteError } from "../ops/loss.ts";
import { concatenate } from "../ops/movement.ts";
import { mean, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { sharesOf } from "../ops/targets.ts";
import type { Metric } from "./loss.ts";

/**
 * The mean of |output − target|: the loss meanAbsoluteError as a metric. So every loss can be watched.
 * @example
 * const points = dataset({ inputs: [[0], [1], [2]], targets: [1, 3, 4] });
 * await evaluate(sequential({ input: [1] }, dense(1)), points, { loss: meanSquaredError, metrics: [absoluteError] });
 */
export const absoluteError: Metric = { name: "absoluteError", measure: meanAbsoluteError };

/** A mean over all batches, of which a function is taken at the end; batches give its sum and its number. */
function ofMean(name: string, measure: Metric["measure"], make: (mean: number) => number): Metric {
  return {
    name,
    measure,
    collect() {
      let [total, n] = [0, 0];
      return {
        add(numbers) {
          total += numbers[0]!;
          n += numbers[1]!;
        },
        value: () => make(total / n),
      };
    },
  };
}

/**
 * The root of the mean of (output − target)² over all batches, in the targets' unit.
 * @example
 * const points = dataset({ inputs: [[0], [1], [2]], targets: [1, 3, 4] });
 * await evaluate(sequential({ input: [1] }, dense(1)), points, { loss: meanSquaredError, metrics: [rootMeanSquaredError] });
 */
export const rootMeanSquaredError: Metric = ofMean(
  "rootMeanSquaredError",
  (output, target) => {
    checkSame("rootMeanSquaredError", output, target);
    const total = sum(square(sub(output, target)));
    return concatenate([reshape(total, [1]), output.graph.constant([output.size])]);
  },
  Math.sqrt,
);

/**
 * e to the mean cross-entropy over all labels of all batches: logits [..., classes], labels i32 [...]. NaN where all labels
 * are ignored.
 * @throws OptionError where the ignored label is no integer. @throws ShapeError where logits and labels do not fit.
 * @example await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [perplexity()] });
 */
export function perplexity(options: { readonly ignoreIndex?: number } = {}): Metric {
  const entropy = crossEntropy(checkOptions("perplexity", options, { ignoreIndex: 0 }));
  return ofMean(
    "perplexity",
    (output, target) => {
      if (target.dtype !== "i32") throw new ShapeError("perplexity: wanted integer labels, got f32");
      const n = sum(sharesOf("perplexity", output, target, options.ignoreIndex));
      return concatenate([mul(entropy(output, target), n), n].map((each) => reshape(each, [1])));
    },
    Math.exp,
  );
}

/**
 * R², the share of the targets' variance that is explained, over all batches: 1 − Σ (t − x)² / Σ (t − mean t)². Of several
 * outputs, along the last axis, the mean of theirs. Where all targets are equal it is 1 if they are met, else 0, as in
 * scikit-learn.
 * @example
 * const points = dataset({ inputs: [[0], [1], [2]], targets: [1, 3, 4] });
 * await evaluate(sequential({ input: [1] }, dense(1)), points, { loss: meanSquaredError, metrics: [rSquared] });
 */
export const rSquared: Metric = {
  name: "rSquared",
  measure(output, target) {
    checkSame("rSquared", output, target);
    const columns = output.rank < 2 ? 1 : output.shape.at(-1)!;
    const shape = [output.size / columns, columns];
    const [x, t] = [reshape(output, shape), reshape(target, shape)];
    const centre = mean(t, { axes: 0, keepDims: true });
    const around = sub(t, centre);
    // What the mean has lost in 32 bits is found around it.
    const parts = [
      centre,
      mean(around, { axes: 0 }),
      ...[around, sub(t, x)].map((each) => sum(square(each), { axes: 0 })),
    ].map((each) => reshape(each, [columns]));
    return concatenate([...parts, output.graph.constant([shape[0]!])]);
  },
  collect() {
    let n = 0;
    let columns: { mean: number; spread: number; missed: number }[] = [];
    return {
      // Around the mean so far, by Chan, Golub and LeVeque 1983: sums of squares would cancel each other.
      add(numbers) {
        const count = (numbers.length - 1) / 4;
        const own = numbers.at(-1)!;
        if (n === 0) columns = Array.from({ length: count }, () => ({ mean: 0, spread: 0, missed: 0 }));
        n += own;
        for (const [k, column] of columns.entries()) {
          const rest = numbers[count + k]!;
          const apart = numbers[k]! + rest - column.mean;
          column.mean += (apart * own) / n;
          column.spread += numbers[2 * count + k]! + (apart * apart * own * (n - own)) / n;
          column.missed += numbers[3 * count + k]!;
        }
      },
      value() {
        const each = columns.map(({ spread, missed }) =>
          spread > 0 ? 1 - missed / spread : Number(missed === 0),
        );
        return each.reduce((total, x) => total + x, 0) / each.length;
      },
    };
  },
};
