// Convolutions of bytes in which every channel is by itself. Bytes of four lines are put side by side, so that one vector
// holds four terms of four channels, as the products have them.
import { BYTES_SUMS, DEPTHWISE_LINES, HEAD_ONES, HEAD_START, PANEL_COLUMNS, PANEL_HEAD } from "../abi";
import { end, first } from "../thread";
import { Convolution, Windows } from "./convolution";
import { dot, scratchOf } from "./lanes";
import { finish } from "./finish";
import { bytesOf, min32 } from "./product";
import { fillRun } from "./runs";

/** Pixels of a tile. */
const TILE_PIXELS = 4;

/** to[x] = bytes x of four lines side by side, `count` of them. */
function interleave(a: usize, b: usize, c: usize, d: usize, count: i32, to: usize): void {
  for (; count >= 16; count -= 16, a += 16, b += 16, c += 16, d += 16, to += 64) {
    const x = v128.load(a);
    const y = v128.load(b);
    const z = v128.load(c);
    const w = v128.load(d);
    const low = i8x16.shuffle(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const high = i8x16.shuffle(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const low2 = i8x16.shuffle(z, w, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const high2 = i8x16.shuffle(z, w, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    v128.store(to, v128.shuffle<i16>(low, low2, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, v128.shuffle<i16>(low, low2, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    v128.store(to, v128.shuffle<i16>(high, high2, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(to, v128.shuffle<i16>(high, high2, 4, 12, 5, 13, 6, 14, 7, 15), 48);
  }
  for (; count > 0; count--, to += 4) {
    store<u8>(to, load<u8>(a++));
    store<u8>(to, load<u8>(b++), 1);
    store<u8>(to, load<u8>(c++), 2);
    store<u8>(to, load<u8>(d++), 3);
  }
}

/** The sums of `pixels` neighbours, for 8 channels: over groups of four lines, and the taps across. */
// @ts-ignore: decorator
@inline
function tile(
  pixels: i32,
  groups: i32,
  across: i32,
  a: usize,
  pixelStep: usize,
  tapStep: usize,
  groupStep: usize,
  panel: usize,
  to: usize,
): void {
  const ones = v128.load(panel, HEAD_ONES);
  let c00 = v128.load(panel, HEAD_START);
  let c01 = v128.load(panel, HEAD_START + 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let q = panel + PANEL_HEAD;
  for (; groups > 0; groups--, a += groupStep) {
    let p = a;
    for (let kx = across; kx > 0; kx--, p += tapStep, q += 32) {
      const w0 = v128.load(q);
      const w1 = v128.load(q, 16);
      let r = p;
      c00 = dot(false, w0, v128.load(r), ones, c00);
      c01 = dot(false, w1, v128.load(r, 16), ones, c01);
      if (pixels > 1) {
        r += pixelStep;
        c10 = dot(false, w0, v128.load(r), ones, c10);
        c11 = dot(false, w1, v128.load(r, 16), ones, c11);
        r += pixelStep;
        c20 = dot(false, w0, v128.load(r), ones, c20);
        c21 = dot(false, w1, v128.load(r, 16), ones, c21);
        r += pixelStep;
        c30 = dot(false, w0, v128.load(r), ones, c30);
        c31 = dot(false, w1, v128.load(r, 16), ones, c31);
      }
    }
  }
  v128.store(to, c00);
  v128.store(to, c01, 16);
  if (pixels > 1) {
    v128.store(to, c10, 32);
    v128.store(to, c11, 48);
    v128.store(to, c20, 64);
    v128.store(to, c21, 80);
    v128.store(to, c30, 96);
    v128.store(to, c31, 112);
  }
}

function tileOf(
  pixels: i32,
  groups: i32,
  across: i32,
  a: usize,
  pixelStep: usize,
  tapStep: usize,
  groupStep: usize,
  panel: usize,
  to: usize,
): void {
  if (pixels > 1) tile(4, groups, across, a, pixelStep, tapStep, groupStep, panel, to);
  else tile(1, groups, across, a, pixelStep, tapStep, groupStep, panel, to);
}

/**
 * Line by line of the result: the lines of x that it takes are put side by side in scratch, with their padding, and then
 * meet the weights: for 8 channels a panel, group after group of four lines and tap after tap across [8 channels, 4 lines].
 */
export function depthwiseBytes(i: Convolution): void {
  const windows = changetype<Windows>(i.table);
  const channels = windows.channels;
  const across = windows.kernelWidth;
  const groups = (windows.kernelHeight + DEPTHWISE_LINES - 1) / DEPTHWISE_LINES;
  const gridWidth = windows.gridWidth;
  // Channels that fill no panel have room behind them: what a tile takes there, weights of zero multiply.
  const column = <usize>(channels << 2);
  const columns = (gridWidth - 1) * windows.strideX + (across - 1) * windows.dilationX + 1;
  const groupStep = <usize>columns * column + 32;
  const sums = scratchOf() + i.work;
  const zeros = sums + BYTES_SUMS;
  const lineBytes = <usize>(windows.width * channels);
  const lines = zeros + ((lineBytes + 79) & ~63);
  const zero = windows.zeroPoint;
  fillRun(zeros, zero, lineBytes);
  const before = min32(columns, windows.left);
  const taken = min32(columns - before, windows.width);
  const behind = columns - before - taken;
  const size = i.size;
  const yStride = <usize>(channels * size);
  const panelBytes = bytesOf(groups * across);
  const to = end(i.pixels / gridWidth);
  for (let at = first(i.pixels / gridWidth); at < to; at++) {
    const image = at / windows.gridHeight;
    const top = (at - image * windows.gridHeight) * windows.strideY - windows.top;
    const x = i.x + <usize>(image * windows.height) * lineBytes;
    for (let g = 0; g < groups; g++) {
      const line = lines + <usize>g * groupStep;
      const y = top + g * DEPTHWISE_LINES * windows.dilationY;
      fillRun(line, zero, <usize>before * column);
      interleave(
        lineAt(windows, x, y, lineBytes, zeros),
        lineAt(windows, x, y + windows.dilationY, lineBytes, zeros),
        lineAt(windows, x, y + 2 * windows.dilationY, lineBytes, zeros),
        lineAt(windows, x, y + 3 * windows.dilationY, lineBytes, zeros),
        taken * channels,
        line + <usize>before * column,
      );
      fillRun(line + <usize>(before + taken) * column, zero, <usize>behind * column);
    }
    let panel = i.panels;
    let a = lines;
    let y = i.y + <usize>(at * gridWidth) * yStride;
    const pixelStep = <usize>windows.strideX * column;
    const tapStep = <usize>windows.dilationX * column;
    for (let left = channels; left > 0; left -= PANEL_COLUMNS) {
      const count = min32(left, PANEL_COLUMNS);
      let p = a;
      let q = y;
      for (let pixels = gridWidth; pixels > 0; ) {
        const some = pixels >= TILE_PIXELS ? TILE_PIXELS : 1;
        tileOf(some, groups, across, p, pixelStep, tapStep, groupStep, panel, sums);
        finish(some, count, sums, panel, q, yStride, size);
        p += <usize>some * pixelStep;
        q += <usize>some * yStride;
        pixels -= some;
      }
      panel += panelBytes;
      a += PANEL_COLUMNS << 2;
      y += PANEL_COLUMNS * size;
    }
  }
}

/** A line of the source, or the one of zeros for a line outside. */
// @ts-ignore: decorator
@inline
function lineAt(windows: Windows, x: usize, y: i32, lineBytes: usize, zeros: usize): usize {
  return <u32>y < <u32>windows.height ? x + <usize>y * lineBytes : zeros;
}
