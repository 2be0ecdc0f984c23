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
import type { Program } from "../compile/program.ts";
import { MemoryError, OptionError } from "../core/errors.ts";
import { PAGE, type Place, type ProgramEntry, type ProgramFile, type Run } from "./program-file.ts";

/** The first page is the module's own: control words and what its kernels keep there. */
const START = PAGE;
/** Behind every function that a module keeps in its table itself. */
const FIRST_SLOT = 1024;
/** What is told apart as zeros or not. */
const STRETCH = 4096;
/** As the engine lays out its memory: loads behind stores at the same offset modulo 4 KiB would be slow. */
const STAGGER = 5 * ALIGNMENT;
const MOST_PAGES = 65_536;
const SCRATCH = "scratch";
const INSTRUCTION_WORDS = INSTRUCTION_BYTES / 4;

/** A program, and what it finds in its memory. */
export interface Imaged {
  readonly program: Pick<
    Program,
    "words" | "kernels" | "relocations" | "constants" | "regions" | "scratchBytes"
  >;
  /** Most steps of one run. */
  readonly steps: number;
  /** What regions hold at the start; others hold zeros, and all hold the program's constants. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** What a host may read and write, by name. */
  readonly places: Readonly<Record<string, ImagedPlace>>;
  /** Regions, and "scratch", that it has together with others: those of the same owner are one, as large as the largest. */
  readonly shared: ReadonlyMap<string, { readonly owner: object; readonly bytes: number }>;
}

/** A place in a region. */
export type ImagedPlace = Omit<Place, "address"> & { readonly region: string; readonly offset?: number };

/** Where the regions and the instructions of one program lie. */
interface Layout {
  readonly regions: ReadonlyMap<string, number>;
  readonly code: number;
}

/** Programs in one memory. @throws MemoryError, OptionError */
export function image(
  programs: ReadonlyMap<string, Imaged>,
): Pick<ProgramFile, "pages" | "firstSlot" | "kernels" | "programs" | "runs"> {
  if (programs.size === 0) throw new OptionError("writePrograms: programs: got none, wanted one or more");
  let end = START;
  const take = (bytes: number): number => {
    const address = end;
    end += Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT + (bytes >= STRETCH ? STAGGER : 0);
    return address;
  };
  const sizes = new Map<object, number>();
  for (const { shared } of programs.values())
    for (const { owner, bytes } of shared.values()) sizes.set(owner, Math.max(bytes, sizes.get(owner) ?? 0));
  const together = new Map([...sizes].map(([owner, bytes]) => [owner, take(bytes)]));
  const layouts = new Map<string, Layout>();
  for (const [name, { program, shared }] of programs) {
    const regions = new Map([...shared].map(([region, { owner }]) => [region, together.get(owner)!]));
    for (const [region, bytes] of [...program.regions, [SCRATCH, program.scratchBytes] as const])
      if (!regions.has(region)) regions.set(region, take(bytes));
    layouts.set(name, { regions, code: take(program.words.byteLength) });
  }
  const pages = Math.ceil(end / PAGE);
  if (pages > MOST_PAGES) {
    throw new MemoryError(
      `programs: need ${end} bytes, a memory has ${MOST_PAGES * PAGE}`,
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
  for (const [name, imaged] of programs) write(memory, layouts.get(name)!, imaged, slotOf);
  const entries = [...programs].map(([name, each]) => [name, entry(layouts.get(name)!, each)] as const);
  return { pages, firstSlot: FIRST_SLOT, kernels, programs: new Map(entries), runs: runs(memory) };
}

/** Writes what regions hold, and the instructions with their slots and addresses. */
function write(
  memory: Uint8Array,
  { regions, code }: Layout,
  { program, contents }: Imaged,
  slotOf: (kernel: string) => number,
): void {
  const words = program.words.slice();
  for (const [index, kernel] of program.kernels.entries()) words[index * INSTRUCTION_WORDS] = slotOf(kernel);
  for (const { word, region, offset } of program.relocations) words[word] = regions.get(region)! + offset;
  memory.set(new Uint8Array(words.buffer), code);
  for (const { place, bytes } of program.constants)
    memory.set(bytes, regions.get(place.region)! + place.offset);
  for (const [region, bytes] of contents) memory.set(bytes, regions.get(region)!);
}

/** What a host has to know of a program. */
function entry({ regions, code }: Layout, { program, steps, places }: Imaged): ProgramEntry {
  const found = new Map<string, Place>();
  for (const [name, { region, offset = 0, ...place }] of Object.entries(places)) {
    const address = regions.get(region);
    // A program has no place for what nothing in it reads.
    if (address) found.set(name, { ...place, address: address + offset });
  }
  const control = [
    [CONTROL_PROGRAM, code],
    [CONTROL_LENGTH, program.words.byteLength],
    [CONTROL_SCRATCH, regions.get(SCRATCH)!],
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
