// The way from the sums of a tile to what is wanted: floats, or bytes of another scale.
import {
  HEAD_LEAST,
  HEAD_MAGIC,
  HEAD_MOST,
  HEAD_OFFSET,
  HEAD_QUICK,
  HEAD_SCALE,
  PANEL_COLUMNS,
} from "../abi";
import { max, min, put } from "../simd";
import { rounded, storeBytes } from "./lanes";

/** y[rows, columns] of the sums of a tile: in f32, in two roundings whatever the instruction set. */
export function finish(
  rows: i32,
  columns: i32,
  sums: usize,
  panel: usize,
  y: usize,
  yStride: usize,
  size: i32,
): void {
  const scale0 = v128.load(panel, HEAD_SCALE);
  const scale1 = v128.load(panel, HEAD_SCALE + 16);
  const offset0 = v128.load(panel, HEAD_OFFSET);
  const offset1 = v128.load(panel, HEAD_OFFSET + 16);
  if (size == 1 && columns >= PANEL_COLUMNS && load<u8>(panel, HEAD_QUICK) != 0) {
    const magic = v128.load32_splat(panel, HEAD_MAGIC);
    const least = v128.load8_splat(panel, HEAD_QUICK + 1);
    const most = v128.load8_splat(panel, HEAD_QUICK + 2);
    for (; rows > 0; rows--, sums += 32, y += yStride) {
      const x0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), offset0);
      const x1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), offset1);
      const both = i16x8.narrow_i32x4_s(rounded(x0, magic), rounded(x1, magic));
      v128.store64_lane(y, i8x16.min_s(i8x16.max_s(i8x16.narrow_i16x8_s(both, both), least), most), 0);
    }
    return;
  }
  if (size == 1) {
    const least = v128.load32_splat(panel, HEAD_LEAST);
    const most = v128.load32_splat(panel, HEAD_MOST);
    const magic = v128.load32_splat(panel, HEAD_MAGIC);
    for (; rows > 0; rows--, sums += 32, y += yStride) {
      const x0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), offset0);
      const x1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), offset1);
      const both = i16x8.narrow_i32x4_s(
        rounded(min(max(x0, least), most), magic),
        rounded(min(max(x1, least), most), magic),
      );
      storeBytes(y, i8x16.narrow_i16x8_s(both, both), columns);
    }
    return;
  }
  for (; rows > 0; rows--, sums += 32, y += yStride) {
    const x0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), offset0);
    put(y, x0, columns);
    if (columns > 4) {
      const x1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), offset1);
      put(y + 16, x1, columns - 4);
    }
  }
}

