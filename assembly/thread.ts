// Who this thread is, which part of the work is its own, and how threads meet.
// Module globals are per instance, so each thread has its own.
import {
  CONTROL_ARRIVED,
  CONTROL_GENERATION,
  CONTROL_QUIT,
  CONTROL_RUN,
  CONTROL_SLEEPERS,
  GRAIN,
  ROOM_BYTES,
} from "./abi";

/** Turns a thread spins before it sleeps: about 50 µs, for a turn takes some 20 cycles whatever the processor. */
const SPIN = 10_000;
/** Nanoseconds a thread sleeps before it lets its caller look around. */
const NAP = 10_000_000;

export let thread: i32 = 0;
export let threads: i32 = 1;
/** This thread's own room for odd ends, ROOM_BYTES. */
export let room: usize = 0;
/** This thread's own working memory, as much as the program wants. */
export let scratch: usize = 0;

export function attach(index: i32, count: i32): void {
  thread = index;
  threads = count;
}

export function setScratch(address: usize): void {
  room = address;
  scratch = address + ROOM_BYTES;
}

/** The first of n units that belongs to this thread; the next thread's first is this one's end. */
// @ts-ignore: decorator
@inline
export function first(n: i32): i32 {
  return <i32>((<i64>n * thread) / threads);
}

/** One past the last of n units that belong to this thread. */
// @ts-ignore: decorator
@inline
export function end(n: i32): i32 {
  return <i32>((<i64>n * (thread + 1)) / threads);
}

/** The first of n elements that belongs to this thread, whole cache lines at a time. */
// @ts-ignore: decorator
@inline
export function firstElement(n: i32): i32 {
  return min<i32>(n, first((n + GRAIN - 1) / GRAIN) * GRAIN);
}

// @ts-ignore: decorator
@inline
export function endElement(n: i32): i32 {
  return min<i32>(n, end((n + GRAIN - 1) / GRAIN) * GRAIN);
}

let waitingFor: i32 = 0;
let arrived: bool = false;

/** Meets the other threads. False: they take long; call again. */
export function meet(): bool {
  if (threads == 1) return true;
  if (!arrived) {
    waitingFor = atomic.load<i32>(CONTROL_GENERATION);
    if (atomic.add<i32>(CONTROL_ARRIVED, 1) == threads - 1) {
      atomic.store<i32>(CONTROL_ARRIVED, 0);
      atomic.add<i32>(CONTROL_GENERATION, 1);
      if (atomic.load<i32>(CONTROL_SLEEPERS) != 0) atomic.notify(CONTROL_GENERATION, -1);
      return true;
    }
    arrived = true;
  }
  if (!waitWhile(CONTROL_GENERATION, waitingFor)) return false;
  arrived = false;
  return true;
}

// V8 11 (Node 20), in code that it has not yet optimized, saves the address of a wait eight bytes wide
// into a place of four, over the local beside it. So nothing that is needed after a wait is a local.
let word: usize = 0;
let value: i32 = 0;

/** Waits, first spinning, then asleep, until the word at an address differs from a value. False: it still does not. */
export function waitWhile(address: usize, expected: i32): bool {
  word = address;
  value = expected;
  let x: f64 = 1;
  for (let i = 0; i < SPIN; i++) {
    // There is no instruction to pause. A root takes about as long on every processor, and keeps little of it busy; that
    // the address waits for it keeps later turns from beginning before.
    x = sqrt(x + 1);
    if (atomic.load<i32>(word + <usize>(x < 0)) != value) return true;
  }
  atomic.add<i32>(CONTROL_SLEEPERS, 1);
  atomic.wait<i32>(word, value, NAP);
  atomic.sub<i32>(CONTROL_SLEEPERS, 1);
  // Being woken proves nothing: the call may be a late one, meant for the barrier before this.
  return atomic.load<i32>(word) != value;
}

/** Wakes the workers for a run. */
export function wake(): void {
  atomic.add<i32>(CONTROL_RUN, 1);
  if (atomic.load<i32>(CONTROL_SLEEPERS) != 0) atomic.notify(CONTROL_RUN, -1);
}

/** Tells the workers to end. */
export function dismiss(): void {
  atomic.store<i32>(CONTROL_QUIT, 1);
  wake();
}

/** The first byte that the host may hand out. */
export function freeMemory(): usize {
  return __heap_base;
}
