// Convolutions of 3×3 taps and stride 1 by Winograd's minimal filtering: 16 multiply-adds for 2×2 pixels instead of 36.
// Patches of 4×4 pixels, and the kernel, are turned into 16 values each, between which stand only products; sums of these
// are turned back. The gradient with respect to the kernel goes the same way with pieces of dy of 2×2 for the kernel.
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2016), F(2×2, 3×3) and F(3×3, 2×2).
// Tiles of one line are made at a time, as many as stay in the second-level cache with all of their 16 values.
import { BLOCK } from "../abi";
import { passRange } from "../elementwise";
import { end, first, scratch } from "../thread";
import { NARROW, WIDE } from "./block";
import { transpose } from "./pack";
import { Patches } from "./patches";
import { TILE_ROWS, tilesOf } from "./tile";

/** What a line of tiles holds beside its 16 values: they shall not all fall into the same sets of the cache. */
const SKEW = 64;

@unmanaged
class Winograd {
  slot: u32;
  fused: i32;
  images: i32;
  /** Channels of B's columns. */
  n: i32;
  /** Tiles that are worked on at a time. */
  tiles: i32;
  x: usize;
  /** The kernel's 16 values [16, channels, n]; for the gradient dy. */
  b: usize;
  c: usize;
  work: usize;
  patches: usize;
  bias: usize;
  /** The gradient: into how many parts the tiles fall, each with a sum of its own. */
  parts: i32;
}

// The unit of work is a run of tiles of one line of one image; this is the one under way.
let image: i32 = 0;
let tileY: i32 = 0;
let tileX: i32 = 0;
let count: i32 = 0;
/** Tiles whose values are made. */
let filled: i32 = 0;

/** Runs that a line of tiles falls into. */
// @ts-ignore: decorator
@inline
function runsOf(patches: Patches, tiles: i32): i32 {
  return ((patches.gridWidth + 1) / 2 + tiles - 1) / tiles;
}

/** Turns to a unit. */
function seek(patches: Patches, tiles: i32, unit: i32): void {
  const across = (patches.gridWidth + 1) / 2;
  const down = (patches.gridHeight + 1) / 2;
  const runs = runsOf(patches, tiles);
  const line = unit / runs;
  const run = unit - line * runs;
  image = line / down;
  tileY = line - image * down;
  tileX = (across * run) / runs;
  count = (across * (run + 1)) / runs - tileX;
}

/**
 * Copies `lines` lines of 2 · count + more pixels from pixel (y, x) of the image on, zeros outside of it, four channels
 * side by side: [lines, channels / 4, pixels, 4].
 */
function copyLines(
  from: usize,
  height: i32,
  width: i32,
  channels: i32,
  lines: i32,
  more: i32,
  y: i32,
  x: i32,
  to: usize,
): void {
  const pixels = 2 * count + more;
  const step = <usize>pixels << 4;
  const bytes = <usize>channels << 2;
  const groups = channels >> 2;
  from += <usize>image * height * width * bytes;
  for (let line = 0; line < lines; line++, y++) {
    const inside = <u32>y < <u32>height;
    const source = from + <usize>(y * width + x) * bytes;
    for (let k = 0, p = source; k < pixels; k++, p += bytes) {
      let q = to + (<usize>k << 4);
      if (inside && <u32>(x + k) < <u32>width) {
        const last = p + bytes;
        for (let at = p; at < last; at += 16, q += step) v128.store(q, v128.load(at));
      } else {
        for (let c = 0; c < groups; c++, q += step) v128.store(q, f32x4.splat(0));
      }
    }
    to += <usize>groups * step;
  }
}

/** BᵀdB of each tile of the unit: into 16 planes of [tiles, channels]. */
function spreadPatches(channels: i32, lines: usize, to: usize, plane: usize): void {
  const step = <usize>(2 * count + 2) << 4;
  const line = <usize>(channels >> 2) * step;
  const stride = <usize>channels << 2;
  for (let c = 0; c < channels; c += 4, lines += step, to += 16) {
    let p0 = lines;
    let q = to;
    for (let t = 0; t < count; t++, p0 += 32, q += stride) {
      const p1 = p0 + line;
      const p2 = p1 + line;
      const p3 = p2 + line;
      let r = q;
      let a = f32x4.sub(v128.load(p0), v128.load(p2));
      let b = f32x4.sub(v128.load(p0, 16), v128.load(p2, 16));
      let d = f32x4.sub(v128.load(p0, 32), v128.load(p2, 32));
      let e = f32x4.sub(v128.load(p0, 48), v128.load(p2, 48));
      r = spread(a, b, d, e, r, plane);
      a = f32x4.add(v128.load(p1), v128.load(p2));
      b = f32x4.add(v128.load(p1, 16), v128.load(p2, 16));
      d = f32x4.add(v128.load(p1, 32), v128.load(p2, 32));
      e = f32x4.add(v128.load(p1, 48), v128.load(p2, 48));
      r = spread(a, b, d, e, r, plane);
      a = f32x4.sub(v128.load(p2), v128.load(p1));
      b = f32x4.sub(v128.load(p2, 16), v128.load(p1, 16));
      d = f32x4.sub(v128.load(p2, 32), v128.load(p1, 32));
      e = f32x4.sub(v128.load(p2, 48), v128.load(p1, 48));
      r = spread(a, b, d, e, r, plane);
      a = f32x4.sub(v128.load(p1), v128.load(p3));
      b = f32x4.sub(v128.load(p1, 16), v128.load(p3, 16));
      d = f32x4.sub(v128.load(p1, 32), v128.load(p3, 32));
      e = f32x4.sub(v128.load(p1, 48), v128.load(p3, 48));
      spread(a, b, d, e, r, plane);
    }
  }
}

/** One row of BᵀdB. */
// @ts-ignore: decorator
@inline
function spread(a: v128, b: v128, d: v128, e: v128, to: usize, plane: usize): usize {
  v128.store(to, f32x4.sub(a, d));
  to += plane;
  v128.store(to, f32x4.add(b, d));
  to += plane;
  v128.store(to, f32x4.sub(d, b));
  to += plane;
  v128.store(to, f32x4.sub(b, e));
  return to + plane;
}

/** Pieces of 2×2 pixels of dy as 16 values, but for the factors of a half, which are left to the end. */
function spreadPieces(channels: i32, lines: usize, to: usize, plane: usize): void {
  const step = <usize>(2 * count) << 4;
  const line = <usize>(channels >> 2) * step;
  const stride = <usize>channels << 2;
  for (let c = 0; c < channels; c += 4, lines += step, to += 16) {
    let p = lines;
    let q = to;
    for (let t = 0; t < count; t++, p += 32, q += stride) {
      const a = v128.load(p);
      const b = v128.load(p, 16);
      const d = v128.load(p + line);
      const e = v128.load(p + line, 16);
      let r = spreadTwo(a, b, q, plane);
      r = spreadTwo(f32x4.add(a, d), f32x4.add(b, e), r, plane);
      r = spreadTwo(f32x4.sub(a, d), f32x4.sub(b, e), r, plane);
      spreadTwo(d, e, r, plane);
    }
  }
}

// @ts-ignore: decorator
@inline
function spreadTwo(a: v128, b: v128, to: usize, plane: usize): usize {
  v128.store(to, a);
  to += plane;
  v128.store(to, f32x4.add(a, b));
  to += plane;
  v128.store(to, f32x4.sub(a, b));
  to += plane;
  v128.store(to, b);
  return to + plane;
}

/** AᵀmA of each tile, and the bias: into the pixels of C that there are. */
function gatherTiles(i: Winograd, patches: Patches, from: usize, plane: usize, dump: usize): void {
  const n = i.n;
  const bytes = <usize>n << 2;
  const height = patches.gridHeight;
  const width = patches.gridWidth;
  const line = <usize>width * bytes;
  const below = 2 * tileY + 1 < height;
  let at = i.c + <usize>((image * height + 2 * tileY) * width + 2 * tileX) * bytes;
  for (let t = tileX; t < tileX + count; t++, at += 2 * bytes, from += bytes) {
    const beside = 2 * t + 1 < width;
    let y00 = at;
    let y01 = beside ? at + bytes : dump;
    let y10 = below ? at + line : dump;
    let y11 = beside && below ? at + line + bytes : dump;
    let bias = i.bias;
    for (let c: usize = 0; c < bytes; c += 16) {
      const p0 = from + c;
      const p1 = p0 + 4 * plane;
      const p2 = p1 + 4 * plane;
      const p3 = p2 + 4 * plane;
      // Columns one after the other: the sums down a column, then across.
      let m1 = v128.load(p1);
      let m2 = v128.load(p2);
      let upper = f32x4.add(f32x4.add(v128.load(p0), m1), m2);
      let lower = f32x4.sub(f32x4.sub(m1, m2), v128.load(p3));
      m1 = v128.load(p1 + plane);
      m2 = v128.load(p2 + plane);
      const upper1 = f32x4.add(f32x4.add(v128.load(p0 + plane), m1), m2);
      const lower1 = f32x4.sub(f32x4.sub(m1, m2), v128.load(p3 + plane));
      m1 = v128.load(p1 + 2 * plane);
      m2 = v128.load(p2 + 2 * plane);
      const upper2 = f32x4.add(f32x4.add(v128.load(p0 + 2 * plane), m1), m2);
      const lower2 = f32x4.sub(f32x4.sub(m1, m2), v128.load(p3 + 2 * plane));
      m1 = v128.load(p1 + 3 * plane);
      m2 = v128.load(p2 + 3 * plane);
      const upper3 = f32x4.add(f32x4.add(v128.load(p0 + 3 * plane), m1), m2);
      const lower3 = f32x4.sub(f32x4.sub(m1, m2), v128.load(p3 + 3 * plane));
      const start = bias != 0 ? v128.load(bias + c) : f32x4.splat(0);
      upper = f32x4.add(f32x4.add(upper, upper1), f32x4.add(upper2, start));
      lower = f32x4.add(f32x4.add(lower, lower1), f32x4.add(lower2, start));
      v128.store(y00 + c, upper);
      v128.store(y01 + c, f32x4.add(f32x4.sub(upper1, upper2), f32x4.sub(start, upper3)));
      v128.store(y10 + c, lower);
      v128.store(y11 + c, f32x4.add(f32x4.sub(lower1, lower2), f32x4.sub(start, lower3)));
    }
  }
}

/**
 * Spreads the patches of as many units as there is room for, from `unit` on, and where pieces are wanted those of B.
 * Answers the first unit that is left; how many tiles there are then stands in `filled`.
 */
function fill(i: Winograd, unit: i32, to: i32, patchesAt: usize, piecesAt: usize, lines: usize): i32 {
  const patches = changetype<Patches>(i.patches);
  const channels = patches.channels;
  filled = 0;
  for (; unit < to; unit++) {
    seek(patches, i.tiles, unit);
    if (filled + count > i.tiles) break;
    const y = 2 * tileY;
    const x = 2 * tileX;
    copyLines(i.x, patches.height, patches.width, channels, 4, 2, y - patches.top, x - patches.left, lines);
    spreadPatches(channels, lines, patchesAt + (<usize>(filled * channels) << 2), planeOf(i, channels));
    if (piecesAt != 0) {
      copyLines(i.b, patches.gridHeight, patches.gridWidth, i.n, 2, 0, y, x, lines);
      spreadPieces(i.n, lines, piecesAt + (<usize>(filled * i.n) << 2), planeOf(i, i.n));
    }
    filled += count;
  }
  return unit;
}

/** Bytes from one of the 16 values of the tiles under way to the next. */
// @ts-ignore: decorator
@inline
function planeOf(i: Winograd, channels: i32): usize {
  return <usize>(i.tiles * channels * 4 + SKEW);
}

/** C[m, n] = from + A[m, k] · B[k, n], by tiles of registers; the rows of B and of C lie side by side. */
function product(
  width: i32,
  m: i32,
  n: i32,
  k: i32,
  a: usize,
  aStride: usize,
  b: usize,
  from: usize,
  fromStride: usize,
  c: usize,
): void {
  const tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
  const bytes = <usize>n << 2;
  const step = <usize>width << 2;
  for (let t = 1, r = 0; t <= tiles; t++) {
    const next = (m * t) / tiles;
    const rows = next - r;
    tilesOf(width, rows, n / width, k, a, aStride, b, bytes, step, from, fromStride, c, bytes);
    a += <usize>rows * aStride;
    from += <usize>rows * fromStride;
    c += <usize>rows * bytes;
    r = next;
  }
}

function unitsOf(i: Winograd): i32 {
  const patches = changetype<Patches>(i.patches);
  return i.images * ((patches.gridHeight + 1) / 2) * runsOf(patches, i.tiles);
}

// Scratch: a row of zeros, a row for pixels that there are not, the 16 values of the patches, those of their products
// or of the pieces of B, lines.
function pixels(i: Winograd, width: i32): void {
  const patches = changetype<Patches>(i.patches);
  const n = i.n;
  const channels = patches.channels;
  const bytes = <usize>n << 2;
  const zeros = scratch + i.work;
  const dump = zeros + bytes;
  const values = dump + bytes;
  const plane = planeOf(i, channels);
  const sums = values + 16 * plane;
  const sumsPlane = planeOf(i, n);
  memory.fill(zeros, 0, bytes);
  const units = unitsOf(i);
  const to = end(units);
  for (let unit = first(units); unit < to; ) {
    const next = fill(i, unit, to, values, 0, sums + 16 * sumsPlane);
    for (let e = 0; e < 16; e++) {
      const a = values + <usize>e * plane;
      const b = i.b + (<usize>(e * channels * n) << 2);
      product(width, filled, n, channels, a, <usize>channels << 2, b, zeros, 0, sums + <usize>e * sumsPlane);
    }
    for (let from = sums; unit < next; unit++) {
      seek(patches, i.tiles, unit);
      gatherTiles(i, patches, from, sumsPlane, dump);
      from += <usize>count * bytes;
      if (i.fused != 0) finishLines(i, patches);
    }
  }
}

/** Runs the epilogue over what a unit has made of its two lines. */
function finishLines(i: Winograd, patches: Patches): void {
  const x = 2 * tileX;
  const length = (min(x + 2 * count, patches.gridWidth) - x) * i.n;
  for (let y = 2 * tileY; y < min(2 * tileY + 2, patches.gridHeight); y++) {
    const from = ((image * patches.gridHeight + y) * patches.gridWidth + x) * i.n;
    for (let at = 0; at < length; at += BLOCK) {
      passRange(changetype<usize>(i), i.fused, from + at, from + min(at + BLOCK, length));
    }
  }
}

function weights(i: Winograd, width: i32): void {
  const n = i.n;
  const channels = changetype<Patches>(i.patches).channels;
  const bytes = <usize>n << 2;
  const zeros = scratch + i.work;
  const values = zeros + 2 * bytes;
  const plane = planeOf(i, channels);
  const pieces = values + 16 * plane;
  const piecesPlane = planeOf(i, n);
  const lines = pieces + 16 * piecesPlane;
  // A's rows are channels: the patches of a plane are turned where the lines were.
  const stride = planeOf(i, 1);
  memory.fill(zeros, 0, bytes);
  const units = unitsOf(i);
  for (let part = first(i.parts); part < end(i.parts); part++) {
    const to = <i32>((<i64>units * (part + 1)) / i.parts);
    let fromStride: usize = 0;
    for (let unit = <i32>((<i64>units * part) / i.parts); unit < to; ) {
      unit = fill(i, unit, to, values, pieces, lines);
      for (let e = 0; e < 16; e++) {
        transpose((filled + 3) & ~3, channels, filled, values + <usize>e * plane, <usize>channels << 2, lines, stride);
        const b = pieces + <usize>e * piecesPlane;
        const c = i.c + <usize>((part * 16 + e) * channels) * bytes;
        product(width, channels, n, filled, lines, stride, b, fromStride == 0 ? zeros : c, fromStride, c);
      }
      fromStride = bytes;
    }
  }
}

/** y = a convolution of x with a kernel that winogradKernel has turned; then the bias. */
export function winograd(i: Winograd): void {
  pixels(i, NARROW);
}
export function winogradWide(i: Winograd): void {
  pixels(i, i.n % WIDE == 0 ? WIDE : NARROW);
}
/** Sums [parts, 16, channels, n] from which winogradGradient makes the gradient with respect to the kernel. */
export function winogradWeights(i: Winograd): void {
  weights(i, NARROW);
}
export function winogradWeightsWide(i: Winograd): void {
  weights(i, i.n % WIDE == 0 ? WIDE : NARROW);
}

@unmanaged
class Turn {
  slot: u32;
  fused: i32;
  /** Channels × channels. */
  size: i32;
  parts: i32;
  x: usize;
  y: usize;
}

/** GwGᵀ: y[16, size] of the taps w[9, size]. */
export function winogradKernel(i: Turn): void {
  const plane = <usize>i.size << 2;
  const half = f32x4.splat(0.5);
  for (let at = first(i.size >> 2); at < end(i.size >> 2); at++) {
    let p = i.x + (<usize>at << 4);
    let q = i.y + (<usize>at << 4);
    // Down a column, for each of three: the four rows wait in y.
    for (let column = 0; column < 3; column++, p += plane, q += plane) {
      const a = v128.load(p);
      const b = v128.load(p + 3 * plane);
      const c = v128.load(p + 6 * plane);
      const outer = f32x4.add(a, c);
      v128.store(q, a);
      v128.store(q + 4 * plane, f32x4.mul(half, f32x4.add(outer, b)));
      v128.store(q + 8 * plane, f32x4.mul(half, f32x4.sub(outer, b)));
      v128.store(q + 12 * plane, c);
    }
    q = i.y + (<usize>at << 4);
    for (let row = 0; row < 4; row++, q += 4 * plane) {
      const b = v128.load(q + plane);
      const c = v128.load(q + 2 * plane);
      const outer = f32x4.add(v128.load(q), c);
      v128.store(q + plane, f32x4.mul(half, f32x4.add(outer, b)));
      v128.store(q + 2 * plane, f32x4.mul(half, f32x4.sub(outer, b)));
      v128.store(q + 3 * plane, c);
    }
  }
}

/** y[9, size] of the sums x[parts, 16, size], in the order of the parts. */
export function winogradGradient(i: Turn): void {
  const plane = <usize>i.size << 2;
  for (let at = first(i.size >> 2); at < end(i.size >> 2); at++) {
    const p = i.x + (<usize>at << 4);
    // The parts' sums, in place of the first's.
    for (let e: usize = 0, q = p; e < 16; e++, q += plane) {
      let sum = v128.load(q);
      for (let part = 1, r = q + 16 * plane; part < i.parts; part++, r += 16 * plane) sum = f32x4.add(sum, v128.load(r));
      v128.store(q, sum);
    }
    // Across each row: three of four stay, in place.
    for (let row = 0, q = p; row < 4; row++, q += 4 * plane) turn(q, plane, q, plane);
    for (let column = 0, q = p, y = i.y + (<usize>at << 4); column < 3; column++, q += plane, y += plane) {
      turn(q, 4 * plane, y, 3 * plane);
    }
  }
}

/** Four sums as three of the gradient, `step` bytes apart. */
function turn(p: usize, step: usize, q: usize, qStep: usize): void {
  const half = f32x4.splat(0.5);
  const b = f32x4.mul(half, v128.load(p + step));
  const c = f32x4.mul(half, v128.load(p + 2 * step));
  const both = f32x4.add(b, c);
  const last = f32x4.sub(both, v128.load(p + 3 * step));
  v128.store(q, f32x4.add(v128.load(p), both));
  v128.store(q + qStep, f32x4.sub(b, c));
  v128.store(q + 2 * qStep, last);
}
