// Strided copies, which broadcasting and the ops that move numbers are made of.
import { type Shape, sameShape, stridesOf } from "../core/shape.ts";
import { type Emitter, type Operand, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Copies a box: element [i, j, …] from x at xStart + i·xStrides[0] + … to y likewise. */
export interface Box {
  readonly shape: Shape;
  readonly xStart: number;
  readonly xStrides: readonly number[];
  readonly yStart: number;
  readonly yStrides: readonly number[];
}

/** Drops axes of size 1 and joins neighbours that step alike, so that the inner loop is as long as it can be. */
function collapse(box: Box): [number, number, number][] {
  const axes: [number, number, number][] = [];
  for (const [axis, size] of box.shape.entries()) {
    if (size === 1) continue;
    const x = box.xStrides[axis]!;
    const y = box.yStrides[axis]!;
    const last = axes.at(-1);
    if (last && last[1] === x * size && last[2] === y * size) axes[axes.length - 1] = [last[0] * size, x, y];
    else axes.push([size, x, y]);
  }
  return axes;
}

/** Copies a box of a tensor to one of another, floats or bytes. */
export function emitCopy(emitter: Emitter, box: Box, x: Tensor, y: Tensor): void {
  const isBytes = y.dtype === "i8";
  const axes = collapse(box);
  const [columns, xStep, yStep] = axes.pop() ?? [1, 1, 1];
  const outer = axes.reverse();
  const count = outer.reduce((product, [size]) => product * size, 1);
  const table = emitter.table("strides", outer.flat());
  // Only a copy that writes all of y, row after row, shares y among threads as other kernels do.
  const whole =
    box.yStart === 0 && count * columns === y.size && sameShape(box.yStrides, stridesOf(box.shape));
  const to = write(emitter.buffer(y), whole ? rows(count, columns * (isBytes ? 1 : 4)) : undefined);
  // A byte in a buffer is no place that an operand may name: the kernel is told of it beside.
  const from = (operand: Operand, start: number, { bytes }: Tensor) =>
    isBytes ? operand : ({ ...(operand as object), offset: start * 4, bytes: bytes - start * 4 } as Operand);
  emitter.call(isBytes ? "copyBytes" : "copy", [
    count,
    columns,
    outer.length,
    read(table),
    xStep,
    yStep,
    from(read(emitter.buffer(x)), box.xStart, x),
    from(to, box.yStart, y),
    ...(isBytes ? [box.xStart, box.yStart] : []),
  ]);
}
