// Sequences of ids as datasets: filled up to one length, put into buckets of like length, or cut into windows.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Dataset, dataset } from "./dataset.ts";
import type { NumberArray } from "./field.ts";
import type { TextEncoding } from "./vocabulary.ts";

/** Options of {@link padSequences}. */
export interface PaddingOptions {
  /** Ids a sequence. */
  readonly length: number;
  /** The id that fills up. Default: 0. */
  readonly value?: number;
  /** The side that is filled up. Default: "end". */
  readonly padding?: "start" | "end";
  /** The side on which too long a sequence is cut off; "never" is an error for one. Default: "end". */
  readonly truncate?: "start" | "end" | "never";
}

/** Options of {@link textDataset} and {@link buckets}. */
export interface TextDatasetOptions extends Omit<PaddingOptions, "value"> {
  /** Numbers the texts and names the padding: a vocabulary, or byte pairs. */
  readonly vocabulary: TextEncoding;
  /** Default: the largest label plus one. */
  readonly classes?: number;
}

/** A class for every text. */
export type Labels = readonly number[] | NumberArray;

/** Texts of like length. */
export interface Bucket {
  /** Ids an input. */
  readonly length: number;
  readonly data: Dataset;
  /** Which of the texts they are: example i is text `positions[i]`. */
  readonly positions: Int32Array;
}

/**
 * Sequences of ids [n, length], flat, each filled up or cut to the same length.
 * Throws `OptionError` for options out of range, `DataError` for a sequence too long with `truncate: "never"`.
 * @example
 * padSequences([[5, 6], [7, 8, 9, 10]], { length: 3 }); // 5 6 0 7 8 9
 */
export function padSequences(sequences: readonly ArrayLike<number>[], options: PaddingOptions): Int32Array {
  const {
    value = 0,
    padding = "end",
    truncate = "end",
  } = checkOptions("padSequences", options, { length: 0, value: 0, padding: 0, truncate: 0 });
  const length = checkLength("padSequences: length", options.length);
  checkSide("padding", padding, ["start", "end"]);
  checkSide("truncate", truncate, ["start", "end", "never"]);
  const all = new Int32Array(sequences.length * length).fill(value);
  for (const [row, ids] of sequences.entries()) {
    const over = ids.length - length;
    if (over > 0 && truncate === "never")
      throw new DataError(`padSequences: sequence ${row}: got ${ids.length} ids, wanted at most ${length}`);
    const skipped = over > 0 && truncate === "start" ? over : 0;
    const at = row * length + (over < 0 && padding === "start" ? -over : 0);
    for (let i = 0; i < Math.min(ids.length, length); i++) all[at + i] = ids[skipped + i]!;
  }
  return all;
}

/**
 * Texts as integer inputs [length], with a class each, or without labels for prediction.
 * Throws `DataError` where there are not as many labels as texts, and what `padSequences` throws.
 * @example
 * const texts = ["buy now", "see you at noon"];
 * const ids = vocabulary(texts);
 * const mails = textDataset(texts, [1, 0], { vocabulary: ids, length: 8 });
 */
export function textDataset(
  texts: readonly string[],
  labels: Labels | undefined,
  options: TextDatasetOptions,
): Dataset {
  checkOptions("textDataset", options, { length: 0, padding: 0, truncate: 0, vocabulary: 0, classes: 0 });
  checkCounts("textDataset", texts, labels);
  return made(
    texts.map((text) => options.vocabulary.encode(text)),
    labels,
    options,
  );
}

/**
 * Texts by length: each goes into the shortest bucket that holds it, those too long for all into the longest, cut. A model
 * has one input shape, so a bucket is a dataset of its own, for a model of that length with the same parameters:
 * `model.setParameters(other.parameters())`. Buckets without a text are left out.
 * Throws what `textDataset` throws, and `OptionError` for lengths that do not rise.
 * @example
 * const texts = ["short", "a text of a few more words"];
 * const parts = buckets(texts, [0, 1], { vocabulary: vocabulary(texts), lengths: [2, 8] });
 * for (const { length, data } of parts) console.log(length, data.length);
 */
export function buckets(
  texts: readonly string[],
  labels: Labels | undefined,
  options: Omit<TextDatasetOptions, "length"> & { readonly lengths: readonly number[] },
): Bucket[] {
  const known = { lengths: 0, padding: 0, truncate: 0, vocabulary: 0, classes: 0 } as const;
  const { lengths, vocabulary } = checkOptions("buckets", options, known);
  checkCounts("buckets", texts, labels);
  for (const [i, length] of lengths.entries()) {
    checkLength("buckets: lengths", length);
    if (i > 0 && length <= lengths[i - 1]!)
      throw new OptionError(`buckets: lengths: got ${lengths.join(", ")}, wanted numbers that rise`);
  }
  if (lengths.length === 0) throw new OptionError("buckets: lengths: got none, wanted one or more");
  // One number for all buckets: a bucket alone might lack the last class.
  const classes = options.classes ?? (labels && Array.from(labels).reduce((a, b) => Math.max(a, b), 0) + 1);
  const encoded = texts.map((text) => vocabulary.encode(text));
  const positions = lengths.map((): number[] => []);
  for (const [i, ids] of encoded.entries()) {
    // Without one it is −1: the last.
    const fitting = lengths.findIndex((length) => ids.length <= length);
    positions.at(fitting)!.push(i);
  }
  return lengths.flatMap((length, b) => {
    const rows = Int32Array.from(positions[b]!);
    if (rows.length === 0) return [];
    const own = labels && Array.from(rows, (i) => labels[i]!);
    const sequences = Array.from(rows, (i) => encoded[i]!);
    const data = made(sequences, own, { ...options, length, ...(classes !== undefined && { classes }) });
    return [{ length, data, positions: rows }];
  });
}

/**
 * Windows of a long text for a model of the next token: inputs [length], and as labels [length] the ids that follow each, shifted
 * by one. Windows begin `stride` ids apart (default: `length`, so that every id is predicted once, and nothing is copied);
 * what does not fill a window at the end is left out.
 * Throws `OptionError` for options out of range, `DataError` for fewer than length + 1 ids.
 * @example
 * const letters = vocabulary(["call me ishmael"], { tokenizer: characters() });
 * const windows = nextTokenDataset(letters.encode("call me ishmael"), { length: 4, classes: letters.size });
 */
export function nextTokenDataset(
  ids: ArrayLike<number>,
  options: { readonly length: number; readonly stride?: number; readonly classes?: number },
): Dataset {
  checkOptions("nextTokenDataset", options, { length: 0, stride: 0, classes: 0 });
  const length = checkLength("nextTokenDataset: length", options.length);
  const stride = checkLength("nextTokenDataset: stride", options.stride ?? length);
  const all = ids instanceof Int32Array ? ids : Int32Array.from(ids);
  const n = Math.floor((all.length - 1 - length) / stride) + 1;
  if (n < 1)
    throw new DataError(
      `nextTokenDataset: ids: got ${all.length}, wanted ${length + 1} or more for windows of ${length}`,
    );
  const windows = (from: number): Int32Array => {
    if (stride === length) return all.subarray(from, from + n * length);
    const values = new Int32Array(n * length);
    for (let i = 0; i < n; i++)
      values.set(all.subarray(from + i * stride, from + i * stride + length), i * length);
    return values;
  };
  return dataset({
    inputs: { values: windows(0), shape: [length] },
    labels: { values: windows(1), shape: [length] },
    classes: options.classes,
  });
}

function made(
  sequences: readonly Int32Array[],
  labels: Labels | undefined,
  options: TextDatasetOptions,
): Dataset {
  const { vocabulary, length, padding, truncate, classes } = options;
  const side = { ...(padding && { padding }), ...(truncate && { truncate }) };
  return dataset({
    inputs: {
      values: padSequences(sequences, { length, value: vocabulary.padding, ...side }),
      shape: [length],
    },
    labels,
    classes,
  });
}

function checkLength(what: string, length: number): number {
  if (!(Number.isSafeInteger(length) && length >= 1))
    throw new OptionError(`${what}: got ${length}, wanted an integer from 1`);
  return length;
}

function checkSide(what: string, side: string, sides: readonly string[]): void {
  if (!sides.includes(side))
    throw new OptionError(`padSequences: ${what}: got ${side}, wanted ${sides.join(", ")}`);
}

function checkCounts(what: string, texts: readonly string[], labels: Labels | undefined): void {
  if (labels && labels.length !== texts.length)
    throw new DataError(`${what}: got ${texts.length} texts and ${labels.length} labels, wanted as many`);
}
