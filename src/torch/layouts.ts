// How PyTorch names and lays out what a layer owns: for each of its tensors the places in ours that its numbers have.
import type { Shape } from "../core/shape.ts";
import type { Segment } from "../nn/weights.ts";
import type { Views } from "./views.ts";

/** Some of a tensor's numbers, row after row as PyTorch has them, and where each lies in a parameter of ours. */
interface Piece {
  readonly segment: Segment;
  readonly from: number;
  /** PyTorch's axes, images' taken apart, and the step that each makes in ours. */
  readonly sizes: Shape;
  readonly strides: readonly number[];
}

/** One of PyTorch's tensors. */
export interface Entry {
  readonly name: string;
  readonly shape: Shape;
  /** One behind the other along its first axis; none: what is counted and never used, written as 0. */
  readonly pieces: readonly Piece[];
  /** Its numbers are a second summand of a parameter: 0 when written, added when read. */
  readonly added?: boolean;
}

/** The parts of one layer by their names: weight, bias, … */
export type Parts = ReadonlyMap<string, Segment>;

/** The places in ours of a piece's numbers, in PyTorch's order. */
export function placesOf({ from, sizes, strides }: Piece): Uint32Array {
  let places = Uint32Array.of(from);
  for (const [axis, size] of sizes.entries()) {
    const next = new Uint32Array(places.length * size);
    for (const [i, place] of places.entries())
      for (let k = 0; k < size; k++) next[i * size + k] = place + k * strides[axis]!;
    places = next;
  }
  return places;
}

const product = (shape: Shape) => shape.reduce((size, each) => size * each, 1);
const stepsOf = (shape: Shape) => shape.map((_, axis) => product(shape.slice(axis + 1)));

/** As it lies. */
const same = (segment: Segment): Piece => ({
  segment,
  from: 0,
  sizes: segment.shape,
  strides: stepsOf(segment.shape),
});

/** An axis that is images laid flat: channels go first. Else the axis itself. */
function opened(size: number, step: number, image: Shape | undefined): [number, number][] {
  if (!image) return [[size, step]];
  const steps = stepsOf(image);
  const axes = image.map((each, axis): [number, number] => [each, steps[axis]! * step]);
  return [axes.at(-1)!, ...axes.slice(0, -1)];
}

/** Weights [..., in, out] as [out, in, ...], vectors as they are; of some columns only. */
function turned(segment: Segment, { rows, columns }: Views, from = 0, to = segment.shape.at(-1)!): Piece {
  const { shape, name } = segment;
  const steps = stepsOf(shape);
  const last = shape.length - 1;
  const axes = [
    ...opened(to - from, 1, columns.get(name)),
    ...(last > 0 ? opened(shape[last - 1]!, steps[last - 1]!, rows.get(name)) : []),
    ...shape.slice(0, Math.max(last - 1, 0)).map((size, axis): [number, number] => [size, steps[axis]!]),
  ];
  return { segment, from, sizes: axes.map(([size]) => size), strides: axes.map(([, stride]) => stride) };
}

/** [out, in, ...] of [..., in, out]. */
const turnedShape = (shape: Shape): Shape => [...shape.slice(-2).reverse(), ...shape.slice(0, -2)];

/** What normalizations call theirs. */
const NORMS: ReadonlyMap<string, string> = new Map([
  ["scale", "weight"],
  ["offset", "bias"],
  ["mean", "running_mean"],
  ["variance", "running_var"],
]);

/** What goes into a product; anything else of several axes is as it is. */
const WEIGHTS: ReadonlySet<string> = new Set(["weight", "depthwise", "pointwise"]);

/** The tensors of a recurrence: layer k of a stack, in one direction. */
function recurrent(parts: Parts, views: Views, suffix: string): Entry[] {
  const entry = (name: string, part: Segment | undefined, added = false): Entry[] =>
    part
      ? [{ name: name + suffix, shape: turnedShape(part.shape), pieces: [turned(part, views)], added }]
      : [];
  const bias = parts.get("bias");
  return [
    ...entry("weight_ih", parts.get("weight")),
    ...entry("weight_hh", parts.get("recurrentWeight")),
    ...entry("bias_ih", bias),
    // Where nothing stands between them, ours is the sum of both.
    ...entry("bias_hh", parts.get("recurrentBias") ?? bias, !parts.has("recurrentBias")),
  ];
}

function attention(parts: Parts, views: Views): Entry[] {
  const joined = (name: string, segments: (Segment | undefined)[]): Entry[] => {
    const there = segments.filter((each) => each !== undefined);
    const [first] = there;
    if (!first) return [];
    const rows = there.reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
    const pieces = there.map((each) => turned(each, views));
    return [{ name, shape: [rows, ...turnedShape(first.shape).slice(1)], pieces }];
  };
  const [query, context] = [parts.get("query.weight"), parts.get("context.weight")];
  const apart = query && context && query.shape[0] !== context.shape[0];
  const columns = (name: string, part: Segment, from: number, to: number): Entry => ({
    name,
    shape: [to - from, part.shape[0]!],
    pieces: [turned(part, views, from, to)],
  });
  const keys = query?.shape[1] ?? 0;
  return [
    ...(apart
      ? [
          columns("q_proj_weight", query, 0, keys),
          columns("k_proj_weight", context, 0, keys),
          columns("v_proj_weight", context, keys, context.shape[1]!),
        ]
      : joined("in_proj_weight", [parts.get("projection.weight"), query, context])),
    ...joined("in_proj_bias", [
      parts.get("projection.bias"),
      parts.get("query.bias"),
      parts.get("context.bias"),
    ]),
    ...joined("out_proj.weight", [parts.get("output.weight")]),
    ...joined("out_proj.bias", [parts.get("output.bias")]),
  ];
}

/** What a layer owns, by PyTorch's names without the module's. `layer` counts the layers of a stack of recurrences. */
export function entriesOf(parts: Parts, reverse: Parts | undefined, views: Views, layer: number): Entry[] {
  if (parts.has("recurrentWeight")) {
    return [
      ...recurrent(parts, views, `_l${layer}`),
      ...(reverse ? recurrent(reverse, views, `_l${layer}_reverse`) : []),
    ];
  }
  if (parts.has("output.weight")) return attention(parts, views);
  const entries = [...parts].map(([part, segment]): Entry => {
    const separable = parts.has("depthwise") && (part === "bias" ? "pointwise.bias" : `${part}.weight`);
    const name = separable || (!parts.has("weight") && NORMS.get(part)) || part;
    const turns = segment.shape.length === 1 || WEIGHTS.has(part);
    return turns && !views.tables.has(segment.name)
      ? { name, shape: turnedShape(segment.shape), pieces: [turned(segment, views)] }
      : { name, shape: segment.shape, pieces: [same(segment)] };
  });
  if (parts.has("mean")) entries.push({ name: "num_batches_tracked", shape: [], pieces: [] });
  return entries;
}
