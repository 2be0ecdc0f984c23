// Shapes: lists of sizes, outermost first, and the rules by which they fit together.
import { ShapeError } from "./errors.ts";

/** Sizes of the axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** Elements in a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** As it stands in messages and listings: [32, 784]. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Checks that every size is a positive integer. */
export function checkShape(where: string, shape: Shape): Shape {
  const bad = shape.findIndex((size) => !Number.isSafeInteger(size) || size < 1);
  if (bad >= 0) {
    throw new ShapeError(
      `${where}: sizes must be positive integers: got ${shape[bad]} at axis ${bad} of ${showShape(shape)}`,
    );
  }
  return shape;
}

/** The shape that both broadcast to: aligned at the last axis, a size of 1 stretches. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `${where}: shapes do not broadcast: ${showShape(a)} and ${showShape(b)} (${x} ≠ ${y} at axis ${axis})`,
      );
    }
    return x === 1 ? y : x;
  });
}

/** Axes as given, negative ones counted from the end, sorted and without repeats. */
export function normalizeAxes(
  where: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  const list =
    axes === undefined ? Array.from({ length: rank }, (_, k) => k) : typeof axes === "number" ? [axes] : axes;
  const result = list.map((axis) => {
    const at = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(at) || at < 0 || at >= rank) {
      throw new ShapeError(
        `${where}: no such axis: got ${axis}, wanted ${-rank} to ${rank - 1} for rank ${rank}`,
      );
    }
    return at;
  });
  return [...new Set(result)].sort((p, q) => p - q);
}

/** Elements from one index of an axis to the next, in row-major order. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}
