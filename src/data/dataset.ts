// Datasets that lie in memory: flat arrays and a view of their rows. Splitting, shuffling and slicing make new
// views and leave the arrays alone.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { permutation } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import {
  type Batch,
  BatchBuilder,
  type BatchSize,
  checkBatchSize,
  type Example,
  type ExampleSource,
  type ExamplesSource,
  type Fields,
  makeExample,
  makeFields,
  readExample,
} from "./example.ts";
import { copyRows, type Field, flatten, lengthOf, readRow } from "./field.ts";
import { IterableDataset } from "./iterable.ts";

/** What `dataset` is made from. */
export interface DatasetSource extends ExamplesSource {
  /** How many classes the labels name (default: the largest label plus one). */
  readonly classes?: number | undefined;
}

/** Examples in memory. Never changed and never empty: every method that selects gives a new view. */
export class Dataset implements Fields {
  /** How many examples there are. */
  readonly length: number;
  readonly inputs: Field;
  readonly targets: Field | undefined;
  readonly labels: Field | undefined;
  /** How many classes the labels name; undefined without labels. */
  readonly classes: number | undefined;
  /** Example i lies in row `indices[i]` of the fields; undefined where it lies in row i. */
  readonly indices: Int32Array | undefined;

  /** Made by `dataset`, which checks the fields. */
  constructor(fields: Fields, options: { classes: number | undefined; indices?: Int32Array | undefined }) {
    this.inputs = fields.inputs;
    this.targets = fields.targets;
    this.labels = fields.labels;
    this.classes = options.classes;
    this.indices = options.indices;
    this.length = this.indices?.length ?? lengthOf(fields.inputs);
    if (this.length === 0) throw new DataError("dataset: empty dataset: got 0 examples, wanted 1 or more");
  }

  /** Shape of one input. */
  get inputShape(): readonly number[] {
    return this.inputs.shape;
  }

  /** Shape of one target, or of one example's labels: `[]` where that is a single class. */
  get targetShape(): readonly number[] | undefined {
    return (this.targets ?? this.labels)?.shape;
  }

  /** Example i, with arrays of its own. */
  at(i: number): Example {
    return readExample(this, this.#row(i));
  }

  *[Symbol.iterator](): Generator<Example, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /**
   * The examples at these positions, in this order; repeats are allowed. No value is copied.
   * Throws `OptionError` for a position outside, `DataError` if there is none.
   */
  subset(indices: ArrayLike<number>): Dataset {
    const rows = new Int32Array(indices.length);
    for (let i = 0; i < rows.length; i++) rows[i] = this.#row(indices[i]!);
    return new Dataset(this, { classes: this.classes, indices: rows });
  }

  /** Examples `from` to before `to`, as `Array.slice` counts. */
  slice(from: number, to = this.length): Dataset {
    if (this.indices) {
      return new Dataset(this, { classes: this.classes, indices: this.indices.subarray(from, to) });
    }
    // Rows in order stay without indices: a smaller dataset to copy, and none to look up.
    const [first, last] = [from, to].map((i) =>
      Math.trunc(Math.max(0, Math.min(i < 0 ? i + this.length : i, this.length))),
    );
    const cut = (field: Field): Field => {
      const size = sizeOf(field.shape);
      return { ...field, values: field.values.subarray(first! * size, last! * size) };
    };
    const fields = {
      inputs: cut(this.inputs),
      targets: this.targets && cut(this.targets),
      labels: this.labels && cut(this.labels),
    };
    return new Dataset(fields, { classes: this.classes });
  }

  /** The same examples with arrays of their own, row after row; itself where they lie so already. */
  materialize(): Dataset {
    const { indices } = this;
    if (!indices) return this;
    const copy = (field: Field): Field => {
      const Values = field.values.constructor as new (length: number) => Field["values"];
      const values = new Values(this.length * sizeOf(field.shape));
      copyRows(field, indices, values);
      return { ...field, values };
    };
    const fields = {
      inputs: copy(this.inputs),
      targets: this.targets && copy(this.targets),
      labels: this.labels && copy(this.labels),
    };
    return new Dataset(fields, { classes: this.classes });
  }

  /** The first n examples, or all where there are fewer. */
  take(n: number): Dataset {
    return this.slice(0, Math.max(0, n));
  }

  /** The same examples in random order; the same order for the same seed. */
  shuffle(seed: number): Dataset {
    return this.subset(permutation(this.length, seed));
  }

  /** The examples for which `keep` is true; runs once, now. Throws `DataError` where none is. */
  filter(keep: (example: Example, index: number) => boolean): Dataset {
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (keep(this.at(i), i)) kept.push(i);
    return this.subset(kept);
  }

  /**
   * Changes every example; runs once, now, into new arrays of floats. For a change that differs from epoch
   * to epoch use `lazy().map`. The shape stays where the number of values does, unless given.
   * @example
   * const mirrored = data.map(({ input, label }) => ({ input: input.toReversed(), label }));
   */
  map(
    change: (example: Example, index: number) => ExampleSource,
    options: { inputShape?: readonly number[]; targetShape?: readonly number[]; classes?: number } = {},
  ): Dataset {
    const builder = new BatchBuilder(this.length);
    let { inputShape, targetShape, classes = this.classes } = options;
    for (let i = 0; i < this.length; i++) {
      const source = change(this.at(i), i);
      const example = makeExample(`map: example ${i}`, source, classes);
      builder.add(`map: example ${i}`, example);
      inputShape ??= shapeOf(source.input, this.inputShape);
      if (source.target !== undefined) targetShape ??= shapeOf(source.target, this.targets?.shape);
    }
    const { inputs, targets, labels } = builder.build();
    return dataset({
      inputs: { values: inputs, shape: inputShape! },
      targets: targets && { values: targets, shape: targetShape! },
      labels: labels && {
        values: labels,
        shape: labels.length === this.length ? [] : [labels.length / this.length],
      },
      classes,
    });
  }

  /**
   * Two datasets, the first with this fraction of the examples; or one for every name in a record of
   * fractions. Shuffled with `seed` (default 0) unless `shuffle` is false. No value is copied.
   * Throws `OptionError` for fractions that are none, `DataError` where a part would be empty.
   * @example
   * const [rest, validation] = data.split(0.9, { seed: 1 });
   * const { train, test } = data.split({ train: 0.8, test: 0.2 });
   */
  split(fraction: number, options?: { seed?: number; shuffle?: boolean }): [Dataset, Dataset];
  split<Name extends string>(
    fractions: Readonly<Record<Name, number>>,
    options?: { seed?: number; shuffle?: boolean },
  ): Record<Name, Dataset>;
  split(
    fractions: number | Readonly<Record<string, number>>,
    options: { seed?: number; shuffle?: boolean } = {},
  ): [Dataset, Dataset] | Record<string, Dataset> {
    const parts: Record<string, number> =
      typeof fractions === "number" ? { first: fractions, second: 1 - fractions } : { ...fractions };
    const all = options.shuffle === false ? this : this.shuffle(options.seed ?? 0);
    const made: [string, Dataset][] = [];
    let sum = 0;
    let from = 0;
    for (const [name, fraction] of Object.entries(parts)) {
      sum += fraction;
      // Fractions such as 0.7 + 0.2 + 0.1 miss 1 by a rounding error.
      if (!(fraction > 0 && sum < 1 + 1e-9)) {
        const got = Object.values(parts).join(", ");
        throw new OptionError(`split: fractions: got ${got}, wanted numbers above 0 with a sum of at most 1`);
      }
      const to = Math.min(Math.round(sum * this.length), this.length);
      if (to === from) {
        throw new DataError(
          `split: empty dataset: "${name}" got 0 of ${this.length} examples, wanted 1 or more`,
        );
      }
      made.push([name, all.slice(from, to)]);
      from = to;
    }
    return typeof fractions === "number" ? [made[0]![1], made[1]![1]] : Object.fromEntries(made);
  }

  /**
   * Batches in order; the last may be smaller. With a `seed` in the order
   * `permutation(length, seed, epoch)` (epoch: default 0).
   * @example
   * for (const { inputs, labels, size } of data.batch(128, { seed: 1 })) console.log(size);
   */
  *batch(
    size: BatchSize,
    options: { seed?: number; epoch?: number } = {},
  ): Generator<Batch, void, undefined> {
    checkBatchSize(size);
    const step = size === "full" ? this.length : Math.min(size, this.length);
    const order =
      options.seed === undefined ? undefined : permutation(this.length, options.seed, options.epoch);
    for (let from = 0; from < this.length; from += step) {
      const n = Math.min(step, this.length - from);
      const rows = new Int32Array(n);
      for (let i = 0; i < n; i++) rows[i] = this.#row(order ? order[from + i]! : from + i);
      const scaled = (field: Field): Float32Array => {
        const width = sizeOf(field.shape);
        const out = new Float32Array(n * width);
        for (let i = 0; i < n; i++) readRow(field, rows[i]!, out, i * width);
        return out;
      };
      const labels = this.labels && new Int32Array(n * sizeOf(this.labels.shape));
      if (labels) copyRows(this.labels!, rows, labels);
      yield { inputs: scaled(this.inputs), targets: this.targets && scaled(this.targets), labels, size: n };
    }
  }

  /** The same examples as a stream, whose steps run anew in every epoch. */
  lazy(): IterableDataset {
    const all = this;
    return new IterableDataset(
      async function* () {
        yield* all;
      },
      { inputShape: this.inputShape, targetShape: this.targets?.shape, classes: this.classes },
    );
  }

  #row(i: number): number {
    if (!(Number.isInteger(i) && i >= 0 && i < this.length)) {
      throw new OptionError(`dataset: example: got ${i}, wanted an integer from 0 to ${this.length - 1}`);
    }
    return this.indices ? this.indices[i]! : i;
  }
}

/** The shape of what `map` gave: nested arrays show it, flat ones keep the old one if it fits. */
function shapeOf(source: ExampleSource["input"], before: readonly number[] | undefined): readonly number[] {
  if (typeof source === "number") return [1];
  const { shape } = flatten("map", source);
  return shape.length === 1 && before && sizeOf(before) === shape[0] ? before : shape;
}

/**
 * A dataset from arrays. The outermost index is the example: nested arrays of numbers, arrays of typed
 * arrays, or `{ values, shape, scale, offset }` with flat values and the shape of one example, of which a
 * model sees `values * scale + offset`. `targets` are numbers, `labels` are classes from 0; one of them or
 * neither. Typed arrays of bytes, 32-bit integers and 32-bit floats are held, not copied.
 * Throws `DataError` for an empty dataset, lengths that differ, ragged rows, non-finite values and labels
 * that are no classes, always with the position.
 * @example
 * const xor = dataset({ inputs: [[0, 0], [0, 1], [1, 0], [1, 1]], labels: [0, 1, 1, 0] });
 * const images = dataset({ inputs: { values: bytes, shape: [784], scale: 1 / 255 }, labels, classes: 10 });
 */
export function dataset(source: DatasetSource): Dataset {
  let { classes } = checkOptions("dataset", source, { inputs: 0, targets: 0, labels: 0, classes: 0 });
  if (classes !== undefined && !(Number.isSafeInteger(classes) && classes >= 1)) {
    throw new OptionError(`dataset: classes: got ${classes}, wanted an integer from 1`);
  }
  const fields = makeFields("dataset", source, classes);
  if (!fields.labels) classes = undefined;
  else classes ??= largest(fields.labels.values) + 1;
  return new Dataset(fields, { classes });
}

function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}
