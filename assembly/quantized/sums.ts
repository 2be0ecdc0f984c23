// Sums and means of bytes, which end as bytes of another scale.
import { max, min } from "../simd";
import { end, endElement, first, firstElement } from "../thread";
import { rounded } from "./lanes";
import { max32, min32 } from "./product";

@unmanaged
class Add {
  slot: u32;
  fused: i32;
  n: i32;
  a: usize;
  b: usize;
  y: usize;
  /** What a step of a and of b is worth, 16 bits each: below 2¹⁵, in steps of y by 2^shift. */
  factors: i32;
  /** The zero points, and a half to round by, in the same. */
  start: i32;
  shift: i32;
  least: i32;
  most: i32;
}

/** Four sums of neighbours: a byte of a, a byte of b, and so on. */
// @ts-ignore: decorator
@inline
function four(pairs: v128, factors: v128, start: v128, shift: i32): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(pairs, factors), start), shift);
}

/** y = clamp((a · factor + b · factor + start) >> shift): all in integers, halves up. */
export function addBytes(i: Add): void {
  const factors = i32x4.splat(i.factors);
  const start = i32x4.splat(i.start);
  const shift = i.shift;
  const least = i8x16.splat(<i8>i.least);
  const most = i8x16.splat(<i8>i.most);
  const from = <usize>firstElement(i.n);
  let left = endElement(i.n) - firstElement(i.n);
  let a = i.a + from;
  let b = i.b + from;
  let y = i.y + from;
  for (; left >= 16; left -= 16, a += 16, b += 16, y += 16) {
    const p = v128.load(a);
    const q = v128.load(b);
    const low = v128.shuffle<i8>(p, q, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const high = v128.shuffle<i8>(p, q, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const s0 = four(i16x8.extend_low_i8x16_s(low), factors, start, shift);
    const s1 = four(i16x8.extend_high_i8x16_s(low), factors, start, shift);
    const s2 = four(i16x8.extend_low_i8x16_s(high), factors, start, shift);
    const s3 = four(i16x8.extend_high_i8x16_s(high), factors, start, shift);
    const sums = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(s0, s1), i16x8.narrow_i32x4_s(s2, s3));
    v128.store(y, i8x16.min_s(i8x16.max_s(sums, least), most));
  }
  const factorA = i.factors & 0xffff;
  const factorB = i.factors >> 16;
  for (; left > 0; left--, a++, b++, y++) {
    const sum = (<i32>load<u8>(a) * factorA + <i32>load<u8>(b) * factorB + i.start) >> shift;
    store<u8>(y, <u8>min32(max32(sum, i.least), i.most));
  }
}

@unmanaged
class Mean {
  slot: u32;
  fused: i32;
  outer: i32;
  size: i32;
  inner: i32;
  x: usize;
  y: usize;
  /** Of the sum, and what is added to it. */
  scale: f32;
  offset: f32;
  /** The bounds, and MAGIC of lanes.ts. */
  least: f32;
  most: f32;
  magic: f32;
}

/** Bytes whose sum fits 16 bits. */
const SHORT = 256;

/** Four bytes, in 32 bits each, of four sums. */
// @ts-ignore: decorator
@inline
function ended(i: Mean, sums: v128): v128 {
  const x = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.splat(i.scale)), f32x4.splat(i.offset));
  return rounded(min(max(x, f32x4.splat(i.least)), f32x4.splat(i.most)), f32x4.splat(i.magic));
}

/** y[outer, inner] = clamp(round(Σ x[outer, size, inner] · scale + offset)). */
export function meanBytes(i: Mean): void {
  const inner = <usize>i.inner;
  const to = end(i.outer);
  for (let o = first(i.outer); o < to; o++) {
    const x = i.x + <usize>(o * i.size) * inner;
    const y = i.y + <usize>o * inner;
    let c: usize = 0;
    for (; c + 16 <= inner; c += 16) {
      let s0 = i32x4.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      let p = x + c;
      for (let left = i.size; left > 0; left -= SHORT) {
        let low = i16x8.splat(0);
        let high = low;
        for (let k = min32(left, SHORT); k > 0; k--, p += inner) {
          const bytes = v128.load(p);
          low = i16x8.add(low, i16x8.extend_low_i8x16_s(bytes));
          high = i16x8.add(high, i16x8.extend_high_i8x16_s(bytes));
        }
        s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(low));
        s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(low));
        s2 = i32x4.add(s2, i32x4.extend_low_i16x8_s(high));
        s3 = i32x4.add(s3, i32x4.extend_high_i16x8_s(high));
      }
      const all = i8x16.narrow_i16x8_s(
        i16x8.narrow_i32x4_s(ended(i, s0), ended(i, s1)),
        i16x8.narrow_i32x4_s(ended(i, s2), ended(i, s3)),
      );
      v128.store(y + c, all);
    }
    for (; c < inner; c++) {
      let sum = 0;
      for (let k = i.size, p = x + c; k > 0; k--, p += inner) sum += <i32>load<u8>(p);
      v128.store8_lane(y + c, ended(i, i32x4.splat(sum)), 0);
    }
  }
}
