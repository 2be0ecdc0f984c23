// How elementwise instructions run: a head picks a range of elements, and each instruction behind it
// passes that range through its loop. A group of several shares one pass over memory, in blocks that stay
// in the first-level cache; a matrix product uses the same instructions as its epilogue, row by row.
import { BLOCK, INSTRUCTION_BYTES } from "./abi";
import { loadTail, storeTail } from "./simd";
import { endElement, firstElement, room, scratch } from "./thread";

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

/** An operand on its way through the range: where its next vector lies, and how far from there it gives without a jump. */
@unmanaged
class Walk {
  at: usize;
  /** Bytes from one vector to the next: 0 where it stays at one element. */
  step: usize;
  /** Elements before the jump. */
  left: i32;
  /** Elements from one jump to the next. */
  stretch: i32;
  /** The element at which it stays. */
  element: usize;
  /** Its first element, and one past the last. */
  first: usize;
  last: usize;
  // Room of its own:
  /** Four times the element at which it stays, or the last, incomplete vector. */
  vector: v128;
}

// Three of them lie in this thread's room, then the vector that takes the last of y, then each one's pattern.
const ROOM_B: usize = offsetof<Walk>();
const ROOM_C: usize = ROOM_B * 2;
const ROOM_Y: usize = ROOM_B * 3;
const ROOM_PATTERNS = ROOM_Y + 16;
/** A row of at most half so many elements is repeated before use, so that it jumps less. */
const PATTERN = 128;
const FOREVER = i32.MAX_VALUE;

/** Sets out at element `lo` of an operand. */
function setOut(w: Walk, p: usize, repeat: i32, period: i32, pattern: usize): void {
  w.step = 16;
  w.left = FOREVER;
  w.at = p + (<usize>lo << 2);
  if (period == 0) return;
  w.first = p;
  w.last = p + (<usize>period << 2);
  if (period == 1 || repeat > 1) {
    w.step = 0;
    w.stretch = period == 1 ? FOREVER : repeat;
    w.left = period == 1 ? FOREVER : repeat - (lo % repeat);
    stay(w, p + (period == 1 ? 0 : <usize>((lo / repeat) % period) << 2));
    return;
  }
  if (period <= PATTERN / 2 && hi - lo >= 4 * period) {
    w.first = pattern;
    period = repeated(period, p, pattern);
  }
  const from = lo % period;
  w.at = w.first + (<usize>from << 2);
  w.stretch = period;
  w.left = period - from;
}

/** Repeats a row up to PATTERN elements; answers how many they are. */
function repeated(period: i32, from: usize, to: usize): i32 {
  const whole = (PATTERN / period) * period;
  // What a vector is copied from lies a whole vector back at least.
  const unit = period < 4 ? 2 * period : period;
  let n = 0;
  for (; n < unit; n++) store<f32>(to + (<usize>n << 2), load<f32>(from + (<usize>(n % period) << 2)));
  for (; n < whole; n += 4) {
    const at = to + (<usize>n << 2);
    v128.store(at, v128.load(at - (<usize>unit << 2)));
  }
  return whole;
}

/** Stays at an element. */
function stay(w: Walk, element: usize): void {
  w.element = element;
  w.vector = v128.load32_splat(element);
  w.at = changetype<usize>(w) + offsetof<Walk>("vector");
}

/** Goes on by as many elements as lie before the next jump of some operand. */
function goOn(w: Walk, count: i32): void {
  if (w.left == FOREVER) {
    w.at += (<usize>count << 2) * (w.step >> 4);
    return;
  }
  w.left -= count;
  if (w.left > 0) {
    w.at += (<usize>count << 2) * (w.step >> 4);
    return;
  }
  w.left = w.stretch;
  if (w.step != 0) {
    w.at = w.first;
    return;
  }
  const next = w.element + 4;
  stay(w, next == w.last ? w.first : next);
}

/** Takes `count` elements, whole vectors, of y and of each operand: the next vector of one is `da`, `db` or `dc` bytes on. */
type Loop = (
  i: Elementwise,
  count: i32,
  y: usize,
  a: usize,
  da: usize,
  b: usize,
  db: usize,
  c: usize,
  dc: usize,
) => void;

/**
 * Passes the range under way through a loop, in stretches along which no operand jumps. What the operations have in
 * common, broadcasts and incomplete vectors, is here once, and their loops are small.
 */
function pass(i: Elementwise, loop: Loop): void {
  const a = changetype<Walk>(room);
  const b = changetype<Walk>(room + ROOM_B);
  const c = changetype<Walk>(room + ROOM_C);
  const pattern = room + ROOM_PATTERNS;
  setOut(a, base(i.a, (i.local & LOCAL_A) != 0), i.aRepeat, i.aPeriod, pattern);
  setOut(b, base(i.b, (i.local & LOCAL_B) != 0), i.bRepeat, i.bPeriod, pattern + 4 * (PATTERN + 4));
  setOut(c, base(i.c, (i.local & LOCAL_C) != 0), i.cRepeat, i.cPeriod, pattern + 8 * (PATTERN + 4));
  let y = base(i.y, (i.local & LOCAL_Y) != 0) + (<usize>lo << 2);
  for (let rest = hi - lo; rest > 0; ) {
    const count = min(min(rest, a.left), min(b.left, c.left));
    const left = count & 3;
    const whole = count - left;
    const behind = <usize>whole << 2;
    if (whole > 0) loop(i, whole, y, a.at, a.step, b.at, b.step, c.at, c.step);
    if (left > 0) {
      const x = tail(a, behind, left);
      const z = tail(b, behind, left);
      const w = tail(c, behind, left);
      loop(i, 4, room + ROOM_Y, x, 0, z, 0, w, 0);
      storeTail(y + behind, v128.load(room, ROOM_Y), left);
    }
    rest -= count;
    if (rest == 0) return;
    y += <usize>count << 2;
    goOn(a, count);
    goOn(b, count);
    goOn(c, count);
  }
}

/** The address of a whole vector that begins with the last `count` elements of a stretch. */
function tail(w: Walk, behind: usize, count: i32): usize {
  if (w.step == 0) return w.at;
  w.vector = loadTail(w.at + behind, count);
  return changetype<usize>(w) + offsetof<Walk>("vector");
}

/** y = f(a). The operation is a type whose method v maps one vector, see kernels/activation.ts. */
// @ts-ignore: decorator
@inline
export function unary<F>(i: Elementwise): void {
  pass(
    i,
    (j: Elementwise, count: i32, y: usize, a: usize, _da: usize, _b: usize, _db: usize, _c: usize, _dc: usize): void => {
      const f = changetype<F>(changetype<usize>(j));
      for (; count > 0; count -= 4, y += 16, a += 16) v128.store(y, f.v(v128.load(a)));
    },
  );
}

/** y = f(a, b). */
// @ts-ignore: decorator
@inline
export function binary<F>(i: Elementwise): void {
  pass(
    i,
    (j: Elementwise, count: i32, y: usize, a: usize, da: usize, b: usize, db: usize, _c: usize, _dc: usize): void => {
      const f = changetype<F>(changetype<usize>(j));
      for (; count > 0; count -= 4, y += 16, a += da, b += db) v128.store(y, f.v(v128.load(a), v128.load(b)));
    },
  );
}

/** y = f(a, b, c). */
// @ts-ignore: decorator
@inline
export function ternary<F>(i: Elementwise): void {
  pass(
    i,
    (j: Elementwise, count: i32, y: usize, a: usize, da: usize, b: usize, db: usize, c: usize, dc: usize): void => {
      const f = changetype<F>(changetype<usize>(j));
      for (; count > 0; count -= 4, y += 16, a += da, b += db, c += dc) {
        v128.store(y, f.v(v128.load(a), v128.load(b), v128.load(c)));
      }
    },
  );
}
