// Reductions over any axes: sum, mean, max, min, norm and argmax, each in an order fixed by the shape.
import { REDUCE_BLOCK } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { normalizeAxes, showShape, sizeOf } from "../core/shape.ts";
import {
  type Buffer,
  defineOp,
  type Emitter,
  float,
  type GradientRule,
  type Op,
  read,
  rows,
  write,
} from "../graph/op.ts";
import type { DType, Node, Tensor } from "../graph/tensor.ts";
import { div, equal, mul, neg, sqrt, square } from "./arithmetic.ts";
import { broadcastTo } from "./broadcast.ts";
import { reshape } from "./reshape.ts";

/** A tensor seen as [outer, size, inner], reduced over size. */
interface Run {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly scale: number;
}

/** Options of {@link sum}, {@link mean}, {@link max}, {@link min} and {@link norm}. */
export interface ReduceOptions {
  /** Axes to reduce, negative ones counted from the end. Default: all. */
  readonly axes?: number | readonly number[] | undefined;
  /** Keep the reduced axes with size 1. Default: false. */
  readonly keepDims?: boolean;
}

/** How threads share the outputs of a reduction. */
function outputs({ outer, inner }: Run) {
  return inner === 1 ? rows(outer, 4) : undefined;
}

function emitReduce(emitter: Emitter, kernel: string, run: Run, x: Buffer, y: Buffer): void {
  const { outer, size, inner, scale } = run;
  const cutX = inner === 1 ? rows(outer, size * 4) : undefined;
  emitter.call(kernel, [outer, size, inner, float(scale), read(x, cutX), write(y, outputs(run))]);
}

/** A sum that is long and has few results goes in two stages, so that threads share it and rounding stays small. */
function emitSum(emitter: Emitter, node: Node<Run>): void {
  const run = node.attributes;
  const x = emitter.buffer(node.inputs[0]!);
  const y = emitter.buffer(node.outputs[0]!);
  if (run.outer > 1 || run.size < 2 * REDUCE_BLOCK) {
    emitReduce(emitter, "reduceSum", run, x, y);
    return;
  }
  const blocks = Math.ceil(run.size / REDUCE_BLOCK);
  const partials = emitter.temporary("partial sums", blocks * run.inner * 4);
  const partialRows = rows(blocks, run.inner * 4);
  emitter.call("partialSum", [
    1,
    run.size,
    run.inner,
    float(1),
    read(x, rows(blocks, REDUCE_BLOCK * run.inner * 4)),
    write(partials, partialRows),
  ]);
  emitReduce(emitter, "reduceSum", { ...run, size: blocks }, partials, y);
}

const runShape = ({ outer, inner }: Run) => [outer, inner];

/** dy, seen as [outer, 1, inner], spread over [outer, size, inner]. */
function spread(dy: Tensor, { outer, size, inner }: Run): Tensor {
  if (dy.size === 1) return broadcastTo(reshape(dy, []), [outer, size, inner]);
  return broadcastTo(reshape(dy, [outer, 1, inner]), [outer, size, inner]);
}

const sumOp = defineOp<Run>({
  name: "sum",
  shape: (_, run) => ({ shape: runShape(run), dtype: "f32" }),
  gradient: ({ inputs: [x], attributes, dy }) => {
    const scaled = attributes.scale === 1 ? dy : mul(dy, attributes.scale);
    return [reshape(spread(scaled, attributes), x!.shape)];
  },
  emit: emitSum,
});

/** Shared by equal extremes, as PyTorch's amax and amin do. */
const extremeGradient: GradientRule<Run> = ({ inputs: [x], outputs: [y], attributes, dy }) => {
  const { outer, size, inner } = attributes;
  const x3 = reshape(x!, [outer, size, inner]);
  const hits = equal(x3, reshape(y!, [outer, 1, inner]));
  const count = sum(hits, { axes: 1, keepDims: true });
  return [reshape(mul(hits, div(reshape(dy, [outer, 1, inner]), count)), x!.shape)];
};

/** An op that one kernel reduces by, in one go. */
const reduceOp = (name: string, kernel: string, dtype: DType, gradient: Op<Run>["gradient"]) =>
  defineOp<Run>({
    name,
    shape: (_, run) => ({ shape: runShape(run), dtype }),
    gradient,
    emit: (emitter, { inputs: [x], outputs: [y], attributes }) =>
      emitReduce(emitter, kernel, attributes, emitter.buffer(x!), emitter.buffer(y!)),
  });
const maxOp = reduceOp("max", "reduceMax", "f32", extremeGradient);
const argmaxOp = reduceOp("argmax", "argmax", "i32", "none");

/** Reduces each run of neighbouring axes in turn, the last first. */
function reduceAxes(op: typeof sumOp, x: Tensor, options: ReduceOptions, name: string = op.name): Tensor {
  const { axes, keepDims = false } = checkOptions(name, options, { axes: 0, keepDims: 0 });
  if (x.dtype !== "f32") throw new ShapeError(`${name}: wanted an f32 tensor, got ${x.dtype}`);
  const all = normalizeAxes(name, axes, x.rank);
  const list = all.slice();
  const kept = x.shape.map((size, axis) => (list.includes(axis) ? 1 : size));
  let shape = x.shape.slice();
  let y = x;
  while (list.length > 0) {
    const last = list.pop()!;
    let start = last;
    while (list.at(-1) === start - 1) start = list.pop()!;
    const outer = sizeOf(shape.slice(0, start));
    const size = sizeOf(shape.slice(start, last + 1));
    const inner = sizeOf(shape.slice(last + 1));
    if (size > 1)
      y = x.graph.apply(op, [y], { outer, size, inner, scale: name === "mean" ? 1 / size : 1 })[0]!;
    shape = shape.map((n, axis) => (axis >= start && axis <= last ? 1 : n));
  }
  const squeezed = kept.filter((_, axis) => !all.includes(axis));
  return reshape(y, keepDims ? kept : squeezed);
}

/**
 * Sum over some axes, by default all.
 * @throws OptionError for an unknown option. @throws ShapeError for an axis that there is not.
 * @example sum(x, { axes: -1 }) // [32, 10] → [32]
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduceAxes(sumOp, x, options);
}

/**
 * Mean over some axes, by default all.
 * @example mean(square(sub(y, target)))
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduceAxes(sumOp, x, options, "mean");
}

/** Largest element over some axes, by default all; the gradient is shared by equal ones. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return reduceAxes(maxOp, x, options);
}

/** Smallest element over some axes, by default all; the gradient is shared by equal ones. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return neg(reduceAxes(maxOp, x.dtype === "f32" ? neg(x) : x, options, "min"));
}

/** Euclidean norm over some axes, by default all. Its gradient at zero is not defined and comes out as NaN. */
export function norm(x: Tensor, options: ReduceOptions = {}): Tensor {
  return sqrt(reduceAxes(sumOp, square(x), options, "norm"));
}

const sumSquaresOp = defineOp({
  name: "sumSquares",
  shape: () => ({ shape: [], dtype: "f32" }),
  gradient: ({ inputs: [x], dy }) => [mul(mul(x!, 2), dy)],
  emit(emitter, { inputs: [x], outputs: [y] }) {
    const blocks = Math.ceil(x!.size / REDUCE_BLOCK);
    const partials = emitter.temporary("sums of squares", blocks * 4);
    emitter.call("partialSquares", [
      x!.size,
      read(emitter.buffer(x!), rows(blocks, REDUCE_BLOCK * 4)),
      write(partials, rows(blocks, 4)),
    ]);
    const run = { outer: 1, size: blocks, inner: 1, scale: 1 };
    emitReduce(emitter, "reduceSum", run, partials, emitter.buffer(y!));
  },
});

/**
 * Sum of the squares of all elements, in one pass.
 * @example sqrt(sumSquares(x)) // the norm
 */
export function sumSquares(x: Tensor): Tensor {
  return x.graph.apply(sumSquaresOp, [x], undefined)[0]!;
}

/**
 * Index of the first largest element along one axis, as i32; the axis is dropped.
 * @example argmax(logits) // [32, 10] → [32]
 */
export function argmax(x: Tensor, axis = -1): Tensor {
  if (x.dtype !== "f32") throw new ShapeError(`argmax: wanted an f32 tensor, got ${x.dtype}`);
  if (x.rank === 0) throw new ShapeError(`argmax: wanted rank 1 or more, got ${showShape(x.shape)}`);
  const [at] = normalizeAxes("argmax", axis, x.rank) as [number];
  const run: Run = {
    outer: sizeOf(x.shape.slice(0, at)),
    size: x.shape[at]!,
    inner: sizeOf(x.shape.slice(at + 1)),
    scale: 1,
  };
  return reshape(x.graph.apply(argmaxOp, [x], run)[0]!, x.shape.toSpliced(at, 1));
}
