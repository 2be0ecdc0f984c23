// Datasets that never lie in memory as a whole: generators, async iterables, and lazy steps upon them.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import {
  type Batch,
  BatchBuilder,
  type BatchSize,
  checkBatchSize,
  type Example,
  type ExampleSource,
  type ExamplesSource,
  makeExample,
  makeFields,
  readExample,
} from "./example.ts";
import { checkShape, type FieldSource, lengthOf } from "./field.ts";

/** Where an example stands in its stream. */
export interface ExamplePosition {
  /** Counted from 0 within the epoch. */
  readonly index: number;
  readonly epoch: number;
}

/** What a stream gives: examples `{ input, target | label }`, or batches `{ inputs, targets | labels }`. */
export type StreamItem = ExampleSource | ExamplesSource;
/** Some of them, one after the other. */
export type Items = Iterable<StreamItem> | AsyncIterable<StreamItem>;

/** The shapes of one example, known before the first has come. */
export interface StreamOptions {
  readonly inputShape: readonly number[];
  readonly targetShape?: readonly number[] | undefined;
  /** How many classes there are; labels are then checked against it. */
  readonly classes?: number | undefined;
}

/**
 * Examples that come one by one, once an epoch; how many is not known. Every step is lazy: it runs again in
 * every epoch, so `map` is the place for random augmentation.
 */
export class IterableDataset {
  readonly inputShape: readonly number[];
  readonly targetShape: readonly number[] | undefined;
  readonly classes: number | undefined;
  readonly #open: (epoch: number) => AsyncIterable<Example>;

  /** Made by `fromIterable` or `Dataset.lazy`. */
  constructor(open: (epoch: number) => AsyncIterable<Example>, options: StreamOptions) {
    this.inputShape = [...options.inputShape];
    this.targetShape = options.targetShape && [...options.targetShape];
    this.classes = options.classes;
    this.#open = open;
    checkShape("dataset: input", this.inputShape);
    if (this.targetShape) checkShape("dataset: target", this.targetShape);
  }

  /** The examples of one epoch (default 0), each checked against the shapes. */
  async *examples(epoch = 0): AsyncGenerator<Example, void, undefined> {
    let index = 0;
    for await (const example of this.#open(epoch)) {
      const where = `dataset: example ${index}`;
      checkLength(`${where}: input`, example.input.length, this.inputShape);
      if (example.target) checkLength(`${where}: target`, example.target.length, this.targetShape);
      index++;
      yield example;
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Example, void, undefined> {
    return this.examples();
  }

  /**
   * Batches of one epoch; only one is held at a time and the last may be smaller.
   * Throws `DataError` when the stream ends before its first example.
   * @example
   * for await (const { inputs, labels, size } of stream.batch(32)) console.log(size);
   */
  async *batch(size: BatchSize, options: { epoch?: number } = {}): AsyncGenerator<Batch, void, undefined> {
    checkBatchSize(size);
    const capacity = size === "full" ? 256 : size;
    let batch = new BatchBuilder(capacity);
    let index = 0;
    for await (const example of this.examples(options.epoch)) {
      batch.add(`dataset: example ${index++}`, example);
      if (batch.size === size) {
        yield batch.build();
        batch = new BatchBuilder(capacity);
      }
    }
    if (batch.size > 0) yield batch.build();
    else if (index === 0)
      throw new DataError("dataset: empty dataset: the stream gave 0 examples, wanted 1 or more");
  }

  /**
   * Changes every example as it passes; a changed shape is given as an option.
   * @example
   * stream.map(({ input, label }) => ({ input: input.map((x) => x / 255), label }));
   */
  map(
    change: (example: Example, position: ExamplePosition) => ExampleSource | Promise<ExampleSource>,
    options: Partial<StreamOptions> = {},
  ): IterableDataset {
    const { classes, inputShape, targetShape } = { ...this.#options(), ...options };
    const examples = this.examples.bind(this);
    return new IterableDataset(
      async function* (epoch) {
        let index = 0;
        for await (const example of examples(epoch)) {
          yield makeExample(`map: example ${index}`, await change(example, { index, epoch }), classes);
          index++;
        }
      },
      { inputShape, targetShape, classes },
    );
  }

  /** Keeps the examples for which `keep` is true. */
  filter(keep: (example: Example, position: ExamplePosition) => boolean | Promise<boolean>): IterableDataset {
    const examples = this.examples.bind(this);
    return new IterableDataset(async function* (epoch) {
      let index = 0;
      for await (const example of examples(epoch)) {
        if (await keep(example, { index: index++, epoch })) yield example;
      }
    }, this.#options());
  }

  /** The first n examples of each epoch. */
  take(n: number): IterableDataset {
    const examples = this.examples.bind(this);
    return new IterableDataset(async function* (epoch) {
      let taken = 0;
      if (!(n > 0)) return;
      for await (const example of examples(epoch)) {
        yield example;
        if (++taken >= n) return;
      }
    }, this.#options());
  }

  /**
   * Shuffles within a window of `buffer` examples (default 1024), which are held in memory; another order in
   * every epoch, the same one for the same seed and epoch.
   */
  shuffle(seed: number, options: { buffer?: number } = {}): IterableDataset {
    const { buffer = 1024 } = options;
    if (!(Number.isSafeInteger(buffer) && buffer >= 1)) {
      throw new OptionError(`shuffle: buffer: got ${buffer}, wanted an integer from 1`);
    }
    const examples = this.examples.bind(this);
    return new IterableDataset(async function* (epoch) {
      const random = new Random(seed, epoch);
      const held: Example[] = [];
      for await (const { input, target, label } of examples(epoch)) {
        // Copies, because a generator may use one array for all of its examples.
        const example = { input: input.slice(), target: target?.slice(), label };
        if (held.length < buffer) {
          held.push(example);
          continue;
        }
        const i = random.below(buffer);
        yield held[i]!;
        held[i] = example;
      }
      while (held.length > 0) {
        const i = random.below(held.length);
        const example = held[i]!;
        held[i] = held[held.length - 1]!;
        held.pop();
        yield example;
      }
    }, this.#options());
  }

  #options(): StreamOptions {
    return { inputShape: this.inputShape, targetShape: this.targetShape, classes: this.classes };
  }
}

/** Without a shape any length will do; a batch still wants all of its examples alike. */
function checkLength(what: string, got: number, shape: readonly number[] | undefined): void {
  if (shape && got !== sizeOf(shape)) {
    throw new DataError(`${what}: got ${got} values, wanted ${sizeOf(shape)} of shape [${shape.join(", ")}]`);
  }
}

/**
 * A dataset that streams. The source is a function, called with the epoch's number whenever an epoch begins
 * (`train` counts from 1), or an iterable; its items are examples or whole batches, which are cut into their
 * examples.
 * Values are checked as they come: `DataError` names the example.
 * @example
 * const stream = fromIterable(async function* (epoch) {
 *   for await (const { x, y } of rows()) yield { input: x, label: y };
 * }, { inputShape: [4], classes: 3 });
 */
export function fromIterable(
  source: Items | ((epoch: number) => Items),
  options: StreamOptions,
): IterableDataset {
  const known = { inputShape: 0, targetShape: 0, classes: 0 } as const;
  const { classes, inputShape } = checkOptions("fromIterable", options, known);
  let used = false;
  const items = (epoch: number): Items => {
    if (typeof source === "function") return source(epoch);
    if (Symbol.asyncIterator in source) {
      const iterator = source[Symbol.asyncIterator]();
      opened(iterator);
      return { [Symbol.asyncIterator]: () => iterator };
    }
    const iterator = source[Symbol.iterator]();
    opened(iterator);
    return { [Symbol.iterator]: () => iterator };
  };
  // A generator is its own iterator and can run only once; an array can be walked again.
  const opened = (iterator: unknown): void => {
    if (iterator !== source) return;
    if (used) {
      throw new DataError(
        "fromIterable: got a generator already used up, wanted a function that opens it anew",
      );
    }
    used = true;
  };
  return new IterableDataset(async function* (epoch) {
    let index = 0;
    for await (const item of items(epoch)) {
      const where = `fromIterable: example ${index}`;
      if (typeof item !== "object" || item === null || !("inputs" in item)) {
        yield makeExample(where, item, classes);
        index++;
        continue;
      }
      const fields = makeFields(
        `fromIterable: batch from example ${index}`,
        shaped(item, inputShape),
        classes,
      );
      const n = lengthOf(fields.inputs);
      for (let row = 0; row < n; row++) yield readExample(fields, row);
      index += n;
    }
  }, options);
}

/** Flat arrays of a batch with the shapes that they must have, so that a batch can come back in. */
function shaped({ inputs, targets, labels }: ExamplesSource, inputShape: readonly number[]): ExamplesSource {
  if (!ArrayBuffer.isView(inputs)) return { inputs, targets, labels };
  const n = inputs.length / sizeOf(inputShape);
  const shape = (part: FieldSource | undefined): FieldSource | undefined =>
    ArrayBuffer.isView(part) && part.length > n && part.length % n === 0
      ? { values: part, shape: [part.length / n] }
      : part;
  return { inputs: { values: inputs, shape: inputShape }, targets: shape(targets), labels: shape(labels) };
}
