// Layers that convolve: over images [batch, height, width, channels] and sequences [batch, length, channels].
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Initializer, Tensor } from "../graph/tensor.ts";
import type { ActivationName } from "../ops/activation.ts";
import {
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
} from "../ops/convolution.ts";
import type { PaddingMode } from "../ops/padding.ts";
import { countOf, type Padding1d, type Padding2d, type Pair, pairOf } from "../ops/window.ts";
import { zeros } from "./initializers.ts";
import { activationOf, defineLayer, type Layer } from "./layer.ts";
import { startOf } from "./layers.ts";

interface CommonOptions {
  /** Applied to the result, by name or as a function. Default: none. */
  readonly activation?: ActivationName | ((x: Tensor) => Tensor);
  /** Whether a bias is added. Default: true. */
  readonly bias?: boolean;
  /** What the weight starts from. Default: heNormal before ReLU and its kin, else glorotUniform. */
  readonly initializer?: Initializer;
  readonly name?: string;
}

interface Along<Numbers, Padding> extends CommonOptions {
  /** Pixels from one window to the next. Default: 1. */
  readonly stride?: Numbers;
  /** Pixels from one tap to the next. Default: 1. */
  readonly dilation?: Numbers;
  /** Default: "valid", none. */
  readonly padding?: Padding;
}

interface Padded<Numbers, Padding> extends Along<Numbers, Padding> {
  /** What the padding holds. Default: "zeros". */
  readonly paddingMode?: PaddingMode;
}

interface Grouped<Numbers, Padding> extends Padded<Numbers, Padding> {
  /** Input and output channels fall into so many groups that do not meet. Default: 1. */
  readonly groups?: number;
}

interface Transposed<Numbers, Padding> extends Along<Numbers, Padding> {
  /** Pixels more at the end of each axis; fewer than the stride or the dilation. Default: 0. */
  readonly outputPadding?: Numbers;
  readonly groups?: number;
}

/** Options of {@link conv2d}. */
export interface Conv2dOptions extends Grouped<Pair, Padding2d> {}
/** Options of {@link conv1d}. */
export interface Conv1dOptions extends Grouped<number, Padding1d> {}
/** Options of {@link conv2dTranspose}. */
export interface Conv2dTransposeOptions extends Transposed<Pair, Padding2d> {}
/** Options of {@link conv1dTranspose}. */
export interface Conv1dTransposeOptions extends Transposed<number, Padding1d> {}
/** Options of {@link depthwiseConv2d} and {@link separableConv2d}. */
export interface DepthwiseConv2dOptions extends Padded<Pair, Padding2d> {
  /** Outputs of each channel. Default: 1. */
  readonly multiplier?: number;
}

const COMMON = { activation: 0, bias: 0, initializer: 0, name: 0 } as const;
const ALONG = { ...COMMON, stride: 0, dilation: 0, padding: 0 } as const;
const GROUPED = { ...ALONG, paddingMode: 0, groups: 0 } as const;
const TRANSPOSED = { ...ALONG, outputPadding: 0, groups: 0 } as const;
const DEPTHWISE = { ...ALONG, paddingMode: 0, multiplier: 0 } as const;

/** What all of these layers do: parameters of known shapes, an op, an activation. */
interface Convolution<Options extends CommonOptions & { readonly groups?: number }> {
  readonly kind: string;
  readonly rank: number;
  readonly filters: number;
  readonly options: Options;
  readonly known: OptionNames<Options>;
  /** The weight's shape for so many input channels of a group and of all. */
  shape(groupChannels: number, channels: number): readonly number[];
  apply(x: Tensor, weight: Tensor, options: Options & { bias?: Tensor }): Tensor;
}

function convolutionLayer<Options extends CommonOptions & { readonly groups?: number }>(
  layer: Convolution<Options>,
): Layer {
  const { kind, rank, filters, known, shape, apply } = layer;
  const options = checkOptions<Options>(kind, layer.options, known);
  const { activation, bias = true, initializer, name: given, ...rest } = options;
  const groups = countOf(kind, "groups", options.groups ?? 1);
  countOf(kind, "filters", filters);
  if (filters % groups !== 0)
    throw new OptionError(`${kind}: groups: wanted a divisor of ${filters} filters, got ${groups}`);
  const act = activation && activationOf(kind, activation);
  const start = startOf(activation, initializer);
  return defineLayer(
    kind,
    (x, { name, parameter }) => {
      const channels = channelsOf(name, x, rank);
      if (channels % groups !== 0) {
        throw new ShapeError(
          `${name}: groups must divide the input channels: got ${groups} groups of ${channels}`,
        );
      }
      const weight = parameter("weight", shape(channels / groups, channels), start);
      const own = rest as unknown as Options & { bias?: Tensor };
      const y = apply(x, weight, bias ? { ...own, bias: parameter("bias", [filters], zeros) } : own);
      return act ? act(y) : y;
    },
    given,
  );
}

function channelsOf(name: string, x: Tensor, rank: number): number {
  if (x.rank !== rank) {
    const form = rank === 4 ? "[batch, height, width, channels]" : "[batch, length, channels]";
    throw new ShapeError(`${name}: wanted ${form}, got ${showShape(x.shape)}`);
  }
  return x.shape[rank - 1]!;
}

/**
 * Convolution of images: [batch, height, width, in] → [batch, height', width', filters], with a weight
 * [kernel height, kernel width, in / groups, filters]. Without padding unless asked for, as in Keras and PyTorch.
 * @throws OptionError for sizes that are no positive integers, and an unknown activation.
 * @throws ShapeError where the input has another rank, groups do not divide its channels, or the kernel is larger
 * than the padded input.
 * @example conv2d(16, 3, { padding: "same", activation: "relu" })
 */
export function conv2d(filters: number, kernelSize: Pair, options: Conv2dOptions = {}): Layer {
  const kernel = pairOf("conv2d", "kernelSize", kernelSize);
  const shape = (groupChannels: number) => [...kernel, groupChannels, filters];
  return convolutionLayer({
    kind: "conv2d",
    known: GROUPED,
    rank: 4,
    filters,
    options,
    shape,
    apply: convolution2d,
  });
}

/**
 * Convolution of sequences: [batch, length, in] → [batch, length', filters], with a weight
 * [kernelSize, in / groups, filters]. Otherwise as conv2d.
 * @example conv1d(16, 5, { stride: 2, activation: "relu" })
 */
export function conv1d(filters: number, kernelSize: number, options: Conv1dOptions = {}): Layer {
  const kernel = countOf("conv1d", "kernelSize", kernelSize);
  const shape = (groupChannels: number) => [kernel, groupChannels, filters];
  return convolutionLayer({
    kind: "conv1d",
    known: GROUPED,
    rank: 3,
    filters,
    options,
    shape,
    apply: convolution1d,
  });
}

/**
 * Transposed convolution of images: [batch, height, width, in] → [batch, (height − 1) · stride + span + outputPadding
 * − padding, …, filters], with a weight [kernel height, kernel width, filters / groups, in]. "same" gives
 * height · stride.
 * @throws OptionError and ShapeError as conv2d does.
 * @example conv2dTranspose(8, 3, { stride: 2, padding: 1, outputPadding: 1 })
 */
export function conv2dTranspose(
  filters: number,
  kernelSize: Pair,
  options: Conv2dTransposeOptions = {},
): Layer {
  const kernel = pairOf("conv2dTranspose", "kernelSize", kernelSize);
  const shape = (_: number, channels: number) => [...kernel, filters / (options.groups ?? 1), channels];
  const apply = convolution2dTranspose;
  return convolutionLayer({
    kind: "conv2dTranspose",
    known: TRANSPOSED,
    rank: 4,
    filters,
    options,
    shape,
    apply,
  });
}

/**
 * Transposed convolution of sequences: [batch, length, in] → [batch, length', filters], with a weight
 * [kernelSize, filters / groups, in]. Otherwise as conv2dTranspose.
 * @example conv1dTranspose(8, 4, { stride: 2 })
 */
export function conv1dTranspose(
  filters: number,
  kernelSize: number,
  options: Conv1dTransposeOptions = {},
): Layer {
  const kernel = countOf("conv1dTranspose", "kernelSize", kernelSize);
  const shape = (_: number, channels: number) => [kernel, filters / (options.groups ?? 1), channels];
  const apply = convolution1dTranspose;
  return convolutionLayer({
    kind: "conv1dTranspose",
    known: TRANSPOSED,
    rank: 3,
    filters,
    options,
    shape,
    apply,
  });
}

/** What both depthwise layers make of their options. */
function depthwiseOf(kind: string, kernelSize: Pair, options: DepthwiseConv2dOptions) {
  const {
    multiplier = 1,
    activation,
    bias = true,
    initializer,
    name,
    ...along
  } = checkOptions(kind, options, DEPTHWISE);
  return {
    kernel: pairOf(kind, "kernelSize", kernelSize),
    multiplier: countOf(kind, "multiplier", multiplier),
    act: activation ? activationOf(kind, activation) : (x: Tensor) => x,
    start: startOf(activation, initializer),
    bias,
    initializer,
    name,
    along,
  };
}

/**
 * Each channel convolved by itself: [batch, height, width, in] → [batch, height', width', in · multiplier], with a
 * weight [kernel height, kernel width, 1, in · multiplier]; channel c makes the outputs from c · multiplier on.
 * @throws OptionError and ShapeError as conv2d does.
 * @example depthwiseConv2d(3, { padding: "same", bias: false })
 */
export function depthwiseConv2d(kernelSize: Pair, options: DepthwiseConv2dOptions = {}): Layer {
  const kind = "depthwiseConv2d";
  const { kernel, multiplier, act, start, bias, name: given, along } = depthwiseOf(kind, kernelSize, options);
  return defineLayer(
    kind,
    (x, { name, parameter }) => {
      const channels = channelsOf(name, x, 4);
      const filters = channels * multiplier;
      const weight = parameter("weight", [...kernel, 1, filters], start);
      const added = bias && { bias: parameter("bias", [filters], zeros) };
      return act(convolution2d(x, weight, { ...along, groups: channels, ...added }));
    },
    given,
  );
}

/**
 * A depthwise convolution, then one of single pixels that mixes the channels: [batch, height, width, in] →
 * [batch, height', width', filters], with weights `depthwise` [kernel height, kernel width, 1, in · multiplier] and
 * `pointwise` [1, 1, in · multiplier, filters]. Bias and activation belong to the second. Chollet 2017.
 * @throws OptionError and ShapeError as conv2d does.
 * @example separableConv2d(32, 3, { padding: "same", activation: "relu" })
 */
export function separableConv2d(
  filters: number,
  kernelSize: Pair,
  options: DepthwiseConv2dOptions = {},
): Layer {
  const kind = "separableConv2d";
  const {
    kernel,
    multiplier,
    act,
    start,
    bias,
    initializer,
    name: given,
    along,
  } = depthwiseOf(kind, kernelSize, options);
  countOf(kind, "filters", filters);
  return defineLayer(
    kind,
    (x, { name, parameter }) => {
      const channels = channelsOf(name, x, 4);
      const between = channels * multiplier;
      const depthwise = parameter("depthwise", [...kernel, 1, between], startOf(undefined, initializer));
      const pointwise = parameter("pointwise", [1, 1, between, filters], start);
      const h = convolution2d(x, depthwise, { ...along, groups: channels });
      return act(convolution2d(h, pointwise, bias ? { bias: parameter("bias", [filters], zeros) } : {}));
    },
    given,
  );
}
