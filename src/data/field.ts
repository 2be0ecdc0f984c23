// A field: one value, of one shape, for every example, flat in one array. Everything that comes into a
// dataset passes here, so this is where ragged rows, non-finite numbers and false labels are found.
import { DataError, OptionError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";

/** The arrays in which a field may lie. */
export type FieldValues = Uint8Array | Int32Array | Float32Array;

/** One value for every example: inputs, targets or labels. */
export interface Field {
  /** All examples, one after the other, each in row-major order. */
  readonly values: FieldValues;
  /** Shape of one example; `[]` is a single number. */
  readonly shape: readonly number[];
  /** A model sees `values * scale + offset`: bytes of pixels become 0 … 1 without a copy in floats. */
  readonly scale: number;
  readonly offset: number;
}

/** Any typed array of numbers. */
export type NumberArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;
/** Numbers in arrays, to any depth; typed arrays may stand for the innermost ones. */
export type Nested = NumberArray | readonly number[] | readonly Nested[];
/** Arrays whose outermost index is the example, or flat values with the shape of one example. */
export type FieldSource =
  | Nested
  | {
      readonly values: Nested;
      readonly shape: readonly number[];
      readonly scale?: number;
      readonly offset?: number;
    };
/** Numbers for a model, or integers from 0 that name classes. */
export type FieldKind = "numbers" | "labels";

const deepest = 16;

/** How many examples a field holds. */
export function lengthOf(field: Field): number {
  return field.values.length / sizeOf(field.shape);
}

/** Checks the shape of one example: whole sizes from 1. */
export function checkShape(what: string, shape: readonly number[]): void {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new OptionError(`${what}: shape: got [${shape.join(", ")}], wanted integers from 1`);
  }
}

/**
 * A field from what the caller has. Bytes, 32-bit integers and 32-bit floats are held without a copy, other
 * numbers are converted. A flat array is one number an example, of shape [1], or [] for labels.
 */
export function makeField(
  what: string,
  source: FieldSource,
  kind: FieldKind = "numbers",
  classes?: number,
): Field {
  const record = isRecord(source) ? source : undefined;
  const given: unknown = record ? record.values : source;
  if (!isList(given)) {
    throw new OptionError(`${what}: got ${describe(source)}, wanted arrays or { values, shape }`);
  }
  const { values, shape: found } = flatten(what, given as Nested, kind);
  if (values.length === 0)
    throw new DataError(`${what}: empty dataset: got shape [${found.join(", ")}], wanted 1 example or more`);
  let shape = found.slice(1);
  if (record) {
    shape = [...record.shape];
    checkShape(what, shape);
    if (values.length % sizeOf(shape) !== 0) {
      const wanted = `a multiple of ${sizeOf(shape)} for examples of shape [${shape.join(", ")}]`;
      throw new DataError(`${what}: number of values: got ${values.length}, wanted ${wanted}`);
    }
  } else if (shape.length === 0 && kind === "numbers") {
    shape = [1];
  }
  const { scale = 1, offset = 0 } = record ?? {};
  if (!(Number.isFinite(scale) && Number.isFinite(offset))) {
    throw new OptionError(`${what}: scale and offset: got ${scale} and ${offset}, wanted finite numbers`);
  }
  if (kind === "numbers") {
    checkFinite(values, (i) => `${what}: ${position(i, shape)}`);
    return { values: forModel(values), shape, scale, offset };
  }
  checkLabels(values, (i) => `${what}: ${position(i, shape)}`, classes);
  const held = values instanceof Uint8Array || values instanceof Int32Array;
  return { values: held ? forModel(values) : Int32Array.from(values), shape, scale: 1, offset: 0 };
}

/** Throws `DataError` at the first value that is not finite as a 32-bit float. */
export function checkFinite(values: NumberArray, where: (i: number) => string): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(Math.fround(values[i]!))) {
      throw new DataError(`${where(i)}: got ${values[i]}, wanted a finite 32-bit number`);
    }
  }
}

/** Throws `DataError` at the first value that names no class below `classes`. */
export function checkLabels(values: ArrayLike<number>, where: (i: number) => string, classes?: number): void {
  const end = classes ?? 2 ** 31;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(Number.isInteger(value) && value >= 0 && value < end)) {
      const wanted = classes === undefined ? "an integer from 0" : `an integer from 0 to ${classes - 1}`;
      throw new DataError(`${where(i)}: label: got ${value}, wanted ${wanted}`);
    }
  }
}

/** Where value i of a field lies, for messages. */
function position(i: number, shape: readonly number[]): string {
  const size = sizeOf(shape);
  return size === 1 ? `example ${i}` : `example ${Math.floor(i / size)}, element ${i % size}`;
}

/**
 * Copies rows of a field, unscaled, into an array that may lie in another memory; without `rows`, all of
 * them. The fast way of a resident dataset: bytes stay bytes.
 */
export function copyRows(field: Field, rows: Int32Array | undefined, into: FieldValues): void {
  if (!rows) {
    into.set(field.values);
    return;
  }
  const size = sizeOf(field.shape);
  for (let i = 0; i < rows.length; i++) {
    into.set(field.values.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size);
  }
}

/** Writes one row, scaled, into `out` from index `at`. */
export function readRow(field: Field, row: number, out: Float32Array, at: number): void {
  const size = sizeOf(field.shape);
  const values = field.values.subarray(row * size, (row + 1) * size);
  if (field.scale === 1 && field.offset === 0) {
    out.set(values, at);
    return;
  }
  // Rounded after each operation, as a kernel in 32-bit floats does: the same bits.
  const scale = Math.fround(field.scale);
  const offset = Math.fround(field.offset);
  for (let i = 0; i < size; i++) out[at + i] = Math.fround(values[i]! * scale) + offset;
}

/** Nested arrays as one flat array, with their shape; a typed array is passed on as it is. */
export function flatten(
  what: string,
  source: Nested,
  kind: FieldKind = "numbers",
): { values: NumberArray; shape: number[] } {
  if (ArrayBuffer.isView(source)) return { values: source, shape: [source.length] };
  const shape: number[] = [];
  for (let part: unknown = source; isList(part); part = part[0]) {
    shape.push(part.length);
    if (shape.length > deepest)
      throw new DataError(`${what}: got arrays deeper than ${deepest}, wanted less`);
  }
  // Labels above 2^24 would be rounded in 32-bit floats.
  const values = kind === "labels" ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  const index: number[] = [];
  let filled = 0;
  const fail = (depth: number, problem: string): DataError => {
    const path = index.slice(0, depth).map((i) => `[${i}]`);
    return new DataError(`${what}${path.join("")}: ${problem}`);
  };
  const fill = (part: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof part !== "number") throw fail(depth, `got ${describe(part)}, wanted a number`);
      if (!Number.isFinite(part)) throw fail(depth, `got ${part}, wanted a finite number`);
      values[filled++] = part;
      return;
    }
    const wanted = shape[depth]!;
    if (!isList(part)) throw fail(depth, `got ${describe(part)}, wanted ${wanted} values`);
    if (part.length !== wanted) {
      throw fail(depth, `ragged row: got ${part.length} values, wanted ${wanted} as in row 0`);
    }
    if (depth === shape.length - 1 && !Array.isArray(part)) {
      values.set(part as ArrayLike<number>, filled);
      filled += wanted;
      return;
    }
    for (let i = 0; i < wanted; i++) {
      index[depth] = i;
      fill(part[i], depth + 1);
    }
  };
  fill(source, 0);
  return { values, shape };
}

/** The array that a model can read: the same one where it can be, a converted one otherwise. */
function forModel(values: NumberArray): FieldValues {
  if (values instanceof Int32Array || values instanceof Float32Array) return values;
  if (values instanceof Uint8Array || values instanceof Uint8ClampedArray) {
    // Node's Buffer is a Uint8Array whose constructor and slice do other things.
    const plain = values.constructor === Uint8Array;
    return plain ? values : new Uint8Array(values.buffer, values.byteOffset, values.length);
  }
  const whole = values instanceof Int8Array || values instanceof Int16Array || values instanceof Uint16Array;
  return whole ? Int32Array.from(values) : Float32Array.from(values);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true;
  return ArrayBuffer.isView(value) && "length" in value && typeof (value as Uint8Array)[0] !== "bigint";
}

function isRecord(value: FieldSource): value is Extract<FieldSource, { shape: unknown }> {
  return (
    typeof value === "object" &&
    value !== null &&
    "values" in value &&
    "shape" in value &&
    Array.isArray(value.shape)
  );
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 20));
  return typeof value === "object" && value !== null ? (value.constructor?.name ?? "object") : String(value);
}
