// Weights in 4 bits: matrices [k, n] whose columns are cut into blocks, each with a 16-bit scale of its own.
import { fromHalves, halves, roundToEven } from "./numbers.ts";

/** A matrix in 4 bits. */
export interface Integers4 {
  /** [⌈k / 2⌉, n], integers 0 … 15 that stand for (q − 8) · scale: the row of even index in the lower half of a byte. */
  readonly packed: Uint8Array<ArrayBuffer>;
  /** [blocks, n] as bits of 16-bit floats; a scale may be negative. */
  readonly scales: Uint16Array<ArrayBuffer>;
}

/** Of a matrix: rows, columns, and rows of a block. */
export interface Blocks {
  readonly k: number;
  readonly n: number;
  readonly blockSize: number;
}

/** The largest number of 16 bits. */
const LARGEST_SCALE = 65_504;

/** What 4 bits can stand for at most: the largest scale, 8 times. */
export const LARGEST_INT4 = 8 * LARGEST_SCALE;

/** What the number of largest magnitude is divided by: −8 uses all integers, others lose more of it and less of the rest. */
const DIVISORS = [-8, -7.5, -7, -8.5, -9, -9.5, 7, 7.5, 8] as const;

/** Integers −8 … 7 at a scale. */
const integerAt = (value: number, scale: number) =>
  scale === 0 ? 0 : Math.max(-8, Math.min(7, roundToEven(value / scale)));

/** The scale, as it is stored, that leaves the least squared error of a block. */
function scaleOf(block: Float32Array): number {
  const most = block.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  const scales = fromHalves(
    halves(
      "a block",
      Float32Array.from(DIVISORS, (divisor) =>
        Math.max(-LARGEST_SCALE, Math.min(LARGEST_SCALE, most / divisor)),
      ),
      "f16",
    ),
    "f16",
  );
  if (most === 0) return 0;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const scale of scales) {
    const error = block.reduce((sum, value) => sum + (integerAt(value, scale) * scale - value) ** 2, 0);
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}

/** A matrix [k, n] in 4 bits, of numbers up to LARGEST_INT4. */
export function toInt4(values: Float32Array, { k, n, blockSize }: Blocks): Integers4 {
  const count = Math.ceil(k / blockSize);
  const scales = new Float32Array(count * n);
  // What is there only to fill the last row is 0 too.
  const packed = new Uint8Array(Math.ceil(k / 2) * n);
  if (k % 2 === 1) packed.fill(0x80, packed.length - n);
  for (let index = 0; index < count * n; index++) {
    const column = index % n;
    const from = Math.floor(index / n) * blockSize;
    const rows = Math.min(blockSize, k - from);
    const block = Float32Array.from({ length: rows }, (_, row) => values[(from + row) * n + column]!);
    const scale = scaleOf(block);
    scales[index] = scale;
    for (const [place, value] of block.entries()) {
      const row = from + place;
      packed[(row >> 1) * n + column]! |= (integerAt(value, scale) + 8) << (4 * (row & 1));
    }
  }
  return { packed, scales: halves("a block", scales, "f16") };
}

/** The floats that a matrix in 4 bits stands for. */
export function fromInt4({ packed, scales }: Integers4, { k, n, blockSize }: Blocks): Float32Array {
  const factors = fromHalves(scales, "f16");
  return Float32Array.from({ length: k * n }, (_, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    const integer = (packed[(row >> 1) * n + column]! >> (4 * (row & 1))) & 15;
    return (integer - 8) * factors[Math.floor(row / blockSize) * n + column]!;
  });
}
