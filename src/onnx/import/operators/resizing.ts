// Resize and Upsample: each axis by itself, as weighted sums of neighbours whose places and weights are reckoned here.
import { type Shape, sizeOf } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { resampled } from "../../../ops/resample.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Axis } from "../../../ops/taps.ts";
import type { Call, Operator } from "../call.ts";

/** A longer axis is none of an image, and each of its elements would be reckoned here. */
const LONGEST = 2 ** 16;

const COORDINATES = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "tf_half_pixel_for_nn",
  "align_corners",
  "asymmetric",
] as const;
const MODES = ["nearest", "linear", "cubic"] as const;
const ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

/** How one axis changes. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

interface Way {
  readonly mode: (typeof MODES)[number];
  readonly coordinates: (typeof COORDINATES)[number];
  readonly rounding: (typeof ROUNDINGS)[number];
  /** The bend of a cubic, −0.75 or what the file says. */
  readonly bend: number;
  readonly excludesOutside: boolean;
  readonly antialias: boolean;
}

/** Where element k of the result lies on the axis that was. */
function placeOf(k: number, { from, to, scale }: Change, { coordinates }: Way): number {
  if (coordinates === "asymmetric") return k / scale;
  if (coordinates === "align_corners") return to > 1 ? (k * (from - 1)) / (scale * from - 1) : 0;
  if (coordinates === "pytorch_half_pixel") return to > 1 ? (k + 0.5) / scale - 0.5 : 0;
  if (coordinates === "tf_half_pixel_for_nn") return (k + 0.5) / scale;
  const half = (k + 0.5) / scale - 0.5;
  if (coordinates === "half_pixel") return half;
  // What rounding has cut off the length is shared by both ends.
  const share = to / (scale * from);
  return (from / 2) * (1 - share) + half;
}

const nearest = (x: number, { rounding }: Way): number => {
  if (rounding === "floor") return Math.floor(x);
  if (rounding === "ceil") return Math.ceil(x);
  return rounding === "round_prefer_floor" ? Math.ceil(x - 0.5) : Math.floor(x + 0.5);
};

/** Keys 1981. */
function cubic(x: number, a: number): number {
  const z = Math.abs(x);
  if (z <= 1) return (a + 2) * z ** 3 - (a + 3) * z ** 2 + 1;
  return z < 2 ? a * z ** 3 - 5 * a * z ** 2 + 8 * a * z - 4 * a : 0;
}

/** What each element of the result takes of an axis. */
function axisOf(call: Call, change: Change, way: Way): Axis {
  const { from, to, scale } = change;
  const last = from - 1;
  const clamp = (at: number) => Math.min(Math.max(at, 0), last);
  const taps = Array.from({ length: to }, (_, k) => {
    const place = placeOf(k, change, way);
    if (way.mode === "nearest") return { first: clamp(nearest(place, way)), weights: [1] };
    // A filter made wider by as much as an image gets smaller sees every element.
    const width = way.antialias ? Math.max(1, 1 / scale) : 1;
    const reach = (way.mode === "linear" ? 1 : 2) * width;
    if (k === 0) call.reckon(2 * reach * to);
    const weights = new Map<number, number>();
    let total = 0;
    for (let at = Math.floor(place - reach) + 1; at < place + reach; at++) {
      const distance = (at - place) / width;
      const weight = way.mode === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, way.bend);
      if ((way.excludesOutside || way.antialias) && at !== clamp(at)) continue;
      total += weight;
      weights.set(clamp(at), (weights.get(clamp(at)) ?? 0) + weight);
    }
    const places = [...weights.keys()].sort((a, b) => a - b);
    const first = places[0]!;
    const count = places.at(-1)! - first + 1;
    const scaled = Array.from({ length: count }, (_, n) =>
      Math.fround((weights.get(first + n) ?? 0) / total),
    );
    return { first, weights: scaled };
  });
  return { size: from, taps };
}

/** An axis that stays as it is. */
const same = (size: number): Axis => ({
  size,
  taps: Array.from({ length: size }, (_, first) => ({ first, weights: [1] })),
});

/** Changes one axis, seen as the columns of images. */
function along(x: Tensor, axis: number, by: Axis): Tensor {
  const image = reshape(x, [
    sizeOf(x.shape.slice(0, axis)),
    1,
    x.shape[axis]!,
    sizeOf(x.shape.slice(axis + 1)),
  ]);
  return reshape(resampled(image, [same(1), by]), x.shape.with(axis, by.taps.length));
}

/** Sizes and scales of all axes, from whichever is given. */
function changesOf(call: Call, shape: Shape, axes: readonly number[], policy: string): Change[] {
  const upsample = call.node.operator === "Upsample" || call.opset < 11;
  const index = upsample ? 1 : 2;
  const given = call.has(index)
    ? [...call.numbers(index)]
    : call.node.operator === "Upsample"
      ? call.floats("scales")
      : undefined;
  const sizes = !upsample && call.has(3) ? call.list(3) : undefined;
  const scales = given && given.length > 0 ? given : undefined;
  if ((scales ?? sizes ?? []).length !== axes.length)
    throw call.fail("scales and sizes", `${scales?.length ?? sizes?.length ?? 0} of them`, `${axes.length}`);
  const ratios = sizes?.map((size, k) => size / shape[axes[k]!]!);
  const common =
    ratios && policy !== "stretch" ? (policy === "not_larger" ? Math.min : Math.max)(...ratios) : undefined;
  return shape.map((from, axis) => {
    const k = axes.indexOf(axis);
    if (k < 0) return { from, to: from, scale: 1 };
    const scale = scales ? scales[k]! : (common ?? ratios![k]!);
    const to = scales ? Math.floor(from * scale) : common ? Math.round(from * scale) : sizes![k]!;
    if (!(to >= 1 && to <= LONGEST)) throw call.fail("size", to, `1 to ${LONGEST}`);
    return { from, to, scale };
  });
}

const resize: Operator = (call) => {
  const value = call.input(0);
  const mode = call.string("mode", "nearest");
  const upsample = call.node.operator === "Upsample" || call.opset < 11;
  const way: Way = {
    mode: mode === "bilinear" ? "linear" : call.choice("mode", MODES, "nearest"),
    coordinates: call.choice(
      "coordinate_transformation_mode",
      COORDINATES,
      upsample ? "asymmetric" : "half_pixel",
    ),
    rounding: call.choice("nearest_mode", ROUNDINGS, upsample ? "floor" : "round_prefer_floor"),
    bend: call.float("cubic_coeff_a", -0.75),
    excludesOutside: call.integer("exclude_outside", 0) !== 0,
    antialias: call.integer("antialias", 0) !== 0,
  };
  const axes = call.axes(call.integers("axes", [...value.shape.keys()]), value.rank);
  const policy = call.choice("keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"], "stretch");
  const changes = changesOf(call, value.shape, axes, policy);
  const changed = changes.flatMap((each, axis) => (each.to === each.from && each.scale === 1 ? [] : [axis]));
  const isImage = value.rank === 4 && changed.every((axis) => axis >= 2);
  if (isImage) {
    const [rows, columns] = [2, 3].map((axis) => axisOf(call, changes[axis]!, way)) as [Axis, Axis];
    return call.images(resampled(value.images, [rows, columns]), value.type);
  }
  const { x, at, like } = value.lying;
  return like(changed.reduce((y, axis) => along(y, at(axis), axisOf(call, changes[axis]!, way)), x));
};

export const resizing: Readonly<Record<string, Operator>> = { Resize: resize, Upsample: resize };
