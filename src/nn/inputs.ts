// What a model may be asked about: numbers in the forms that people have them in.
import { DataError, ShapeError } from "../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";
import type { LoadedProgram } from "../engine/loaded.ts";

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

/** What a model wants to be given. */
interface Wanted {
  /** Of one example. */
  readonly inputShape: Shape;
  /** Inputs are integers below this; undefined: they are floats. */
  readonly inputLimit: number | undefined;
}

/** Examples that a program can be given. */
export interface InputReader {
  readonly length: number;
  /**
   * Writes examples `from` to before `to` into a program's region "input".
   * @throws DataError naming the place of a number that is not finite.
   */
  write(loaded: LoadedProgram, from: number, to: number): void;
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
 * Makes inputs readable for a model.
 * @throws DataError or ShapeError where they do not fit it.
 */
export function readInputs(where: string, inputs: Inputs, { inputShape, inputLimit }: Wanted): InputReader {
  const size = sizeOf(inputShape);
  const { values, length, start, fill } =
    "inputs" in inputs
      ? ofDataset(where, inputs, inputShape)
      : ofNumbers(where, inputs, inputShape, inputLimit === undefined ? Float32Array : Int32Array);
  if (inputLimit !== undefined) checkIntegers(where, values, size, inputLimit);
  return {
    length,
    write(loaded, from, to) {
      const count = (to - from) * size;
      if (inputLimit !== undefined) return fill(loaded.integers("input", 0, count), from, to);
      fill(loaded.floats("input", 0, count), from, to);
      const at = loaded.countFinite("input", count);
      if (at === count) return;
      const [example, element] = [from + Math.floor(at / size), at % size];
      throw new DataError(
        `${where}: example ${example}, element ${element}: wanted a finite number, got ${values[start(example) + element]}`,
      );
    },
  };
}

/** Numbers to give, and what writes those of some examples. */
interface Given {
  readonly values: ArrayLike<number>;
  /** Examples. */
  readonly length: number;
  /** Where the values of an example begin. */
  start(example: number): number;
  fill(into: Float32Array | Int32Array, from: number, to: number): void;
}

/** Of numbers, or rows of them, which become an array of a type unless they are one already. */
function ofNumbers(
  where: string,
  inputs: Exclude<Inputs, StoredInputs>,
  shape: Shape,
  type: Float32ArrayConstructor | Int32ArrayConstructor,
): Given {
  const values = flat(inputs);
  const size = sizeOf(shape);
  if (values.length === 0 || values.length % size !== 0) {
    throw new ShapeError(
      `${where}: got ${values.length} numbers, wanted a multiple of ${size} for inputs of shape ${showShape(shape)}`,
    );
  }
  const start = (example: number) => example * size;
  const array = ArrayBuffer.isView(values) ? (values as Float32Array) : type.from(values);
  return {
    values,
    length: values.length / size,
    start,
    fill: (into, from, to) => into.set(array.subarray(start(from), start(to))),
  };
}

function flat(inputs: Exclude<Inputs, StoredInputs>): ArrayLike<number> {
  if (ArrayBuffer.isView(inputs) || typeof inputs[0] === "number") return inputs as ArrayLike<number>;
  // Rows may be typed arrays, which flat() leaves as they are.
  if (ArrayBuffer.isView(inputs[0])) return join(inputs as readonly ArrayLike<number>[]);
  return Float64Array.from((inputs as unknown[]).flat(Number.POSITIVE_INFINITY) as number[]);
}

function join(rows: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

function ofDataset(where: string, { inputs, indices, length }: StoredInputs, shape: Shape): Given {
  const size = sizeOf(shape);
  if (sizeOf(inputs.shape) !== size) {
    throw new ShapeError(
      `${where}: the dataset has inputs of shape ${showShape(inputs.shape)}, the model wants ${showShape(shape)}`,
    );
  }
  const { values, scale, offset } = inputs;
  const start = (example: number) => (indices?.[example] ?? example) * size;
  return {
    values,
    length,
    start,
    fill(into, from, to) {
      for (let example = from, at = 0; example < to; example++) {
        const first = start(example);
        for (let k = 0; k < size; k++)
          into[at++] = Math.fround(values[first + k]! * Math.fround(scale)) + Math.fround(offset);
      }
    },
  };
}
