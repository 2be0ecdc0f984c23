// Examples and batches: what goes in and out of every dataset, in memory or streamed.
import { DataError, OptionError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import {
  checkFinite,
  checkLabels,
  type Field,
  type FieldSource,
  flatten,
  lengthOf,
  makeField,
  type Nested,
  type NumberArray,
  readRow,
} from "./field.ts";

/** One example, scaled as a model sees it. It has a target (numbers), a label (a class), or neither. */
export interface Example {
  readonly input: Float32Array;
  readonly target: Float32Array | undefined;
  /** A number where one example has one label, else all of its labels. */
  readonly label: number | Int32Array | undefined;
}

/** Several examples, one after the other in each array. */
export interface Batch {
  /** [size, ...inputShape] */
  readonly inputs: Float32Array;
  /** [size, ...targetShape] */
  readonly targets: Float32Array | undefined;
  /** [size], or [size, n] with n labels an example. */
  readonly labels: Int32Array | undefined;
  readonly size: number;
}

/** One example as a caller writes it; numbers may be nested arrays. */
export interface ExampleSource {
  readonly input: number | Nested;
  readonly target?: number | Nested | undefined;
  readonly label?: number | Nested | undefined;
}

/** Several examples as a caller writes them: a dataset, or a batch of a stream. */
export interface ExamplesSource {
  readonly inputs: FieldSource;
  readonly targets?: FieldSource | undefined;
  readonly labels?: FieldSource | undefined;
}

/** The fields of several examples; never both targets and labels. */
export interface Fields {
  readonly inputs: Field;
  readonly targets: Field | undefined;
  readonly labels: Field | undefined;
}

/** Checked fields; throws `DataError` where their lengths differ or a value cannot be trained on. */
export function makeFields(what: string, source: ExamplesSource, classes?: number): Fields {
  if (source.targets !== undefined && source.labels !== undefined) {
    throw new OptionError(`${what}: got targets and labels, wanted one of them`);
  }
  const inputs = makeField(`${what}: inputs`, source.inputs);
  const targets = source.targets && makeField(`${what}: targets`, source.targets);
  const labels = source.labels && makeField(`${what}: labels`, source.labels, "labels", classes);
  const n = lengthOf(inputs);
  const other = targets ?? labels;
  if (other && lengthOf(other) !== n) {
    const name = targets ? "targets" : "labels";
    const hint = n % lengthOf(other) === 0 ? "; for flat inputs give { values, shape } of one example" : "";
    throw new DataError(`${what}: lengths differ: got ${n} inputs and ${lengthOf(other)} ${name}${hint}`);
  }
  return { inputs, targets, labels };
}

/** One row of the fields as an example with arrays of its own. */
export function readExample(fields: Fields, row: number): Example {
  const { inputs, targets, labels } = fields;
  const scaled = (field: Field): Float32Array => {
    const out = new Float32Array(sizeOf(field.shape));
    readRow(field, row, out, 0);
    return out;
  };
  const several = labels && labels.shape.length > 0 && sizeOf(labels.shape);
  const label = several
    ? Int32Array.from(labels.values.subarray(row * several, (row + 1) * several))
    : labels?.values[row];
  return { input: scaled(inputs), target: targets && scaled(targets), label };
}

/** A checked example from what a caller's function or stream gave; holds the caller's arrays where it can. */
export function makeExample(what: string, source: ExampleSource, classes?: number): Example {
  if (typeof source !== "object" || source === null || source.input === undefined) {
    throw new DataError(`${what}: got ${String(source)}, wanted { input, target or label }`);
  }
  const { input, target, label } = source;
  if (target !== undefined && label !== undefined) {
    throw new DataError(`${what}: got a target and a label, wanted one of them`);
  }
  const numbers = (name: string, value: number | Nested): Float32Array => {
    const given =
      typeof value === "number" ? Float32Array.of(value) : flatten(`${what}: ${name}`, value).values;
    checkFinite(given, (i) => `${what}: ${name}: element ${i}`);
    return given instanceof Float32Array ? given : Float32Array.from(given);
  };
  let checked: Example["label"];
  if (label !== undefined) {
    const values: NumberArray | number[] =
      typeof label === "number" ? [label] : flatten(`${what}: label`, label, "labels").values;
    checkLabels(values, () => what, classes);
    checked = typeof label === "number" ? label : Int32Array.from(values);
  }
  return {
    input: numbers("input", input),
    target: target === undefined ? undefined : numbers("target", target),
    label: checked,
  };
}

/** Gathers examples of one kind and size into a batch. */
export class BatchBuilder {
  size = 0;
  #capacity: number;
  #first: Example | undefined;
  #inputs = new Float32Array(0);
  #targets = new Float32Array(0);
  #labels = new Int32Array(0);

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Copies an example in; it must have what the first one had, of the same length. */
  add(what: string, example: Example): void {
    const { input, target, label } = example;
    const first = (this.#first ??= example);
    for (const name of ["input", "target", "label"] as const) {
      const got = lengthOfPart(example[name]);
      const wanted = lengthOfPart(first[name]);
      if (got !== wanted)
        throw new DataError(`${what}: ${name}: got ${got} values, wanted ${wanted} as before`);
    }
    const { size } = this;
    if (size === 0 || size === this.#capacity) {
      if (size > 0) this.#capacity *= 2;
      this.#inputs = grown(this.#inputs, new Float32Array(this.#capacity * input.length));
      this.#targets = grown(this.#targets, new Float32Array(this.#capacity * lengthOfPart(target)));
      this.#labels = grown(this.#labels, new Int32Array(this.#capacity * lengthOfPart(label)));
    }
    this.#inputs.set(input, size * input.length);
    if (target) this.#targets.set(target, size * target.length);
    if (typeof label === "number") this.#labels[size] = label;
    else if (label) this.#labels.set(label, size * label.length);
    this.size++;
  }

  /** The batch so far; there must be an example. */
  build(): Batch {
    const { input, target, label } = this.#first!;
    return {
      inputs: this.#inputs.subarray(0, this.size * input.length),
      targets: target && this.#targets.subarray(0, this.size * target.length),
      labels: label === undefined ? undefined : this.#labels.subarray(0, this.size * lengthOfPart(label)),
      size: this.size,
    };
  }
}

function lengthOfPart(part: number | ArrayLike<number> | undefined): number {
  return part === undefined ? 0 : typeof part === "number" ? 1 : part.length;
}

function grown<T extends Float32Array | Int32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

/** How many examples a batch has: a number from 1, or "full" for all of them. */
export type BatchSize = number | "full";

/** Throws `OptionError` for a batch size that is none. */
export function checkBatchSize(size: BatchSize): void {
  if (size !== "full" && !(Number.isSafeInteger(size) && size >= 1)) {
    throw new OptionError(`batch: size: got ${size}, wanted an integer from 1 or "full"`);
  }
}
