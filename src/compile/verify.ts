// The verifier: looks at a finished program with none of the knowledge of the passes that made it,
// and refuses it where it could read what it did not write, leave its memory, or race.
import { ALIGNMENT, INSTRUCTION_OPERANDS } from "../../assembly/abi.ts";
import { VerifyError } from "../core/errors.ts";
import {
  ACTIVATIONS,
  type Access,
  accesses,
  BARRIER,
  type Instruction,
  MAP,
  outputs,
  type Place,
} from "./instruction.ts";

/** Checks every rule that a program must keep. @throws VerifyError */
export function verify(list: readonly Instruction[], regions: ReadonlyMap<string, number>): void {
  const valid = new Set<Place>();
  let open: Access[] = [];
  for (const [at, each] of list.entries()) {
    const fail = (problem: string): never => {
      throw new VerifyError(`instruction ${at}, ${each.kernel}: ${problem}`);
    };
    if (each.kernel === BARRIER) {
      open = [];
      continue;
    }
    if (each.head?.place && each.locals.has(each.head.place) && !each.head.passing)
      fail(`keeps ${each.head.place.name} in scratch, which it must write to memory`);
    if (each.operands.length > INSTRUCTION_OPERANDS)
      fail(`has ${each.operands.length} operands, at most ${INSTRUCTION_OPERANDS} fit`);
    checkGroup(each, fail);
    const touches = accesses(each);
    checkOperands(each, touches, fail);
    for (const touch of touches) {
      const { place, start, end } = touch;
      const size = regions.get(place.region) ?? 0;
      if (start < 0 || end > size || start > end)
        fail(`${place.name} [${start}, ${end}) leaves ${place.region} of ${size} bytes`);
      if (start % 4 !== 0) fail(`${place.name} begins at byte ${start}, not on a word`);
      if (place.region === ACTIVATIONS) {
        if (place.offset % ALIGNMENT !== 0)
          fail(`${place.name} begins at byte ${place.offset}, not on a cache line`);
        if (touch.reads && !valid.has(place))
          fail(`reads ${place.name}, which nothing has written or something has overwritten`);
      }
      for (const earlier of open)
        if (races(earlier, touch)) fail(`${place.name} races with ${earlier.place.name}: no barrier between`);
      if (touch.writes && place.region === ACTIVATIONS) {
        for (const other of valid) {
          if (other !== place && other.offset < end && start < other.offset + other.bytes)
            valid.delete(other);
        }
        valid.add(place);
      }
    }
    open.push(...touches);
  }
}

/** The values of a group are taken element by element, and those inside it are made before they are read. */
function checkGroup({ kernel, head, fused, locals }: Instruction, fail: (problem: string) => never): void {
  if (kernel === MAP && fused.length === 0) fail("is empty");
  if (fused.length > 0 && !head) fail("cannot take up elementwise instructions");
  const made = new Set<Place>(head?.place ? [head.place] : []);
  for (const pass of fused) {
    const { inputs, kernel: inner } = pass;
    for (const { place, period } of inputs) {
      if (locals.has(place) && !made.has(place)) fail(`${inner} reads ${place.name} before it is made`);
      if (made.has(place) && period !== 0)
        fail(`${inner} broadcasts ${place.name}, which its own group makes`);
    }
    for (const place of outputs(pass)) made.add(place);
  }
}

/** A head such as a matrix product still reads its operands while its group is under way, and so may a pass that broadcasts: only what is taken element by element is free, and only in place. */
function checkOperands(
  each: Instruction,
  touches: readonly Access[],
  fail: (problem: string) => never,
): void {
  const operands = accesses({ ...each, fused: [] });
  for (const { place, start, end, writes } of touches.slice(operands.length)) {
    if (!writes) continue;
    for (const [at, other] of touches.entries()) {
      if (other.place.region !== place.region || other.end <= start || end <= other.start) continue;
      if (other.element && other.start === start) continue;
      const who = at < operands.length ? "its head is still at" : "its group takes in another order";
      fail(`${place.name} overwrites ${other.place.name}, which ${who}`);
    }
  }
}

/** Whether some thread may touch a byte in one access that another thread writes in the other. */
function races(a: Access, b: Access): boolean {
  const overlap = Math.min(a.end, b.end) - Math.max(a.start, b.start);
  if (a.place.region !== b.place.region || overlap <= 0 || !(a.writes || b.writes)) return false;
  if (!a.cut || !b.cut) return true;
  if (a.cut.units !== b.cut.units) return true;
  if (a.cut.units === 1) return false;
  return a.start !== b.start || a.cut.unitBytes !== b.cut.unitBytes;
}
