// Reads a program file. It trusts nothing: a file is exactly what the layout allows, or a FormatError says where it is not.
import { FormatError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import {
  bytesOf,
  INSTRUCTION_SETS,
  MAGIC,
  PAGE,
  type Place,
  type ProgramEntry,
  type ProgramFile,
  ROLES,
  type Run,
  TYPES,
  VERSION,
} from "./program-file.ts";

/** What a reader puts up with; a file beyond it is refused. */
export interface ProgramFileLimits {
  /** Opens every message. Default: "program file". */
  readonly name?: string;
  /** Most pages of memory, 64 KiB each. Default: 16,384, which is 1 GiB. */
  readonly maxPages?: number;
}

/** Most bytes of a name. */
const NAME_BYTES = 1024;
/** Most sizes of a shape. */
const RANK = 32;
/** Most places of the function table that the module keeps before the first kernel. */
const FIRST_SLOT = 65_536;

/** Goes through the bytes from front to back; what it answers has been checked against what is left of them. */
class Scanner {
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** An error that names the byte where it is, by default the word read last. */
  error(what: string, got: unknown, wanted: unknown, at = this.at - 4): FormatError {
    return new FormatError(`${this.#name}: ${what} at byte ${at}: got ${got}, wanted ${wanted}`);
  }

  word(what: string, least = 0, most = 2 ** 32 - 1): number {
    if (this.left < 4) throw this.error(`${what} cut off`, `${this.left} bytes`, 4, this.at);
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    if (!(value >= least && value <= most)) throw this.error(what, value, `${least} to ${most}`);
    return value;
  }

  /** A number that stands for one of some words. */
  oneOf<T extends string>(what: string, choices: readonly T[]): T {
    return choices[this.word(what, 0, choices.length - 1)]!;
  }

  /** Bytes up to the next multiple of four, which zeros fill. */
  bytes(what: string, length: number): Uint8Array {
    const end = this.at + Math.ceil(length / 4) * 4;
    if (end > this.#bytes.length) {
      throw this.error(`${what} cut off`, `${this.left} bytes`, end - this.at, this.at);
    }
    const start = this.at;
    for (let at = start + length; at < end; at++)
      if (this.#bytes[at] !== 0) throw this.error(`${what}: padding`, this.#bytes[at], 0, at);
    this.at = end;
    return this.#bytes.subarray(start, start + length);
  }

  text(what: string): string {
    const length = this.word(`${what}: length`, 1, NAME_BYTES);
    const start = this.at;
    const bytes = this.bytes(what, length);
    try {
      // A byte order mark is kept: it would make two names of one.
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new FormatError(this.error(what, "bytes that are not UTF-8", "UTF-8", start).message, { cause });
    }
  }

  /** A list whose items take at least so many bytes each: its length is checked before there is room for it. */
  list<T>(what: string, { least = 0, bytes }: { least?: number; bytes: number }, read: () => T): T[] {
    const count = this.word(`${what}: number`, least, Math.max(least, Math.floor((this.left - 4) / bytes)));
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  /** A list of items with names of their own, each told apart by it. */
  named<T>(
    what: string,
    sizes: { least?: number; bytes: number },
    read: (name: string) => T,
  ): Map<string, T> {
    const items = new Map<string, T>();
    this.list(what, sizes, () => {
      const start = this.at;
      const name = this.text(`${what}: name`);
      if (items.has(name)) throw this.error(what, `${JSON.stringify(name)} twice`, "each name once", start);
      items.set(name, read(name));
    });
    return items;
  }
}

/**
 * Reads a program file from memory. The runs are views of `bytes`.
 * Throws `FormatError` for every file that breaks a rule of the layout: what is cut off or left over, unknown numbers,
 * names that are empty, double or no UTF-8, addresses outside the memory or not aligned, runs that overlap. The
 * instructions themselves are not looked into: a hostile program may compute nonsense, trap or take long, but it runs
 * in a memory of its own and calls nothing but kernels.
 * @example
 * const file = readPrograms(await readFile("digits.program"));
 * file.programs.get("predict").places.get("input"); // { role: "input", type: "f32", address, shape: [1, 784] }
 */
export function readPrograms(bytes: Uint8Array, limits: ProgramFileLimits = {}): ProgramFile {
  const { name = "program file", maxPages = 16_384 } = checkOptions("readPrograms", limits, {
    name: 0,
    maxPages: 0,
  });
  const scanner = new Scanner(name, bytes);
  if (scanner.left < MAGIC.length) {
    throw scanner.error("first bytes cut off", `${scanner.left} bytes`, MAGIC.length, 0);
  }
  const magic = String.fromCharCode(...scanner.bytes("first bytes", MAGIC.length));
  if (magic !== MAGIC) throw scanner.error("first bytes", JSON.stringify(magic), JSON.stringify(MAGIC), 0);
  scanner.word("version", VERSION, VERSION);
  const instructionSet = scanner.oneOf("instruction set", INSTRUCTION_SETS);
  const pages = scanner.word("pages", 1, maxPages);
  const firstSlot = scanner.word("first slot", 1, FIRST_SLOT);
  const producer = scanner.text("producer");
  const kernels = [...scanner.named("kernels", { bytes: 8 }, () => undefined).keys()];
  const end = pages * PAGE;
  const programs = scanner.named("programs", { least: 1, bytes: 24 }, () => readProgram(scanner, end));
  let reached = 0;
  const runs = scanner.list("runs", { bytes: 12 }, () => {
    const run = readRun(scanner, reached, end);
    reached = run.address + run.bytes.length;
    return run;
  });
  if (scanner.left > 0) throw scanner.error("end", `${scanner.left} bytes more`, "none", scanner.at);
  return { producer, instructionSet, pages, firstSlot, kernels, programs, runs };
}

function readProgram(scanner: Scanner, end: number): ProgramEntry {
  const steps = readAddress(scanner, "address of steps", 4, end - 4);
  const mostSteps = scanner.word("most steps", 1, 2 ** 31 - 1);
  const control = scanner.list("control words", { bytes: 8 }, () => {
    const address = readAddress(scanner, "control word: address", 4, end - 4);
    return [address, scanner.word("control word: value")] as const;
  });
  const places = scanner.named("places", { bytes: 24 }, (name) => readPlace(scanner, name, end));
  return { control, steps, mostSteps, places };
}

function readPlace(scanner: Scanner, name: string, end: number): Place {
  const what = `place ${JSON.stringify(name)}`;
  const role = scanner.oneOf(`${what}: role`, ROLES);
  const type = scanner.oneOf(`${what}: type`, TYPES);
  const size = bytesOf(type);
  const address = readAddress(scanner, `${what}: address`, size, end - size);
  const start = scanner.at;
  const shape = scanner.list(`${what}: sizes`, { bytes: 4 }, () => scanner.word(`${what}: size`, 1));
  if (shape.length > RANK) throw scanner.error(`${what}: sizes`, shape.length, `up to ${RANK}`, start);
  const bytes = shape.reduce((product, each) => product * each, size);
  if (!(address + bytes <= end))
    throw scanner.error(`${what}: bytes`, bytes, `up to ${end - address}`, start);
  return { role, type, address, shape };
}

function readRun(scanner: Scanner, reached: number, end: number): Run {
  const address = readAddress(scanner, "run: address", 4, end - 4, reached);
  const length = scanner.word("run: bytes", 4, end - address);
  if (length % 4 !== 0) throw scanner.error("run: bytes", length, "a multiple of 4");
  return { address, bytes: scanner.bytes("run", length) };
}

function readAddress(scanner: Scanner, what: string, alignment: number, most: number, least = 0): number {
  const address = scanner.word(what, least, most);
  if (address % alignment !== 0) throw scanner.error(what, address, `a multiple of ${alignment}`);
  return address;
}
