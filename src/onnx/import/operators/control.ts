// Operators with graphs inside: what is known at import decides which branch is said, and how many steps one by one.
import type { Call, Operator } from "../call.ts";
import { BOOL } from "../numbers.ts";
import type { Value } from "../value.ts";
import { reshaped } from "./elementwise.ts";
import { joined } from "./movement.ts";
import { takeAlong } from "./selection.ts";

/** Most steps that are said one by one. */
export const UNROLLED = 512;

/** One element along an axis, which is gone. */
const element = (call: Call, value: Value, axis: number, at: number): Value =>
  reshaped(call, takeAlong(call, value, axis, [at]), value.shape.toSpliced(axis, 1));

/** Values along a new axis. */
function stacked(call: Call, values: readonly Value[], given: number): Value {
  const [first] = values;
  if (!first) throw call.unsupported("no step, which leaves results without elements,");
  const axis = call.axis(given, first.rank + 1);
  return joined(
    call,
    values.map((value) => reshaped(call, value, value.shape.toSpliced(axis, 0, 1))),
    axis,
  );
}

/** A condition that must be known at import. */
function holds(call: Call, condition: Value): boolean {
  const { fixed } = condition;
  if (!fixed) throw call.unsupported("a condition that is known only while running");
  if (fixed.length !== 1) throw call.fail("condition", condition, "one truth value");
  return fixed[0] !== 0;
}

/** The branch that a condition asks for; the other is not looked at. */
const branch: Operator = (call) => {
  const name = holds(call, call.input(0)) ? "then_branch" : "else_branch";
  return call.body(name, 0, call.node.outputs.length).run([]);
};

/** Inputs: how often at most, whether at all, what is carried on. Of the body: the step, whether, what is carried. */
const loop: Operator = (call) => {
  const most = call.number(0, Number.POSITIVE_INFINITY);
  const carried = Math.max(call.inputs.length - 2, 0);
  const scanned = call.node.outputs.length - carried;
  if (scanned < 0) throw call.fail("outputs", call.node.outputs.length, `${carried} or more`);
  const body = call.body("body", 2 + carried, 1 + carried + scanned);
  let going = call.has(1) ? call.input(1) : call.known([], [1], BOOL);
  let state = Array.from({ length: carried }, (_, k) => call.input(2 + k));
  const results: Value[][] = Array.from({ length: scanned }, () => []);
  for (let step = 0; step < most; step++) {
    if (!holds(call, going)) break;
    if (step >= UNROLLED) throw call.unsupported(`a loop of more than ${UNROLLED} steps`);
    const [next, ...values] = body.run([call.known([], [step]), going, ...state]);
    going = next!;
    state = values.slice(0, carried);
    for (const [k, value] of values.slice(carried).entries()) results[k]!.push(value);
  }
  return [...state, ...results.map((values) => stacked(call, values, 0))];
};

/** Inputs: what is carried on, then what is gone through, an element a step. */
const scan: Operator = (call) => {
  // There it had a batch of its own and lengths of sequences.
  if (call.opset < 9) throw call.unsupported("Scan of opset 8");
  const count = call.integer("num_scan_inputs");
  const carried = call.inputs.length - count;
  const scanned = call.node.outputs.length - carried;
  if (!(count >= 1) || carried < 0 || scanned < 0)
    throw call.fail("attribute num_scan_inputs", count, "some of the inputs, and an output for each other");
  const listOf = (name: string, length: number): number[] => {
    const list = call.integers(name) ?? new Array<number>(length).fill(0);
    if (list.length !== length) throw call.fail(`attribute ${name}`, `${list.length} numbers`, `${length}`);
    return list;
  };
  const values = Array.from({ length: count }, (_, k) => call.input(carried + k));
  const axes = listOf("scan_input_axes", count).map((axis, k) => call.axis(axis, values[k]!.rank));
  const backwards = listOf("scan_input_directions", count);
  const outputAxes = listOf("scan_output_axes", scanned);
  const outputBackwards = listOf("scan_output_directions", scanned);
  const [steps, ...others] = values.map(({ shape }, k) => shape[axes[k]!]!) as [number, ...number[]];
  if (others.some((size) => size !== steps))
    throw call.fail("scan inputs", `${[steps, ...others]} steps`, "as many of each");
  if (steps > UNROLLED) throw call.unsupported(`a sequence of more than ${UNROLLED} steps`);
  const body = call.body("body", call.inputs.length, carried + scanned);
  let state: readonly Value[] = Array.from({ length: carried }, (_, k) => call.input(k));
  const results: Value[][] = Array.from({ length: scanned }, () => []);
  for (let step = 0; step < steps; step++) {
    const now = values.map((value, k) =>
      element(call, value, axes[k]!, backwards[k] ? steps - 1 - step : step),
    );
    const after = body.run([...state, ...now]);
    state = after.slice(0, carried);
    for (const [k, value] of after.slice(carried).entries()) results[k]!.push(value);
  }
  return [
    ...state,
    ...results.map((each, k) => stacked(call, outputBackwards[k] ? each.reverse() : each, outputAxes[k]!)),
  ];
};

export const control: Readonly<Record<string, Operator>> = { If: branch, Loop: loop, Scan: scan };
