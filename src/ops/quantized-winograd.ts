// The kernel of a convolution of bytes as Winograd's minimal filtering wants it; assembly/quantized/winograd.ts says why.
import { PANEL_COLUMNS, WINOGRAD_BYTES } from "../../assembly/abi.ts";
import { endingOf, headed, type QuantizedOptions } from "./quantized-panels.ts";

/** A convolution that has 3 × 3 taps next to each other. */
interface Taps extends QuantizedOptions {
  readonly weight: Int8Array;
  readonly shape: readonly [number, number, number, number];
}

/** Panels of 9 taps, two channels of 8 columns side by side, whose sums are divided by four: so many the turned ones come to. */
export function tapPanels({ weight, shape: [, , channels, n], ...options }: Taps): Int32Array {
  const ending = endingOf(options);
  const terms = 9 * channels;
  const quarter = { ...ending, scale: (column: number) => ending.scale(column) / 4 };
  return headed({ n, bytes: terms * PANEL_COLUMNS }, quarter, (column, all, offset) => {
    const taps = new Int8Array(all, offset, terms * PANEL_COLUMNS);
    let sum = 0;
    let size = 0;
    for (let term = 0; term < terms; term++) {
      const value = weight[term * n + column]!;
      taps[(term >> 1) * 2 * PANEL_COLUMNS + 2 * (column % PANEL_COLUMNS) + (term & 1)] = value;
      sum += 4 * value;
      size += 4 * Math.abs(value);
    }
    return { sum, size };
  });
}

/** How many lines of tiles, and how many of their tiles, are made at a time; and the bytes that this takes. */
export function tilesOf(channels: number, size: readonly [number, number]) {
  const [down, across] = [Math.ceil(size[0] / 2), Math.ceil(size[1] / 2)];
  // The 16 values of a tile's channels, in 16 bits, and of eight columns, in 32.
  const most = Math.max(1, Math.floor(WINOGRAD_BYTES / (16 * Math.max(2 * channels, 4 * PANEL_COLUMNS))));
  const parts = Math.ceil(across / most);
  const tiles = Math.ceil(across / parts);
  const lines = Math.max(1, Math.min(down, Math.floor(most / tiles)));
  const line = (2 * tiles + 2) * channels;
  const made = lines * tiles;
  const values = 8 * line + 16 * (made * channels * 2 + 64);
  const bytes = tiles * 128 + made * 512 + values + (2 * lines + 2) * line + 16;
  return { lines, pixels: 2 * tiles + 2, bytes };
}
