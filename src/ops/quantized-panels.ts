// Weights of bytes as the kernels want them: panels of eight columns, four terms of each side by side, and before them
// what the sums start from and how they end.
import {
  BYTES_BLOCK,
  BYTES_ROWS,
  BYTES_SUMS,
  HEAD_LEAST,
  HEAD_MAGIC,
  HEAD_MOST,
  HEAD_OFFSET,
  HEAD_ONES,
  HEAD_QUICK,
  HEAD_SCALE,
  HEAD_START,
  HEAD_SUMS,
  PANEL_COLUMNS,
  PANEL_HEAD,
} from "../../assembly/abi.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

/** What a byte q stands for: (q − zeroPoint) · scale. */
export interface Quantization {
  /** Above 0. */
  readonly scale: number;
  /** The byte of 0: an integer of 0 to 127. */
  readonly zeroPoint: number;
}

/** A result of bytes. */
export interface QuantizedOutput extends Quantization {
  /** Bounds of its bytes: a ReLU's `least` is the zero point. Default: 0 and 127. */
  readonly least?: number;
  readonly most?: number;
}

/** Options of products of bytes. */
export interface QuantizedOptions {
  /** What the bytes of the first operand stand for. */
  readonly input: Quantization;
  /** What a step of the weights is worth: one number a channel of the result, or one for all. */
  readonly weightScales: Float32Array;
  /** Added, as numbers: one a channel. Default: none. */
  readonly bias?: Float32Array | undefined;
  /** What the bytes of the result stand for. Default: none, the result is f32. */
  readonly output?: QuantizedOutput | undefined;
}

/** 1.5 · 2²³, which rounds floats, see assembly/quantized/lanes.ts. */
export const MAGIC = 12_582_912;
/** The largest byte of an activation: seven bits, or sums of products would not fit 16. */
export const MOST = 127;

/** A quarter of 2²², from which on MAGIC rounds no more: room for the roundings of scale and offset. */
const QUICK = 2 ** 20;

/** Checks what bytes stand for. @throws OptionError */
export function checkQuantization(where: string, { scale, zeroPoint }: Quantization): void {
  if (!(Math.fround(scale) > 0 && Number.isFinite(Math.fround(scale))))
    throw new OptionError(`${where}: scale: got ${scale}, wanted a number above 0`);
  if (!(Number.isInteger(zeroPoint) && zeroPoint >= 0 && zeroPoint <= MOST))
    throw new OptionError(`${where}: zeroPoint: got ${zeroPoint}, wanted an integer of 0 to ${MOST}`);
}

/** Checks the options of a product with n channels. @throws OptionError, ShapeError */
export function checkProduct(where: string, q: Tensor, n: number, options: QuantizedOptions): void {
  const { input, weightScales, bias, output } = options;
  if (q.dtype !== "i8") throw new ShapeError(`${where}: wanted i8, got ${q.dtype} ${showShape(q.shape)}`);
  checkQuantization(`${where}: input`, input);
  checkChannels(where, n, weightScales, bias);
  if (output) checkOutput(where, output);
}

/** Checks a result of bytes. @throws OptionError */
export function checkOutput(where: string, output: QuantizedOutput): void {
  checkQuantization(`${where}: output`, output);
  const { least = 0, most = MOST } = output;
  if (![least, most].every(Number.isInteger) || !(0 <= least && least <= most && most <= MOST)) {
    throw new OptionError(
      `${where}: least and most: got ${least} and ${most}, wanted integers of 0 to ${MOST}`,
    );
  }
}

/** Checks what there is one of for each channel. @throws OptionError, ShapeError */
export function checkChannels(where: string, n: number, scales: Float32Array, bias?: Float32Array): void {
  if (scales.length !== 1 && scales.length !== n)
    throw new ShapeError(`${where}: weightScales: got ${scales.length}, wanted 1 or ${n}`);
  if (!scales.every((scale) => scale > 0 && scale < Number.POSITIVE_INFINITY))
    throw new OptionError(`${where}: weightScales: wanted numbers above 0`);
  if (bias && bias.length !== n)
    throw new ShapeError(`${where}: bias: got ${bias.length} numbers, wanted ${n}`);
}

/** Weights of some columns: fours of terms, and the weight of each. */
interface Columns {
  readonly n: number;
  /** Fours of terms. */
  readonly steps: number;
  /** The weight of term `term` of the four in a step; 0 for one that is only there to make it four. */
  weight(step: number, term: number, column: number): number;
}

/** How the sums of a column end, as numbers in 64 bits; they are rounded to 32. */
interface Ending {
  scale(column: number): number;
  offset(column: number): number;
  /** What each weight's sum starts from is this times −1. */
  readonly zeroPoint: number;
  readonly least?: number;
  readonly most?: number;
}

/** How the sums of a product end: floats, or bytes of another scale. */
export function endingOf({ input, weightScales, bias, output }: QuantizedOptions): Ending {
  const one = weightScales.length === 1;
  const unit = output?.scale ?? 1;
  return {
    scale: (column) => (input.scale * weightScales[one ? 0 : column]!) / unit,
    offset: (column) => (bias?.[column] ?? 0) / unit + (output?.zeroPoint ?? 0),
    zeroPoint: input.zeroPoint,
    ...(output && { least: output.least ?? 0, most: output.most ?? MOST }),
  };
}

/** What the sums of a column can come to: the sum of its weights, and of their magnitudes. */
interface Weighed {
  readonly sum: number;
  readonly size: number;
}

/** Panels of n columns, as words: heads, and behind each the weights of its columns that `fill` writes into `bytes`. */
export function headed(
  { n, bytes, first = 0 }: { readonly n: number; readonly bytes: number; readonly first?: number },
  ending: Ending,
  fill: (column: number, weights: ArrayBuffer, offset: number) => Weighed,
): Int32Array {
  const panelBytes = PANEL_HEAD + bytes;
  const all = new ArrayBuffer(Math.ceil(n / PANEL_COLUMNS) * panelBytes);
  for (let at = 0, column = 0; column < n; at += panelBytes, column += PANEL_COLUMNS) {
    const integers = (offset: number, length: number) => new Int32Array(all, at + offset, length);
    const floats = (offset: number, length: number) => new Float32Array(all, at + offset, length);
    let largest = 0;
    for (let j = 0; j < Math.min(PANEL_COLUMNS, n - column); j++) {
      const { sum, size } = fill(column + j, all, at + PANEL_HEAD);
      const [scale, offset] = [ending.scale(first + column + j), ending.offset(first + column + j)];
      integers(HEAD_SUMS, PANEL_COLUMNS)[j] = sum;
      integers(HEAD_START, PANEL_COLUMNS)[j] = -ending.zeroPoint * sum;
      floats(HEAD_SCALE, PANEL_COLUMNS)[j] = scale;
      floats(HEAD_OFFSET, PANEL_COLUMNS)[j] = offset;
      // Whatever the activations and the zero point, both of 0 to 127.
      largest = Math.max(largest, MOST * size * scale + Math.abs(offset));
    }
    integers(HEAD_ONES, 4).fill(0x0001_0001);
    floats(HEAD_LEAST, 1)[0] = ending.least ?? 0;
    floats(HEAD_MOST, 1)[0] = ending.most ?? MOST;
    floats(HEAD_MAGIC, 1)[0] = MAGIC;
    const bounds = [ending.least ?? 0, ending.most ?? MOST] as const;
    new Int8Array(all, at + HEAD_QUICK, 4).set([Number(largest < QUICK), ...bounds]);
  }
  return new Int32Array(all);
}

/** The panels of some columns, as words; `first` is what the ending calls the first column. */
export function panelsOf({ n, steps, weight }: Columns, ending: Ending, first = 0): Int32Array {
  return headed({ n, bytes: steps * 32, first }, ending, (column, all, offset) => {
    const weights = new Int8Array(all, offset, steps * 32);
    let sum = 0;
    let size = 0;
    for (let step = 0; step < steps; step++) {
      for (let term = 0; term < 4; term++) {
        const value = weight(step, term, column);
        weights[step * 32 + (column % PANEL_COLUMNS) * 4 + term] = value;
        sum += value;
        size += Math.abs(value);
      }
    }
    return { sum, size };
  });
}

/** Scratch of products: the sums of four tiles, and rows of so many fours of terms that are copied at a time. */
export function productScratch(steps: number): number {
  const rows = Math.max(1, Math.floor(BYTES_BLOCK / (steps * 4 * BYTES_ROWS))) * BYTES_ROWS;
  // A copied row may have up to 15 bytes written behind it.
  return 4 * BYTES_SUMS + rows * steps * 4 + 16;
}
