// Writes FlatBuffers: tables whose fields are found by offsets, little-endian, readable where they lie. The layout is that
// of the format's internals page: a table names its vtable, the vtable the place of each field; what a field points at
// lies behind it.
import { FormatError, OptionError } from "../core/errors.ts";

/** Numbers that lie side by side. */
export type FlatNumbers =
  | Int8Array
  | Uint8Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | BigInt64Array
  | Float64Array;

/** A number in its table itself. */
interface FlatScalar {
  readonly kind: "int8" | "uint8" | "int32" | "uint32" | "float32";
  readonly value: number;
}

/** Fields by their number in the schema; where one is undefined the reader finds the schema's default. */
export interface FlatTable {
  readonly kind: "table";
  readonly fields: readonly (FlatField | undefined)[];
}

/** What a field holds: a number, a text, numbers whose first lies at a multiple of `alignment` bytes, a table, or several. */
export type FlatField =
  | FlatScalar
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "numbers"; readonly values: FlatNumbers; readonly alignment?: number }
  | FlatTable
  | { readonly kind: "tables"; readonly items: readonly FlatTable[] };

/** An 8-bit number, an enumeration or a truth value. */
export const int8 = (value: number): FlatField => ({ kind: "int8", value });
/** An unsigned 8-bit number, as what tells the kind of a union is. */
export const uint8 = (value: number): FlatField => ({ kind: "uint8", value });
/** A 32-bit number. */
export const int32 = (value: number): FlatField => ({ kind: "int32", value });
/** An unsigned 32-bit number. */
export const uint32 = (value: number): FlatField => ({ kind: "uint32", value });
/** A 32-bit float. */
export const float32 = (value: number): FlatField => ({ kind: "float32", value });
/** A text, in UTF-8. */
export const text = (value: string): FlatField => ({ kind: "text", value });
/** Numbers; aligned to their own size unless more is asked for. */
export const numbers = (values: FlatNumbers, alignment?: number): FlatField => ({
  kind: "numbers",
  values,
  ...(alignment !== undefined && { alignment }),
});
/** 32-bit integers. */
export const integers = (values: readonly number[]): FlatField => numbers(Int32Array.from(values));
/** A table. */
export const table = (...fields: readonly (FlatField | undefined)[]): FlatTable => ({
  kind: "table",
  fields,
});
/** Several tables. */
export const tables = (items: readonly FlatTable[]): FlatField => ({ kind: "tables", items });

/** Bytes that a field takes in its table; all but numbers are offsets. */
const widthOf = ({ kind }: FlatField) => (kind === "int8" || kind === "uint8" ? 1 : 4);
const aligned = (at: number, to: number) => Math.ceil(at / to) * to;
/** Offsets are 32 bits, and readers take them as signed. */
const LONGEST = 2 ** 31 - 1;

/** Bytes that grow from the front: whatever is pointed at comes later, so that offsets are positive as the format wants. */
class Output {
  bytes = new Uint8Array(1024);
  view = new DataView(this.bytes.buffer);
  end = 0;

  /** The next place that is a multiple of `alignment` when `before` bytes have been left out. */
  reserve(size: number, alignment: number, before = 0): number {
    const at = aligned(this.end + before, alignment) - before;
    this.end = at + size;
    if (this.end > LONGEST)
      throw new FormatError(
        `flatbuffers: got more than ${LONGEST} bytes, the most a file of this kind holds`,
      );
    if (this.end > this.bytes.length) {
      const larger = new Uint8Array(Math.min(LONGEST, Math.max(this.end, 2 * this.bytes.length)));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  /** Writes what a field holds in its table. */
  scalar(at: number, { kind, value }: FlatScalar): void {
    if (kind === "int8") this.view.setInt8(at, value);
    else if (kind === "uint8") this.view.setUint8(at, value);
    else if (kind === "int32") this.view.setInt32(at, value, true);
    else if (kind === "uint32") this.view.setUint32(at, value, true);
    else this.view.setFloat32(at, value, true);
  }

  /** A count, then so many bytes. */
  vector(count: number, bytes: Uint8Array, alignment: number, terminator = 0): number {
    const at = this.reserve(4 + bytes.length + terminator, Math.max(4, alignment), 4);
    this.view.setUint32(at, count, true);
    this.bytes.set(bytes, at + 4);
    return at;
  }
}

/** The place of a table's fields: [bytes of the vtable, bytes of the table, the place of each field or 0]. */
function vtableOf({ fields }: FlatTable): number[] {
  const last = fields.findLastIndex((field) => field !== undefined);
  const present = fields.slice(0, last + 1);
  const places = present.map(() => 0);
  let size = 4;
  // Offsets first: what takes one byte needs no alignment behind them.
  for (const width of [4, 1])
    for (const [index, field] of present.entries())
      if (field && widthOf(field) === width) {
        places[index] = size;
        size += width;
      }
  return [4 + 2 * places.length, size, ...places];
}

/**
 * A FlatBuffer in memory whose root is a table; `identifier` is the schema's, four letters. Equal vtables are written once.
 * @throws OptionError where the identifier is not four letters. @throws FormatError for more than 2 GiB.
 */
export function writeFlatBuffer(root: FlatTable, identifier: string): Uint8Array {
  if (!/^[\x20-\x7e]{4}$/.test(identifier))
    throw new OptionError(
      `flatbuffers: identifier: got ${JSON.stringify(identifier)}, wanted four letters of ASCII`,
    );
  const output = new Output();
  const encoder = new TextEncoder();
  const vtables = new Map<string, number>();
  output.reserve(8, 4);
  output.bytes.set(encoder.encode(identifier), 4);

  /** A place that holds the way to something that is not written yet. */
  const pending: { readonly from: number; readonly to: FlatField }[] = [{ from: 0, to: root }];

  const place = (field: FlatField): number => {
    if (field.kind === "text") {
      const bytes = encoder.encode(field.value);
      return output.vector(bytes.length, bytes, 1, 1);
    }
    if (field.kind === "numbers") {
      const { values, alignment = values.BYTES_PER_ELEMENT } = field;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      return output.vector(values.length, bytes, Math.max(alignment, values.BYTES_PER_ELEMENT));
    }
    if (field.kind === "tables") {
      const at = output.reserve(4 + 4 * field.items.length, 4);
      output.view.setUint32(at, field.items.length, true);
      for (const [index, to] of field.items.entries()) pending.push({ from: at + 4 + 4 * index, to });
      return at;
    }
    return placeTable(field as FlatTable);
  };

  const placeTable = (of: FlatTable): number => {
    const words = vtableOf(of);
    const key = words.join();
    let vtable = vtables.get(key);
    if (vtable === undefined) {
      vtable = output.reserve(2 * words.length, 2);
      for (const [index, word] of words.entries()) output.view.setUint16(vtable + 2 * index, word, true);
      vtables.set(key, vtable);
    }
    const at = output.reserve(words[1]!, 4);
    output.view.setInt32(at, at - vtable, true);
    for (const [index, field] of of.fields.entries()) {
      if (!field) continue;
      const here = at + words[2 + index]!;
      if ("value" in field && field.kind !== "text") output.scalar(here, field);
      else pending.push({ from: here, to: field });
    }
    return at;
  };

  // In the order in which they were named: not by recursion, whose depth a schema's nesting would decide.
  for (let index = 0; index < pending.length; index++) {
    const { from, to } = pending[index]!;
    const at = place(to);
    output.view.setUint32(from, at - from, true);
  }
  return output.bytes.slice(0, output.end);
}
