// The numbers of several programs in one region and one file: what two of them have alike lies there once, and floats that 16 bits
// hold exactly take two bytes in the file.
import { ALIGNMENT } from "../../assembly/abi.ts";
import type { Program, Relocation } from "../compile/program.ts";

/** How a stretch of the region lies in the file: as it is, or as floats of 16 bits of one of two kinds. */
const FORMS = ["raw", "bf16", "f16"] as const;
type Form = (typeof FORMS)[number];

/** A stretch of the region. */
export interface Stretch {
  readonly form: Form;
  /** In bytes from the start of the region. */
  readonly offset: number;
  readonly bytes: number;
}

/** The numbers of some programs together. */
export interface Constants {
  /** Bytes of the region. */
  readonly bytes: number;
  /** In the order of the file, which is that of the region. */
  readonly stretches: readonly Stretch[];
  readonly file: Uint8Array<ArrayBuffer>;
  /** Where the bytes at a relocation of a program's own region "constants" lie in this one. */
  readonly place: (program: Program, relocation: Relocation) => number;
}

/** FNV-1a, 32 bits: of numbers damaged on their way it differs. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The bits of a 32-bit float as one of 16 bits with 5 of exponent; undefined where that is another number. */
function halfOf(bits: number): number | undefined {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 255) - 112;
  const fraction = bits & 0x7fffff;
  if ((bits & 0x7fffffff) === 0) return sign;
  if (exponent > 30 || exponent < -9) return undefined;
  // A number below the smallest with a full fraction has its leading one among the bits of the fraction.
  const [whole, shift] = exponent > 0 ? [fraction, 13] : [fraction | 0x800000, 14 - exponent];
  if (whole & ((1 << shift) - 1)) return undefined;
  return sign | (exponent > 0 ? exponent << 10 : 0) | (whole >>> shift);
}

const words = ({ buffer, byteOffset, length }: Uint8Array) =>
  new Uint32Array(buffer.slice(byteOffset, byteOffset + length));

/** The smallest form that gives the same bits back. */
function formOf(bytes: Uint8Array): Form {
  if (bytes.length < ALIGNMENT || bytes.length % 4 !== 0) return "raw";
  const all = words(bytes);
  if (all.every((bits) => (bits & 0xffff) === 0)) return "bf16";
  return all.every((bits) => halfOf(bits) !== undefined) ? "f16" : "raw";
}

/** As it lies in the file. */
function written(bytes: Uint8Array, form: Form): Uint8Array {
  if (form === "raw") return bytes;
  const halves = Uint16Array.from(words(bytes), (bits) => (form === "bf16" ? bits >>> 16 : halfOf(bits)!));
  return new Uint8Array(halves.buffer);
}

/** Gathers the constants of programs, each of which begins where it would in a region of its own: on a cache line, or on a word. */
export function gather(programs: Iterable<Program>): Constants {
  const known = new Map<string, { readonly bytes: Uint8Array; readonly form: Form; offset: number }[]>();
  const placeOf = new Map<Program, readonly { from: number; to: number; at: { offset: number } }[]>();
  for (const program of programs) {
    const places = program.constants.map(({ place, bytes }) => {
      const key = `${bytes.length} ${checksum(bytes)}`;
      const alike = known.get(key) ?? [];
      known.set(key, alike);
      let at = alike.find((other) => other.bytes.every((byte, index) => byte === bytes[index]));
      if (!at) {
        at = { bytes, form: formOf(bytes), offset: 0 };
        alike.push(at);
      }
      return { from: place.offset, to: place.offset + bytes.length, at };
    });
    placeOf.set(program, places);
  }
  const all = [...known.values()].flat();
  const stretches: Stretch[] = [];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const form of FORMS) {
    const start = end;
    for (const each of all.filter((other) => other.form === form)) {
      each.offset = end;
      end += Math.ceil(each.bytes.length / ALIGNMENT) * ALIGNMENT;
    }
    if (end === start) continue;
    const region = new Uint8Array(end - start);
    for (const each of all) if (each.form === form) region.set(each.bytes, each.offset - start);
    parts.push(written(region, form));
    stretches.push({ form, offset: start, bytes: end - start });
  }
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  const place = (program: Program, { offset }: Relocation): number => {
    const { from, at } = placeOf.get(program)!.find((each) => offset >= each.from && offset < each.to)!;
    return at.offset + offset - from;
  };
  return { bytes: end, stretches, file, place };
}
