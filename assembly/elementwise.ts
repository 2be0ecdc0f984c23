// How elementwise instructions run: a head picks a range of elements, and each instruction behind it
// passes that range through its loop. A group of several shares one pass over memory, in blocks that stay
// in the first-level cache; a matrix product uses the same instructions as its epilogue, row by row.
import { BLOCK, INSTRUCTION_BYTES } from "./abi";
import { loadTail, storeTail } from "./simd";
import { endElement, firstElement, scratch } from "./thread";

/** The range of elements under way. */
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

// What runs once a row of a broadcast is a call that answers through these: inlined, it would be half of every kernel.
let aAt: usize = 0;
let bAt: usize = 0;
let aTail: v128 = v128.splat<i32>(0);
let bTail: v128 = v128.splat<i32>(0);

/** Finds element `at` of a and b; answers how many elements both give from there without a jump. */
function locate(i: Elementwise, at: i32): i32 {
  aAt = address(base(i.a, (i.local & LOCAL_A) != 0), at, i.aRepeat, i.aPeriod);
  bAt = address(base(i.b, (i.local & LOCAL_B) != 0), at, i.bRepeat, i.bPeriod);
  return span(at, i.aRepeat, i.aPeriod, span(at, i.bRepeat, i.bPeriod, hi - at));
}

/** Loads the 1 to 3 elements behind the last whole vector. */
function loadTails(a: usize, aStill: bool, b: usize, bStill: bool, left: i32): void {
  aTail = aStill ? v128.load32_splat(a) : loadTail(a, left);
  bTail = bStill ? v128.load32_splat(b) : loadTail(b, left);
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

/** As unary, for a long operation: one copy of it, at two branches a vector. */
// @ts-ignore: decorator
@inline
export function longUnary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  const from = <usize>lo << 2;
  let a = base(i.a, (i.local & LOCAL_A) != 0) + from;
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + from;
  for (let left = hi - lo; left > 0; left -= 4, y += 16, a += 16) {
    const x = f.v(left < 4 ? loadTail(a, left) : v128.load(a));
    if (left < 4) storeTail(y, x, left);
    else v128.store(y, x);
  }
}

/** y = f(a, b). Where one operand stays at an element the other does not: no broadcast leaves both behind. */
// @ts-ignore: decorator
@inline
export function binary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  const aStill = still(i.aRepeat, i.aPeriod);
  const bStill = still(i.bRepeat, i.bPeriod);
  for (let at = lo; at < hi; ) {
    let left = locate(i, at);
    at += left;
    let a = aAt;
    let b = bAt;
    if (aStill) {
      const x = v128.load32_splat(a);
      for (; left >= 4; left -= 4, y += 16, b += 16) v128.store(y, f.v(x, v128.load(b)));
    } else if (bStill) {
      const x = v128.load32_splat(b);
      for (; left >= 4; left -= 4, y += 16, a += 16) v128.store(y, f.v(v128.load(a), x));
    } else {
      for (; left >= 4; left -= 4, y += 16, a += 16, b += 16) v128.store(y, f.v(v128.load(a), v128.load(b)));
    }
    if (left > 0) {
      loadTails(a, aStill, b, bStill, left);
      storeTail(y, f.v(aTail, bTail), left);
      y += <usize>left << 2;
    }
  }
}

/** As binary, for a long operation: one copy of it, at two branches and one more an operand for each vector. */
// @ts-ignore: decorator
@inline
export function longBinary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  const aStill = still(i.aRepeat, i.aPeriod);
  const bStill = still(i.bRepeat, i.bPeriod);
  const da: usize = aStill ? 0 : 16;
  const db: usize = bStill ? 0 : 16;
  for (let at = lo; at < hi; ) {
    let left = locate(i, at);
    at += left;
    let a = aAt;
    let b = bAt;
    for (; left > 0; left -= 4, a += da, b += db) {
      let x: v128;
      let z: v128;
      if (left < 4) {
        loadTails(a, aStill, b, bStill, left);
        x = aTail;
        z = bTail;
      } else {
        x = aStill ? v128.load32_splat(a) : v128.load(a);
        z = bStill ? v128.load32_splat(b) : v128.load(b);
      }
      const r = f.v(x, z);
      if (left < 4) {
        storeTail(y, r, left);
        y += <usize>left << 2;
      } else {
        v128.store(y, r);
        y += 16;
      }
    }
  }
}

/** y = f(a, b, c); meant for few operations, so its operands are not told apart. */
// @ts-ignore: decorator
@inline
export function ternary<F>(i: Elementwise): void {
  const f = changetype<F>(changetype<usize>(i));
  const c0 = base(i.c, (i.local & LOCAL_C) != 0);
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  const aStill = still(i.aRepeat, i.aPeriod);
  const bStill = still(i.bRepeat, i.bPeriod);
  const cStill = still(i.cRepeat, i.cPeriod);
  const da: usize = aStill ? 0 : 16;
  const db: usize = bStill ? 0 : 16;
  const dc: usize = cStill ? 0 : 16;
  for (let at = lo; at < hi; ) {
    let left = span(at, i.cRepeat, i.cPeriod, locate(i, at));
    let a = aAt;
    let b = bAt;
    let c = address(c0, at, i.cRepeat, i.cPeriod);
    at += left;
    for (; left >= 4; left -= 4, y += 16, a += da, b += db, c += dc) {
      const x = aStill ? v128.load32_splat(a) : v128.load(a);
      const z = bStill ? v128.load32_splat(b) : v128.load(b);
      const w = cStill ? v128.load32_splat(c) : v128.load(c);
      v128.store(y, f.v(x, z, w));
    }
    if (left > 0) {
      loadTails(a, aStill, b, bStill, left);
      const w = cStill ? v128.load32_splat(c) : loadTail(c, left);
      storeTail(y, f.v(aTail, bTail, w), left);
      y += <usize>left << 2;
    }
  }
}
