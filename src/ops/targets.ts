// How losses and metrics over classes read their targets: integer labels, some of them ignored, or shares of the classes.
import { DataError, OptionError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "./arithmetic.ts";
import { oneHot, oneHotOp } from "./gather.ts";
import { reshape } from "./reshape.ts";
import { inputOf } from "./softmax.ts";

/** How many rows an output [..., classes] has, and how many classes. @throws ShapeError where labels do not name one a row. */
export function rowsOf(name: string, output: Tensor, target: Tensor): { count: number; classes: number } {
  const classes = output.shape.at(-1) ?? 0;
  const count = output.size / classes;
  const labels = target.dtype === "i32" && target.size === count;
  if (output.rank < 1 || !(labels || (target.dtype === "f32" && sameShape(output.shape, target.shape)))) {
    throw new ShapeError(
      `${name}: wanted ${count || 1} integer labels or f32 ${showShape(output.shape)} for outputs of that shape, got ${target.dtype} ${showShape(target.shape)}`,
    );
  }
  return { count, classes };
}

/** Shares of the classes, [count, classes]: 1 at a label, none at one that is ignored. */
export function sharesOf(name: string, output: Tensor, target: Tensor, ignoreIndex?: number): Tensor {
  const { count, classes } = rowsOf(name, output, target);
  if (ignoreIndex === undefined)
    return reshape(target.dtype === "f32" ? target : oneHot(target, classes), [count, classes]);
  if (target.dtype === "f32")
    throw new OptionError(`${name}: ignoreIndex: wanted integer labels beside it, got shares of classes`);
  checkLabels(target, (label, at) => {
    if (label !== ignoreIndex && !(label >= 0 && label < classes)) {
      throw new DataError(
        `${name}: label ${at}: got ${label}, wanted 0 to ${classes - 1}, or ${ignoreIndex} to be ignored`,
      );
    }
  });
  const rows = target.graph.apply(oneHotOp, [reshape(target, [count])], classes)[0]!;
  if (!(ignoreIndex >= 0 && ignoreIndex < classes)) return rows;
  return mul(
    rows,
    target.graph.constant(Array.from({ length: classes }, (_, k) => Number(k !== ignoreIndex))),
  );
}

/** Has the host look at every label before it hands them over. */
export function checkLabels(labels: Tensor, check: (label: number, at: number) => void): void {
  const source = inputOf(labels);
  if (!source) return;
  source.checks = [
    ...(source.checks ?? []),
    (all) => {
      for (let at = 0; at < all.length; at++) check(all[at]!, at);
    },
  ];
}

/** Checks a label that is to be ignored. @throws OptionError */
export function checkIgnored(name: string, ignoreIndex: number | undefined): void {
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex))
    throw new OptionError(`${name}: ignoreIndex: wanted an integer, got ${ignoreIndex}`);
}

/** Checks weights of classes. @throws OptionError where one is negative or not finite, or all are 0. */
export function checkWeights(name: string, weights: readonly number[] | undefined): void {
  if (!weights) return;
  const fit = weights.every((weight) => weight >= 0 && Number.isFinite(weight));
  if (!fit || !weights.some((weight) => weight > 0)) {
    throw new OptionError(
      `${name}: weights: wanted finite numbers ≥ 0, one of them > 0, got ${weights.join(", ")}`,
    );
  }
}

/** Each class's shares times its weight. @throws ShapeError where there are not as many weights as classes. */
export function weighted(name: string, shares: Tensor, weights: readonly number[] | undefined): Tensor {
  if (!weights) return shares;
  const classes = shares.shape.at(-1);
  if (weights.length !== classes)
    throw new ShapeError(`${name}: weights: got ${weights.length}, wanted ${classes}, one a class`);
  return mul(shares, weights);
}

/** Checks an option that must be a finite number from, or above, a least one. @throws OptionError */
export function checkOption(
  where: string,
  value: number,
  { from, above }: { from?: number; above?: number },
): void {
  const fits =
    Number.isFinite(value) && value >= (from ?? value) && value > (above ?? Number.NEGATIVE_INFINITY);
  if (!fits) {
    const wanted = from === undefined ? `> ${above}` : `≥ ${from}`;
    throw new OptionError(`${where}: wanted a finite number ${wanted}, got ${value}`);
  }
}
