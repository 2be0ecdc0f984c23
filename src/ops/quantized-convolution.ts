// Convolutions and pools of maxima over bytes, channels last.
import { BYTES_SUMS, DEPTHWISE_LINES } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { type Shape, showShape } from "../core/shape.ts";
import { defineOp, type Emitter, read, rows, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { MAX_POOL } from "./max-pool.ts";
import {
  checkProduct,
  endingOf,
  panelsOf,
  productScratch,
  type QuantizedOptions,
} from "./quantized-panels.ts";
import { type Axes, asImages, averagingAxis, type MaxPoolOptions, shapeOf, spansOf } from "./taps.ts";
import {
  aroundOf,
  countOf,
  type Padding2d,
  type Pair,
  pairOf,
  spanOf,
  widthsOf,
  windowsOf,
} from "./window.ts";

/** Options of {@link quantizedConvolution}. */
export interface QuantizedConvolutionOptions extends QuantizedOptions {
  /** Of the weight: [kernel height, kernel width, in / groups, out]. */
  readonly shape: readonly [number, number, number, number];
  /** Pixels from one window to the next. Default: 1. */
  readonly stride?: Pair;
  /** Pixels from one tap to the next. Default: 1. */
  readonly dilation?: Pair;
  /** What is around the image holds the zero point. Default: "valid". */
  readonly padding?: Padding2d;
  /** Input and output channels fall into so many groups that do not meet. Default: 1. */
  readonly groups?: number;
}

/** What quantizedConvolution is, with all that follows from its options. */
export interface QuantizedConvolution extends QuantizedOptions {
  readonly weight: Int8Array;
  readonly shape: readonly [number, number, number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Pixels above and left of the image. */
  readonly before: readonly [number, number];
  readonly groups: number;
  /** Height and width of the result. */
  readonly size: readonly [number, number];
}

const convolutionOp = defineOp<QuantizedConvolution>({
  name: "quantizedConvolution",
  bytes: true,
  shape: ([q], { shape, size, output }) => ({
    shape: [q!.shape[0]!, ...size, shape[3]],
    dtype: output ? "i8" : "f32",
  }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes }) {
    const { shape, groups } = attributes;
    if (groups > 1 && shape[2] === 1 && shape[3] === groups) emitDepthwise(emitter, q!, y!, attributes);
    else emitProduct(emitter, q!, y!, attributes);
  },
});

/** The words of assembly/quantized/convolution.ts, Windows. */
function windowsTable(q: Tensor, { shape, stride, dilation, before, size, input }: QuantizedConvolution) {
  const [height, width, groupChannels] = shape;
  return [
    ...size,
    ...q.shape.slice(1),
    groupChannels,
    height,
    width,
    ...stride,
    ...dilation,
    ...before,
    input.zeroPoint,
  ];
}

/** A convolution as a product of patches; of single pixels that lie as in the result, the image is the patches. */
function emitProduct(emitter: Emitter, q: Tensor, y: Tensor, attributes: QuantizedConvolution): void {
  const { weight, shape, groups, stride, before, size, output } = attributes;
  const [height, width, channels, n] = shape;
  const terms = height * width * channels;
  const steps = Math.ceil(terms / 4);
  const columns = n / groups;
  const ending = endingOf(attributes);
  const parts = Array.from({ length: groups }, (_, group) =>
    panelsOf(
      {
        n: columns,
        steps,
        weight: (step, term, column) =>
          4 * step + term < terms ? weight[(4 * step + term) * n + group * columns + column]! : 0,
      },
      ending,
      group * columns,
    ),
  );
  const [all] = parts;
  const panels = new Int32Array(all!.length * groups);
  for (const [group, part] of parts.entries()) panels.set(part, group * part.length);
  const [from, by, to] = [
    read(emitter.buffer(q)),
    read(emitter.table("panels", panels)),
    write(emitter.buffer(y)),
  ];
  const pixels = y.size / n;
  const options = { work: (y.size * terms) / 2 };
  const work = scratch(productScratch(steps));
  const bytes = output ? 1 : 4;
  const isPointwise =
    height * width * groups * Math.max(...stride) === 1 &&
    before[0] + before[1] === 0 &&
    pixels * channels === q.size;
  if (isPointwise && size[0] === q.shape[1]) {
    emitter.call("matmulBytes", [pixels, n, terms, steps, from, by, to, bytes, work], options);
    return;
  }
  const table = read(emitter.table("windows", windowsTable(q, attributes)));
  emitter.call("convolutionBytes", [pixels, n, groups, steps, from, by, to, bytes, table, work], options);
}

/** Every channel by itself: four lines of the kernel are the four terms of a step. */
function emitDepthwise(emitter: Emitter, q: Tensor, y: Tensor, attributes: QuantizedConvolution): void {
  const { weight, shape, stride, dilation, size, output } = attributes;
  const [height, width, , n] = shape;
  const groups = Math.ceil(height / DEPTHWISE_LINES);
  const steps = groups * width;
  const panels = panelsOf(
    {
      n,
      steps,
      weight(step, term, column) {
        const line = Math.floor(step / width) * DEPTHWISE_LINES + term;
        return line < height ? weight[(line * width + (step % width)) * n + column]! : 0;
      },
    },
    endingOf(attributes),
  );
  const columns = (size[1] - 1) * stride[1] + spanOf(width, dilation[1]);
  const line = ((q.shape[2]! * n + 79) & ~63) + groups * (columns * n * 4 + 32);
  emitter.call(
    "depthwiseBytes",
    [
      y.size / n,
      n,
      1,
      steps,
      read(emitter.buffer(q)),
      read(emitter.table("panels", panels)),
      write(emitter.buffer(y), rows(y.shape[0]! * size[0], size[1] * n * (output ? 1 : 4))),
      output ? 1 : 4,
      read(emitter.table("windows", windowsTable(q, attributes))),
      scratch(BYTES_SUMS + line),
    ],
    { work: y.size * height * width },
  );
}

/**
 * Convolution of bytes: q [batch, height, width, in] by a weight of `shape` [kernel height, kernel width, in / groups, out] →
 * [batch, height', width', out], sizes as of `convolution2d`; how sums become results says `quantizedMatmul`.
 * @throws ShapeError where ranks or channels do not fit, or the kernel is larger than the padded input; OptionError for
 * scales, zero points, bounds or sizes out of range.
 * @example quantizedConvolution(q, kernel, { shape: [3, 3, 1, 2], padding: "same", input, weightScales })
 */
export function quantizedConvolution(
  q: Tensor,
  weight: Int8Array,
  options: QuantizedConvolutionOptions,
): Tensor {
  const what = "quantizedConvolution";
  const { shape, input, weightScales, bias, output, padding = "valid" } = options;
  const [height, width, groupChannels, n] = shape;
  const stride = pairOf(what, "stride", options.stride ?? 1);
  const dilation = pairOf(what, "dilation", options.dilation ?? 1);
  const groups = countOf(what, "groups", options.groups ?? 1);
  const sizes = shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (q.rank !== 4 || !sizes || weight.length !== height * width * groupChannels * n) {
    throw new ShapeError(
      `${what}: wanted [batch, height, width, channels] and as many weights as their shape has, got ${showShape(q.shape)} and ${weight.length} for ${showShape(shape)}`,
    );
  }
  if (q.shape[3] !== groupChannels * groups || n % groups !== 0) {
    throw new ShapeError(
      `${what}: channels differ: got ${showShape(q.shape)} in ${groups} groups by ${showShape(shape)}, wanted ${groupChannels * groups} channels, and ${groups} to divide ${n}`,
    );
  }
  checkProduct(what, q, n, options);
  const image = q.shape.slice(1, 3) as [number, number];
  const span = [spanOf(height, dilation[0]), spanOf(width, dilation[1])] as const;
  const windows = { size: image, span, stride };
  const widths = widthsOf(aroundOf(what, padding, { count: 2 }), windows);
  const size = windowsOf(what, widths, windows);
  const before = [widths[0]![0], widths[1]![0]] as const;
  return q.graph.apply(convolutionOp, [q], {
    ...{ weight, shape, stride, dilation, before, groups, size },
    ...{ input, weightScales, bias, output },
  })[0]!;
}

/** Largest bytes of windows that are known. */
export const quantizedMaxPoolOp = defineOp<Axes>({
  name: "quantizedMaxPool",
  bytes: true,
  shape: ([q], axes) => ({ shape: shapeOf(q!, axes), dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes: axes }) {
    const [images, height, width, channels] = y!.shape as [number, number, number, number];
    const table = (axis: Axes[0]) => axis.taps.flatMap(({ first, weights }) => [first, weights.length]);
    emitter.call("maxPoolBytes", [
      images * height * width,
      height,
      width,
      q!.shape[1]!,
      q!.shape[2]!,
      channels,
      axes[0].step ?? 1,
      axes[1].step ?? 1,
      read(emitter.table("rows", table(axes[0]))),
      read(emitter.table("columns", table(axes[1]))),
      read(emitter.buffer(q!)),
      write(emitter.buffer(y!), rows(images * height * width, channels)),
    ]);
  },
});

/**
 * Largest bytes of windows of images [batch, height, width, channels] or sequences [batch, length, channels]; windows as of
 * `maxPool`. What bytes stand for stays as it is.
 * @throws OptionError, ShapeError as `maxPool`.
 * @example quantizedMaxPool(q, 2)
 */
export function quantizedMaxPool(
  q: Tensor,
  window: number | readonly number[],
  options: MaxPoolOptions = {},
): Tensor {
  const what = "quantizedMaxPool";
  if (q.dtype !== "i8" || q.rank < 3 || q.rank > 4)
    throw new ShapeError(
      `${what}: wanted i8 images or sequences, got ${q.dtype} ${showShape(q.shape as Shape)}`,
    );
  const spans = spansOf(what, window, options, { count: q.rank - 2, known: MAX_POOL });
  return asImages(
    q,
    (size, axis) => averagingAxis(what, size, spans[axis]!, false),
    (images, axes) => images.graph.apply(quantizedMaxPoolOp, [images], axes)[0]!,
  );
}
