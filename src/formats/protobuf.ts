// Writes protocol buffers: fields behind their tags, messages inside messages, and every byte copied once.
// The wire format: https://protobuf.dev/programming-guides/encoding.

const VARINT = 0;
const LENGTH = 2;
const FIXED32 = 5;

/** A message to be written, field by field in the order in which they are said. */
export class ProtobufMessage {
  /** Bytes that the message takes. */
  length = 0;
  readonly #parts: (Uint8Array | ProtobufMessage)[] = [];

  /** A whole number: int32, int64, bool or an enumeration. */
  integer(field: number, value: number | bigint): this {
    return this.#add(varint(tag(field, VARINT)), varint(value));
  }

  /** A number of 32 bits. */
  float(field: number, value: number): this {
    return this.#add(varint(tag(field, FIXED32)), littleEndian(Float32Array.of(value)));
  }

  /** Text. */
  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** Bytes as they are; they are not copied before the whole is written. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(varint(tag(field, LENGTH)), varint(value.length), value);
  }

  /** Whole numbers side by side, packed. */
  integers(field: number, values: readonly (number | bigint)[]): this {
    const packed = new ProtobufMessage();
    packed.#add(...values.map(varint));
    return this.message(field, packed);
  }

  /** Numbers of 32 bits side by side, packed. */
  floats(field: number, values: ArrayLike<number>): this {
    return this.bytes(field, littleEndian(Float32Array.from(values)));
  }

  /** A message inside this one; nothing is added to it later. */
  message(field: number, value: ProtobufMessage): this {
    return this.#add(varint(tag(field, LENGTH)), varint(value.length), value);
  }

  /** The message as it lies in a file. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    this.#write(bytes, 0);
    return bytes;
  }

  #add(...parts: readonly (Uint8Array | ProtobufMessage)[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.length += part.length;
    }
    return this;
  }

  #write(bytes: Uint8Array, from: number): number {
    let at = from;
    for (const part of this.#parts) {
      if (part instanceof ProtobufMessage) at = part.#write(bytes, at);
      else {
        bytes.set(part, at);
        at += part.length;
      }
    }
    return at;
  }
}

const tag = (field: number, wireType: number) => field * 8 + wireType;

/** Seven bits a byte, the lowest first; below zero as 64 bits, so ten bytes. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** Floats are little-endian on the wire, as they are in WebAssembly and on every machine that runs it. */
const littleEndian = ({ buffer }: Float32Array) => new Uint8Array(buffer);
