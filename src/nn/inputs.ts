// What a model may be asked about: numbers in the forms that people have them in.
import { DataError, ShapeError } from "../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";

/** Stored examples, as a dataset has them: a model sees values · scale + offset. */
export interface StoredInputs {
  readonly inputs: {
    readonly values: ArrayLike<number>;
    readonly shape: Shape;
    readonly scale: number;
    readonly offset: number;
  };
  readonly indices?: Int32Array | undefined;
  readonly length: number;
}

/** Flat numbers, example after example; or one array an example; or a dataset. */
export type Inputs = ArrayLike<number> | readonly (ArrayLike<number> | readonly unknown[])[] | StoredInputs;

/** Reads examples `from` to before `to` into a flat array. */
export interface InputReader {
  readonly length: number;
  read(from: number, to: number, into: Float32Array | Int32Array): void;
}

/** Checks that numbers, so many an example, are integers from 0 to below a limit. */
export function checkIntegers(
  where: string,
  values: ArrayLike<number>,
  size: number,
  limit: number,
  of = "",
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(Number.isInteger(value) && value >= 0 && value < limit)) {
      const element = size > 1 ? `, element ${i % size}` : "";
      throw new DataError(
        `${where}: example ${Math.floor(i / size)}${element}: got ${value}, wanted 0 to ${limit - 1}${of}`,
      );
    }
  }
}

/**
 * Makes inputs readable; with a limit, they are integers below it.
 * @throws DataError or ShapeError where they do not fit the model.
 */
export function readInputs(where: string, inputs: Inputs, shape: Shape, limit?: number): InputReader {
  const size = sizeOf(shape);
  if ("inputs" in inputs) {
    if (limit !== undefined) checkIntegers(where, inputs.inputs.values, size, limit);
    return readStored(where, inputs, shape);
  }
  const flat = (
    typeof inputs[0] === "number"
      ? inputs
      : Float32Array.from((inputs as unknown[]).flat(Number.POSITIVE_INFINITY) as number[])
  ) as ArrayLike<number>;
  const nested = flat !== inputs;
  // Rows may be typed arrays, which flat() leaves as they are.
  const values =
    nested && ArrayBuffer.isView(inputs[0]) ? join(inputs as readonly ArrayLike<number>[]) : flat;
  if (values.length === 0 || values.length % size !== 0) {
    throw new ShapeError(
      `${where}: got ${values.length} numbers, wanted a multiple of ${size} for inputs of shape ${showShape(shape)}`,
    );
  }
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(Math.fround(values[i]!))) {
      throw new DataError(
        `${where}: example ${Math.floor(i / size)}, element ${i % size}: wanted a finite number, got ${values[i]}`,
      );
    }
  }
  if (limit !== undefined) checkIntegers(where, values, size, limit);
  const array = values instanceof Float32Array ? values : Float32Array.from(values);
  return {
    length: values.length / size,
    read: (from, to, into) => into.set(array.subarray(from * size, to * size)),
  };
}

function join(rows: readonly ArrayLike<number>[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

function readStored(where: string, { inputs, indices, length }: StoredInputs, shape: Shape): InputReader {
  const size = sizeOf(shape);
  if (sizeOf(inputs.shape) !== size) {
    throw new ShapeError(
      `${where}: the dataset has inputs of shape ${showShape(inputs.shape)}, the model wants ${showShape(shape)}`,
    );
  }
  const { values, scale, offset } = inputs;
  return {
    length,
    read(from, to, into) {
      for (let example = from, at = 0; example < to; example++) {
        const start = (indices?.[example] ?? example) * size;
        for (let k = 0; k < size; k++)
          into[at++] = Math.fround(values[start + k]! * Math.fround(scale)) + Math.fround(offset);
      }
    },
  };
}
