// Sizes that may depend on the batch: each is known at two batch sizes, and what differs between them grows with it.
import { FormatError } from "../../core/errors.ts";
import type { Shape } from "../../core/shape.ts";

/** A size at both batch sizes for which the model was frozen. */
export type Size = readonly [number, number];
export type Sizes = readonly Size[];

/** A size that is the same at every batch size. */
export const fixed = (size: number): Size => [size, size];
export const isFixed = ([one, other]: Size): boolean => one === other;
export const pairs = (one: Shape, other: Shape): Size[] => one.map((size, k) => [size, other[k]!]);
export const equal = (a: Size, b: Size): boolean => a[0] === b[0] && a[1] === b[1];
export const alike = (a: Sizes, b: Sizes): boolean =>
  a.length === b.length && a.every((size, axis) => equal(size, b[axis]!));
export const product = (sizes: Sizes): Size => sizes.reduce<Size>(([a, b], [c, d]) => [a * c, b * d], [1, 1]);
/** The sizes of axes in another order. */
export const ordered = <T>(items: readonly T[], axes: readonly number[]): T[] =>
  axes.map((axis) => items[axis]!);

/** So many for each example of a batch, and so many more. */
export interface Growth {
  readonly each: number;
  readonly more: number;
}

/** How a size grows with the batch. @throws FormatError where it does in no straight line. */
export function growthOf([one, other]: Size, [from, to]: Size): Growth {
  const each = to === from ? 0 : (other - one) / (to - from);
  const more = one - each * from;
  if (!Number.isInteger(each) || each < 0 || more < 0) {
    throw new FormatError(
      `a size grows with the batch in no straight line: got ${one} and ${other} at batch sizes of ${from} and ${to}, wanted one that does, or batchSize`,
    );
  }
  return { each, more };
}
