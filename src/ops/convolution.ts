// Convolutions of images and sequences, channels last: what is asked for is checked here and said in ops.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { forward, imageOf, sizesOf, transposed } from "./convolution-ops.ts";
import { matmul } from "./matmul.ts";
import { type PaddingMode, padImages } from "./padding.ts";
import { reshape } from "./reshape.ts";
import {
  aroundOf,
  countOf,
  type Padding1d,
  type Padding2d,
  type Pair,
  pairOf,
  spanOf,
  widthsOf,
  windowsOf,
} from "./window.ts";

interface CommonOptions {
  /** Input and output channels fall into so many groups that do not meet. Default: 1. */
  readonly groups?: number;
  /** Added to every pixel: [out]. Default: none. */
  readonly bias?: Tensor;
}

/** Options of {@link convolution2d}. */
export interface Convolution2dOptions extends CommonOptions {
  /** Pixels from one window to the next. Default: 1. */
  readonly stride?: Pair;
  /** Pixels from one tap to the next. Default: 1. */
  readonly dilation?: Pair;
  /** Default: "valid". */
  readonly padding?: Padding2d;
  /** What the padding holds. Default: "zeros". */
  readonly paddingMode?: PaddingMode;
}

/** Options of {@link convolution1d}. */
export interface Convolution1dOptions extends CommonOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly padding?: Padding1d;
  readonly paddingMode?: PaddingMode;
}

const COMMON = { stride: 0, dilation: 0, padding: 0, groups: 0, bias: 0 } as const;
const FORWARD = { ...COMMON, paddingMode: 0 } as const;
const TRANSPOSED = { ...COMMON, outputPadding: 0 } as const;

/** Checks what every convolution wants of its operands. */
function checkOperands(
  what: string,
  { x, weight, bias }: Record<"x" | "weight", Tensor> & { bias: Tensor | undefined },
  rank: number,
): void {
  if (x.rank !== rank || weight.rank !== rank) {
    const form = rank === 4 ? "[batch, height, width, channels]" : "[batch, length, channels]";
    throw new ShapeError(
      `${what}: wanted ${form} and a weight of rank ${rank}, got ${showShape(x.shape)} and ${showShape(weight.shape)}`,
    );
  }
  if ([x, weight, bias].some((each) => each && each.dtype !== "f32"))
    throw new ShapeError(`${what}: wanted f32 operands, got i32`);
}

function checkGroups(what: string, groups: number, channels: number, name: string): void {
  if (channels % groups !== 0) {
    throw new ShapeError(
      `${what}: groups must divide the ${name} channels: got ${groups} groups of ${channels}`,
    );
  }
}

function checkBias(what: string, bias: Tensor | undefined, n: number): void {
  if (bias && (bias.rank !== 1 || bias.shape[0] !== n))
    throw new ShapeError(`${what}: bias has shape ${showShape(bias.shape)}, wanted [${n}]`);
}

/** Channels k · times … of the result are channel k of x. */
function repeatChannels(x: Tensor, times: number): Tensor {
  return reshape(broadcastTo(reshape(x, [...x.shape, 1]), [...x.shape, times]), [
    ...x.shape.slice(0, -1),
    x.shape.at(-1)! * times,
  ]);
}

/**
 * Convolution, as networks mean it (the kernel is not flipped): [batch, height, width, in] with a weight
 * [kernel height, kernel width, in / groups, out] → [batch, ⌊(height + padding − span) / stride⌋ + 1, …, out],
 * where a kernel spans dilation · (size − 1) + 1 pixels.
 * @throws ShapeError where ranks or channels do not fit, the kernel is larger than the padded input, or a reflection
 * wider than it.
 * @throws OptionError for options that are no sizes.
 * @example convolution2d(images, kernel, { stride: 2, padding: "same" })
 */
export function convolution2d(x: Tensor, weight: Tensor, options: Convolution2dOptions = {}): Tensor {
  return convolve("convolution2d", x, weight, options);
}

/**
 * Convolution along one axis: [batch, length, in] with a weight [kernel, in / groups, out] → [batch, length', out].
 * See convolution2d.
 * @example convolution1d(sequences, filters, { padding: [2, 0], dilation: 1 })
 */
export function convolution1d(x: Tensor, weight: Tensor, options: Convolution1dOptions = {}): Tensor {
  checkOperands("convolution1d", { x, weight, bias: options.bias }, 3);
  const { stride, dilation, padding } = checkOptions("convolution1d", options, FORWARD);
  const y = convolve("convolution1d", reshape(x, asImage(x)), reshape(weight, [1, ...weight.shape]), {
    ...options,
    ...(stride !== undefined && { stride: alongWidth(stride, 1) }),
    ...(dilation !== undefined && { dilation: alongWidth(dilation, 1) }),
    ...(padding !== undefined && { padding: paddedWidth(padding) }),
  });
  return reshape(y, [y.shape[0]!, y.shape[2]!, y.shape[3]!]);
}

const asImage = ({ shape }: Tensor) => [shape[0]!, 1, shape[1]!, shape[2]!];
const alongWidth = (n: number, other: number) => [other, n] as const;
const paddedWidth = (padding: Padding1d): Padding2d => (typeof padding === "string" ? padding : [0, padding]);

function convolve(what: string, x: Tensor, weight: Tensor, options: Convolution2dOptions): Tensor {
  const { padding = "valid", paddingMode = "zeros", bias } = checkOptions(what, options, FORWARD);
  checkOperands(what, { x, weight, bias }, 4);
  const stride = pairOf(what, "stride", options.stride ?? 1);
  const dilation = pairOf(what, "dilation", options.dilation ?? 1);
  const groups = countOf(what, "groups", options.groups ?? 1);
  const [height, width, groupChannels, n] = sizesOf(weight);
  const channels = x.shape[3]!;
  checkGroups(what, groups, channels, "input");
  checkGroups(what, groups, n, "output");
  if (channels / groups !== groupChannels) {
    throw new ShapeError(
      `${what}: channels differ: an input ${showShape(x.shape)} in ${groups} groups, a weight ${showShape(weight.shape)} (${channels / groups} ≠ ${groupChannels})`,
    );
  }
  checkBias(what, bias, n);
  const span = [spanOf(height, dilation[0]), spanOf(width, dilation[1])] as const;
  const image = imageOf(x);
  const sizes = { size: image, span, stride };
  const widths = widthsOf(aroundOf(what, padding, { count: 2 }), sizes);
  const size = windowsOf(what, widths, sizes);
  if (!["zeros", "reflect", "edge"].includes(paddingMode)) {
    throw new OptionError(
      `${what}: paddingMode: got ${JSON.stringify(paddingMode)}, wanted "zeros", "reflect" or "edge"`,
    );
  }
  const isPadded = widths.flat().some((pixels) => pixels > 0);
  if (isPadded && paddingMode !== "zeros") {
    const surrounded = padImages(what, x, widths, paddingMode);
    return convolve(what, surrounded, weight, { ...options, padding: "valid" });
  }
  if (height * width === 1 && groups === 1 && !isPadded && Math.max(...stride) === 1) {
    return matmul(x, reshape(weight, [channels, n]), bias);
  }
  const before = [widths[0]![0], widths[1]![0]] as const;
  // Several outputs of one channel by itself are those of as many channels alike.
  const times = groups === channels && groups > 1 ? n / channels : 1;
  const source = times > 1 ? repeatChannels(x, times) : x;
  return forward([source, weight, bias], { stride, dilation, before, groups: groups * times }, size);
}

/** Options of {@link convolution2dTranspose}. */
export interface Convolution2dTransposeOptions extends CommonOptions {
  readonly stride?: Pair;
  readonly dilation?: Pair;
  /** Taken off the result. Default: "valid", nothing; "same" gives size · stride. */
  readonly padding?: Padding2d;
  /** Pixels more at the end of each axis; fewer than the stride or the dilation. Default: 0. */
  readonly outputPadding?: Pair;
}

/** Options of {@link convolution1dTranspose}. */
export interface Convolution1dTransposeOptions extends CommonOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly padding?: Padding1d;
  readonly outputPadding?: number;
}

/**
 * Transposed convolution, the gradient of a convolution with respect to its input: [batch, height, width, in] with a
 * weight [kernel height, kernel width, out / groups, in] → [batch, (height − 1) · stride + span + outputPadding −
 * padding, …, out].
 * @throws ShapeError where ranks or channels do not fit, or nothing is left of the result.
 * @throws OptionError for options that are no sizes.
 * @example convolution2dTranspose(convolution2d(images, kernel, { stride: 2 }), kernel, { stride: 2 })
 */
export function convolution2dTranspose(
  x: Tensor,
  weight: Tensor,
  options: Convolution2dTransposeOptions = {},
): Tensor {
  return transposeOf("convolution2dTranspose", x, weight, options);
}

/**
 * Transposed convolution along one axis: [batch, length, in] with a weight [kernel, out / groups, in] →
 * [batch, length', out]. See convolution2dTranspose.
 * @example convolution1dTranspose(convolution1d(sequences, filters), filters)
 */
export function convolution1dTranspose(
  x: Tensor,
  weight: Tensor,
  options: Convolution1dTransposeOptions = {},
): Tensor {
  checkOperands("convolution1dTranspose", { x, weight, bias: options.bias }, 3);
  const { stride, dilation, padding, outputPadding } = checkOptions(
    "convolution1dTranspose",
    options,
    TRANSPOSED,
  );
  const y = transposeOf(
    "convolution1dTranspose",
    reshape(x, asImage(x)),
    reshape(weight, [1, ...weight.shape]),
    {
      ...options,
      ...(stride !== undefined && { stride: alongWidth(stride, 1) }),
      ...(dilation !== undefined && { dilation: alongWidth(dilation, 1) }),
      ...(padding !== undefined && { padding: paddedWidth(padding) }),
      outputPadding: alongWidth(outputPadding ?? 0, 0),
    },
  );
  return reshape(y, [y.shape[0]!, y.shape[2]!, y.shape[3]!]);
}

function transposeOf(
  what: string,
  x: Tensor,
  weight: Tensor,
  options: Convolution2dTransposeOptions,
): Tensor {
  const { padding = "valid", bias } = checkOptions(what, options, TRANSPOSED);
  checkOperands(what, { x, weight, bias }, 4);
  const stride = pairOf(what, "stride", options.stride ?? 1);
  const dilation = pairOf(what, "dilation", options.dilation ?? 1);
  const extra = pairOf(what, "outputPadding", options.outputPadding ?? 0, 0);
  const groups = countOf(what, "groups", options.groups ?? 1);
  const [height, width, groupChannels, channels] = sizesOf(weight);
  checkGroups(what, groups, x.shape[3]!, "input");
  if (channels !== x.shape[3]) {
    throw new ShapeError(
      `${what}: channels differ: ${showShape(x.shape)} and a weight ${showShape(weight.shape)} (${x.shape[3]} ≠ ${channels})`,
    );
  }
  checkBias(what, bias, groupChannels * groups);
  const span = [spanOf(height, dilation[0]), spanOf(width, dilation[1])] as const;
  const image = imageOf(x);
  const same = image.map((n, axis) => n * stride[axis]!) as unknown as typeof image;
  const around = aroundOf(what, padding, { count: 2 });
  const widths = widthsOf(around, { size: same, span, stride });
  const size = image.map((n, axis) =>
    padding === "same"
      ? same[axis]!
      : (n - 1) * stride[axis]! + span[axis]! - widths[axis]![0] - widths[axis]![1] + extra[axis]!,
  ) as unknown as typeof image;
  for (const axis of [0, 1] as const) {
    if (extra[axis] > 0 && (padding === "same" || extra[axis] >= Math.max(stride[axis], dilation[axis]))) {
      throw new ShapeError(
        `${what}: outputPadding must be smaller than the stride or the dilation, and 0 beside "same": got ${showShape(extra)}`,
      );
    }
  }
  if (size.some((n) => n < 1)) {
    throw new ShapeError(`${what}: the padding leaves nothing of the result: got ${showShape(size)}`);
  }
  const before = [widths[0]![0], widths[1]![0]] as const;
  return transposed([x, weight, bias], { stride, dilation, before, groups }, size);
}
