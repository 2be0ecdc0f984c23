// How parameter updates run: behind a head, as elementwise instructions do, over the range under way. So an update
// takes the gradient from cache, behind the product that makes it, and most gradients never reach memory.
// Hyper-parameters and everything that depends on the step alone are words that the host has prepared.
import { INSTRUCTION_BYTES, UPDATE_STATES, UPDATE_TURN } from "./abi";
import { hi, lo } from "./elementwise";
import { madd } from "./simd";
import { room, scratch } from "./thread";

/** θ and its state vectors, changed in place by the gradient of the same elements. */
@unmanaged
export class Update {
  slot: u32;
  fused: i32;
  /** 1: the gradient lives in this thread's scratch, for the block under way only. */
  local: i32;
  gradients: usize;
  /** Words: the step's numbers, by kernel. */
  hyper: usize;
  parameters: usize;
  /** State vectors, as many as the kernel has; those that it has not are 0. */
  state0: usize;
  state1: usize;
  state2: usize;
  state3: usize;
}

const TURN_BYTES = UPDATE_TURN * 4;
/** Where an instruction's changed vectors begin: parameters, then states up to the first that is 0. */
const VECTORS = offsetof<Update>("parameters");

// A running mean whose input has ended decays into the subnormal numbers and stays there, since the smallest of them
// times 0.9 rounds to itself, and each of them costs over a hundred cycles. So they are kept out of all state: a mean
// is rounded to multiples of 2⁻¹⁰³ by adding and taking away 2⁻⁸⁰, which leaves those above 1e-17 as they are to the
// last bit, and those above 1e-24 to seven digits; a mean of squares, never negative, is set to zero below 2⁻¹²⁶.
// The constants come from memory, where V8 keeps them in registers.
const FLOOR = memory.data<f32>([8.271806125530277e-25]);
export const LEAST = memory.data<i32>([0x007f_ffff]);

/** A running mean without subnormal numbers. */
// @ts-ignore: decorator
@inline
export function rounded(x: v128): v128 {
  const floor = v128.load32_splat(FLOOR);
  return f32x4.sub(f32x4.add(x, floor), floor);
}

/** A mean of squares, or anything never negative, without subnormal numbers. */
// @ts-ignore: decorator
@inline
export function flushed(x: v128): v128 {
  return v128.and(x, i32x4.gt_s(x, v128.load32_splat(LEAST)));
}

/** βm + (1 − β)x, with β and 1 − β as two words. */
// @ts-ignore: decorator
@inline
export function meanOf(words: usize, m: v128, x: v128): v128 {
  return rounded(madd(v128.load32_splat(words), m, f32x4.mul(v128.load32_splat(words, 4), x)));
}

/** βv + (1 − β)x², with β and 1 − β as two words. */
// @ts-ignore: decorator
@inline
export function squaresOf(words: usize, v: v128, x: v128): v128 {
  const share = f32x4.mul(v128.load32_splat(words, 4), x);
  return flushed(madd(v128.load32_splat(words), v, f32x4.mul(share, x)));
}

/** Has F's method `turn` take one vector after the other, over the range under way. */
// @ts-ignore: decorator
@inline
export function update<F extends Update>(i: F): void {
  overRange(changetype<Update>(i), (j: Update, g: usize, at: usize, left: i32): void => {
    const f = changetype<F>(changetype<usize>(j));
    let p = f.parameters + at;
    let a = f.state0 + at;
    let b = f.state1 + at;
    let c = f.state2 + at;
    let d = f.state3 + at;
    for (; left > 0; left -= 4, g += 16, p += 16, a += 16, b += 16, c += 16, d += 16) f.turn(g, p, a, b, c, d);
  });
}

/** Has a loop take whole turns of the range under way where they lie, and what is left on a copy. */
export function overRange(i: Update, loop: (i: Update, g: usize, at: usize, left: i32) => void): void {
  const left = (hi - lo) % UPDATE_TURN;
  const whole = hi - lo - left;
  const at = <usize>lo << 2;
  const g = i.local ? scratch + i.gradients : i.gradients + at;
  if (whole > 0) loop(i, g, at, whole);
  if (left > 0) {
    const end = <usize>whole << 2;
    const copy = copyRest(i, g + end, at + end, left);
    loop(changetype<Update>(copy), changetype<Update>(copy).gradients, 0, UPDATE_TURN);
    putBack(i, copy, at + end, left);
  }
}

/** An instruction like i in this thread's room, over copies of the last elements filled up with zeros. */
function copyRest(i: Update, g: usize, at: usize, left: i32): usize {
  const copy = room;
  const bytes = <usize>left << 2;
  const end = copy + INSTRUCTION_BYTES;
  let to = end;
  memory.copy(copy, changetype<usize>(i), INSTRUCTION_BYTES);
  memory.fill(to, 0, TURN_BYTES * (2 + UPDATE_STATES));
  memory.copy(to, g, bytes);
  changetype<Update>(copy).gradients = to;
  for (let word = copy + VECTORS; word < end && load<usize>(word) != 0; word += 4) {
    to += TURN_BYTES;
    memory.copy(to, load<usize>(word) + at, bytes);
    store<usize>(word, to);
  }
  return copy;
}

/** Takes the changed elements back from the copy. */
function putBack(i: Update, copy: usize, at: usize, left: i32): void {
  let from = copy + VECTORS;
  let to = changetype<usize>(i) + VECTORS;
  for (const end = copy + INSTRUCTION_BYTES; from < end && load<usize>(from) != 0; from += 4, to += 4) {
    memory.copy(load<usize>(to) + at, load<usize>(from), <usize>left << 2);
  }
}
