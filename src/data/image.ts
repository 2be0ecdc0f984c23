// One image in memory, and how it is measured anew: at other places, or in another size.
import { OptionError } from "../core/errors.ts";

/** Numbers of an image, channels last: row by row, pixel by pixel. */
export interface Image {
  /** [height, width, channels] */
  readonly values: Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** One number for both axes, or [height, width]. */
export type ImageSize = number | readonly [number, number];

/** Whole numbers from `least` on for both axes. @throws OptionError */
export function sizesOf(where: string, what: string, value: ImageSize, least = 1): [number, number] {
  const list = typeof value === "number" ? [value, value] : Array.isArray(value) ? [...value] : [];
  if (list.length !== 2 || list.some((each) => !Number.isSafeInteger(each) || each < least)) {
    throw new OptionError(
      `${where}: ${what}: got ${JSON.stringify(value)}, wanted an integer from ${least}, or two of them`,
    );
  }
  return list as [number, number];
}

/** @throws OptionError for a number that is not in from ≤ x ≤ to. */
export function checkRange(where: string, what: string, value: number, from: number, to: number): void {
  if (!(value >= from && value <= to && Number.isFinite(value)))
    throw new OptionError(`${where}: ${what}: got ${value}, wanted a number from ${from} to ${to}`);
}

/** An image of the same channels whose pixels a function fills in: `write(row, column, at)` writes those from `at` on. */
function drawn(
  { channels }: Image,
  height: number,
  width: number,
  write: (row: number, column: number, into: Float32Array, at: number) => void,
): Image {
  const values = new Float32Array(height * width * channels);
  for (let row = 0, at = 0; row < height; row++)
    for (let column = 0; column < width; column++, at += channels) write(row, column, values, at);
  return { values, height, width, channels };
}

/** Pixels at whole places, some of them outside. */
export function movedBy(
  image: Image,
  place: { readonly row: number; readonly column: number; readonly height: number; readonly width: number },
  fill: number,
): Image {
  const { values, channels } = image;
  const { height, width, row, column } = place;
  const moved = new Float32Array(height * width * channels);
  if (fill !== 0) moved.fill(fill);
  // The part of each row that lies inside, as columns of the result.
  const first = Math.max(0, -column);
  const last = Math.min(width, image.width - column);
  for (let r = Math.max(0, -row); first < last && r < Math.min(height, image.height - row); r++) {
    const from = ((r + row) * image.width + column) * channels;
    moved.set(
      values.subarray(from + first * channels, from + last * channels),
      (r * width + first) * channels,
    );
  }
  return { values: moved, height, width, channels };
}

/** Turned and stretched about its middle: (row, column) is read where the matrix puts it, between pixels along lines. */
export function transformed(
  image: Image,
  [a, b, c, d]: readonly [number, number, number, number],
  fill: number,
): Image {
  const { values, height, width, channels } = image;
  const middleRow = (height - 1) / 2;
  const middleColumn = (width - 1) / 2;
  const result = new Float32Array(values.length);
  const pixel = (i: number, j: number, k: number) =>
    i < 0 || i >= height || j < 0 || j >= width ? fill : values[(i * width + j) * channels + k]!;
  // Loops of its own, and neither lists nor functions made for a pixel: half the time.
  for (let row = 0, at = 0; row < height; row++) {
    const y = row - middleRow;
    for (let column = 0; column < width; column++, at += channels) {
      const x = column - middleColumn;
      const r = middleRow + (a * y + b * x);
      const s = middleColumn + (c * y + d * x);
      const top = Math.floor(r);
      const left = Math.floor(s);
      const v = r - top;
      const u = s - left;
      for (let k = 0; k < channels; k++) {
        const above = pixel(top, left, k) * (1 - u) + pixel(top, left + 1, k) * u;
        const below = pixel(top + 1, left, k) * (1 - u) + pixel(top + 1, left + 1, k) * u;
        result[at + k] = above * (1 - v) + below * v;
      }
    }
  }
  return { values: result, height, width, channels };
}

/** For each position of the result its first element and the shares of it and those that follow. */
function triangles(size: number, positions: number): { first: number; shares: number[] }[] {
  const scale = size / positions;
  const reach = Math.max(1, scale);
  return Array.from({ length: positions }, (_, k) => {
    const centre = (k + 0.5) * scale - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(size - 1, Math.floor(centre + reach));
    const heights = Array.from({ length: last - first + 1 }, (_, i) =>
      Math.max(0, 1 - Math.abs(first + i - centre) / reach),
    );
    const sum = heights.reduce((a, b) => a + b);
    return { first, shares: heights.map((height) => height / sum) };
  });
}

/**
 * An image in another size, by triangles as wide as a pixel of the smaller of both: bilinear, and without patterns where
 * it shrinks, as Pillow's `BILINEAR` and PyTorch's `interpolate(…, mode="bilinear", antialias=True)`.
 * @throws OptionError for a size that is no positive integer.
 * @example
 * const image = { values: new Float32Array(28 * 28), height: 28, width: 28, channels: 1 };
 * resizeImage(image, [14, 14]).values.length; // 196
 */
export function resizeImage(image: Image, size: ImageSize): Image {
  const [height, width] = sizesOf("resizeImage", "size", size);
  const { values, channels } = image;
  const [rows, columns] = [triangles(image.height, height), triangles(image.width, width)];
  const narrow = drawn(image, image.height, width, (row, column, into, at) => {
    const { first, shares } = columns[column]!;
    for (let k = 0; k < channels; k++) {
      let sum = 0;
      for (const [i, share] of shares.entries())
        sum += share * values[(row * image.width + first + i) * channels + k]!;
      into[at + k] = sum;
    }
  });
  return drawn(image, height, width, (row, column, into, at) => {
    const { first, shares } = rows[row]!;
    for (let k = 0; k < channels; k++) {
      let sum = 0;
      for (const [i, share] of shares.entries())
        sum += share * narrow.values[((first + i) * width + column) * channels + k]!;
      into[at + k] = sum;
    }
  });
}
