// Convolutions over bytes, channels last.
import { BYTES_SUMS, DEPTHWISE_LINES, PANEL_COLUMNS, PANEL_HEAD } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, type Emitter, read, rows, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  checkProduct,
  endingOf,
  panelsOf,
  productScratch,
  type QuantizedOptions,
} from "./quantized-panels.ts";
import { type QuantizedConvolution, runsOf, windowsTable } from "./quantized-windows.ts";
import { tapPanels, tilesOf } from "./quantized-winograd.ts";
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
    else if (isMinimal(attributes)) emitMinimal(emitter, q!, y!, attributes);
    else emitProduct(emitter, q!, y!, attributes);
  },
});

/** A convolution as a product of windows; of single pixels that lie as in the result, the image is the windows. */
function emitProduct(emitter: Emitter, q: Tensor, y: Tensor, attributes: QuantizedConvolution): void {
  const { weight, shape, groups, stride, before, size, output } = attributes;
  const [height, width, channels, n] = shape;
  const runs = runsOf(q.shape[3]!, attributes);
  const steps = runs.count * runs.steps;
  const columns = n / groups;
  const ending = endingOf(attributes);
  const parts = Array.from({ length: groups }, (_, group) =>
    panelsOf(
      {
        n: columns,
        steps,
        weight(step, term, column) {
          const run = Math.floor(step / runs.steps);
          const place = 4 * (step % runs.steps) + term;
          return place < runs.terms ? weight[(run * runs.terms + place) * n + group * columns + column]! : 0;
        },
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
  const options = { work: (y.size * height * width * channels) / 2 };
  const bytes = output ? 1 : 4;
  const isPointwise =
    height * width * groups * Math.max(...stride) === 1 &&
    before[0] + before[1] === 0 &&
    pixels * channels === q.size;
  if (isPointwise && size[0] === q.shape[1]) {
    const work = scratch(productScratch(steps));
    emitter.call("matmulBytes", [pixels, n, channels, steps, from, by, to, bytes, work], options);
    return;
  }
  const { lines, across, jumps } = runs;
  const words = [...windowsTable(q, attributes), lines, across, runs.steps, ...jumps];
  const table = read(emitter.table("windows", words));
  // Of the last run up to three bytes behind it are read.
  const work = scratch(BYTES_SUMS + runs.bytes + 16);
  emitter.call("convolutionBytes", [pixels, n, groups, steps, from, by, to, bytes, table, work], options);
}

/**
 * Whether minimal filtering pays: 3 × 3 taps side by side, at stride 1, of channels and columns in eights. Turned weights take
 * 3.6 times the memory, which from 64 channels on is too much for an eighth of the time.
 */
const isMinimal = ({ shape, stride, dilation, groups }: QuantizedConvolution): boolean =>
  shape[0] === 3 &&
  shape[1] === 3 &&
  Math.max(groups, ...stride, ...dilation) === 1 &&
  shape[2] % 8 === 0 &&
  shape[3] % PANEL_COLUMNS === 0 &&
  shape[2] >= 16 &&
  shape[2] <= 32;

/** The same with fewer products, and the same integers. */
function emitMinimal(emitter: Emitter, q: Tensor, y: Tensor, attributes: QuantizedConvolution): void {
  const [, , channels, n] = attributes.shape;
  const { lines, pixels, bytes } = tilesOf(channels, attributes.size);
  const panels = n / PANEL_COLUMNS;
  const taps = read(emitter.table("taps", tapPanels(attributes)));
  const turned = emitter.temporary("turned", panels * (PANEL_HEAD + 16 * channels * 2 * PANEL_COLUMNS));
  emitter.call("winogradKernelBytes", [panels, channels, taps, write(turned)]);
  emitter.call(
    "winogradBytes",
    [
      y.size / n,
      n,
      1,
      channels / 2,
      read(emitter.buffer(q)),
      read(turned),
      write(emitter.buffer(y)),
      attributes.output ? 1 : 4,
      read(emitter.table("windows", [...windowsTable(q, attributes), lines, pixels, 0])),
      scratch(bytes),
    ],
    { work: 2 * y.size * channels },
  );
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
 * @example
 * quantizedConvolution(q, new Int8Array(18).fill(1), {
 *   shape: [3, 3, 1, 2],
 *   padding: "same",
 *   input: { scale: 1 / 127, zeroPoint: 0 },
 *   weightScales: Float32Array.of(0.1),
 * });
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
