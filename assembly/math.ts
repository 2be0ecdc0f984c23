// Elementary functions of four floats: our own, so that their bits do not depend on the host.
// Written as arithmetic over read-only tables: a constant loaded where it is used costs one instruction,
// a literal splat three (an exp loop over a 1024-element block: 5.0 ns a vector with constants held in
// registers by the loop, 5.9 from a table, 10.5 as literals; holding them would tie every function to its loop).
// Polynomials and rationals are minimax fits of our own with coefficients rounded one after another.
// The worst errors stated were measured by test/kernels/math.test.ts, in units in the last place of the result,
// as plain / relaxed.
import { madd, max, min, nmadd, select } from "./simd";

/** One float of a table in all four lanes. */
// @ts-ignore: decorator
@inline
function constant(table: usize, index: usize): v128 {
  return v128.load32_splat(table + (index << 2));
}

/** One double of a table in both lanes. */
// @ts-ignore: decorator
@inline
function constant64(table: usize, index: usize): v128 {
  return v128.load64_splat(table + (index << 3));
}

const NUMBERS = memory.data<f32>([1, 0.5, 2]);
// @ts-ignore: decorator
@inline
export function one(): v128 {
  return constant(NUMBERS, 0);
}
// @ts-ignore: decorator
@inline
export function half(): v128 {
  return constant(NUMBERS, 1);
}
// @ts-ignore: decorator
@inline
export function two(): v128 {
  return constant(NUMBERS, 2);
}

const BITS = memory.data<u32>([0x80000000, 0xff800000, 0x7f800000, 0x7f7fffff]);
/** The sign bit alone. */
// @ts-ignore: decorator
@inline
export function signBit(): v128 {
  return constant(BITS, 0);
}
/** −∞, which is also the mask of sign and exponent. */
// @ts-ignore: decorator
@inline
function minusInfinity(): v128 {
  return constant(BITS, 1);
}
// @ts-ignore: decorator
@inline
function infinity(): v128 {
  return constant(BITS, 2);
}
// @ts-ignore: decorator
@inline
function largest(): v128 {
  return constant(BITS, 3);
}

/** −|x|, in one instruction. */
// @ts-ignore: decorator
@inline
export function minusAbs(x: v128): v128 {
  return v128.or(x, signBit());
}

/** x where it is a number, NaN where `a` is NaN: keeps a NaN that a comparison would drop. */
// @ts-ignore: decorator
@inline
export function keepNaN(x: v128, a: v128): v128 {
  return v128.or(x, f32x4.ne(a, a));
}

// exp: x = n ln 2 + r with |r| ≤ ln 2 / 2, exp r = 1 + r + r² q(r).
// Adding 1.5 × 2²³ rounds to an integer and leaves that integer in the low bits; with 127 more added they are
// the exponent field of 2ⁿ. ln 2 is split so that n times its high part is exact without fused arithmetic.
const EXP = memory.data<f32>([
  -104, 89, 1.44269504, 12582912, 0.693359375, -2.1219444e-4, -88, 12583039, 0.49999994, 0.166665211,
  0.0416682623, 0.00836867094, 0.00138209935,
]);

/** q(r) of exp r = 1 + r + r² q(r). */
// @ts-ignore: decorator
@inline
function expTail(r: v128): v128 {
  let q = madd(constant(EXP, 12), r, constant(EXP, 11));
  q = madd(q, r, constant(EXP, 10));
  q = madd(q, r, constant(EXP, 9));
  return madd(q, r, constant(EXP, 8));
}

/** x − n ln 2. */
// @ts-ignore: decorator
@inline
function expRemainder(x: v128, n: v128): v128 {
  return nmadd(n, constant(EXP, 5), nmadd(n, constant(EXP, 4), x));
}

/** p × 2ⁿ for p near 1 and −152 ≤ n ≤ 129, given the float whose low bits are n: in two factors, so that results below the normal range round gradually. */
// @ts-ignore: decorator
@inline
function scale(p: v128, n: v128): v128 {
  const e = i32x4.shl(n, 23);
  const h = v128.and(i32x4.shr_s(e, 1), minusInfinity());
  return f32x4.mul(i32x4.add(p, h), i32x4.add(i32x4.sub(e, h), one()));
}

/** eˣ over all floats, gradual underflow. 1.18 / 0.88 units. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = min(constant(EXP, 1), max(constant(EXP, 0), x));
  const t = madd(x, constant(EXP, 2), constant(EXP, 3));
  const r = expRemainder(x, f32x4.sub(t, constant(EXP, 3)));
  let p = madd(expTail(r), r, one());
  p = madd(p, r, one());
  return scale(p, t);
}

/** eˣ for x ≤ 88, 0 where x < −87.68; two thirds of the instructions of exp, for the many uses whose argument is at most 0. */
// @ts-ignore: decorator
@inline
export function expFlushed(x: v128): v128 {
  x = max(constant(EXP, 6), x);
  const t = madd(x, constant(EXP, 2), constant(EXP, 7));
  const r = expRemainder(x, f32x4.sub(t, constant(EXP, 7)));
  let p = madd(expTail(r), r, one());
  p = madd(p, r, one());
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/** eˣ − 1 for x ≤ 88, accurate near 0. 0.90 / 0.94 units. */
// @ts-ignore: decorator
@inline
export function expm1(x: v128): v128 {
  x = max(constant(EXP, 6), x);
  const t = madd(x, constant(EXP, 2), constant(EXP, 7));
  const r = expRemainder(x, f32x4.sub(t, constant(EXP, 7)));
  const s = i32x4.shl(t, 23);
  return madd(madd(f32x4.mul(expTail(r), r), r, r), s, f32x4.sub(s, one()));
}

// log: x = 2ᵉ m with m within √½ … √2, f = m − 1, log(1 + f) = f − f²/2 + f³ p(f).
const LOG = memory.data<f32>([
  0.693359375, -2.1219444e-4, 1.1754943508222875e-38, 8388608, 23, 0.41421356, 0.6931472, 0, 0.333333313,
  -0.250008196, 0.200012416, -0.166234091, 0.1420158, -0.131596103, 0.127622172, -0.0763643906,
]);
const LOG_BITS = memory.data<u32>([0x3f3504f3, 0x007fffff]);

/** log(1 + f) − f for √½ ≤ 1 + f ≤ √2, plus c, the small part of what is to be added. */
// @ts-ignore: decorator
@inline
function logTail(f: v128, c: v128): v128 {
  const z = f32x4.mul(f, f);
  let p = madd(constant(LOG, 15), f, constant(LOG, 14));
  p = madd(p, f, constant(LOG, 13));
  p = madd(p, f, constant(LOG, 12));
  p = madd(p, f, constant(LOG, 11));
  p = madd(p, f, constant(LOG, 10));
  p = madd(p, f, constant(LOG, 9));
  p = madd(p, f, constant(LOG, 8));
  return nmadd(z, half(), madd(f32x4.mul(p, f), z, c));
}

/** x bits less those of √½: its exponent field is e. */
// @ts-ignore: decorator
@inline
function logBits(x: v128): v128 {
  return i32x4.sub(x, constant(LOG_BITS, 0));
}

/** m from logBits. */
// @ts-ignore: decorator
@inline
function logMantissa(bits: v128): v128 {
  return i32x4.add(v128.and(bits, constant(LOG_BITS, 1)), constant(LOG_BITS, 0));
}

// @ts-ignore: decorator
@inline
function logOfParts(m: v128, e: v128): v128 {
  const f = f32x4.sub(m, one());
  return madd(e, constant(LOG, 0), f32x4.add(f, logTail(f, f32x4.mul(e, constant(LOG, 1)))));
}

/** log x for positive normal x. */
// @ts-ignore: decorator
@inline
export function logNormal(x: v128): v128 {
  const bits = logBits(x);
  return logOfParts(logMantissa(bits), f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23)));
}

/** log x over all floats: −∞ at ±0, NaN below. 0.84 / 0.84 units. */
// @ts-ignore: decorator
@inline
export function log(x: v128): v128 {
  const small = f32x4.lt(x, constant(LOG, 2));
  const bits = logBits(select(f32x4.mul(x, constant(LOG, 3)), x, small));
  const e = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23)), v128.and(small, constant(LOG, 4)));
  let y = logOfParts(logMantissa(bits), e);
  // Beside positive finite numbers: NaN, but −∞ at 0, and x itself at +∞.
  y = select(y, v128.or(f32x4.ne(x, f32x4.splat(0)), minusInfinity()), f32x4.gt(x, f32x4.splat(0)));
  return select(x, y, f32x4.eq(x, infinity()));
}

/** log(1 + x) for 0 ≤ x ≤ 1; softplus, which is made of it, is within 1.75 / 1.83 units. */
// @ts-ignore: decorator
@inline
export function log1p(x: v128): v128 {
  const upper = f32x4.gt(x, constant(LOG, 5));
  const f = select(f32x4.mul(f32x4.sub(x, one()), half()), x, upper);
  return f32x4.add(v128.and(upper, constant(LOG, 6)), f32x4.add(f, logTail(f, f32x4.splat(0))));
}

/** (1 − e^−2|x|) / (1 + e^−2|x|) with the sign of x. 2.50 / 2.50 units; a rational function of x² takes two thirds of the time, but 6 units. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = minusAbs(x);
  const m = expm1(f32x4.add(size, size));
  return v128.or(f32x4.div(f32x4.abs(m), f32x4.add(m, two())), v128.and(x, signBit()));
}

/** 1 / (1 + e⁻ˣ), 0 where x < −87.68; through e^−|x|, so that small results keep their relative accuracy. 2.38 / 2.34 units. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = expFlushed(minusAbs(x));
  return f32x4.div(select(e, one(), f32x4.lt(x, f32x4.splat(0))), f32x4.add(e, one()));
}

// erf |x| = 1 − e^q with q = log(1 − erf |x|) = |x| p(|x|), which is smooth; a rational function of x² takes
// two thirds of the time, but 7 units.
const ERF = memory.data<f32>([
  -3.93, 1.12837923, -0.636615276, 0.102826588, 0.0193642993, 0.000273135287, -0.00119921507, -0.000361448561,
  -3.79450539e-5,
]);

/** 3.04 / 3.03 units. */
// @ts-ignore: decorator
@inline
export function erf(x: v128): v128 {
  // p(−t) of t = −|x|: the signs of its even coefficients are turned.
  const t = max(constant(ERF, 0), minusAbs(x));
  let p = madd(constant(ERF, 8), t, constant(ERF, 7));
  p = madd(p, t, constant(ERF, 6));
  p = madd(p, t, constant(ERF, 5));
  p = madd(p, t, constant(ERF, 4));
  p = madd(p, t, constant(ERF, 3));
  p = madd(p, t, constant(ERF, 2));
  p = madd(p, t, constant(ERF, 1));
  const m = expm1(f32x4.mul(p, t));
  return v128.or(f32x4.abs(m), v128.and(x, signBit()));
}

// sin and cos: x less its nearest multiple k of π (for cos, odd multiple of π/2), in doubles with π in two words
// (Cody and Waite): the product of the first, of 33 bits, is exact for |k| < 2²⁰, so up to |x| = 3.2e6 nothing but
// the polynomial's own error is left. Single words would take six to keep the zeros of sin accurate up to 1e5.
// Beyond, the absolute error grows as |x| × 1e-16. The remainder is held within ±1.5706455, from where on the sine
// rounds to 1: so nothing passes 1, neither by the polynomial's rounding nor where for huge x it is no remainder.
const TURN = memory.data<f64>([
  0.3183098861837907, 6755399441055744, 3.1415926534682512, 1.2154201013012384e-10, 0.5,
]);
const SIN = memory.data<f32>([
  -1.5706455, 1.5706455, -0.166666597, 0.00833306927, -0.000198097783, 2.60610295e-6, 1.5707964,
]);

/** x as doubles: lanes 0 and 1. */
// @ts-ignore: decorator
@inline
function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

/** Lanes 2 and 3. */
// @ts-ignore: decorator
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5);
}

/** The low words of the doubles of a, then of b. */
// @ts-ignore: decorator
@inline
function lowWords(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function madd64(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f64x2.relaxed_madd(a, b, c);
  return f64x2.add(f64x2.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
function turnRemainder(x: v128, k: v128): v128 {
  const r = f64x2.sub(x, f64x2.mul(k, constant64(TURN, 2)));
  return f64x2.sub(r, f64x2.mul(k, constant64(TURN, 3)));
}

/** sin r for |r| ≤ π/2. */
// @ts-ignore: decorator
@inline
export function sinOfQuarters(r: v128): v128 {
  const z = f32x4.mul(r, r);
  let p = madd(constant(SIN, 5), z, constant(SIN, 4));
  p = madd(p, z, constant(SIN, 3));
  p = madd(p, z, constant(SIN, 2));
  return madd(f32x4.mul(p, z), r, r);
}

/** cos r for |r| ≤ π/2, to an absolute error of 1e-7. */
// @ts-ignore: decorator
@inline
export function cosOfQuarters(r: v128): v128 {
  return sinOfQuarters(f32x4.add(minusAbs(r), constant(SIN, 6)));
}

/** sin r with its sign turned where the lowest bit of `turns` is set. */
// @ts-ignore: decorator
@inline
function sinOfRemainder(r: v128, turns: v128): v128 {
  r = min(constant(SIN, 1), max(constant(SIN, 0), r));
  return sinOfQuarters(v128.xor(r, i32x4.shl(turns, 31)));
}

/** 2.00 / 1.77 units up to |x| = 3.2e6; the sign of a zero is lost. */
// @ts-ignore: decorator
@inline
export function sin(x: v128): v128 {
  const a = low(x);
  const b = high(x);
  const s = madd64(a, constant64(TURN, 0), constant64(TURN, 1));
  const t = madd64(b, constant64(TURN, 0), constant64(TURN, 1));
  const r = narrow(
    turnRemainder(a, f64x2.sub(s, constant64(TURN, 1))),
    turnRemainder(b, f64x2.sub(t, constant64(TURN, 1))),
  );
  return sinOfRemainder(r, lowWords(s, t));
}

/** 2.03 / 1.81 units up to |x| = 3.2e6. */
// @ts-ignore: decorator
@inline
export function cos(x: v128): v128 {
  const a = low(x);
  const b = high(x);
  const s = f64x2.add(madd64(a, constant64(TURN, 0), constant64(TURN, 4)), constant64(TURN, 1));
  const t = f64x2.add(madd64(b, constant64(TURN, 0), constant64(TURN, 4)), constant64(TURN, 1));
  const r = narrow(
    turnRemainder(a, f64x2.sub(f64x2.sub(s, constant64(TURN, 1)), constant64(TURN, 4))),
    turnRemainder(b, f64x2.sub(f64x2.sub(t, constant64(TURN, 1)), constant64(TURN, 4))),
  );
  return sinOfRemainder(r, lowWords(s, t));
}

// pow: 2^(y log₂|x|) with the logarithm in doubles, since its error is multiplied by up to 150 ln 2.
// log₂ m = s P(s²) with s = (m − 1) / (m + 1), error 2⁻³⁸; then 2ʳ for |r| ≤ ½ in floats.
const LOG2 = memory.data<f64>([
  2.8853900817900637, 0.9617966733467761, 0.57708358501117762, 0.41167268693266523, 0.34073104620386629, 1,
  6755399441055744, -152, 129,
]);
const EXP2 = memory.data<f32>([
  0.693147182, 0.240226477, 0.0555035993, 0.00961850584, 0.00133908063, 0.000153264627,
]);

/** y × (e + log₂ m) in doubles, within the range that `scale` takes. */
// @ts-ignore: decorator
@inline
function powExponent(m: v128, e: v128, y: v128): v128 {
  const s = f64x2.div(f64x2.sub(m, constant64(LOG2, 5)), f64x2.add(m, constant64(LOG2, 5)));
  const z = f64x2.mul(s, s);
  let p = madd64(constant64(LOG2, 4), z, constant64(LOG2, 3));
  p = madd64(p, z, constant64(LOG2, 2));
  p = madd64(p, z, constant64(LOG2, 1));
  p = madd64(p, z, constant64(LOG2, 0));
  const w = f64x2.mul(y, madd64(p, s, e));
  return f64x2.pmin(constant64(LOG2, 8), f64x2.pmax(constant64(LOG2, 7), w));
}

// A call, not inlined: it is as long as ten others.
function power(x: v128, y: v128): v128 {
  const zero = f32x4.splat(0);
  const size = f32x4.abs(x);
  const small = f32x4.lt(size, constant(LOG, 2));
  const bits = logBits(select(f32x4.mul(size, constant(LOG, 3)), size, small));
  const m = logMantissa(bits);
  const e = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23)), v128.and(small, constant(LOG, 4)));
  // An infinite exponent acts as the largest finite one, except that 1 to its power is then 1.
  const finite = min(largest(), max(v128.xor(largest(), signBit()), y));
  const v = powExponent(low(m), low(e), low(finite));
  const w = powExponent(high(m), high(e), high(finite));
  const s = f64x2.add(v, constant64(LOG2, 6));
  const t = f64x2.add(w, constant64(LOG2, 6));
  const r = narrow(
    f64x2.sub(v, f64x2.sub(s, constant64(LOG2, 6))),
    f64x2.sub(w, f64x2.sub(t, constant64(LOG2, 6))),
  );
  let p = madd(constant(EXP2, 5), r, constant(EXP2, 4));
  p = madd(p, r, constant(EXP2, 3));
  p = madd(p, r, constant(EXP2, 2));
  p = madd(p, r, constant(EXP2, 1));
  p = madd(p, r, constant(EXP2, 0));
  p = scale(madd(p, r, one()), lowWords(s, t));

  const whole = f32x4.eq(f32x4.nearest(y), y);
  const y2 = f32x4.mul(y, half());
  const odd = v128.and(whole, f32x4.ne(f32x4.nearest(y2), y2));
  p = v128.or(p, v128.andnot(f32x4.lt(x, zero), whole));
  const atInfinity = f32x4.eq(size, infinity());
  const extreme = v128.or(f32x4.eq(x, zero), atInfinity);
  p = select(v128.and(infinity(), v128.xor(atInfinity, f32x4.lt(y, zero))), p, extreme);
  p = v128.or(p, v128.and(v128.and(x, signBit()), odd));
  p = v128.or(p, v128.or(f32x4.ne(x, x), f32x4.ne(y, y)));
  return select(one(), p, v128.or(f32x4.eq(y, zero), f32x4.eq(x, one())));
}

/** xʸ with the special values of IEEE 754's pow. 1.16 / 0.90 units. */
// @ts-ignore: decorator
@inline
export function pow(x: v128, y: v128): v128 {
  return power(x, y);
}
