// Where elements lie, for the meanings of ops: positions in row-major order, broadcasting, rows.
import type { Shape } from "#src/core/shape";
import type { Node } from "#src/graph/tensor";

/** The elements of a tensor in row-major order. */
export type Values = Float64Array;

export const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);

/** Where an element lies along each axis. */
export function positionOf(index: number, shape: Shape): number[] {
  const position = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = index % shape[axis]!;
    index = Math.floor(index / shape[axis]!);
  }
  return position;
}

export function indexOf(position: readonly number[], shape: Shape): number {
  return position.reduce((index, at, axis) => index * shape[axis]! + at, 0);
}

/** Calls back for each element of a shape. */
export function forEach(shape: Shape, visit: (position: number[], index: number) => void): void {
  const count = sizeOf(shape);
  for (let index = 0; index < count; index++) visit(positionOf(index, shape), index);
}

/** The element of an operand that stands for a position of the shape it broadcasts to. */
export function broadcastIndex(position: readonly number[], from: Shape): number {
  const own = position.slice(position.length - from.length);
  return indexOf(
    own.map((at, axis) => (from[axis] === 1 ? 0 : at)),
    from,
  );
}

/** For each element of a shape the element of an operand that stands for it. */
export function broadcastIndices(from: Shape, to: Shape): Int32Array | undefined {
  if (sizeOf(from) === sizeOf(to)) return undefined;
  const indices = new Int32Array(sizeOf(to));
  forEach(to, (position, index) => {
    indices[index] = broadcastIndex(position, from);
  });
  return indices;
}

/** One op: the values of each output from those of the inputs. */
export type Meaning = (node: Node, inputs: readonly Values[]) => Values[];

/** Applies a function to each row of the last axis. */
export function byRow(
  x: Values,
  columns: number,
  map: (row: Values, at: number) => ArrayLike<number>,
): Values {
  const y = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += columns) y.set(map(x.subarray(at, at + columns), at / columns), at);
  return y;
}

export function logSoftmaxRow(row: Values): Values {
  const shift = row.reduce((a, b) => Math.max(a, b));
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - shift), 0));
  return row.map((x) => x - shift - total);
}
