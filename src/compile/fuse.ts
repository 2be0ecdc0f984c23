// Fusion: a pass joins the instruction that makes its input, so that its numbers are taken while they lie in cache;
// values that nobody else reads never reach memory. A parameter update so joins the maker of its gradient.
import { BLOCK } from "../../assembly/abi.ts";
import {
  ACTIVATIONS,
  type Access,
  accesses,
  type Instruction,
  instruction,
  MAP,
  outputs,
  type Pass,
  type Place,
} from "./instruction.ts";

/** Joins passes to the latest maker of their inputs where they run over the same elements. */
export function fuse(list: readonly Instruction[]): Instruction[] {
  const result: Instruction[] = [];
  const maker = new Map<Place, number>();
  for (const next of list) {
    const [pass] = next.kernel === MAP ? next.fused : [];
    const at = pass ? latestMaker(pass, maker) : -1;
    const group = result[at];
    if (pass && group && joins(pass, group, next.head!.n, at, maker) && mayMove(next, result, at)) {
      group.fused.push(pass);
      for (const place of outputs(pass)) maker.set(place, at);
      continue;
    }
    for (const { place, writes } of accesses(next)) if (writes) maker.set(place, result.length);
    result.push(
      instruction(next.kernel, next.operands, { ...next, fused: [...next.fused], locals: new Map() }),
    );
  }
  keepInside(result);
  return result;
}

const latestMaker = ({ inputs }: Pass, maker: ReadonlyMap<Place, number>) =>
  Math.max(...inputs.map(({ place }) => maker.get(place) ?? -1));

/** Over the same elements, and everything that the group itself makes is taken element by element. */
function joins(
  { inputs }: Pass,
  { head }: Instruction,
  n: number,
  at: number,
  maker: ReadonlyMap<Place, number>,
): boolean {
  return head?.n === n && inputs.every(({ place, period }) => maker.get(place) !== at || period === 0);
}

/**
 * Whether a pass may run as early as its group does. One that makes a new value may; one that changes what outlives
 * the step must not pass a fence, nor anything that touches the same memory.
 */
function mayMove(next: Instruction, list: readonly Instruction[], at: number): boolean {
  const touches = accesses(next).filter(({ place }) => place.region !== ACTIVATIONS);
  if (!touches.some(({ writes }) => writes)) return true;
  const passed = list.slice(at + 1);
  if (passed.some(({ fence }) => fence)) return false;
  const meets = (a: Access) => (b: Access) =>
    a.place.region === b.place.region && a.start < b.end && b.start < a.end && (a.writes || b.writes);
  // Its own group it meets element by element: there the same elements are in order.
  const alike = (a: Access) => (b: Access) =>
    a.start === b.start && a.end === b.end && a.element && b.element;
  const free = (other: Access) => !touches.some(meets(other));
  return (
    passed.every((each) => accesses(each).every(free)) &&
    accesses(list[at]!).every((other) => touches.filter(meets(other)).every(alike(other)))
  );
}

/** Gives the values that are read inside their group only a place in scratch. */
function keepInside(list: readonly Instruction[]): void {
  const readers = new Map<Place, Set<Instruction>>();
  for (const each of list) {
    for (const { place, reads } of accesses(each)) {
      if (!reads) continue;
      const set = readers.get(place) ?? new Set();
      readers.set(place, set.add(each));
    }
  }
  for (const group of list) {
    const free: number[] = [];
    let slots = 0;
    const inside = (place: Place) =>
      place.region === ACTIVATIONS &&
      readers.has(place) &&
      [...readers.get(place)!].every((reader) => reader === group);
    const keep = (place: Place) => group.locals.set(place, free.pop() ?? slots++ * BLOCK * 4);
    const { head } = group;
    if (head?.place && head.passing && inside(head.place)) keep(head.place);
    for (const [index, { y, inputs, update }] of group.fused.entries()) {
      if (!update && inside(y)) keep(y);
      for (const { place } of inputs) {
        const slot = group.locals.get(place);
        const later = group.fused
          .slice(index + 1)
          .some((other) => other.inputs.some((input) => input.place === place));
        if (slot !== undefined && place !== y && !later && !free.includes(slot)) free.push(slot);
      }
    }
  }
}
