// Walks a program: calls each instruction's kernel through the function table.
// A run can be left at a barrier and taken up again, so that a thread never waits for one that has died.
import {
  CONTROL_LENGTH,
  CONTROL_PROGRAM,
  CONTROL_QUIT,
  CONTROL_RUN,
  CONTROL_SCRATCH,
  CONTROL_SCRATCH_BYTES,
  CONTROL_STEPS,
  INSTRUCTION_BYTES,
  SLOT_BARRIER,
  STATUS_DONE,
  STATUS_HALTED,
  STATUS_QUIT,
  STATUS_WAITING,
} from "./abi";
import { meet, scratch, setScratch, thread, waitWhile } from "./thread";

/** The step under way, counted from the start of the run. */
export let step: i32 = 0;

const GO = 0;
const NEXT_STEP = 1;
const HALT = 2;
/** What the guard of this step decided. */
let verdict: i32 = GO;

let program: usize = 0;
let programEnd: usize = 0;
let steps: i32 = 0;
let at: usize = 0;
/** Instructions until the caller has its turn; where none are counted, a negative number. */
let left: i32 = -1;

/** Leaves out the rest of this step. */
export function skipStep(): void {
  verdict = NEXT_STEP;
}

/** Ends the run in this step. */
export function halt(): void {
  verdict = HALT;
}

/** Makes ready to run what the control words name. */
export function begin(): void {
  program = load<u32>(CONTROL_PROGRAM);
  programEnd = program + load<u32>(CONTROL_LENGTH);
  steps = load<i32>(CONTROL_STEPS);
  setScratch(load<u32>(CONTROL_SCRATCH) + thread * load<u32>(CONTROL_SCRATCH_BYTES));
  at = program;
  step = 0;
  verdict = GO;
}

/** Runs on until the end, a guard's halt, or a barrier that takes long. */
export function proceed(): i32 {
  while (step < steps) {
    while (at < programEnd) {
      if (left-- == 0) return STATUS_WAITING;
      const slot = load<u32>(at);
      if (slot == SLOT_BARRIER) {
        if (!meet()) return STATUS_WAITING;
      } else {
        call_indirect<void>(slot, at);
      }
      at += INSTRUCTION_BYTES * (1 + load<u32>(at, 4));
      if (verdict != GO) break;
    }
    // Whoever has left the program stays at its end until the others have too, also across calls.
    at = programEnd;
    if (!meet()) return STATUS_WAITING;
    if (verdict == HALT) return STATUS_HALTED;
    verdict = GO;
    at = program;
    step++;
  }
  return STATUS_DONE;
}

/** The same, but for so many instructions at most: a caller that may not be kept busy looks at the clock between them. */
export function proceedBy(instructions: i32): i32 {
  left = instructions;
  const status = proceed();
  left = -1;
  return status;
}

/** Which of the two instruction sets this module is of. */
export function relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD;
}

export function stepsDone(): i32 {
  return step;
}

let lastRun: i32 = 0;
let running: bool = false;

/** A worker's turn: waits for a run, takes part in it. Called again and again, so that hot kernels change to their optimized code. */
export function serve(): i32 {
  if (!running) {
    if (!waitWhile(CONTROL_RUN, lastRun)) return STATUS_WAITING;
    lastRun = atomic.load<i32>(CONTROL_RUN);
    if (atomic.load<i32>(CONTROL_QUIT) != 0) return STATUS_QUIT;
    begin();
    running = true;
  }
  const status = proceed();
  if (status != STATUS_WAITING) running = false;
  else if (atomic.load<i32>(CONTROL_QUIT) != 0) return STATUS_QUIT;
  return status;
}
