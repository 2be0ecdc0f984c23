// Reads IDX, the format of MNIST and its kin: a magic number, big-endian dimensions, big-endian values.
import { FormatError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";

/** The element types of IDX. */
export type IdxType = "u8" | "i8" | "i16" | "i32" | "f32" | "f64";
/** The array that holds each of them. */
export type IdxValues = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What an IDX file holds: values in row-major order. */
export interface Idx {
  readonly shape: number[];
  readonly dtype: IdxType;
  readonly values: IdxValues;
}

const types: ReadonlyMap<number, { dtype: IdxType; bytes: number }> = new Map([
  [0x08, { dtype: "u8", bytes: 1 }],
  [0x09, { dtype: "i8", bytes: 1 }],
  [0x0b, { dtype: "i16", bytes: 2 }],
  [0x0c, { dtype: "i32", bytes: 4 }],
  [0x0d, { dtype: "f32", bytes: 4 }],
  [0x0e, { dtype: "f64", bytes: 8 }],
]);

/**
 * Reads an IDX file of any element type and rank.
 * One-byte types are views of `bytes`, wider ones are copied. `name` appears in messages (default "idx");
 * more than `maxBytes` bytes of values (default 2^31) are refused before anything is allocated.
 * Throws `OptionError` for an unknown option, `FormatError` that says where, for every file that is not exactly what its header claims.
 * @example
 * const { shape, values } = parseIdx(await readFile("train-images-idx3-ubyte")); // [60000, 28, 28]
 */
export function parseIdx(bytes: Uint8Array, options: { name?: string; maxBytes?: number } = {}): Idx {
  const { name = "idx", maxBytes = 2 ** 31 } = checkOptions("parseIdx", options, { name: 0, maxBytes: 0 });
  const fail = (what: string, got: unknown, wanted: string): FormatError =>
    new FormatError(`${name}: ${what}: got ${got}, wanted ${wanted}`);

  if (bytes.length < 4) throw fail("magic number cut off at byte 0", `${bytes.length} bytes`, "4 or more");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zeros = view.getUint16(0);
  if (zeros !== 0) throw fail("magic number at byte 0", hex(zeros, 4), "0x0000");
  const type = types.get(view.getUint8(2));
  if (!type) {
    throw fail("element type at byte 2", hex(view.getUint8(2), 2), "0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e");
  }
  const rank = view.getUint8(3);
  if (rank === 0) throw fail("rank at byte 3", 0, "1 or more");
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    throw fail(`${rank} dimensions at byte 4 cut off`, `${bytes.length} bytes`, `${start} or more`);
  }
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.push(view.getUint32(4 + 4 * i));
  // With no zero among them the dimensions' product only grows, so rounding above 2^53 cannot bring it back
  // to a real length; a zero is treated apart because infinity times zero is no number.
  const n = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const length = n * type.bytes;
  if (bytes.length - start !== length) {
    const claim = `${length} of ${type.dtype} [${shape.slice(0, 8).join(", ")}${rank > 8 ? ", …" : ""}]`;
    throw fail(`bytes of values from byte ${start}`, bytes.length - start, claim);
  }
  if (length > maxBytes) throw fail("bytes of values", length, `${maxBytes} or fewer`);
  return { shape, dtype: type.dtype, values: read(type.dtype, view, start, n) };
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

function read(dtype: IdxType, view: DataView, start: number, n: number): IdxValues {
  const from = view.byteOffset + start;
  switch (dtype) {
    case "u8":
      return new Uint8Array(view.buffer, from, n);
    case "i8":
      return new Int8Array(view.buffer, from, n);
    case "i16":
      return fill(new Int16Array(n), (i) => view.getInt16(start + 2 * i));
    case "i32":
      return fill(new Int32Array(n), (i) => view.getInt32(start + 4 * i));
    case "f32":
      return fill(new Float32Array(n), (i) => view.getFloat32(start + 4 * i));
    case "f64":
      return fill(new Float64Array(n), (i) => view.getFloat64(start + 8 * i));
  }
}

function fill<T extends IdxValues>(values: T, at: (i: number) => number): T {
  for (let i = 0; i < values.length; i++) values[i] = at(i);
  return values;
}
