// Depthwise convolution: each channel has a kernel of its own, so there is no product to speak of; vectors run over
// channels. The gradient with respect to the input is the same kernel with the taps reordered, see gemm/convolution.ts.
import { BLOCK, PATCHES_BYTES } from "../abi";
import { passRange } from "../elementwise";
import { Patches } from "../gemm/patches";
import { loadTail, madd, storeTail } from "../simd";
import { end, first } from "../thread";

@unmanaged
class Depthwise {
  slot: u32;
  fused: i32;
  x: usize;
  w: usize;
  y: usize;
  bias: usize;
  patches: usize;
  parts: i32;
}

/** Steps, in bytes, of the taps that a pixel takes: set for the pixels under way. */
let tapRows: i32 = 0;
let tapColumns: i32 = 0;
let xLine: usize = 0;
let xTap: usize = 0;
let wLine: usize = 0;
let wTap: usize = 0;

/** So many pixels, `xStep` and `yStep` bytes apart, of so many vectors of channels; `count` < 4 of the one vector are there. */
// @ts-ignore: decorator
@inline
function pixels(count: i32, vectors: i32, x: usize, xStep: usize, w: usize, bias: usize, y: usize, yStep: usize): void {
  const zero: v128 = i64x2.splat(0);
  const s0 = bias != 0 ? v128.load(bias) : zero;
  const s1 = vectors > 1 ? (bias != 0 ? v128.load(bias, 16) : zero) : zero;
  let y00 = s0;
  let y01 = s1;
  let y10 = s0;
  let y11 = s1;
  let y20 = s0;
  let y21 = s1;
  let y30 = s0;
  let y31 = s1;
  for (let ky = tapRows; ky > 0; ky--, x += xLine, w += wLine) {
    let p0 = x;
    let q = w;
    for (let kx = tapColumns; kx > 0; kx--, p0 += xTap, q += wTap) {
      const w0 = v128.load(q);
      const w1 = vectors > 1 ? v128.load(q, 16) : w0;
      y00 = madd(v128.load(p0), w0, y00);
      if (vectors > 1) y01 = madd(v128.load(p0, 16), w1, y01);
      if (count > 1) {
        let p = p0 + xStep;
        y10 = madd(v128.load(p), w0, y10);
        if (vectors > 1) y11 = madd(v128.load(p, 16), w1, y11);
        p += xStep;
        y20 = madd(v128.load(p), w0, y20);
        if (vectors > 1) y21 = madd(v128.load(p, 16), w1, y21);
        p += xStep;
        y30 = madd(v128.load(p), w0, y30);
        if (vectors > 1) y31 = madd(v128.load(p, 16), w1, y31);
      }
    }
  }
  v128.store(y, y00);
  if (vectors > 1) v128.store(y, y01, 16);
  if (count > 1) {
    y += yStep;
    v128.store(y, y10);
    if (vectors > 1) v128.store(y, y11, 16);
    y += yStep;
    v128.store(y, y20);
    if (vectors > 1) v128.store(y, y21, 16);
    y += yStep;
    v128.store(y, y30);
    if (vectors > 1) v128.store(y, y31, 16);
  }
}

/** The last channels of a pixel, fewer than a vector. */
function tail(channels: i32, x: usize, w: usize, bias: usize, y: usize): void {
  let sum: v128 = i64x2.splat(0);
  if (bias != 0) sum = loadTail(bias, channels);
  for (let ky = tapRows; ky > 0; ky--, x += xLine, w += wLine) {
    let p = x;
    let q = w;
    for (let kx = tapColumns; kx > 0; kx--, p += xTap, q += wTap) {
      sum = madd(loadTail(p, channels), loadTail(q, channels), sum);
    }
  }
  storeTail(y, sum, channels);
}

/** All channels of `count` pixels that take the same taps. */
function run(channels: i32, count: i32, x: usize, xStep: usize, w: usize, bias: usize, y: usize, yStep: usize): void {
  const step: usize = bias != 0 ? 16 : 0;
  while (count > 0) {
    const four = count >= 4;
    let left = channels;
    let p = x;
    let q = w;
    let s = bias;
    let t = y;
    for (; left >= 8; left -= 8, p += 32, q += 32, s += 2 * step, t += 32) {
      if (four) pixels(4, 2, p, xStep, q, s, t, yStep);
      else pixels(1, 2, p, xStep, q, s, t, yStep);
    }
    if (left > 0) {
      const to = four ? 4 : 1;
      for (let k = 0; k < to; k++) {
        const pk = p + <usize>k * xStep;
        const tk = t + <usize>k * yStep;
        if (left >= 4) pixels(1, 1, pk, xStep, q, s, tk, yStep);
        if ((left & 3) > 0) {
          const after: usize = left >= 4 ? 16 : 0;
          tail(left & 3, pk + after, q + after, s + (after != 0 ? step : 0), tk + after);
        }
      }
    }
    const done = four ? 4 : 1;
    count -= done;
    x += <usize>done * xStep;
    y += <usize>done * yStep;
  }
}

/** The first tap at or behind 0, of those that begin at `at` and lie `step` apart. */
// @ts-ignore: decorator
@inline
function firstTap(at: i32, step: i32): i32 {
  return at >= 0 ? 0 : step == 1 ? -at : (step - 1 - at) / step;
}

/** One past the last of `taps` before `size`. */
// @ts-ignore: decorator
@inline
function endTap(at: i32, step: i32, taps: i32, size: i32): i32 {
  return at >= size ? 0 : min(taps, step == 1 ? size - at : (size - 1 - at) / step + 1);
}

export function depthwise(i: Depthwise): void {
  for (let part = 0; part < i.parts; part++) {
    phase(i, changetype<Patches>(i.patches + <usize>part * PATCHES_BYTES));
  }
}

function phase(i: Depthwise, g: Patches): void {
  const channels = g.channels;
  const bytes = <usize>channels << 2;
  const across = g.across;
  const taps = across == 0 ? 0 : g.terms / across;
  const lines = g.pixels / g.gridWidth;
  const from = first(lines);
  const to = end(lines);
  xTap = <usize>g.dilationX * bytes;
  xLine = <usize>(g.dilationY * g.width) * bytes;
  wTap = bytes;
  wLine = <usize>across * bytes;
  // Pixels whose taps all lie inside the line.
  const within = (across - 1) * g.dilationX;
  const innerFrom = min(g.gridWidth, firstTap(-g.left, g.strideX));
  const innerTo = max(innerFrom, endTap(within - g.left, g.strideX, g.gridWidth, g.width));
  let done = from;
  for (let line = from; line < to; line++) {
    const image = line / g.gridHeight;
    const gridY = line - image * g.gridHeight;
    const y0 = gridY * g.strideY - g.top;
    const ky = firstTap(y0, g.dilationY);
    tapRows = max(0, endTap(y0, g.dilationY, taps, g.height) - ky);
    const toLine = g.scattered ? (image * g.toHeight + g.firstY + gridY * g.stepY) * g.toWidth + g.firstX : line * g.gridWidth;
    const yStep = g.scattered ? <usize>g.stepX * bytes : bytes;
    let y = i.y + <usize>toLine * bytes;
    const source = i.x + <usize>((image * g.height + y0 + ky * g.dilationY) * g.width) * bytes;
    const w = i.w + <usize>(g.tap + ky * across) * bytes;
    for (let x = 0; x < g.gridWidth; ) {
      const inside = x >= innerFrom && x < innerTo;
      const count = inside ? innerTo - x : 1;
      const x0 = x * g.strideX - g.left;
      const kx = firstTap(x0, g.dilationX);
      tapColumns = inside ? across : max(0, endTap(x0, g.dilationX, across, g.width) - kx);
      const at = source + <usize>(x0 + kx * g.dilationX) * bytes;
      run(channels, count, at, <usize>g.strideX * bytes, w + <usize>kx * bytes, i.bias, y, yStep);
      x += count;
      y += <usize>count * yStep;
    }
    const elements = g.gridWidth * channels;
    if (i.fused != 0 && (line + 1 == to || (line + 2 - done) * elements > BLOCK)) {
      const last = (line + 1) * elements;
      for (let e = done * elements; e < last; e += BLOCK) passRange(changetype<usize>(i), i.fused, e, min(e + BLOCK, last));
      done = line + 1;
    }
  }
}

@unmanaged
class DepthwiseWeights {
  slot: u32;
  fused: i32;
  x: usize;
  dy: usize;
  dw: usize;
  patches: usize;
}

/** w[tap] += Σ x · dy over the pixels of a line, for so many vectors of channels. */
// @ts-ignore: decorator
@inline
function sumLine(vectors: i32, count: i32, x: usize, xStep: usize, dy: usize, yStep: usize, w: usize): void {
  let w0 = v128.load(w);
  let w1 = vectors > 1 ? v128.load(w, 16) : w0;
  let w2 = vectors > 1 ? v128.load(w, 32) : w0;
  let w3 = vectors > 1 ? v128.load(w, 48) : w0;
  for (; count > 0; count--, x += xStep, dy += yStep) {
    w0 = madd(v128.load(x), v128.load(dy), w0);
    if (vectors > 1) {
      w1 = madd(v128.load(x, 16), v128.load(dy, 16), w1);
      w2 = madd(v128.load(x, 32), v128.load(dy, 32), w2);
      w3 = madd(v128.load(x, 48), v128.load(dy, 48), w3);
    }
  }
  v128.store(w, w0);
  if (vectors > 1) {
    v128.store(w, w1, 16);
    v128.store(w, w2, 32);
    v128.store(w, w3, 48);
  }
}

/** dw[tap, c] = Σ x[pixel at tap, c] · dy[pixel, c] in the order of the pixels; threads divide the channels. */
export function depthwiseWeights(i: DepthwiseWeights): void {
  const g = changetype<Patches>(i.patches);
  const channels = g.channels;
  const bytes = <usize>channels << 2;
  const across = g.across;
  const taps = g.terms / across;
  const lines = g.pixels / g.gridWidth;
  const to = min(channels, end((channels + 3) / 4) * 4);
  const xStep = <usize>g.strideX * bytes;
  for (let c = first((channels + 3) / 4) * 4; c < to; ) {
    const count = to - c >= 16 ? 16 : min(4, to - c);
    const at = <usize>c << 2;
    for (let t = 0; t < g.terms; t++) memory.fill(i.dw + <usize>t * bytes + at, 0, <usize>count << 2);
    for (let line = 0; line < lines; line++) {
      const image = line / g.gridHeight;
      const y0 = (line - image * g.gridHeight) * g.strideY - g.top;
      const kyTo = endTap(y0, g.dilationY, taps, g.height);
      for (let ky = firstTap(y0, g.dilationY); ky < kyTo; ky++) {
        const source = (image * g.height + y0 + ky * g.dilationY) * g.width - g.left;
        for (let kx = 0; kx < across; kx++) {
          const x0 = kx * g.dilationX - g.left;
          const xFrom = firstTap(x0, g.strideX);
          const pixelsOf = endTap(x0, g.strideX, g.gridWidth, g.width) - xFrom;
          const x = i.x + <usize>(source + kx * g.dilationX + xFrom * g.strideX) * bytes + at;
          const dy = i.dy + <usize>(line * g.gridWidth + xFrom) * bytes + at;
          const w = i.dw + <usize>(ky * across + kx) * bytes + at;
          if (count == 16) sumLine(4, pixelsOf, x, xStep, dy, bytes, w);
          else if (count == 4) sumLine(1, pixelsOf, x, xStep, dy, bytes, w);
          else sumTail(count, pixelsOf, x, xStep, dy, bytes, w);
        }
      }
    }
    c += count;
  }
}

function sumTail(channels: i32, count: i32, x: usize, xStep: usize, dy: usize, yStep: usize, w: usize): void {
  let sum = loadTail(w, channels);
  for (; count > 0; count--, x += xStep, dy += yStep) sum = madd(loadTail(x, channels), loadTail(dy, channels), sum);
  storeTail(w, sum, channels);
}
