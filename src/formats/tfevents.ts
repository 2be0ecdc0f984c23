// TensorBoard's event files: Event messages of protocol buffers in TFRecord frames, as far as scalars need them.
// Definitions: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto and tensorflow/core/lib/io/record_writer.h.

/** Scalars of one step by tag; without them, the record that opens a file. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step?: number;
  readonly scalars?: Readonly<Record<string, number>>;
}

type Bytes = ArrayLike<number> & Iterable<number>;

const text = new TextEncoder();

/** Little-endian bytes of a number. */
function bytesOf(size: 4 | 8, kind: "Float32" | "Float64" | "Uint32", value: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer)[`set${kind}`](0, value, true);
  return bytes;
}

/** Seven bits a byte, lowest first; by division, since steps may pass 32 bits. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A field that holds bytes. */
function field(number: number, bytes: Bytes): number[] {
  return [number * 8 + 2, ...varint(bytes.length), ...bytes];
}

/** CRC-32C (Castagnoli), turned and shifted as the frames want it, so that a sum over sums is no weak one. */
function maskedSum(bytes: Uint8Array): Uint8Array {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
  }
  sum = ~sum;
  return bytesOf(4, "Uint32", ((sum >>> 15) | (sum << 17)) + 0xa282ead8);
}

/**
 * One record of an event file; the file is its records one after the other, the first without scalars.
 * @example writeEvent({ wallTime: Date.now() / 1000, step: 100, scalars: { loss: 0.5 } })
 */
export function writeEvent({ wallTime, step = 0, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars ?? {}).flatMap(([tag, value]) =>
    field(1, [...field(1, text.encode(tag)), 0x15, ...bytesOf(4, "Float32", value)]),
  );
  const event = Uint8Array.from([
    ...[0x09, ...bytesOf(8, "Float64", wallTime)],
    ...[0x10, ...varint(step)],
    ...(scalars ? field(5, values) : field(3, text.encode("brain.Event:2"))),
  ]);
  // 64 bits, of which no event needs the upper half.
  const length = Uint8Array.from([...bytesOf(4, "Uint32", event.length), 0, 0, 0, 0]);
  return Uint8Array.from([...length, ...maskedSum(length), ...event, ...maskedSum(event)]);
}
