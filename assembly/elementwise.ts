// How elementwise instructions run: a head picks a range of elements, and each instruction behind it
// passes that range through its loop. A group of several shares one pass over memory, in blocks that stay
// in the first-level cache; a matrix product uses the same instructions as its epilogue, row by row.
import { BLOCK, INSTRUCTION_BYTES } from "./abi";
import { loadTail, storeTail } from "./simd";
import { endElement, firstElement, scratch } from "./thread";

/** The range under way. */
export let lo: i32 = 0;
export let hi: i32 = 0;

/** Head of a group: the instructions behind it run over n elements. */
@unmanaged
class Map {
  slot: u32;
  fused: i32;
  n: i32;
}

export function map(i: Map): void {
  const to = endElement(i.n);
  let from = firstElement(i.n);
  if (i.fused == 1) {
    passRange(changetype<usize>(i), 1, from, to);
    return;
  }
  for (; from < to; from += BLOCK) {
    passRange(changetype<usize>(i), i.fused, from, min(from + BLOCK, to));
  }
}

/** Runs the fused instructions behind a head over elements from ≤ index < to. */
export function passRange(head: usize, fused: i32, from: i32, to: i32): void {
  if (from >= to) return;
  lo = from;
  hi = to;
  for (let k = 0; k < fused; k++) {
    head += INSTRUCTION_BYTES;
    call_indirect<void>(load<u32>(head), head);
  }
}

/**
 * One elementwise instruction: y = f(a), f(a, b) or f(a, b, c), with up to two parameters.
 * Element i of an operand lies at index (i / repeat) % period of it, or at i itself where period is 0:
 * enough for every broadcast that is not a general transposition.
 * An operand whose bit is set in `local` lives in this thread's scratch, for the block under way only.
 */
@unmanaged
export class Elementwise {
  slot: u32;
  fused: i32;
  local: i32;
  alpha: f32;
  beta: f32;
  y: usize;
  a: usize;
  aRepeat: i32;
  aPeriod: i32;
  b: usize;
  bRepeat: i32;
  bPeriod: i32;
  c: usize;
  cRepeat: i32;
  cPeriod: i32;
}

const LOCAL_Y = 1;
const LOCAL_A = 2;
const LOCAL_B = 4;
const LOCAL_C = 8;

/** Where element 0 of an operand would lie. */
// @ts-ignore: decorator
@inline
function base(p: usize, isLocal: bool): usize {
  return isLocal ? scratch + p - (<usize>lo << 2) : p;
}

/** Elements from `at` on that an operand gives without a jump, at most `most`. */
// @ts-ignore: decorator
@inline
function span(at: i32, repeat: i32, period: i32, most: i32): i32 {
  if (period <= 1) return most;
  return min(most, repeat == 1 ? period - (at % period) : repeat - (at % repeat));
}

/** Address of element `at`. */
// @ts-ignore: decorator
@inline
function address(p: usize, at: i32, repeat: i32, period: i32): usize {
  return p + (<usize>(period == 0 ? at : (at / repeat) % period) << 2);
}

/** Whether an operand stays at one element: its repeat is over 1, or it has only one. */
// @ts-ignore: decorator
@inline
function still(repeat: i32, period: i32): bool {
  return period == 1 || repeat > 1;
}

/** y = f(a); a is never broadcast. The operation is a type whose method v maps one vector, see kernels/activation.ts. */
// @ts-ignore: decorator
@inline
export function unary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  const from = <usize>lo << 2;
  let a = base(i.a, (i.local & LOCAL_A) != 0) + from;
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + from;
  let left = hi - lo;
  for (; left >= 4; left -= 4, y += 16, a += 16) v128.store(y, f.v(v128.load(a)));
  if (left > 0) storeTail(y, f.v(loadTail(a, left)), left);
}

/** y = f(a, b). Where one operand stays at an element the other does not: no broadcast leaves both behind. */
// @ts-ignore: decorator
@inline
export function binary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  const a0 = base(i.a, (i.local & LOCAL_A) != 0);
  const b0 = base(i.b, (i.local & LOCAL_B) != 0);
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  const aStill = still(i.aRepeat, i.aPeriod);
  const bStill = still(i.bRepeat, i.bPeriod);
  let at = lo;
  while (at < hi) {
    const run = span(at, i.aRepeat, i.aPeriod, span(at, i.bRepeat, i.bPeriod, hi - at));
    let a = address(a0, at, i.aRepeat, i.aPeriod);
    let b = address(b0, at, i.bRepeat, i.bPeriod);
    let left = run;
    if (aStill) {
      const x = v128.load32_splat(a);
      for (; left >= 4; left -= 4, y += 16, b += 16) v128.store(y, f.v(x, v128.load(b)));
      if (left > 0) storeTail(y, f.v(x, loadTail(b, left)), left);
    } else if (bStill) {
      const x = v128.load32_splat(b);
      for (; left >= 4; left -= 4, y += 16, a += 16) v128.store(y, f.v(v128.load(a), x));
      if (left > 0) storeTail(y, f.v(loadTail(a, left), x), left);
    } else {
      for (; left >= 4; left -= 4, y += 16, a += 16, b += 16) v128.store(y, f.v(v128.load(a), v128.load(b)));
      if (left > 0) storeTail(y, f.v(loadTail(a, left), loadTail(b, left)), left);
    }
    y += <usize>left << 2;
    at += run;
  }
}

/** y = f(a, b, c); meant for few operations, so its operands are not told apart. */
// @ts-ignore: decorator
@inline
export function ternary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  const a0 = base(i.a, (i.local & LOCAL_A) != 0);
  const b0 = base(i.b, (i.local & LOCAL_B) != 0);
  const c0 = base(i.c, (i.local & LOCAL_C) != 0);
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  const aStill = still(i.aRepeat, i.aPeriod);
  const bStill = still(i.bRepeat, i.bPeriod);
  const cStill = still(i.cRepeat, i.cPeriod);
  const da: usize = aStill ? 0 : 16;
  const db: usize = bStill ? 0 : 16;
  const dc: usize = cStill ? 0 : 16;
  let at = lo;
  while (at < hi) {
    const run = span(
      at,
      i.aRepeat,
      i.aPeriod,
      span(at, i.bRepeat, i.bPeriod, span(at, i.cRepeat, i.cPeriod, hi - at)),
    );
    let a = address(a0, at, i.aRepeat, i.aPeriod);
    let b = address(b0, at, i.bRepeat, i.bPeriod);
    let c = address(c0, at, i.cRepeat, i.cPeriod);
    let left = run;
    for (; left >= 4; left -= 4, y += 16, a += da, b += db, c += dc) {
      const x = aStill ? v128.load32_splat(a) : v128.load(a);
      const z = bStill ? v128.load32_splat(b) : v128.load(b);
      const w = cStill ? v128.load32_splat(c) : v128.load(c);
      v128.store(y, f.v(x, z, w));
    }
    if (left > 0) {
      const x = aStill ? v128.load32_splat(a) : loadTail(a, left);
      const z = bStill ? v128.load32_splat(b) : loadTail(b, left);
      const w = cStill ? v128.load32_splat(c) : loadTail(c, left);
      storeTail(y, f.v(x, z, w), left);
    }
    y += <usize>left << 2;
    at += run;
  }
}
