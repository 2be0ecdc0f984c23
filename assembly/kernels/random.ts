// Random numbers that depend on a key, a step and the element's index alone: Philox4x32-10 of Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), four counters at a time.
// Element 16 g + 4 w + j takes word w of counter 4 g + j, so that a vector of words is stored as it comes.
import { cosOfQuarters, logNormal, signBit, sinOfQuarters } from "../math";
import { loadTail, madd, max, min, nmadd, storeTail, sumLanes } from "../simd";
import { end, endElement, first, firstElement } from "../thread";

@unmanaged
class Random {
  slot: u32;
  fused: i32;
  n: i32;
  y: usize;
  key0: u32;
  key1: u32;
  /** Address of a word that gives each step other numbers, or 0. */
  step: usize;
  alpha: f32;
  beta: f32;
}

/** The four vectors of words under way, or what has been made of them. */
export let w0: v128 = v128.splat<i32>(0);
export let w1: v128 = v128.splat<i32>(0);
export let w2: v128 = v128.splat<i32>(0);
export let w3: v128 = v128.splat<i32>(0);

/** Words of counters (index … index + 3, 0, step, 0). */
export function philox(index: i32, step: u32, key0: u32, key1: u32): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let k0 = i32x4.splat(key0);
  let k1 = i32x4.splat(key1);
  let a = i32x4.add(i32x4.splat(index), i32x4(0, 1, 2, 3));
  let b = i32x4.splat(0);
  let c = i32x4.splat(step);
  let d = i32x4.splat(0);
  for (let round = 0; round < 10; round++) {
    const p = i64x2.extmul_low_i32x4_u(a, m0);
    const q = i64x2.extmul_high_i32x4_u(a, m0);
    const r = i64x2.extmul_low_i32x4_u(c, m1);
    const s = i64x2.extmul_high_i32x4_u(c, m1);
    a = v128.xor(v128.xor(v128.shuffle<i32>(r, s, 1, 3, 5, 7), b), k0);
    b = v128.shuffle<i32>(r, s, 0, 2, 4, 6);
    c = v128.xor(v128.xor(v128.shuffle<i32>(p, q, 1, 3, 5, 7), d), k1);
    d = v128.shuffle<i32>(p, q, 0, 2, 4, 6);
    k0 = i32x4.add(k0, i32x4.splat(0x9e3779b9));
    k1 = i32x4.add(k1, i32x4.splat(0xbb67ae85));
  }
  w0 = a;
  w1 = b;
  w2 = c;
  w3 = d;
}

/** Stores as many of the four vectors as elements are left. */
function store16(y: usize, left: i32): void {
  store4(y, w0, left);
  store4(y + 16, w1, left - 4);
  store4(y + 32, w2, left - 8);
  store4(y + 48, w3, left - 12);
}

// @ts-ignore: decorator
@inline
function store4(y: usize, x: v128, left: i32): void {
  if (left >= 4) v128.store(y, x);
  else if (left > 0) storeTail(y, x, left);
}

/** Fills y. The distribution is a type whose method v makes numbers of the words. */
// @ts-ignore: decorator
@inline
function draw<F>(i: Random): void {
  const f = changetype<F>(changetype<usize>(i));
  const step: u32 = i.step != 0 ? load<u32>(i.step) : 0;
  const to = endElement(i.n);
  for (let at = firstElement(i.n); at < to; at += 16) {
    philox(at >> 2, step, i.key0, i.key1);
    f.v();
    store16(i.y + ((<usize>at) << 2), to - at);
  }
}

/** The next float below x. */
function below(x: f32): f32 {
  const bits = reinterpret<i32>(x);
  if (x == 0) return reinterpret<f32>(0x80000001);
  return reinterpret<f32>(x > 0 ? bits - 1 : bits + 1);
}

/** 0 ≤ u < 1 in steps of 2⁻²⁴. */
// @ts-ignore: decorator
@inline
export function unit(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), f32x4.splat(5.960464477539063e-8));
}

@unmanaged
class RandomUniform extends Random {
  // @ts-ignore: decorator
  @inline
  v(): void {
    const low = f32x4.splat(this.alpha);
    const span = f32x4.splat(this.beta - this.alpha);
    // The sum may round up to beta.
    const top = f32x4.splat(below(this.beta));
    w0 = max(low, min(top, f32x4.add(f32x4.mul(unit(w0), span), low)));
    w1 = max(low, min(top, f32x4.add(f32x4.mul(unit(w1), span), low)));
    w2 = max(low, min(top, f32x4.add(f32x4.mul(unit(w2), span), low)));
    w3 = max(low, min(top, f32x4.add(f32x4.mul(unit(w3), span), low)));
  }
}
/** alpha ≤ y < beta. */
export function randomUniform(i: Random): void {
  draw<RandomUniform>(i);
}

/** √(−2 log u) with 2⁻³³ ≤ u ≤ 1: up to 6.76. */
// @ts-ignore: decorator
@inline
function radius(words: v128): v128 {
  const u = f32x4.add(
    f32x4.mul(f32x4.convert_i32x4_u(words), f32x4.splat(2.3283064365386963e-10)),
    f32x4.splat(1.1641532182693481e-10),
  );
  return f32x4.sqrt(f32x4.mul(logNormal(u), f32x4.splat(-2)));
}

/** The lower 31 bits as an angle of −π/2 … π/2; the sign bit is left to turn it by π. */
// @ts-ignore: decorator
@inline
function angle(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shl(words, 1)), f32x4.splat(7.314590396335798e-10));
}

@unmanaged
class RandomNormal extends Random {
  // @ts-ignore: decorator
  @inline
  v(): void {
    const mean = f32x4.splat(this.alpha);
    const deviation = f32x4.splat(this.beta);
    const r = v128.xor(f32x4.mul(radius(w0), deviation), v128.and(w1, signBit()));
    const s = v128.xor(f32x4.mul(radius(w2), deviation), v128.and(w3, signBit()));
    const a = angle(w1);
    const b = angle(w3);
    w0 = madd(r, cosOfQuarters(a), mean);
    w1 = madd(r, sinOfQuarters(a), mean);
    w2 = madd(s, cosOfQuarters(b), mean);
    w3 = madd(s, sinOfQuarters(b), mean);
  }
}
/** Mean alpha, deviation beta, within 6.76 deviations. Box and Muller 1958. */
export function randomNormal(i: Random): void {
  draw<RandomNormal>(i);
}

// The inverse of the distribution function: v evenly in ±1 becomes v P(s) / Q(s) with s = 1 − v², error 3e-6;
// a fit of our own. In v² instead of s the denominator would cancel where v is near ±1.
const TRUNCATED = memory.data<f32>([
  1.99999377, 16.7846266, 25.0009507, 3.49341674, 1, 10.1010542, 21.3511713, 7.0690606, 4.656612873077393e-10,
]);
// @ts-ignore: decorator
@inline
function t(index: usize): v128 {
  return v128.load32_splat(TRUNCATED + (index << 2));
}

// @ts-ignore: decorator
@inline
function truncated(words: v128, mean: v128, deviation: v128): v128 {
  const v = f32x4.mul(f32x4.convert_i32x4_s(words), t(8));
  const s = nmadd(v, v, t(4));
  let p = madd(t(3), s, t(2));
  let q = madd(t(7), s, t(6));
  p = madd(p, s, t(1));
  q = madd(q, s, t(5));
  p = madd(p, s, t(0));
  q = madd(q, s, t(4));
  return madd(f32x4.div(f32x4.mul(v, p), q), deviation, mean);
}

@unmanaged
class RandomTruncatedNormal extends Random {
  // @ts-ignore: decorator
  @inline
  v(): void {
    const mean = f32x4.splat(this.alpha);
    const deviation = f32x4.splat(this.beta);
    w0 = truncated(w0, mean, deviation);
    w1 = truncated(w1, mean, deviation);
    w2 = truncated(w2, mean, deviation);
    w3 = truncated(w3, mean, deviation);
  }
}
/** As normal with mean alpha and deviation beta, given that it is within two deviations (whose deviation then is 0.88 beta). */
export function randomTruncatedNormal(i: Random): void {
  draw<RandomTruncatedNormal>(i);
}

@unmanaged
class RandomBits extends Random {
  // @ts-ignore: decorator
  @inline
  v(): void {}
}
/** The words themselves. */
export function randomBits(i: Random): void {
  draw<RandomBits>(i);
}

@unmanaged
class Dropout {
  slot: u32;
  fused: i32;
  n: i32;
  x: usize;
  y: usize;
  key0: u32;
  key1: u32;
  step: usize;
  rate: f32;
  scale: f32;
}

/** y = scale x where u ≥ rate, else 0. Its gradient is itself, of dy: the mask is drawn again. */
export function dropout(i: Dropout): void {
  const step: u32 = i.step != 0 ? load<u32>(i.step) : 0;
  const to = endElement(i.n);
  for (let at = firstElement(i.n); at < to; at += 16) {
    philox(at >> 2, step, i.key0, i.key1);
    const x = i.x + ((<usize>at) << 2);
    const left = to - at;
    w0 = kept(x, w0, left, i.rate, i.scale);
    w1 = kept(x + 16, w1, left - 4, i.rate, i.scale);
    w2 = kept(x + 32, w2, left - 8, i.rate, i.scale);
    w3 = kept(x + 48, w3, left - 12, i.rate, i.scale);
    store16(i.y + ((<usize>at) << 2), left);
  }
}

// @ts-ignore: decorator
@inline
function kept(x: usize, words: v128, left: i32, rate: f32, scale: f32): v128 {
  const mask = f32x4.ge(unit(words), f32x4.splat(rate));
  const value = left >= 4 ? v128.load(x) : left > 0 ? loadTail(x, left) : f32x4.splat(0);
  return v128.and(f32x4.mul(value, f32x4.splat(scale)), mask);
}

@unmanaged
class Orthogonal {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  gain: f32;
  y: usize;
}

/** a · b over n elements that lie `step` bytes apart. */
function dot(a: usize, b: usize, n: i32, step: usize): f64 {
  let sum: f64 = 0;
  if (step == 4) {
    let total = f32x4.splat(0);
    let other = f32x4.splat(0);
    for (; n >= 8; n -= 8, a += 32, b += 32) {
      total = madd(v128.load(a), v128.load(b), total);
      other = madd(v128.load(a, 16), v128.load(b, 16), other);
    }
    sum = sumLanes(f32x4.add(total, other));
  }
  for (; n > 0; n--, a += step, b += step) sum += <f64>load<f32>(a) * <f64>load<f32>(b);
  return sum;
}

/** y ← y − factor x. */
function subtract(factor: f32, x: usize, y: usize, n: i32, step: usize): void {
  if (step == 4) {
    const f = f32x4.splat(factor);
    for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, nmadd(f, v128.load(x), v128.load(y)));
  }
  for (; n > 0; n--, x += step, y += step) store<f32>(y, load<f32>(y) - factor * load<f32>(x));
}

/** x ← factor x. */
function multiply(factor: f64, x: usize, n: i32, step: usize): void {
  for (; n > 0; n--, x += step) store<f32>(x, <f32>(factor * <f64>load<f32>(x)));
}

/**
 * Makes a matrix of normal numbers orthogonal in place, times a gain: its rows where they are fewer, else its columns.
 * Gram and Schmidt's projections, each done twice, which is enough (Giraud, Langou and Rozložník 2005); they leave
 * R with a positive diagonal, so that the result is spread evenly (Mezzadri 2007). One thread does it, the one that a single unit belongs to.
 */
export function orthogonal(i: Orthogonal): void {
  if (first(1) == end(1)) return;
  const row = (<usize>i.columns) << 2;
  const wide = i.rows <= i.columns;
  const count = wide ? i.rows : i.columns;
  const n = wide ? i.columns : i.rows;
  const next: usize = wide ? row : 4;
  const step: usize = wide ? 4 : row;
  const behind = i.y + <usize>count * next;
  for (let y = i.y; y < behind; y += next) {
    for (let turn = 0; turn < 2; turn++) {
      for (let x = i.y; x < y; x += next) subtract(<f32>dot(x, y, n, step), x, y, n, step);
    }
    multiply(1 / sqrt<f64>(dot(y, y, n, step)), y, n, step);
  }
  for (let y = i.y; y < behind; y += next) multiply(i.gain, y, n, step);
}
