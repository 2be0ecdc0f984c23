// Convolutions and windows of pools. Weights are turned once, to the order in which our ops have them, and stored so.
import { showShape } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import {
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
} from "../../../ops/convolution.ts";
import { maxPool } from "../../../ops/max-pool.ts";
import { max, mean } from "../../../ops/reduce.ts";
import { averagePool } from "../../../ops/resample.ts";
import type { Call, Operator } from "../call.ts";
import type { Value } from "../value.ts";

type Sides = readonly [number, number];

/** Windows along the axes behind batch and channels. */
interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly Sides[];
}

const AUTO = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"] as const;

/** Sequences or images. */
function spatial(call: Call, x: Value): number {
  const axes = x.rank - 2;
  if (axes < 1) throw call.fail("input 0", x, "[batch, channels, ...]");
  if (axes > 2) throw call.unsupported(`an input of ${axes} axes behind the channels`);
  return axes;
}

/** A list of as many numbers as there are axes. */
function perAxis(call: Call, name: string, count: number, least: number): number[] {
  const list = call.integers(name, new Array<number>(count).fill(1));
  if (list.length !== count || list.some((each) => !(Number.isSafeInteger(each) && each >= least)))
    throw call.fail(`attribute ${name}`, showShape(list), `${count} of at least ${least}`);
  return list;
}

/** More padding than this lies around nothing. */
const WIDEST = 2 ** 16;

function windowsOf(call: Call, sizes: readonly number[], kernel: readonly number[]): Windows {
  const count = sizes.length;
  const stride = perAxis(call, "strides", count, 1);
  const dilation = perAxis(call, "dilations", count, 1);
  const auto = call.choice("auto_pad", AUTO, "NOTSET");
  const pads = call.integers("pads", new Array<number>(2 * count).fill(0));
  if (pads.length !== 2 * count || pads.some((each) => !(each >= 0 && each <= WIDEST)))
    throw call.fail("attribute pads", showShape(pads), `${2 * count} sizes up to ${WIDEST}`);
  const padding = sizes.map((size, axis): Sides => {
    if (auto === "NOTSET") return [pads[axis]!, pads[axis + count]!];
    if (auto === "VALID") return [0, 0];
    const span = dilation[axis]! * (kernel[axis]! - 1) + 1;
    const missing = Math.max(0, (Math.ceil(size / stride[axis]!) - 1) * stride[axis]! + span - size);
    const less = Math.floor(missing / 2);
    return auto === "SAME_UPPER" ? [less, missing - less] : [missing - less, less];
  });
  return { kernel, stride, dilation, padding };
}

/** The kernel's sizes: the attribute, if there is one, must say what the weight has. */
function kernelOf(call: Call, weight: Value): number[] {
  const own = weight.shape.slice(2);
  const said = call.integers("kernel_shape", own);
  if (said.join() !== own.join()) throw call.fail("attribute kernel_shape", showShape(said), showShape(own));
  return own;
}

/** [out, in / groups, height, width] → [height, width, in / groups, out]; of a transposed one likewise. */
const turnedWeight = (weight: Value) =>
  weight.turn([...Array.from({ length: weight.rank - 2 }, (_, k) => k + 2), 1, 0]).tensor;

/** Operands of a convolution, in our order. */
interface Operands {
  /** [batch, height, width, in] */
  readonly x: Tensor;
  /** [height, width, in / groups, out] */
  readonly kernel: Tensor;
  readonly bias?: Tensor | undefined;
}

/** Sequences or images and their weight, by the attributes of a node: two of its inputs say the sizes. */
export function convolved(
  call: Call,
  [value, weight]: readonly [Value, Value],
  { x, kernel, bias }: Operands,
): Tensor {
  const count = spatial(call, value);
  const { stride, dilation, padding } = windowsOf(call, value.shape.slice(2), kernelOf(call, weight));
  const options = { groups: call.integer("group", 1), ...(bias && { bias }) };
  const pair = (list: readonly number[]) => [list[0]!, list[1]!] as const;
  return count === 1
    ? convolution1d(x, kernel, {
        ...options,
        stride: stride[0]!,
        dilation: dilation[0]!,
        padding: padding[0]!,
      })
    : convolution2d(x, kernel, {
        ...options,
        stride: pair(stride),
        dilation: pair(dilation),
        padding: [padding[0]!, padding[1]!],
      });
}

/** The weight of a convolution of a value, checked. */
export function kernelFor(call: Call, x: Value, weight: Value): Tensor {
  if (weight.rank !== x.rank || x.rank < 3) throw call.fail("weight", weight, `rank ${x.rank}, at least 3`);
  return turnedWeight(weight);
}

const convolution: Operator = (call) => {
  const [x, weight] = [call.input(0), call.input(1)];
  const kernel = kernelFor(call, x, weight);
  const bias = call.has(2) ? call.tensor(2) : undefined;
  return call.images(convolved(call, [x, weight], { x: x.images, kernel, bias }));
};

/** Padding of a transposed convolution, and elements more at the end, from attributes that say either of them. */
function transposedPadding(call: Call, sizes: readonly number[], windows: Windows) {
  const { stride, dilation, kernel } = windows;
  const extra = call.integers(
    "output_padding",
    sizes.map(() => 0),
  );
  const wanted = call.integers("output_shape");
  const auto = call.choice("auto_pad", AUTO, "NOTSET");
  const around = sizes.map((size, axis) => {
    const full = (size - 1) * stride[axis]! + dilation[axis]! * (kernel[axis]! - 1) + 1;
    const more = extra[axis] ?? 0;
    const same = auto.startsWith("SAME") ? size * stride[axis]! : undefined;
    const length = (wanted?.length === sizes.length ? wanted : wanted?.slice(2))?.[axis] ?? same;
    if (length === undefined) return { sides: windows.padding[axis]!, more };
    const total = full + more - length;
    if (total < 0) return { sides: [0, 0] as const, more: more - total };
    const less = Math.floor(total / 2);
    return { sides: (auto === "SAME_UPPER" ? [less, total - less] : [total - less, less]) as Sides, more };
  });
  return { padding: around.map(({ sides }) => sides), outputPadding: around.map(({ more }) => more) };
}

const transposed: Operator = (call) => {
  const [x, weight] = [call.input(0), call.input(1)];
  const count = spatial(call, x);
  const kernel = kernelFor(call, x, weight);
  const sizes = x.shape.slice(2);
  const windows = windowsOf(call, sizes, kernelOf(call, weight));
  const { stride, dilation } = windows;
  const { padding, outputPadding } = transposedPadding(call, sizes, windows);
  const options = { groups: call.integer("group", 1), ...(call.has(2) && { bias: call.tensor(2) }) };
  const pair = (list: readonly number[]) => [list[0]!, list[1]!] as const;
  return call.images(
    count === 1
      ? convolution1dTranspose(x.images, kernel, {
          ...options,
          stride: stride[0]!,
          dilation: dilation[0]!,
          padding: padding[0]!,
          outputPadding: outputPadding[0]!,
        })
      : convolution2dTranspose(x.images, kernel, {
          ...options,
          stride: pair(stride),
          dilation: pair(dilation),
          padding: [padding[0]!, padding[1]!],
          outputPadding: pair(outputPadding),
        }),
  );
};

const pool =
  (isMax: boolean): Operator =>
  (call) => {
    const x = call.input(0);
    const count = spatial(call, x);
    if (isMax && call.wants(1)) throw call.unsupported("the output of indices");
    if (call.integer("storage_order", 0) !== 0) throw call.unsupported("storage_order 1");
    const kernel = perAxis(call, "kernel_shape", count, 1);
    const { stride, dilation, padding } = windowsOf(call, x.shape.slice(2), kernel);
    for (const [axis, size] of x.shape.slice(2).entries())
      call.reckon(kernel[axis]! * Math.ceil((size + padding[axis]![0] + padding[axis]![1]) / stride[axis]!));
    const options = { stride, padding, ceilMode: call.integer("ceil_mode", 0) !== 0 };
    if (isMax) return call.images(maxPool(x.images, kernel, { ...options, dilation }), x.type);
    if (dilation.some((step) => step > 1)) throw call.unsupported("an average with dilations");
    const countPadding = call.integer("count_include_pad", 0) !== 0;
    return call.images(averagePool(x.images, kernel, { ...options, countPadding }), x.type);
  };

/** One number a channel. */
const global =
  (reduce: typeof mean): Operator =>
  (call) => {
    const { x, like } = call.input(0).asImages;
    if (x.rank < 3) throw call.fail("input 0", call.input(0), "[batch, channels, ...]");
    const axes = Array.from({ length: x.rank - 2 }, (_, k) => k + 1);
    return like(reduce(x, { axes, keepDims: true }));
  };

export const convolutions: Readonly<Record<string, Operator>> = {
  Conv: convolution,
  ConvTranspose: transposed,
  MaxPool: pool(true),
  AveragePool: pool(false),
  GlobalAveragePool: global(mean),
  GlobalMaxPool: global(max),
};
