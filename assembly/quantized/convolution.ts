// Convolutions of bytes as products: the patches of some pixels are gathered at a time, and meet the panels.
import { BYTES_SUMS, PANEL_COLUMNS } from "../abi";
import { end, first } from "../thread";
import { scratchOf } from "./lanes";
import { blockOf, bytesOf, min32, rowsByPanels } from "./product";
import { copyRun, fillRun } from "./runs";

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

/** The patches of `count` pixels, one a row: tap after tap its channels. */
function gather(i: Windows, x: usize, from: i32, count: i32, to: usize, toStride: usize): void {
  const channels = i.channels;
  const part = <usize>i.groupChannels;
  const across = i.kernelWidth;
  const line = <usize>(i.width * channels);
  const zero = i.zeroPoint;
  // Taps side by side of all channels are one run.
  const joined = i.dilationX == 1 && i.groupChannels == channels;
  const runBytes = part * across;
  const span = (across - 1) * i.dilationX + 1;
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
    for (let ky = i.kernelHeight; ky > 0; ky--, sourceY += i.dilationY, q += runBytes) {
      if (<u32>sourceY >= <u32>i.height) {
        fillRun(q, zero, runBytes);
        continue;
      }
      const at = x + <usize>(image * i.height + sourceY) * line;
      if (joined) {
        if (inside) copyRun(at + <usize>(left * channels), q, runBytes);
        else {
          const before = min32(across, left < 0 ? -left : 0);
          const behind = min32(across - before, left + across > i.width ? left + across - i.width : 0);
          const middle = across - before - behind;
          fillRun(q, zero, <usize>before * part);
          copyRun(at + <usize>((left + before) * channels), q + <usize>before * part, <usize>middle * part);
          fillRun(q + <usize>(before + middle) * part, zero, <usize>behind * part);
        }
      } else {
        let p = q;
        let sourceX = left;
        for (let kx = across; kx > 0; kx--, sourceX += i.dilationX, p += part) {
          if (<u32>sourceX < <u32>i.width) copyRun(at + <usize>(sourceX * channels), p, part);
          else fillRun(p, zero, part);
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
  const to = end(i.pixels);
  const block = blockOf(steps);
  for (let at = first(i.pixels); at < to; at += block) {
    const count = min32(block, to - at);
    let x = i.x;
    let panels = i.panels;
    let y = i.y + <usize>at * yStride;
    for (let group = i.groups; group > 0; group--) {
      gather(windows, x, at, count, patches, stride);
      rowsByPanels(count, columns, steps, patches, stride, panels, y, yStride, size, sums);
      x += windows.groupChannels;
      panels += groupPanels;
      y += <usize>(columns * size);
    }
  }
}
