// Reductions, softmax and normalizations.
import type { Node, Tensor } from "../../graph/tensor.ts";
import { float, INT32, INT64, type Value } from "./graph.ts";
import { equal, fixed, product, type Size, type Sizes } from "./sizes.ts";
import { type Exporter, firstAxes, type Translation } from "./translation.ts";

/** A tensor seen as [outer, size, inner], reduced over size. */
interface Run {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly scale: number;
}

/** The axes that a run is over, or undefined where they are none of the tensor. */
function axesOf(sizes: Sizes, outer: Size, size: Size): number[] | undefined {
  for (let from = 0; from < sizes.length; from++)
    for (let to = from + 1; to <= sizes.length; to++)
      if (equal(product(sizes.slice(0, from)), outer) && equal(product(sizes.slice(from, to)), size))
        return Array.from({ length: to - from }, (_, k) => from + k);
  return undefined;
}

/** Writes a reduction over the axes of x that it is over, or over the middle one of [outer, size, inner]. */
function reduced(
  to: Translation,
  [node, twin]: readonly [Node<Run>, Node<Run>],
  write: (x: Value, axes: readonly number[]) => Value,
  most = Number.POSITIVE_INFINITY,
): void {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const { graph } = to;
  const part = (name: "outer" | "size" | "inner"): Size => [node.attributes[name], twin.attributes[name]];
  const found = axesOf(to.sizes(x), part("outer"), part("size"));
  const axes = found && found.length <= most ? found : undefined;
  const places = firstAxes(x.rank);
  // With channels first, what is left must lie in the order in which it would without.
  const left = places.filter((axis) => !axes?.includes(axis));
  const isFirst = to.wantsFirst([x], x.rank) && left.every((axis, k) => k === 0 || left[k - 1]! < axis);
  const value = !axes
    ? write(graph.reshape(to.last(x), [part("outer"), part("size"), part("inner")]), [1])
    : isFirst
      ? write(
          to.first(x),
          places.flatMap((axis, place) => (axes.includes(axis) ? [place] : [])),
        )
      : write(to.last(x), axes);
  to.set(y, graph.reshape(value, to.sizes(y)));
}

/** An op over the last axis. */
const overLast =
  (type: string): Exporter =>
  (to, node) => {
    const { rank } = node.outputs[0]!;
    const axis = to.wantsFirst(node.inputs, rank) ? 1 : rank - 1;
    to.inOrder(node, (x, _, sizes) => to.graph.add(type, [x], sizes, { axis }));
  };

/** Numbers of a value multiplied and moved, where that changes them. */
function affine(to: Translation, x: Value, scale: Value, offset: Value | undefined): Value {
  const { graph } = to;
  const changes = (value: Value | undefined, neutral: number) =>
    value && !value.numbers?.every((number: number | bigint) => number === neutral);
  const multiplied = changes(scale, 1) ? graph.add("Mul", [x, scale], x.sizes) : x;
  return changes(offset, 0) ? graph.add("Add", [multiplied, offset], x.sizes) : multiplied;
}

/** What a normalization of rows is: with the mean taken away or not. */
interface RowNorm {
  /** Of the last axes. */
  readonly scale: Value;
  readonly offset: Value | undefined;
  readonly centered: boolean;
  readonly epsilon: number;
}

/** A layer or RMS normalization over the last axes, as many as the scale has. */
export function normalizedRows(
  to: Translation,
  x: Value,
  { scale, offset, centered, epsilon }: RowNorm,
): Value {
  const { graph } = to;
  const { sizes } = x;
  const axis = sizes.length - scale.sizes.length;
  if (centered)
    return graph.add("LayerNormalization", [x, scale, offset], sizes, { axis, epsilon: float(epsilon) });
  const axes = scale.sizes.map((_, k) => axis + k);
  const mean = graph.reduce("ReduceMean", graph.add("Mul", [x, x], sizes), axes, true);
  const variance = graph.add("Add", [mean, graph.number(epsilon)], mean.sizes);
  const root = graph.add("Sqrt", [variance], mean.sizes);
  return affine(to, graph.add("Div", [x, root], sizes), scale, offset);
}

export const reductions: Readonly<Record<string, Exporter>> = {
  sum(to, node, twin) {
    const { graph } = to;
    const { scale, size } = node.attributes as Run;
    reduced(to, [node, twin], (x, axes) => {
      if (scale !== 1 && Math.abs(scale * size - 1) < 1e-6) return graph.reduce("ReduceMean", x, axes);
      const y = graph.reduce("ReduceSum", x, axes);
      return scale === 1 ? y : graph.add("Mul", [y, graph.number(scale)], y.sizes);
    });
  },

  max: (to, node, twin) => reduced(to, [node, twin], (x, axes) => to.graph.reduce("ReduceMax", x, axes)),

  argmax(to, node, twin) {
    const { graph } = to;
    const write = (x: Value, [axis]: readonly number[]) => {
      const sizes = x.sizes.filter((_, k) => k !== axis);
      return graph.cast(
        graph.add("ArgMax", [x], sizes, { axis: axis!, keepdims: 0 }, { type: INT64 }),
        INT32,
      );
    };
    reduced(to, [node, twin], write, 1);
  },

  sumSquares(to, { inputs: [x], outputs: [y] }) {
    to.set(y!, to.graph.add("ReduceSumSquare", [to.last(x!)], [], { keepdims: 0 }));
  },

  softmax: overLast("Softmax"),
  logSoftmax: overLast("LogSoftmax"),

  rowNorm(to, { inputs: [x, scale, offset], outputs: [y], attributes }) {
    const run = attributes as { centered: boolean; epsilon: number };
    const factors = { scale: to.last(scale!), offset: offset && to.last(offset) };
    to.set(y!, normalizedRows(to, to.last(x!), { ...run, ...factors }));
  },

  // Groups of neighbouring channels of each of `outer`: instances, under another shape.
  channelNorm(to, node, twin) {
    const [x, scale, offset] = node.inputs as [Tensor, Tensor, Tensor];
    const { graph } = to;
    const { outer, channels, width, epsilon } = node.attributes as Record<
      "outer" | "channels" | "width" | "epsilon",
      number
    >;
    const rows: Size = [outer, twin.attributes.outer];
    const isWhole = equal(to.sizes(x)[0]!, rows) && x.rank > 2;
    const all: Size = [node.attributes.size, twin.attributes.size];
    const from = isWhole
      ? to.first(x)
      : graph.transpose(graph.reshape(to.last(x), [rows, all, fixed(channels)]), [0, 2, 1]);
    const groups = channels / width;
    const grouped = graph.reshape(from, [rows, fixed(groups), [all[0] * width, all[1] * width]]);
    const ones = (value: number) => graph.constant(new Float32Array(groups).fill(value), [groups]);
    const own = width === 1;
    const parameters = own ? [to.last(scale), to.last(offset)] : [ones(1), ones(0)];
    const normed = graph.reshape(
      graph.add("InstanceNormalization", [grouped, ...parameters], grouped.sizes, {
        epsilon: float(epsilon),
      }),
      from.sizes,
    );
    const column = (value: Value) =>
      graph.reshape(value, [fixed(channels), ...from.sizes.slice(2).map(() => fixed(1))]);
    const value = own ? normed : affine(to, normed, column(to.last(scale)), column(to.last(offset)));
    if (isWhole) to.setFirst(node.outputs[0]!, value);
    else to.set(node.outputs[0]!, graph.reshape(graph.transpose(value, [0, 2, 1]), to.sizes(x)));
  },
};
