// What a function of a WebAssembly module refers to: reads its instructions, of which only the lengths matter, but for calls
// and constants. The order of the cases is that of the opcodes (WebAssembly core specification 3.0, chapter 5.4).
import { FormatError } from "../core/errors.ts";

/** Reads numbers of seven bits a byte, low ones first. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    if (this.at >= this.bytes.length)
      throw new FormatError(`wasm: byte ${this.at}: got the end, wanted more`);
    return this.bytes[this.at++]!;
  }

  /** An unsigned number; a signed one that is not negative reads the same. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.number() }, read);
  }
}

/** A number in the instructions: where it stands, and what it is the number of. */
export interface Reference {
  readonly kind: "function" | "type" | "global" | "constant";
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

/** What the words behind an opcode are: a number, something that is referred to, or so many bytes. */
type Immediate = "number" | Reference["kind"] | number;

const MEMORY: readonly Immediate[] = ["number", "constant"];
const NUMBER: readonly Immediate[] = ["number"];
const NUMBERS: readonly Immediate[] = ["number", "number"];

/** Those of the opcodes of one byte. */
function plain(code: number): readonly Immediate[] {
  if (code >= 0x02 && code <= 0x04) return [1]; // block, loop, if: no result or one
  if (code === 0x10) return ["function"];
  if (code === 0x11) return ["type", "number"];
  if (code === 0x23 || code === 0x24) return ["global"];
  if (code === 0x0c || code === 0x0d || (code >= 0x20 && code <= 0x26)) return NUMBER;
  if (code >= 0x28 && code <= 0x3e) return MEMORY;
  if (code === 0x3f || code === 0x40) return [1];
  if (code === 0x41) return ["constant"];
  if (code === 0x42) return NUMBER;
  if (code === 0x43) return [4];
  if (code === 0x44) return [8];
  if (code === 0xd2) return ["function"];
  return [];
}

/** Those behind 0xfc: saturating conversions, then bulk memory. */
function bulk(code: number): readonly Immediate[] {
  if (code < 8) return [];
  return [8, 10, 12, 14].includes(code) ? NUMBERS : NUMBER;
}

/** Those behind 0xfd: vectors. */
function vector(code: number): readonly Immediate[] {
  if (code < 12 || code === 92 || code === 93) return MEMORY;
  if (code < 14) return [16];
  if (code > 20 && code < 35) return [1];
  if (code > 83 && code < 92) return [...MEMORY, 1];
  return [];
}

/** What stands behind an opcode. */
function immediates(reader: Reader): readonly Immediate[] {
  const code = reader.byte();
  if (code === 0xfc) return bulk(reader.number());
  if (code === 0xfd) return vector(reader.number());
  if (code === 0xfe) return reader.number() === 3 ? [1] : MEMORY;
  // A table of branches: how many there are, besides the last.
  if (code === 0x0e) return Array.from({ length: reader.number() + 1 }, () => "number" as const);
  return plain(code);
}

/** Passes over one instruction; answers what it refers to. */
export function instruction(reader: Reader): Reference[] {
  const found: Reference[] = [];
  for (const immediate of immediates(reader)) {
    if (typeof immediate === "number") {
      reader.take(immediate);
      continue;
    }
    const start = reader.at;
    const value = reader.number();
    if (immediate !== "number") found.push({ kind: immediate, value, start, end: reader.at });
  }
  return found;
}

/** What the body of a function refers to, in the order in which it stands there. @throws FormatError */
export function references(body: Uint8Array): Reference[] {
  const reader = new Reader(body);
  for (let locals = reader.number(); locals > 0; locals--) {
    reader.number();
    reader.byte();
  }
  const found: Reference[] = [];
  while (reader.at < body.length) found.push(...instruction(reader));
  return found;
}
