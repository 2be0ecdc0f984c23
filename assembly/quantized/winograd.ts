// Convolutions of bytes with 3×3 taps and stride 1 by Winograd's minimal filtering, in integers throughout: 16 products for
// 2×2 pixels instead of 36. Twice G makes whole numbers of the kernel, so four times each sum comes out, and nothing is lost:
// the results are those of the plain product, bit for bit. What is turned fits 16 bits, whose products both instruction sets
// have. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2016), F(2×2, 3×3).
import { HEAD_START, PANEL_COLUMNS, PANEL_HEAD } from "../abi";
import { end, first } from "../thread";
import { Convolution, copyLines, Windows } from "./convolution";
import { finish } from "./finish";
import { scratchOf } from "./lanes";
import { min32 } from "./product";

/** Rows of a tile of products: twelve sums, two vectors of weights, one of values. */
const ROWS = 6;

/** Bytes of a tile's 16 sums of 8 columns. */
const SUMS_BYTES: usize = 512;

/** What a plane holds beside its values: planes shall not all fall into the same sets of the cache. */
const SKEW: usize = 64;

/**
 * Bᵀd for the four lines of bytes of a line of tiles: four planes [channels / 8, pixels, 8] of 16 bits, so that what stands
 * side by side is a constant away.
 */
function turnLines(channels: i32, pixels: i32, lines: usize, lineBytes: usize, turned: usize): void {
  const bytes = <usize>(pixels * channels) << 1;
  const below: usize = lineBytes << 1;
  const bottom: usize = lineBytes * 3;
  let t0 = turned;
  for (const last = lines + channels; lines < last; lines += 8) {
    let p = lines;
    for (const stop = t0 + (<usize>pixels << 4); t0 < stop; t0 += 16, p += channels) {
      const d0 = v128.load8x8_u(p);
      const d1 = v128.load8x8_u(p + lineBytes);
      const d2 = v128.load8x8_u(p + below);
      const d3 = v128.load8x8_u(p + bottom);
      const t1 = t0 + bytes;
      const t2 = t1 + bytes;
      v128.store(t0, i16x8.sub(d0, d2));
      v128.store(t1, i16x8.add(d1, d2));
      v128.store(t2, i16x8.sub(d2, d1));
      v128.store(t2 + bytes, i16x8.sub(d1, d3));
    }
  }
}

/** The other half of BᵀdB: `tiles` values of each of 16 planes [channels / 4, all tiles, 4]; `step` are all tiles' bytes. */
function spread(groups: i32, tiles: i32, turned: usize, to: usize, step: usize, plane: usize): void {
  const room = <usize>(2 * tiles + 2) << 4;
  for (let row = 0; row < 4; row++, to += 4 * plane) {
    let q = to;
    for (let group = 0; group < groups; group++, turned += room, q += 2 * step) {
      let p = turned;
      let q0 = q;
      let d0 = v128.load(p);
      let d1 = v128.load(p, 16);
      for (const last = q + (<usize>tiles << 3); q0 < last; q0 += 8, p += 32) {
        const d2 = v128.load(p, 32);
        const d3 = v128.load(p, 48);
        const q1 = q0 + plane;
        const q2 = q1 + plane;
        const q3 = q2 + plane;
        two(q0, step, i16x8.sub(d0, d2));
        two(q1, step, i16x8.add(d1, d2));
        two(q2, step, i16x8.sub(d2, d1));
        two(q3, step, i16x8.sub(d1, d3));
        d0 = d2;
        d1 = d3;
      }
    }
  }
}

/** Stores the values of eight channels: four here, four where the next group of four begins. */
// @ts-ignore: decorator
@inline
function two(to: usize, step: usize, x: v128): void {
  v128.store64_lane(to, x, 0);
  v128.store64_lane(to + step, x, 1);
}

/**
 * Sums of `rows` tiles: A · weights in 16 bits, two channels of 8 columns a step, two steps at a time; the values of four
 * channels of the next group are `step` bytes on.
 */
// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, step: usize, weights: usize, last: usize, to: usize): void {
  let c00 = i64x2.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let c40 = c00;
  let c41 = c00;
  let c50 = c00;
  let c51 = c00;
  do {
    let w0 = v128.load(weights, 0);
    let w1 = v128.load(weights, 16);
    let x = v128.load32_splat(a, 0);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(w0, x));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(w1, x));
    if (rows > 1) {
      x = v128.load32_splat(a, 8);
      c10 = i32x4.add(c10, i32x4.dot_i16x8_s(w0, x));
      c11 = i32x4.add(c11, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 2) {
      x = v128.load32_splat(a, 16);
      c20 = i32x4.add(c20, i32x4.dot_i16x8_s(w0, x));
      c21 = i32x4.add(c21, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 3) {
      x = v128.load32_splat(a, 24);
      c30 = i32x4.add(c30, i32x4.dot_i16x8_s(w0, x));
      c31 = i32x4.add(c31, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 4) {
      x = v128.load32_splat(a, 32);
      c40 = i32x4.add(c40, i32x4.dot_i16x8_s(w0, x));
      c41 = i32x4.add(c41, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 5) {
      x = v128.load32_splat(a, 40);
      c50 = i32x4.add(c50, i32x4.dot_i16x8_s(w0, x));
      c51 = i32x4.add(c51, i32x4.dot_i16x8_s(w1, x));
    }
    w0 = v128.load(weights, 32);
    w1 = v128.load(weights, 48);
    x = v128.load32_splat(a, 4);
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(w0, x));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(w1, x));
    if (rows > 1) {
      x = v128.load32_splat(a, 12);
      c10 = i32x4.add(c10, i32x4.dot_i16x8_s(w0, x));
      c11 = i32x4.add(c11, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 2) {
      x = v128.load32_splat(a, 20);
      c20 = i32x4.add(c20, i32x4.dot_i16x8_s(w0, x));
      c21 = i32x4.add(c21, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 3) {
      x = v128.load32_splat(a, 28);
      c30 = i32x4.add(c30, i32x4.dot_i16x8_s(w0, x));
      c31 = i32x4.add(c31, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 4) {
      x = v128.load32_splat(a, 36);
      c40 = i32x4.add(c40, i32x4.dot_i16x8_s(w0, x));
      c41 = i32x4.add(c41, i32x4.dot_i16x8_s(w1, x));
    }
    if (rows > 5) {
      x = v128.load32_splat(a, 44);
      c50 = i32x4.add(c50, i32x4.dot_i16x8_s(w0, x));
      c51 = i32x4.add(c51, i32x4.dot_i16x8_s(w1, x));
    }
    a += step;
    weights += 64;
  } while (weights != last);
  v128.store(to, c00);
  v128.store(to, c01, 16);
  if (rows > 1) {
    v128.store(to, c10, 512);
    v128.store(to, c11, 528);
  }
  if (rows > 2) {
    v128.store(to, c20, 1024);
    v128.store(to, c21, 1040);
  }
  if (rows > 3) {
    v128.store(to, c30, 1536);
    v128.store(to, c31, 1552);
  }
  if (rows > 4) {
    v128.store(to, c40, 2048);
    v128.store(to, c41, 2064);
  }
  if (rows > 5) {
    v128.store(to, c50, 2560);
    v128.store(to, c51, 2576);
  }
}

/** The product of a plane by a panel's weights for it. */
function products(rows: i32, a: usize, step: usize, weights: usize, last: usize, to: usize): void {
  for (; rows >= ROWS; rows -= ROWS, a += ROWS << 3, to += <usize>ROWS * SUMS_BYTES)
    tile(ROWS, a, step, weights, last, to);
  if (rows & 4) {
    tile(4, a, step, weights, last, to);
    a += 4 << 3;
    to += 4 * SUMS_BYTES;
  }
  if (rows & 2) {
    tile(2, a, step, weights, last, to);
    a += 2 << 3;
    to += 2 * SUMS_BYTES;
  }
  if (rows & 1) tile(1, a, step, weights, last, to);
}

/** AᵀmA for four columns of a tile: four times the sums of its 2×2 pixels, of which a line's lie side by side. */
// @ts-ignore: decorator
@inline
function turnBack(m: usize, start: v128, to: usize, line: usize): void {
  let m1 = v128.load(m, 128);
  let m2 = v128.load(m, 256);
  let y00 = i32x4.add(start, i32x4.add(i32x4.add(v128.load(m), m1), m2));
  let y10 = i32x4.add(start, i32x4.sub(i32x4.sub(m1, m2), v128.load(m, 384)));
  m1 = v128.load(m, 160);
  m2 = v128.load(m, 288);
  let above = i32x4.add(i32x4.add(v128.load(m, 32), m1), m2);
  let below = i32x4.sub(i32x4.sub(m1, m2), v128.load(m, 416));
  y00 = i32x4.add(y00, above);
  y10 = i32x4.add(y10, below);
  let y01 = i32x4.add(start, above);
  let y11 = i32x4.add(start, below);
  m1 = v128.load(m, 192);
  m2 = v128.load(m, 320);
  above = i32x4.add(i32x4.add(v128.load(m, 64), m1), m2);
  below = i32x4.sub(i32x4.sub(m1, m2), v128.load(m, 448));
  v128.store(to, i32x4.add(y00, above));
  v128.store(to + line, i32x4.add(y10, below));
  y01 = i32x4.sub(y01, above);
  y11 = i32x4.sub(y11, below);
  m1 = v128.load(m, 224);
  m2 = v128.load(m, 352);
  above = i32x4.add(i32x4.add(v128.load(m, 96), m1), m2);
  below = i32x4.sub(i32x4.sub(m1, m2), v128.load(m, 480));
  v128.store(to, i32x4.sub(y01, above), 32);
  v128.store(to + line, i32x4.sub(y11, below), 32);
}

/** Turns the tiles of a line back: two lines of sums [pixels, 8]. */
function turnTiles(tiles: i32, made: usize, panel: usize, to: usize): void {
  const line = <usize>tiles << 6;
  for (const last = to + 32; to < last; made += 16, panel += 16, to += 16) {
    const start = v128.load(panel, HEAD_START);
    for (let m = made, y = to; y < to + line; m += SUMS_BYTES, y += 64) turnBack(m, start, y, line);
  }
}

@unmanaged
class Turn {
  slot: u32;
  fused: i32;
  panels: i32;
  channels: i32;
  x: usize;
  y: usize;
}

/** Rows of twice G times three values: `step` bytes apart. */
function turnThree(a: v128, b: v128, c: v128, to: usize, step: usize): void {
  const outer = i16x8.add(a, c);
  v128.store(to, i16x8.add(a, a));
  to += step;
  v128.store(to, i16x8.add(outer, b));
  to += step;
  v128.store(to, i16x8.sub(outer, b));
  v128.store(to + step, i16x8.add(c, c));
}

/**
 * 4 · GwGᵀ: panels of 16 planes in 16 bits, two channels of 8 columns side by side, of panels of 9 taps of bytes in that order.
 * Their heads stay.
 */
export function winogradKernelBytes(i: Turn): void {
  const tap = <usize>i.channels << 3;
  const plane = tap << 1;
  for (let at = first(i.panels); at < end(i.panels); at++) {
    let p = i.x + <usize>at * (9 * tap + PANEL_HEAD);
    let q = i.y + <usize>at * (16 * plane + PANEL_HEAD);
    memory.copy(q, p, PANEL_HEAD);
    p += PANEL_HEAD;
    q += PANEL_HEAD;
    for (const last = p + tap; p < last; p += 8, q += 16) {
      // Down a column, for each of three: the four rows wait in y.
      let x = p;
      let y = q;
      for (const stop = q + 3 * plane; y < stop; x += tap, y += plane)
        turnThree(v128.load8x8_s(x), v128.load8x8_s(x + 3 * tap), v128.load8x8_s(x + 6 * tap), y, 4 * plane);
      y = q;
      for (const stop = q + 16 * plane; y < stop; y += 4 * plane)
        turnThree(v128.load(y), v128.load(y + plane), v128.load(y + 2 * plane), y, plane);
    }
  }
}

/** y = convolution of x, by panels that winogradKernelBytes has made. */
export function winogradBytes(i: Convolution): void {
  const windows = changetype<Windows>(i.table);
  const channels = windows.channels;
  const height = windows.gridHeight;
  const width = windows.gridWidth;
  const n = i.n;
  const size = i.size;
  const down = (height + 1) >> 1;
  const across = (width + 1) >> 1;
  const most = (windows.across - 2) >> 1;
  const all = <usize>(windows.lines * most);
  const lineBytes = <usize>(windows.across * channels);
  const imageBytes = <usize>(windows.height * windows.width * channels);
  const plane = all * channels * 2 + SKEW;
  const sums = scratchOf() + i.work;
  const made = sums + (<usize>most << 7);
  const turned = made + all * SUMS_BYTES;
  const values = turned + 8 * lineBytes;
  const lines = values + 16 * plane;
  const planeWeights = <usize>channels << 4;
  const pixel = <usize>(n * size);
  const units = (i.pixels / (height * width)) * down;
  const to = end(units);
  for (let unit = first(units); unit < to; ) {
    const image = unit / down;
    const top = unit - image * down;
    const count = min32(min32(to - unit, windows.lines), down - top);
    const x = i.x + <usize>image * imageBytes;
    for (let left = 0; left < across; left += most) {
      const tiles = min32(most, across - left);
      const step = <usize>(count * tiles) << 3;
      copyLines(windows, x, 2 * top - windows.top, 2 * left - windows.left, 2 * count + 2, lines);
      for (let k = 0; k < count; k++) {
        turnLines(channels, 2 * tiles + 2, lines + 2 * <usize>k * lineBytes, lineBytes, turned);
        spread(channels >> 3, tiles, turned, values + (<usize>(k * tiles) << 3), step, plane);
      }
      const pixels = min32(2 * tiles, width - 2 * left);
      const corner = i.y + <usize>((image * height + 2 * top) * width + 2 * left) * pixel;
      let weights = i.panels;
      for (let column = 0; column < n; column += PANEL_COLUMNS) {
        const panel = weights;
        weights += PANEL_HEAD;
        for (let k: usize = 0; k < 16; k++) {
          const last = weights + planeWeights;
          products(count * tiles, values + k * plane, step, weights, last, made + (k << 5));
          weights = last;
        }
        let y = corner + <usize>(column * size);
        for (let k = 0; k < count; k++) {
          turnTiles(tiles, made + <usize>(k * tiles) * SUMS_BYTES, panel, sums);
          finish(pixels, PANEL_COLUMNS, sums, panel, y, pixel, size);
          y += <usize>width * pixel;
          if (2 * (top + k) + 1 < height)
            finish(pixels, PANEL_COLUMNS, sums + (<usize>tiles << 6), panel, y, pixel, size);
          y += <usize>width * pixel;
        }
      }
    }
    unit += count;
  }
}
