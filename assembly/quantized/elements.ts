// Between floats and bytes, and bytes from one place to another.
import { GRAIN } from "../abi";
import { max, min } from "../simd";
import { end, endElement, first, firstElement } from "../thread";
import { rounded } from "./lanes";

@unmanaged
class Quantize {
  slot: u32;
  fused: i32;
  n: i32;
  x: usize;
  y: usize;
  scale: f32;
  zeroPoint: f32;
  /** 0, 127, and MAGIC of lanes.ts. */
  least: f32;
  most: f32;
  magic: f32;
}

/** clamp(round(x / scale) + zeroPoint), with bounds less the zero point. NaN becomes the least. */
// @ts-ignore: decorator
@inline
function quantized(x: v128, scale: v128, zero: v128, least: v128, most: v128, magic: v128): v128 {
  // What lies between integers rounds to integers between them, so the zero point may come last, and as an integer.
  return i32x4.sub(f32x4.add(min(max(f32x4.div(x, scale), least), most), magic), zero);
}

export function quantizeBytes(i: Quantize): void {
  const scale = f32x4.splat(i.scale);
  const magic = f32x4.splat(i.magic);
  const zero = i32x4.sub(magic, i32x4.splat(<i32>i.zeroPoint));
  const least = f32x4.splat(i.least - i.zeroPoint);
  const most = f32x4.splat(i.most - i.zeroPoint);
  let left = endElement(i.n) - firstElement(i.n);
  let x = i.x + (<usize>firstElement(i.n) << 2);
  let y = i.y + <usize>firstElement(i.n);
  for (; left >= 16; left -= 16, x += 64, y += 16) {
    const a = quantized(v128.load(x), scale, zero, least, most, magic);
    const b = quantized(v128.load(x, 16), scale, zero, least, most, magic);
    const c = quantized(v128.load(x, 32), scale, zero, least, most, magic);
    const d = quantized(v128.load(x, 48), scale, zero, least, most, magic);
    v128.store(y, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
  }
  for (; left > 0; left--, x += 4, y++)
    v128.store8_lane(y, quantized(v128.load32_zero(x), scale, zero, least, most, magic), 0);
}

/** (x − zeroPoint) · scale. */
export function dequantizeBytes(i: Quantize): void {
  const scale = f32x4.splat(i.scale);
  const zero = f32x4.splat(i.zeroPoint);
  let left = endElement(i.n) - firstElement(i.n);
  let x = i.x + <usize>firstElement(i.n);
  let y = i.y + (<usize>firstElement(i.n) << 2);
  for (; left >= 8; left -= 8, x += 8, y += 32) {
    const both = v128.load8x8_s(x);
    const a = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(both));
    const b = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(both));
    v128.store(y, f32x4.mul(f32x4.sub(a, zero), scale));
    v128.store(y, f32x4.mul(f32x4.sub(b, zero), scale), 16);
  }
  for (; left > 0; left--, x++, y += 4) store<f32>(y, (<f32>load<i8>(x) - i.zeroPoint) * i.scale);
}

@unmanaged
class Fill {
  slot: u32;
  fused: i32;
  n: i32;
  value: i32;
  y: usize;
}

export function fillBytes(i: Fill): void {
  const from = firstElement(i.n);
  memory.fill(i.y + <usize>from, <u8>i.value, <usize>(endElement(i.n) - from));
}

/** As `copy` of the first module, whose table it takes, of elements of one byte; the first of them are told by themselves. */
@unmanaged
class Copy {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  axes: i32;
  table: usize;
  xStep: i32;
  yStep: i32;
  x: usize;
  y: usize;
  xStart: i32;
  yStart: i32;
}

export function copyBytes(i: Copy): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    let x = i.x + <usize>i.xStart;
    let y = i.y + <usize>i.yStart;
    let rest = r;
    let t = i.table;
    for (let axis = 0; axis < i.axes; axis++, t += 12) {
      const size = load<i32>(t);
      const at = rest % size;
      rest /= size;
      x += <usize>(at * load<i32>(t, 4));
      y += <usize>(at * load<i32>(t, 8));
    }
    let left = i.columns;
    if (i.xStep == 1 && i.yStep == 1) {
      for (; left >= GRAIN; left -= GRAIN, x += GRAIN, y += GRAIN) v128.store(y, v128.load(x));
    }
    for (; left > 0; left--, x += <usize>i.xStep, y += <usize>i.yStep) store<u8>(y, load<u8>(x));
  }
}

@unmanaged
class Lookup {
  slot: u32;
  fused: i32;
  n: i32;
  x: usize;
  y: usize;
  /** The byte for each of 0 to 127, and behind them sixteen times 16. */
  table: usize;
}

/** The 16 entries of one vector of the table; bytes outside of 0 to 15 give 0. */
// @ts-ignore: decorator
@inline
function entries(y: v128, part: v128, x: v128): v128 {
  return v128.or(y, i8x16.swizzle(part, x));
}

/** y = table[x]. */
export function lookupBytes(i: Lookup): void {
  const table = i.table;
  const t0 = v128.load(table);
  const t1 = v128.load(table, 16);
  const t2 = v128.load(table, 32);
  const t3 = v128.load(table, 48);
  const t4 = v128.load(table, 64);
  const t5 = v128.load(table, 80);
  const t6 = v128.load(table, 96);
  const t7 = v128.load(table, 112);
  const sixteen = v128.load(table, 128);
  let left = endElement(i.n) - firstElement(i.n);
  let x = i.x + <usize>firstElement(i.n);
  let y = i.y + <usize>firstElement(i.n);
  for (; left >= 16; left -= 16, x += 16, y += 16) {
    // What is below 0 by then counts as 144 or more, so each byte meets one part of the table.
    let at = v128.load(x);
    let made = i8x16.swizzle(t0, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t1, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t2, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t3, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t4, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t5, at);
    at = i8x16.sub(at, sixteen);
    made = entries(made, t6, at);
    at = i8x16.sub(at, sixteen);
    v128.store(y, entries(made, t7, at));
  }
  for (; left > 0; left--, x++, y++) store<u8>(y, load<u8>(table + <usize>load<u8>(x)));
}
