// Convolutions of bytes as products: the patches of some pixels are gathered at a time, and meet the panels.
import { BYTES_SUMS, PANEL_COLUMNS } from "../abi";
import { end, first } from "../thread";
import { scratchOf } from "./lanes";
import { blockOf, bytesOf, max32, min32, rowsByPanels } from "./product";
import { copyRun } from "./runs";

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
}

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

/** Of some taps those that lie outside, where so many would. */
// @ts-ignore: decorator
@inline
function clipped(outside: i32, taps: i32): i32 {
  return max32(0, min32(outside, taps));
}

/** Fills `length` bytes, and up to 15 behind them. */
// @ts-ignore: decorator
@inline
function fill(to: usize, value: v128, length: usize): void {
  for (const end = to + length; to < end; to += 16) v128.store(to, value);
}

/** Copies `length` bytes, and where nothing at `limit` or behind is read up to 15 behind them. */
// @ts-ignore: decorator
@inline
function copy(from: usize, to: usize, length: usize, limit: usize): void {
  if (from + length + 15 > limit) copyRun(from, to, length);
  else for (const end = to + length; to < end; from += 16, to += 16) v128.store(to, v128.load(from));
}

/**
 * The patches of `count` pixels, one a row: tap after tap its channels. Rows are written from the first to the last, so a copy
 * may go on behind its end, up to 15 bytes, where it does not read what lies at `limit` or behind.
 */
function gather(
  i: Windows,
  x: usize,
  limit: usize,
  from: i32,
  count: i32,
  to: usize,
  toStride: usize,
): void {
  const channels = i.channels;
  const part = <usize>i.groupChannels;
  const across = i.kernelWidth;
  const line = <usize>(i.width * channels);
  const zero = i8x16.splat(<i8>i.zeroPoint);
  // Taps side by side of all channels are one run.
  const joined = i.dilationX == 1 && i.groupChannels == channels;
  const runBytes = part * across;
  const span = (across - 1) * i.dilationX + 1;
  const down = (i.kernelHeight - 1) * i.dilationY + 1;
  const step = <usize>i.dilationY * line;
  const perImage = i.gridHeight * i.gridWidth;
  let image = from / perImage;
  const rest = from - image * perImage;
  let gridY = rest / i.gridWidth;
  let gridX = rest - gridY * i.gridWidth;
  for (; count > 0; count--, to += toStride) {
    const left = gridX * i.strideX - i.left;
    const inside = left >= 0 && left + span <= i.width;
    let sourceY = gridY * i.strideY - i.top;
    let q = to;
    const corner = x + <usize>(image * i.height + sourceY) * line + <usize>(left * channels);
    if (
      joined &&
      inside &&
      sourceY >= 0 &&
      sourceY + down <= i.height &&
      corner + <usize>(down - 1) * line + runBytes + 15 <= limit
    ) {
      let p = corner;
      for (let ky = i.kernelHeight; ky > 0; ky--, p += step, q += runBytes) {
        let d = q;
        for (let s = p, e = p + runBytes; s < e; s += 16, d += 16) v128.store(d, v128.load(s));
      }
    } else {
      const before = joined ? clipped(-left, across) : 0;
      const behind = joined ? clipped(left + span - i.width, across - before) : 0;
      for (let ky = i.kernelHeight; ky > 0; ky--, sourceY += i.dilationY, q += runBytes) {
        if (<u32>sourceY >= <u32>i.height) {
          fill(q, zero, runBytes);
          continue;
        }
        const at = x + <usize>(image * i.height + sourceY) * line;
        if (joined) {
          const middle = <usize>(across - before - behind) * part;
          const from = q + <usize>before * part;
          fill(q, zero, <usize>before * part);
          copy(at + <usize>((left + before) * channels), from, middle, limit);
          fill(from + middle, zero, <usize>behind * part);
        } else {
          let p = q;
          let sourceX = left;
          for (let kx = across; kx > 0; kx--, sourceX += i.dilationX, p += part) {
            if (<u32>sourceX < <u32>i.width) copy(at + <usize>(sourceX * channels), p, part, limit);
            else fill(p, zero, part);
          }
        }
      }
    }
    if (++gridX == i.gridWidth) {
      gridX = 0;
      if (++gridY == i.gridHeight) {
        gridY = 0;
        image++;
      }
    }
  }
}

/** y = convolution of x; a group's panels follow those of the group before. */
export function convolutionBytes(i: Convolution): void {
  const windows = changetype<Windows>(i.table);
  const steps = i.steps;
  const stride = <usize>steps << 2;
  const columns = i.n / i.groups;
  const groupPanels = <usize>((columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS) * bytesOf(steps);
  const size = i.size;
  const yStride = <usize>(i.n * size);
  const sums = scratchOf() + i.work;
  const patches = sums + BYTES_SUMS;
  const images = i.pixels / (windows.gridHeight * windows.gridWidth);
  const limit = i.x + <usize>(images * windows.height * windows.width * windows.channels);
  const to = end(i.pixels);
  const block = blockOf(steps);
  for (let at = first(i.pixels); at < to; at += block) {
    const count = min32(block, to - at);
    let x = i.x;
    let panels = i.panels;
    let y = i.y + <usize>at * yStride;
    for (let group = i.groups; group > 0; group--) {
      gather(windows, x, limit, at, count, patches, stride);
      rowsByPanels(count, columns, steps, patches, stride, panels, y, yStride, size, sums);
      x += windows.groupChannels;
      panels += groupPanels;
      y += <usize>(columns * size);
    }
  }
}
