// Table of contents of "downhill/data".
export { Dataset, type DatasetSource, dataset } from "./dataset.ts";
export type { Batch, BatchSize, Example, ExampleSource, ExamplesSource, Fields } from "./example.ts";
export type { Field, FieldSource, FieldValues, Nested, NumberArray } from "./field.ts";
export { type Idx, type IdxType, type IdxValues, parseIdx } from "./idx.ts";
export {
  type ExamplePosition,
  fromIterable,
  type Items,
  IterableDataset,
  type StreamItem,
  type StreamOptions,
} from "./iterable.ts";
export { mnist, mnistFromBytes } from "./mnist.ts";
