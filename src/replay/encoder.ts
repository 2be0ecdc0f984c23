// Writes a program file: words of 32 bits, lists of them, and texts, one after the other.
import {
  INSTRUCTION_SETS,
  MAGIC,
  type Place,
  type ProgramEntry,
  type ProgramFile,
  ROLES,
  TYPES,
  VERSION,
} from "./program-file.ts";

/** Collects what a file is made of; everything begins at a multiple of four. */
class Encoder {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  bytes(bytes: Uint8Array): void {
    const rest = -bytes.length & 3;
    this.#parts.push(bytes, new Uint8Array(rest));
    this.#length += bytes.length + rest;
  }

  words(...values: readonly number[]): void {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
    this.bytes(bytes);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.words(bytes.length);
    this.bytes(bytes);
  }

  list<T>(items: Iterable<T>, write: (item: T) => void): void {
    const all = [...items];
    this.words(all.length);
    for (const item of all) write(item);
  }

  join(): Uint8Array<ArrayBuffer> {
    const file = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      file.set(part, at);
      at += part.length;
    }
    return file;
  }
}

/** The bytes of a program file. */
export function encode(file: ProgramFile): Uint8Array<ArrayBuffer> {
  const encoder = new Encoder();
  encoder.bytes(new TextEncoder().encode(MAGIC));
  encoder.words(VERSION, INSTRUCTION_SETS.indexOf(file.instructionSet), file.pages, file.firstSlot);
  encoder.text(file.producer);
  encoder.list(file.kernels, (name) => encoder.text(name));
  encoder.list(file.programs, (each) => writeProgram(encoder, each));
  encoder.list(file.runs, ({ address, bytes }) => {
    encoder.words(address, bytes.length);
    encoder.bytes(bytes);
  });
  return encoder.join();
}

function writeProgram(encoder: Encoder, [name, program]: readonly [string, ProgramEntry]): void {
  encoder.text(name);
  encoder.words(program.steps, program.mostSteps);
  encoder.list(program.control, (pair) => encoder.words(...pair));
  encoder.list(program.places, (each) => writePlace(encoder, each));
}

function writePlace(encoder: Encoder, [name, place]: readonly [string, Place]): void {
  encoder.text(name);
  encoder.words(ROLES.indexOf(place.role), TYPES.indexOf(place.type), place.address);
  encoder.list(place.shape, (size) => encoder.words(size));
}
