// Barriers: placed only where one thread may touch what another wrote, or is still to read.
import type { Cut } from "../graph/op.ts";
import { type Access, accesses, BARRIER, type Instruction, instruction } from "./instruction.ts";

/** Whether two touches of memory need the threads to meet in between. */
export function conflict(a: Access, b: Access): boolean {
  if (a.place.region !== b.place.region || a.end <= b.start || b.end <= a.start) return false;
  return (a.writes || b.writes) && !sharedAlike(a.cut, a.start, b.cut, b.start);
}

function sharedAlike(a: Cut | undefined, aStart: number, b: Cut | undefined, bStart: number): boolean {
  if (!a || !b || a.units !== b.units) return false;
  return a.units === 1 || (aStart === bStart && a.unitBytes === b.unitBytes);
}

/** The instructions with barriers between them; the end of a step is one by itself. */
export function addBarriers(list: readonly Instruction[]): Instruction[] {
  const result: Instruction[] = [];
  let open: Access[] = [];
  for (const next of list) {
    const touches = accesses(next);
    if (touches.some((touch) => open.some((earlier) => conflict(earlier, touch)))) {
      result.push(instruction(BARRIER, []));
      open = [];
    }
    result.push(next);
    open.push(...touches);
  }
  return result;
}
