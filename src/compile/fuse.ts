// Fusion: an elementwise instruction joins the instruction that makes its input, so that its numbers
// are taken while they lie in cache; values that nobody else reads never reach memory.
import { BLOCK } from "../../assembly/abi.ts";
import {
  ACTIVATIONS,
  accesses,
  type Elementwise,
  type Instruction,
  instruction,
  type Place,
} from "./instruction.ts";

/** Joins elementwise instructions to the latest maker of their inputs where they run over the same elements. */
export function fuse(list: readonly Instruction[]): Instruction[] {
  const result: Instruction[] = [];
  const maker = new Map<Place, number>();
  for (const next of list) {
    const [elementwise] = next.fused;
    const at = elementwise ? latestMaker(elementwise, maker) : -1;
    const group = result[at];
    if (elementwise && group && joins(elementwise, group, next.head!.n, at, maker)) {
      group.fused.push(elementwise);
      maker.set(elementwise.y, at);
      continue;
    }
    for (const { place, writes } of accesses(next)) if (writes) maker.set(place, result.length);
    result.push(instruction(next.kernel, next.operands, { ...next, fused: [...next.fused] }));
  }
  keepInside(result);
  return result;
}

const latestMaker = ({ inputs }: Elementwise, maker: ReadonlyMap<Place, number>) =>
  Math.max(...inputs.map(({ place }) => maker.get(place) ?? -1));

/** Over the same elements, and everything that the group itself makes is taken element by element. */
function joins(
  { inputs }: Elementwise,
  { head }: Instruction,
  n: number,
  at: number,
  maker: ReadonlyMap<Place, number>,
): boolean {
  return head?.n === n && inputs.every(({ place, period }) => maker.get(place) !== at || period === 0);
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
    for (const [index, { y, inputs }] of group.fused.entries()) {
      const inside = [...(readers.get(y) ?? [])].every((reader) => reader === group);
      if (inside && y.region === ACTIVATIONS && readers.has(y))
        group.locals.set(y, free.pop() ?? slots++ * BLOCK * 4);
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
