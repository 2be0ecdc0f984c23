// One row of bytes by some panels at once: what a dense layer and a recurrence of one row do most.
import { BYTES_SUMS, HEAD_ONES, HEAD_START, PANEL_HEAD } from "../abi";
import { dot, hasDot } from "./lanes";

/** Sums of three or four panels, `step` apart, left BYTES_SUMS apart. `count` and `native` are constants at every call. */
// @ts-ignore: decorator
@inline
function panelsOf(count: i32, native: bool, steps: i32, a: usize, panel: usize, step: usize, sums: usize): void {
  const ones = v128.load(panel, HEAD_ONES);
  let p0 = panel;
  let p1 = p0 + step;
  let p2 = p1 + step;
  let p3 = p2 + step;
  let c00 = v128.load(p0, HEAD_START);
  let c01 = v128.load(p0, HEAD_START + 16);
  let c10 = v128.load(p1, HEAD_START);
  let c11 = v128.load(p1, HEAD_START + 16);
  let c20 = v128.load(p2, HEAD_START);
  let c21 = v128.load(p2, HEAD_START + 16);
  let c30 = i64x2.splat(0);
  let c31 = c30;
  if (count > 3) {
    c30 = v128.load(p3, HEAD_START);
    c31 = v128.load(p3, HEAD_START + 16);
  }
  const last = a + (<usize>steps << 2);
  do {
    const x = v128.load32_splat(a);
    c00 = dot(native, v128.load(p0, PANEL_HEAD), x, ones, c00);
    c01 = dot(native, v128.load(p0, PANEL_HEAD + 16), x, ones, c01);
    c10 = dot(native, v128.load(p1, PANEL_HEAD), x, ones, c10);
    c11 = dot(native, v128.load(p1, PANEL_HEAD + 16), x, ones, c11);
    c20 = dot(native, v128.load(p2, PANEL_HEAD), x, ones, c20);
    c21 = dot(native, v128.load(p2, PANEL_HEAD + 16), x, ones, c21);
    if (count > 3) {
      c30 = dot(native, v128.load(p3, PANEL_HEAD), x, ones, c30);
      c31 = dot(native, v128.load(p3, PANEL_HEAD + 16), x, ones, c31);
      p3 += 32;
    }
    p0 += 32;
    p1 += 32;
    p2 += 32;
    a += 4;
  } while (a != last);
  v128.store(sums, c00);
  v128.store(sums, c01, 16);
  v128.store(sums, c10, BYTES_SUMS);
  v128.store(sums, c11, BYTES_SUMS + 16);
  v128.store(sums, c20, 2 * BYTES_SUMS);
  v128.store(sums, c21, 2 * BYTES_SUMS + 16);
  if (count > 3) {
    v128.store(sums, c30, 3 * BYTES_SUMS);
    v128.store(sums, c31, 3 * BYTES_SUMS + 16);
  }
}

/** The same of four panels, as an LSTM's gates are, or of a GRU's three. */
export function rowByPanels(count: i32, steps: i32, a: usize, panel: usize, step: usize, sums: usize): void {
  if (hasDot) {
    if (count == 4) panelsOf(4, true, steps, a, panel, step, sums);
    else panelsOf(3, true, steps, a, panel, step, sums);
  } else if (count == 4) panelsOf(4, false, steps, a, panel, step, sums);
  else panelsOf(3, false, steps, a, panel, step, sums);
}
