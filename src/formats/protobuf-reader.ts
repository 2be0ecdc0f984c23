// Reads protocol buffers, field by field and without a schema: who reads knows what a field should be, and anything else is
// a FormatError with its byte. The encoding is that of protobuf.dev/programming-guides/encoding; groups are not read.
import { FormatError } from "../core/errors.ts";

/** How a field is written. */
const VARINT = 0;
const EIGHT = 1;
const LENGTH = 2;
const FOUR = 5;
const KINDS: Readonly<Record<number, string>> = {
  [VARINT]: "a varint",
  [EIGHT]: "8 bytes",
  [LENGTH]: "a length and bytes",
  [FOUR]: "4 bytes",
};

/** Messages in messages that a reader goes into. */
const MAX_DEPTH = 32;

interface Span {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/** A message, read from front to back. */
export class ProtobufReader {
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #to: number;
  readonly #depth: number;
  #at: number;
  #kind = VARINT;

  /** `name` opens every message; a span is a part of the bytes. */
  constructor(name: string, bytes: Uint8Array, span: Span = { from: 0, to: bytes.length, depth: 0 }) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = span.from;
    this.#to = span.to;
    this.#depth = span.depth;
  }

  /** The number of the next field, or 0 at the end. What belongs to it must be read, or skipped, before the next. */
  next(): number {
    if (this.#at === this.#to) return 0;
    const start = this.#at;
    const key = this.#varint();
    this.#kind = key % 8;
    const field = Math.floor(key / 8);
    if (field < 1 || field > 0x1fff_ffff) throw this.#error(`field number ${field}`, "1 to 2^29 − 1", start);
    if (!Object.hasOwn(KINDS, this.#kind))
      throw this.#error(`wire type ${this.#kind}`, "0, 1, 2 or 5", start);
    return field;
  }

  /** A whole number of 64 bits with a sign; ±Infinity where it is beyond ±(2^53 − 1). */
  integer(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** Whole numbers, one a field or packed. */
  integers(into: number[]): void {
    this.#packed(VARINT, () => into.push(this.#varint()));
  }

  float(): number {
    this.#expect(FOUR);
    return this.#float();
  }

  /** Floats of 32 bits, one a field or packed. */
  floats(into: number[]): void {
    this.#packed(FOUR, () => into.push(this.#float()));
  }

  /** Floats of 64 bits, one a field or packed. */
  doubles(into: number[]): void {
    this.#packed(EIGHT, () => into.push(this.#view.getFloat64(this.#take(8), true)));
  }

  /** Bytes as they lie: a view. */
  bytes(): Uint8Array {
    const { from, to } = this.#span();
    return this.#bytes.subarray(from, to);
  }

  /** A text in strict UTF-8. */
  string(): string {
    const start = this.#at;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.bytes());
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw this.#error("bytes that are no UTF-8", "a text", start);
    }
  }

  /** A message inside. @throws FormatError where messages lie too deep in each other. */
  message(): ProtobufReader {
    const start = this.#at;
    if (this.#depth >= MAX_DEPTH)
      throw this.#error(`more than ${MAX_DEPTH} messages in each other`, "fewer", start);
    return new ProtobufReader(this.#name, this.#bytes, this.#span());
  }

  /** Passes over what belongs to a field. */
  skip(): void {
    if (this.#kind === VARINT) this.#varint();
    else if (this.#kind === LENGTH) this.#span();
    else this.#take(this.#kind === EIGHT ? 8 : 4);
  }

  #expect(kind: number): void {
    if (this.#kind !== kind) throw this.#error(KINDS[this.#kind]!, KINDS[kind]!);
  }

  #float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  #packed(kind: number, one: () => void): void {
    if (this.#kind !== LENGTH) {
      this.#expect(kind);
      one();
      return;
    }
    const { from, to } = this.#span();
    this.#at = from;
    while (this.#at < to) one();
    if (this.#at !== to) throw this.#error("a number across the end of a list", "whole numbers", to);
  }

  #span(): Span {
    this.#expect(LENGTH);
    const start = this.#at;
    const length = this.#varint();
    if (!(length >= 0 && length <= this.#to - this.#at))
      throw this.#error(`a length of ${length}`, `at most ${this.#to - this.#at}`, start);
    const from = this.#at;
    this.#at += length;
    return { from, to: this.#at, depth: this.#depth + 1 };
  }

  #take(count: number): number {
    const from = this.#at;
    if (count > this.#to - from) throw this.#error("the end", `${count} bytes`);
    this.#at += count;
    return from;
  }

  #varint(): number {
    const start = this.#at;
    // 64 bits as 28, 28 and 8: no part is rounded.
    const parts: [number, number, number] = [0, 0, 0];
    for (let k = 0; ; k++) {
      const byte = this.#bytes[this.#take(1)]!;
      // The tenth is the last: it has room for one bit.
      if (k === 9 && byte > 1) throw this.#error("a varint of more than 64 bits", "at most 64", start);
      parts[k >> 2]! += (byte & 127) * 2 ** (7 * (k & 3));
      if (byte < 128) break;
    }
    const isNegative = parts[2] >= 128;
    const [low, middle, high] = isNegative
      ? [2 ** 28 - 1 - parts[0], 2 ** 28 - 1 - parts[1], 255 - parts[2]]
      : parts;
    const size = low + middle * 2 ** 28 + high * 2 ** 56;
    const value = isNegative ? -size - 1 : size;
    return Number.isSafeInteger(value) ? value : value * Number.POSITIVE_INFINITY;
  }

  #error(got: string, wanted: string, at = this.#at): FormatError {
    return new FormatError(`${this.#name}: byte ${at}: got ${got}, wanted ${wanted}`);
  }
}
