// Convolutions of bytes as products, without patches: lines of the image are copied with their padding, and the rows of the
// product are runs of bytes in them.
import { BYTES_SUMS, PANEL_COLUMNS } from "../abi";
import { end, first } from "../thread";
import { scratchOf } from "./lanes";
import { bytesOf, max32, min32 } from "./product";
import { copyRun, fillRun } from "./runs";
import { rowsByRuns } from "./tile";

/** Where the windows lie: pixel (y, x) takes the source's (y · strideY − top + ky · dilationY, x · strideX − …). */
@unmanaged
export class Windows {
  gridHeight: i32;
  gridWidth: i32;
  height: i32;
  width: i32;
  channels: i32;
  /** Channels that a window takes. */
  groupChannels: i32;
  kernelHeight: i32;
  kernelWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  top: i32;
  left: i32;
  /** What the padding holds: 0 as a number. */
  zeroPoint: i32;
  /** Lines of the result that are made at a time. */
  lines: i32;
  /** Pixels of a line with its padding. */
  across: i32;
  /** Fours of terms of a run. */
  run: i32;
}

/** Bytes of Windows: behind it are the jumps from run to run. */
const WINDOWS_BYTES: usize = 72;

@unmanaged
export class Convolution {
  slot: u32;
  fused: i32;
  /** Pixels of all images. */
  pixels: i32;
  /** Channels of the result. */
  n: i32;
  groups: i32;
  /** Fours of terms. */
  steps: i32;
  x: usize;
  panels: usize;
  y: usize;
  size: i32;
  table: usize;
  work: usize;
}

/** Copies `count` lines of an image from pixel (y, x) on, with what is around them. */
export function copyLines(i: Windows, image: usize, y: i32, x: i32, count: i32, to: usize): void {
  const channels = i.channels;
  const line = <usize>(i.width * channels);
  const whole = <usize>(i.across * channels);
  const before = min32(max32(-x, 0), i.across);
  const start = max32(x, 0);
  const left = <usize>(before * channels);
  const inside = <usize>(max32(0, min32(i.width - start, i.across - before)) * channels);
  const right = whole - left - inside;
  const zero = i.zeroPoint;
  for (let from = image + <usize>y * line + <usize>(start * channels); count > 0; count--, y++, from += line, to += whole) {
    if (<u32>y >= <u32>i.height) fillRun(to, zero, whole);
    else {
      fillRun(to, zero, left);
      copyRun(from, to + left, inside);
      fillRun(to + left + inside, zero, right);
    }
  }
}

/** y = convolution of x; a group's panels follow those of the group before. */
export function convolutionBytes(i: Convolution): void {
  const windows = changetype<Windows>(i.table);
  const jumps = i.table + WINDOWS_BYTES;
  const steps = i.steps;
  const run = windows.run;
  const columns = i.n / i.groups;
  const panelBytes = bytesOf(steps);
  const size = i.size;
  const yStride = <usize>(i.n * size);
  const sums = scratchOf() + i.work;
  const lines = sums + BYTES_SUMS;
  const channels = windows.channels;
  const lineBytes = <usize>(windows.across * channels);
  const step = <usize>(windows.strideX * channels);
  const down = (windows.kernelHeight - 1) * windows.dilationY + 1;
  const imageBytes = <usize>(windows.height * windows.width * channels);
  const width = windows.gridWidth;
  const to = end(i.pixels);
  for (let at = first(i.pixels); at < to; ) {
    const line = at / width;
    const image = line / windows.gridHeight;
    const top = image * windows.gridHeight;
    const until = min32(to, width * (top + min32(line - top + windows.lines, windows.gridHeight)));
    const taken = ((until - 1) / width - line) * windows.strideY + down;
    const y = (line - top) * windows.strideY - windows.top;
    copyLines(windows, i.x + <usize>image * imageBytes, y, -windows.left, taken, lines);
    let panel = i.panels;
    for (let group = 0; group < i.groups; group++) {
      const corner = lines + <usize>(group * windows.groupChannels);
      for (let column = 0; column < columns; column += PANEL_COLUMNS, panel += panelBytes) {
        const y = i.y + <usize>((group * columns + column) * size);
        for (let pixel = at, next = line; pixel < until; next++) {
          const stop = min32(until, (next + 1) * width);
          rowsByRuns(
            stop - pixel,
            steps,
            run,
            jumps,
            corner + <usize>((next - line) * windows.strideY) * lineBytes + <usize>(pixel - next * width) * step,
            step,
            panel,
            min32(columns - column, PANEL_COLUMNS),
            y + <usize>pixel * yStride,
            yStride,
            size,
            sums,
          );
          pixel = stop;
        }
      }
    }
    at = until;
  }
}
