// Tensors as a file has them: their numbers lie in one of several fields, or in another file that the caller has read.
import { FormatError } from "../../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../../core/shape.ts";
import { quote } from "../../formats/json.ts";
import { ProtobufReader } from "../../formats/protobuf-reader.ts";
import { DOUBLE, FLOAT, fromBits, INT64, type Numbers, roomFor, typeOf, wrapped } from "./numbers.ts";

/** What an import puts up with; a file beyond it is refused. */
export interface OnnxLimits {
  /** Nodes of the graph. Default: 100,000. */
  readonly maxNodes?: number | undefined;
  /** Tensors of the file. Default: 100,000. */
  readonly maxTensors?: number | undefined;
  /** Numbers of a tensor of the file, and of all that is computed at import. Default: 2^28. */
  readonly maxElements?: number | undefined;
}

/** Limits as they hold. */
export type Limits = { readonly [Name in keyof OnnxLimits]-?: number };

/** A tensor of the file. */
export interface FileTensor {
  readonly name: string;
  readonly type: number;
  readonly shape: Shape;
  /** The numbers. @throws FormatError where they do not fit type and shape, or lie elsewhere and are not given. */
  readonly numbers: () => Numbers;
}

/** Bytes that files point to, by their name there. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/** How what is read is called, what it may be, and what lies beside it. */
export interface Surroundings {
  readonly limits: Limits;
  readonly external: ExternalData;
  /** Tensors so far. */
  tensors: number;
}

export const WHERE = "onnx";
export const fail = (where: string, got: unknown, wanted: string): FormatError =>
  new FormatError(`${WHERE}: ${where}: got ${got}, wanted ${wanted}`);

/** A tensor that stands in a file by itself. @throws FormatError as `readOnnx` does. */
export function readOnnxTensor(bytes: Uint8Array, limits: Limits): FileTensor {
  return readTensor(new ProtobufReader(WHERE, bytes), "tensor", { limits, external: new Map(), tensors: 0 });
}

/** Where a tensor's numbers may lie, one list a field of the format. */
interface Stored {
  raw?: Uint8Array;
  readonly lists: Map<number, number[]>;
  readonly external: Map<string, string>;
  /** 1: elsewhere. */
  location: number;
  texts: boolean;
}

const FLOATS = 4;
const SMALL = 5;
const LONGS = 7;
const DOUBLES = 10;
const UNSIGNED = 11;
/** The field in which elements of a type are listed. */
const fieldOf = (type: number): number =>
  type === FLOAT
    ? FLOATS
    : type === INT64
      ? LONGS
      : type === DOUBLE
        ? DOUBLES
        : type >= 12 && type <= 13
          ? UNSIGNED
          : SMALL;

export function readTensor(reader: ProtobufReader, what: string, around: Surroundings): FileTensor {
  const stored: Stored = { lists: new Map(), external: new Map(), location: 0, texts: false };
  const shape: number[] = [];
  let [name, type] = ["", 0];
  if (++around.tensors > around.limits.maxTensors)
    throw fail("file", "more tensors", `at most ${around.limits.maxTensors}`);
  const list = (field: number): number[] => {
    const known = stored.lists.get(field) ?? [];
    stored.lists.set(field, known);
    return known;
  };
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) reader.integers(shape);
    else if (field === 2) type = reader.integer();
    else if (field === FLOATS) reader.floats(list(field));
    else if (field === SMALL || field === LONGS || field === UNSIGNED) reader.integers(list(field));
    else if (field === DOUBLES) reader.doubles(list(field));
    else if (field === 8) name = reader.string();
    else if (field === 9) stored.raw = reader.bytes();
    else if (field === 13) readEntry(reader.message(), stored.external);
    else if (field === 14) stored.location = reader.integer();
    else {
      if (field === 6) stored.texts = true;
      reader.skip();
    }
  }
  const where = name ? `${what} ${quote(name)}` : what;
  if (shape.some((size) => !(Number.isSafeInteger(size) && size >= 0)))
    throw fail(`${where}: dims`, showShape(shape), "sizes from 0 on");
  if (!(sizeOf(shape) <= around.limits.maxElements))
    throw fail(`${where}: dims`, showShape(shape), `at most ${around.limits.maxElements} elements`);
  let numbers: Numbers | undefined;
  return {
    name,
    type,
    shape,
    numbers: () => (numbers ??= decoded(where, { type, shape }, stored, around.external)),
  };
}

function readEntry(reader: ProtobufReader, into: Map<string, string>): void {
  let [key, value] = ["", ""];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.string();
    else reader.skip();
  }
  into.set(key, value);
}

function decoded(
  where: string,
  { type, shape }: Pick<FileTensor, "type" | "shape">,
  stored: Stored,
  external: ExternalData,
): Numbers {
  const element = typeOf(`${WHERE}: ${where}`, type);
  const size = sizeOf(shape);
  const given = [...stored.lists].filter(([, list]) => list.length > 0);
  const raw = stored.location === 1 ? outside(where, stored, size * element.bytes, external) : stored.raw;
  if (stored.texts || given.some(([field]) => field !== fieldOf(type)) || given.length + (raw ? 1 : 0) > 1)
    throw fail(
      where,
      "numbers in several fields, or in that of another type",
      `one field of ${element.name}`,
    );
  const numbers = roomFor(type, size);
  if (raw) {
    if (raw.length !== size * element.bytes)
      throw fail(
        where,
        `${raw.length} bytes`,
        `${size * element.bytes} for ${element.name} ${showShape(shape)}`,
      );
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let k = 0; k < size; k++) numbers[k] = element.read(view, k * element.bytes);
    return numbers;
  }
  const list = given[0]?.[1] ?? [];
  if (list.length !== size)
    throw fail(where, `${list.length} numbers`, `${size} for ${element.name} ${showShape(shape)}`);
  const { bits } = element;
  for (let k = 0; k < size; k++) {
    const value = list[k]!;
    const outOfRange = bits > 0 && bits < 64 && wrapped(where, type, value) !== value;
    if (outOfRange || (fromBits[type] && !(value >= 0 && value < 65_536)))
      throw fail(`${where}: element ${k}`, value, element.name);
    numbers[k] = fromBits[type]?.(value) ?? value;
  }
  return numbers;
}

/** Bytes that lie beside the file: those that the caller gave under their name. */
function outside(
  where: string,
  { external: entries }: Stored,
  length: number,
  external: ExternalData,
): Uint8Array {
  const name = entries.get("location") ?? "";
  const bytes = external.get(name);
  if (!bytes) {
    const known = external.size > 0 ? `, among ${[...external.keys()].map(quote).join(", ")}` : "";
    throw fail(
      where,
      `numbers in another file, ${quote(name)}`,
      `its bytes under that name in weights${known}`,
    );
  }
  const numberOf = (key: string, fallback: number): number => {
    const text = entries.get(key);
    if (text === undefined) return fallback;
    if (!/^\d{1,15}$/.test(text)) throw fail(`${where}: external ${key}`, quote(text), "a whole number");
    return Number(text);
  };
  const from = numberOf("offset", 0);
  const count = numberOf("length", length);
  if (from + count > bytes.length)
    throw fail(`${where}: ${quote(name)}`, `bytes ${from} to ${from + count}`, `at most ${bytes.length}`);
  return bytes.subarray(from, from + count);
}
