// How parameter updates run: behind a head, as elementwise instructions do, over the range under way. So an update
// takes the gradient from cache, behind the product that makes it, and most gradients never reach memory.
import { INSTRUCTION_BYTES, UPDATE_STATES, UPDATE_TURN } from "./abi";
import { hi, lo } from "./elementwise";
import { scratch } from "./thread";

/** θ and its state vectors, changed in place by the gradient of the same elements. */
@unmanaged
export class Update {
  slot: u32;
  fused: i32;
  /** 1: the gradient lives in this thread's scratch, for the block under way only. */
  local: i32;
  /** Place in scratch for what is less than a turn. */
  room: usize;
  gradients: usize;
  /** Words: the step's numbers, by kernel. */
  hyper: usize;
  /** Word that multiplies the gradient; 0: none. */
  scale: usize;
  parameters: usize;
  /** State vectors, as many as the kernel has; those that it has not are 0. */
  state0: usize;
  state1: usize;
}

const TURN_BYTES = UPDATE_TURN * 4;
/** Where an instruction's changed vectors begin: parameters, then states up to the first that is 0. */
const VECTORS = offsetof<Update>("parameters");

// @ts-ignore: decorator
@inline
export function gradientScale(i: Update): v128 {
  return i.scale == 0 ? f32x4.splat(1) : v128.load32_splat(i.scale);
}

/** Has F's method `run` take whole turns where they lie, and what is left on a copy. */
// @ts-ignore: decorator
@inline
export function update<F extends Update>(i: F): void {
  const left = (hi - lo) % UPDATE_TURN;
  const whole = hi - lo - left;
  const at = <usize>lo << 2;
  const g = i.local ? scratch + i.gradients : i.gradients + at;
  if (whole > 0) i.run(g, at, whole);
  if (left > 0) {
    const end = <usize>whole << 2;
    const copy = copyRest(i, g + end, at + end, left);
    changetype<F>(copy).run(changetype<Update>(copy).gradients, 0, UPDATE_TURN);
    putBack(i, copy, at + end, left);
  }
}

/** An instruction like i in scratch, over copies of the last elements filled up with zeros. */
function copyRest(i: Update, g: usize, at: usize, left: i32): usize {
  const copy = scratch + i.room;
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
