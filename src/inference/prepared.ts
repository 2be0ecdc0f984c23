// Prediction in two programs: one that runs once and makes what depends on constants alone, such as the turned weights of a
// convolution, and one that each prediction runs.
import { ALIGNMENT } from "../../assembly/abi.ts";
import type { ProgramEmitter } from "../compile/emit.ts";
import { ACTIVATIONS, type Access, accesses, type Instruction, type Place } from "../compile/instruction.ts";
import { compile, type Program } from "../compile/program.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import { type Frozen, placed } from "./frozen.ts";

/** The programs of a frozen model. */
export interface Prepared {
  /** Fills the region "prepared" from the region "constants"; undefined where there is nothing to make beforehand. */
  readonly once: Program | undefined;
  /** Reads "input", "constants" and "prepared", writes "output". */
  readonly program: Program;
}

/** The programs of a frozen model, each verified by itself: so nothing that is made once can be missing later. */
export function prepared(frozen: Frozen): Prepared {
  const programOf = (part: "once" | "always") => {
    const after = (emitter: ProgramEmitter) => {
      const { instructions } = emitter;
      instructions.splice(0, instructions.length, ...parted(emitter)[part]);
    };
    return compile({ graph: frozen.graph, placements: placed(frozen), after });
  };
  const [once, program] = [programOf("once"), programOf("always")];
  return { once: once.kernels.length > 0 ? once : undefined, program };
}

/** The instructions of both programs, with a place that outlives them for what one leaves to the other. */
function parted({ instructions, regions }: ProgramEmitter) {
  const fixed = fixedOf(instructions);
  const once = instructions.filter((each) => fixed.has(each));
  const always = instructions.filter((each) => !fixed.has(each));
  const made = new Set(once.flatMap(accesses).flatMap(({ place, writes }) => (writes ? [place] : [])));
  const kept = new Set(always.flatMap(accesses).flatMap(({ place }) => (made.has(place) ? [place] : [])));
  let end = 0;
  for (const place of kept) {
    Object.assign(place, { region: "prepared", offset: end });
    end += Math.ceil(place.bytes / ALIGNMENT) * ALIGNMENT;
  }
  if (end > 0) regions.set("prepared", end);
  return { once, always };
}

/** The instructions that read constants and each other alone, and write what no other instruction writes. */
function fixedOf(list: readonly Instruction[]): ReadonlySet<Instruction> {
  const touches = new Map(list.map((each) => [each, accesses(each)]));
  const still = ({ place, writes }: Access) =>
    place.region === ACTIVATIONS || (place.region === "constants" && !writes);
  const fixed = new Set(list.filter((each) => touches.get(each)!.every(still)));
  for (let before = -1; before !== fixed.size; ) {
    before = fixed.size;
    const others = new Set<Place>();
    for (const [each, all] of touches)
      if (!fixed.has(each)) for (const { place, writes } of all) if (writes) others.add(place);
    for (const each of fixed)
      if (touches.get(each)!.some(({ place }) => others.has(place))) fixed.delete(each);
  }
  return fixed;
}

/**
 * Puts the programs of a frozen model into an engine's memory, with what has to be made once made. Each run of what it answers
 * predicts: from the region "input" to the region "output".
 * @throws MemoryError where it needs more than is left.
 */
export async function loadPrepared(engine: Engine, { once, program }: Prepared): Promise<LoadedProgram> {
  const loaded = engine.load(program);
  if (!once) return loaded;
  const shared = [...once.regions.keys()].filter((name) => name !== ACTIVATIONS);
  const regions = new Map(shared.map((name) => [name, loaded.region(name)]));
  let first: LoadedProgram | undefined;
  try {
    await engine.turn((run) => {
      first = engine.load(once, regions);
      return run(first);
    });
  } catch (error) {
    loaded.release();
    throw error;
  } finally {
    first?.release();
  }
  return loaded;
}
