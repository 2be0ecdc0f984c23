// What a program file holds, and the numbers that stand for it in the bytes: docs/replay.md is the layout in full.

/** What a file begins with. */
export const MAGIC = "DOWNHILL";
/** The layout that is written, and the only one that is read. */
export const VERSION = 1;
/** Who wrote a file: kernels and their operands are those of one version of the package. */
export const PRODUCER = "downhill 0.1.0";

/** In the order of the numbers that stand for them in a file. */
export const INSTRUCTION_SETS = ["plain", "relaxed"] as const;
export const ROLES = ["input", "output", "parameter"] as const;
export const TYPES = ["f32", "i32", "u8"] as const;

/** Bytes of a page of memory. */
export const PAGE = 65_536;

/** Numbers in memory that a host may want to read or write. */
export interface Place {
  /** "input": written before a run. "output": read after it. "parameter": what training changes. */
  readonly role: (typeof ROLES)[number];
  /** Elements: 32-bit floats, 32-bit integers or bytes, without gaps in row-major order. */
  readonly type: (typeof TYPES)[number];
  readonly address: number;
  readonly shape: readonly number[];
}

/** One program of a file. */
export interface ProgramEntry {
  /** Words to write before a run: address and value. */
  readonly control: readonly (readonly [address: number, value: number])[];
  /** Address of the word that says how many steps to run. */
  readonly steps: number;
  /** Most steps of one run, for which there is room. */
  readonly mostSteps: number;
  readonly places: ReadonlyMap<string, Place>;
}

/** A stretch of memory that is not all zeros at the start. */
export interface Run {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Programs, and the one memory in which they lie. */
export interface ProgramFile {
  readonly producer: string;
  /** "plain": wants the kernels that give the same bits everywhere. "relaxed": those with fused multiply-add. */
  readonly instructionSet: (typeof INSTRUCTION_SETS)[number];
  /** Pages of memory, 64 KiB each. */
  readonly pages: number;
  /** Place of the first kernel in the function table; the others follow. */
  readonly firstSlot: number;
  /** Names of kernels, as the module exports them, in the order of their places in the function table. */
  readonly kernels: readonly string[];
  readonly programs: ReadonlyMap<string, ProgramEntry>;
  /** By address; all memory between them is zeros. */
  readonly runs: readonly Run[];
}

/** Bytes of an element. */
export const bytesOf = (type: Place["type"]): number => (type === "u8" ? 1 : 4);
