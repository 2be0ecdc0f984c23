// Numbers that are known at import: element types of the format, arrays of them, and how they are moved about.
import { FormatError } from "../../core/errors.ts";
import { type Shape, sizeOf, stridesOf } from "../../core/shape.ts";

/** Whole numbers and floats alike; a whole number beyond ±(2^53 − 1) is an infinity. */
export type Numbers = Float32Array | Float64Array;

/** Element types by their numbers in onnx.proto, those that this reader knows. */
export const FLOAT = 1;
export const INT64 = 7;
export const BOOL = 9;
export const DOUBLE = 11;

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  /** Bits of a whole number; 0: it is a float. */
  readonly bits: number;
  readonly signed?: boolean;
  /** An element of raw data. */
  readonly read: (view: DataView, at: number) => number;
}

const wide = (value: bigint): number => {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : near * Number.POSITIVE_INFINITY;
};

/** A float of 16 bits. */
function halfOf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const share = bits & 1023;
  const size =
    exponent === 31
      ? share > 0
        ? Number.NaN
        : Number.POSITIVE_INFINITY
      : exponent === 0
        ? share * 2 ** -24
        : (1024 + share) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

const brainOf = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;

export const TYPES: Readonly<Record<number, ElementType>> = {
  [FLOAT]: { name: "float", bytes: 4, bits: 0, read: (view, at) => view.getFloat32(at, true) },
  2: { name: "uint8", bytes: 1, bits: 8, read: (view, at) => view.getUint8(at) },
  3: { name: "int8", bytes: 1, bits: 8, signed: true, read: (view, at) => view.getInt8(at) },
  4: { name: "uint16", bytes: 2, bits: 16, read: (view, at) => view.getUint16(at, true) },
  5: { name: "int16", bytes: 2, bits: 16, signed: true, read: (view, at) => view.getInt16(at, true) },
  6: { name: "int32", bytes: 4, bits: 32, signed: true, read: (view, at) => view.getInt32(at, true) },
  [INT64]: {
    name: "int64",
    bytes: 8,
    bits: 64,
    signed: true,
    read: (view, at) => wide(view.getBigInt64(at, true)),
  },
  [BOOL]: { name: "bool", bytes: 1, bits: 1, read: (view, at) => view.getUint8(at) },
  10: { name: "float16", bytes: 2, bits: 0, read: (view, at) => halfOf(view.getUint16(at, true)) },
  [DOUBLE]: { name: "double", bytes: 8, bits: 0, read: (view, at) => view.getFloat64(at, true) },
  12: { name: "uint32", bytes: 4, bits: 32, read: (view, at) => view.getUint32(at, true) },
  13: { name: "uint64", bytes: 8, bits: 64, read: (view, at) => wide(view.getBigUint64(at, true)) },
  16: { name: "bfloat16", bytes: 2, bits: 0, read: (view, at) => brainOf(view.getUint16(at, true)) },
};

/** Floats of 16 bits lie in whole numbers where they are not raw. */
export const fromBits: Readonly<Record<number, (bits: number) => number>> = { 10: halfOf, 16: brainOf };

/** An element type. @throws FormatError for one that is not known. */
export function typeOf(where: string, type: number): ElementType {
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known) return known;
  const names = Object.values(TYPES).map(({ name }) => name);
  throw new FormatError(`${where}: element type ${type} is not supported: wanted one of ${names.join(", ")}`);
}

export const isFloat = (type: number): boolean => TYPES[type]?.bits === 0;

/** Room for so many elements of a type. */
export const roomFor = (type: number, size: number): Numbers =>
  isFloat(type) && type !== DOUBLE ? new Float32Array(size) : new Float64Array(size);

/** A number as an element of a type has it: small whole numbers wrap around, as in C. @throws FormatError beyond 2^53. */
export function wrapped(where: string, type: number, value: number): number {
  const { bits, signed } = TYPES[type]!;
  if (bits === 0) return value;
  if (bits === 1) return Number(value !== 0);
  if (bits === 64) {
    if (Number.isSafeInteger(value)) return value + 0;
    throw new FormatError(`${where}: got a whole number of ${value}, wanted one within ±(2^53 − 1)`);
  }
  const turn = 2 ** bits;
  const low = ((Math.trunc(value) % turn) + turn) % turn;
  return signed && low >= turn / 2 ? low - turn : low;
}

/**
 * Elements at the sums of one offset of each axis: what permutes, slices, repeats, gathers and mirrors. A negative offset
 * is filled.
 */
export function collect(numbers: Numbers, axes: readonly (readonly number[])[], fill = 0): Numbers {
  const size = axes.reduce((product, { length }) => product * length, 1);
  const result = numbers instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
  let to = 0;
  const walk = (axis: number, from: number) => {
    const offsets = axes[axis];
    if (!offsets) result[to++] = from >= 0 ? numbers[from]! : fill;
    else for (const offset of offsets) walk(axis + 1, offset < 0 ? Number.NEGATIVE_INFINITY : from + offset);
  };
  if (size > 0) walk(0, 0);
  return result;
}

/** Offsets of all indices along an axis. */
export const along = (size: number, stride: number): number[] =>
  Array.from({ length: size }, (_, k) => k * stride);

/** The same numbers with axes in another order. */
export function permuted(numbers: Numbers, shape: Shape, axes: readonly number[]): Numbers {
  const strides = stridesOf(shape);
  return collect(
    numbers,
    axes.map((axis) => along(shape[axis]!, strides[axis]!)),
  );
}

/** Numbers repeated along axes of size 1 and new ones, up to a shape. */
export function repeated(numbers: Numbers, shape: Shape, to: Shape): Numbers {
  if (sizeOf(shape) === sizeOf(to)) return numbers;
  const strides = stridesOf(shape);
  const pad = to.length - shape.length;
  return collect(
    numbers,
    to.map((size, axis) => along(size, (shape[axis - pad] ?? 1) === 1 ? 0 : strides[axis - pad]!)),
  );
}
