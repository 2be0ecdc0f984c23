// Gives programs their places in one memory of their own, as an engine does in its memory: regions, instructions, scratch.
import {
  ALIGNMENT,
  CONTROL_LENGTH,
  CONTROL_PROGRAM,
  CONTROL_SCRATCH,
  CONTROL_SCRATCH_BYTES,
  CONTROL_STEPS,
  INSTRUCTION_BYTES,
  SLOT_BARRIER,
} from "../../assembly/abi.ts";
import { MemoryError, OptionError } from "../core/errors.ts";
import { PAGE, type Place, type ProgramEntry, type ProgramFile, type Run } from "./program-file.ts";
import type { Replayable } from "./replayable.ts";

/** The first page is the module's own: control words and what its kernels keep there. */
const START = PAGE;
/** Behind every function that a module keeps in its table itself. */
const FIRST_SLOT = 1024;
/** What is told apart as zeros or not. */
const STRETCH = 4096;
/** As the engine lays out its memory: loads behind stores at the same offset modulo 4 KiB would be slow. */
const STAGGER = 5 * ALIGNMENT;
const MOST_PAGES = 65_536;
const PARAMETERS = "parameters";
const INSTRUCTION_WORDS = INSTRUCTION_BYTES / 4;

/** Where the parts of one program lie. */
interface Layout {
  readonly regions: ReadonlyMap<string, number>;
  readonly code: number;
  readonly scratch: number;
}

/** Programs in one memory; those of one model share its parameters. @throws MemoryError, OptionError */
export function image(
  programs: ReadonlyMap<string, Replayable>,
): Pick<ProgramFile, "pages" | "firstSlot" | "kernels" | "programs" | "runs"> {
  if (programs.size === 0) throw new OptionError("writePrograms: programs: got none, wanted one or more");
  let end = START;
  const take = (bytes: number): number => {
    const address = end;
    end += Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT + (bytes >= STRETCH ? STAGGER : 0);
    return address;
  };
  const models = new Set([...programs.values()].map(({ model }) => model));
  const parameters = new Map([...models].map((model) => [model, take(model.weights.length * 4)]));
  const layouts = new Map<string, Layout>();
  for (const [name, { program, model }] of programs) {
    const regions = new Map([[PARAMETERS, parameters.get(model)!]]);
    for (const [region, bytes] of program.regions)
      if (region !== PARAMETERS) regions.set(region, take(bytes));
    const [code, scratch] = [take(program.words.byteLength), take(program.scratchBytes)];
    layouts.set(name, { regions, code, scratch });
  }
  const pages = Math.ceil(end / PAGE);
  if (pages > MOST_PAGES) {
    throw new MemoryError(
      `writePrograms: needs ${end} bytes, a memory has ${MOST_PAGES * PAGE}`,
      end,
      MOST_PAGES * PAGE,
    );
  }

  const kernels: string[] = [];
  const slots = new Map([["barrier", SLOT_BARRIER]]);
  const slotOf = (kernel: string): number => {
    let slot = slots.get(kernel);
    if (slot === undefined) {
      slot = FIRST_SLOT + kernels.length;
      slots.set(kernel, slot);
      kernels.push(kernel);
    }
    return slot;
  };
  const memory = new Uint8Array(pages * PAGE);
  for (const [model, address] of parameters) put(memory, address, model.weights.snapshot());
  for (const [name, replayable] of programs) write(memory, layouts.get(name)!, replayable, slotOf);
  const entries = [...programs].map(([name, each]) => [name, entry(layouts.get(name)!, each)] as const);
  return { pages, firstSlot: FIRST_SLOT, kernels, programs: new Map(entries), runs: runs(memory) };
}

function put(memory: Uint8Array, address: number, { buffer, byteOffset, byteLength }: ArrayBufferView): void {
  memory.set(new Uint8Array(buffer, byteOffset, byteLength), address);
}

/** Writes what regions hold, and the instructions with their slots and addresses. */
function write(
  memory: Uint8Array,
  { regions, code }: Layout,
  { program, contents }: Replayable,
  slotOf: (kernel: string) => number,
): void {
  const words = program.words.slice();
  for (const [index, kernel] of program.kernels.entries()) words[index * INSTRUCTION_WORDS] = slotOf(kernel);
  for (const { word, region, offset } of program.relocations) words[word] = regions.get(region)! + offset;
  put(memory, code, words);
  for (const { place, bytes } of program.constants)
    memory.set(bytes, regions.get(place.region)! + place.offset);
  for (const [region, bytes] of contents) memory.set(bytes, regions.get(region)!);
}

/** What a host has to know of a program. */
function entry(
  { regions, code, scratch }: Layout,
  { program, model, steps, places }: Replayable,
): ProgramEntry {
  const found = new Map<string, Place>();
  for (const [name, { region, ...place }] of Object.entries(places)) {
    const address = program.regions.has(region) && regions.get(region);
    // A program has no place for what nothing in it reads.
    if (address) found.set(name, { ...place, address });
  }
  for (const { name, shape, offset } of model.weights.segments) {
    const address = regions.get(PARAMETERS)! + offset * 4;
    found.set(name, { role: "parameter", type: "f32", address, shape });
  }
  const control = [
    [CONTROL_PROGRAM, code],
    [CONTROL_LENGTH, program.words.byteLength],
    [CONTROL_SCRATCH, scratch],
    [CONTROL_SCRATCH_BYTES, program.scratchBytes],
  ] as const;
  return { control, steps: CONTROL_STEPS, mostSteps: steps, places: found };
}

/** The stretches that are not all zeros, neighbours joined. */
function runs(memory: Uint8Array): Run[] {
  const words = new BigUint64Array(memory.buffer);
  const found: Run[] = [];
  for (let at = 0; at < memory.length; at += STRETCH) {
    const stretch = words.subarray(at / 8, (at + STRETCH) / 8);
    if (stretch.every((word) => word === 0n)) continue;
    const last = found.at(-1);
    const joined = last && last.address + last.bytes.length === at;
    const address = joined ? last.address : at;
    if (joined) found.pop();
    found.push({ address, bytes: memory.subarray(address, at + STRETCH) });
  }
  return found;
}
