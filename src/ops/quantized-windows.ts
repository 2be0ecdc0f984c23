// Where a convolution over bytes finds the terms of its windows, as its kernels are told.
import { BYTES_BLOCK } from "../../assembly/abi.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { QuantizedOptions } from "./quantized-panels.ts";
import { spanOf } from "./window.ts";

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

/** The words of assembly/quantized/convolution.ts, Windows. */
export function windowsTable(
  q: Tensor,
  { shape, stride, dilation, before, size, input }: QuantizedConvolution,
) {
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

/** Where a convolution finds its terms: runs of bytes in lines that are copied with their padding. */
interface Runs {
  /** Runs of a window, and fours of terms of each; what makes up the last four has weights of 0. */
  readonly count: number;
  readonly steps: number;
  /** Terms of a run. */
  readonly terms: number;
  /** Pixels of a line with its padding. */
  readonly across: number;
  /** Lines of the result that are made at a time. */
  readonly lines: number;
  /** Bytes from the end of a run to the next one. */
  readonly jumps: readonly number[];
  /** Bytes of the copied lines. */
  readonly bytes: number;
}

/** Taps side by side of all channels are one run, else each tap is one. */
export function runsOf(
  channels: number,
  { shape, stride, dilation, groups, size }: QuantizedConvolution,
): Runs {
  const [height, width, groupChannels] = shape;
  const joined = dilation[1] === 1 && groups === 1;
  const parts = joined ? 1 : width;
  const terms = (width / parts) * groupChannels;
  const steps = Math.ceil(terms / 4);
  const across = (size[1] - 1) * stride[1] + spanOf(width, dilation[1]);
  const start = (run: number) =>
    (Math.floor(run / parts) * dilation[0] * across + (run % parts) * dilation[1]) * channels;
  const count = height * parts;
  const jumps = Array.from({ length: count - 1 }, (_, run) => start(run + 1) - start(run) - 4 * steps);
  const span = spanOf(height, dilation[0]);
  const room = Math.floor((BYTES_BLOCK / (across * channels) - span) / stride[0]) + 1;
  const lines = Math.max(1, Math.min(size[0], room));
  const bytes = ((lines - 1) * stride[0] + span) * across * channels;
  return { count, steps, terms, across, lines, jumps, bytes };
}
