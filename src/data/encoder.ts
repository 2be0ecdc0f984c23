// Encoders: rows of a table to numbers, by what was learned from the training rows alone; learning is in encoder-fit.ts.
import { DataError, FormatError, OptionError } from "../core/errors.ts";
import { type FittedColumn, numberIn, placeOf, widthOf } from "./columns.ts";
import { type Dataset, dataset } from "./dataset.ts";
import type { ExampleSource } from "./example.ts";
import { makeExample } from "./example.ts";
import { IterableDataset } from "./iterable.ts";
import { type Cell, columnAt, type Header, type Row } from "./rows.ts";

/** An encoder as `JSON.stringify` writes it. */
export interface EncoderRecord {
  readonly inputs: readonly FittedColumn[];
  readonly targets: readonly FittedColumn[];
  readonly label?: FittedColumn | undefined;
  readonly missing: "error" | "drop" | "mean";
  readonly unknown: "error" | "zeros";
}

/** Turns rows into inputs [width] with targets or labels, always in the same way. */
export class TableEncoder {
  /** Numbers an input has. */
  readonly width: number;
  /** What each of them is: a column, or column=category. */
  readonly names: readonly string[];
  /** The classes by label; undefined without. */
  readonly classes: readonly string[] | undefined;
  readonly #record: EncoderRecord;
  readonly #places = new WeakMap<Header, Int32Array>();

  /** Made by `fitEncoder` and `encoderFrom`. */
  constructor(record: EncoderRecord) {
    this.#record = record;
    this.names = record.inputs.flatMap((fitted) =>
      fitted.kind === "oneHot"
        ? fitted.categories.map((category) => `${fitted.column}=${category}`)
        : [fitted.column],
    );
    this.width = this.names.length;
    this.classes = record.label?.kind === "ordinal" ? record.label.categories : undefined;
  }

  /**
   * All rows as a dataset in memory. Rows without the columns of target and label give one for prediction.
   * Throws `DataError` with line and column for cells that are missing, no numbers or of unknown category, and
   * `OptionError` for input columns that are not there.
   */
  dataset(rows: Iterable<Row>): Dataset {
    const { targets, label } = this.#record;
    let inputs = new Float32Array(this.width * 256);
    const wanted: number[] = [];
    let n = 0;
    for (const row of rows) {
      if ((n + 1) * this.width > inputs.length) {
        const larger = new Float32Array(inputs.length * 2);
        larger.set(inputs);
        inputs = larger;
      }
      const answer = this.#encode(row, inputs, n * this.width);
      if (!answer) continue;
      wanted.push(...answer);
      n++;
    }
    if (n === 0) throw new DataError("encoder: got no row that is kept, wanted 1 or more");
    return dataset({
      // A copy of what is used: doubling leaves up to half of it empty.
      inputs: { values: inputs.slice(0, n * this.width), shape: [this.width] },
      ...(wanted.length === 0
        ? {}
        : label
          ? { labels: wanted, classes: this.classes!.length }
          : { targets: { values: Float32Array.from(wanted), shape: [targets.length] } }),
    });
  }

  /**
   * All rows as a stream that is read anew in every epoch and never held.
   * @example
   * const encoder = await fitEncoder(csvRows("wages.csv"), { target: "wage", scaling: "standardize" });
   * const wages = encoder.stream(csvRows("wages.csv")).shuffle(1);
   */
  stream(rows: AsyncIterable<Row>): IterableDataset {
    const { targets, label } = this.#record;
    const encode = (row: Row): ExampleSource | undefined => {
      const input = new Float32Array(this.width);
      const answer = this.#encode(row, input, 0);
      if (!answer) return undefined;
      if (answer.length === 0) return { input };
      return label ? { input, label: answer[0]! } : { input, target: Float32Array.from(answer) };
    };
    return new IterableDataset(
      async function* () {
        for await (const row of rows) {
          const example = encode(row);
          if (example) yield makeExample(`${row.header.unit} ${row.place}`, example);
        }
      },
      {
        inputShape: [this.width],
        targetShape: targets.length > 0 ? [targets.length] : undefined,
        classes: this.classes?.length,
      },
    );
  }

  /** The input [width] of one row of one's own, by column. Throws as `dataset` does; "drop" cannot be, and is an error. */
  encode(cells: Readonly<Record<string, Cell>>): Float32Array {
    const columns = Object.keys(cells);
    const row: Row = { header: { columns, unit: "row" }, cells: Object.values(cells), place: 1 };
    const input = new Float32Array(this.width);
    if (!this.#encode(row, input, 0, { inputsOnly: true }))
      throw new DataError("encoder: row 1: got a missing cell, wanted one in every input column");
    return input;
  }

  /** Targets or a model's outputs, [n, targets] and flat, in the units of their columns. */
  decodeTargets(values: ArrayLike<number>): Float32Array {
    const { targets } = this.#record;
    if (targets.length === 0 || values.length % targets.length !== 0)
      throw new OptionError(
        `encoder: outputs: got ${values.length}, wanted a multiple of ${targets.length} targets`,
      );
    return Float32Array.from(values, (value, i) => {
      const fitted = targets[i % targets.length]!;
      return fitted.kind === "number" ? value / fitted.scale + fitted.offset : value;
    });
  }

  /** Plain data for a file; `encoderFrom` reads it. */
  toJSON(): EncoderRecord {
    return this.#record;
  }

  /** Writes the inputs of a row; gives its targets or label, nothing where the file has none, undefined for a row left out. */
  #encode(
    row: Row,
    into: Float32Array,
    at: number,
    options: { inputsOnly: boolean } = { inputsOnly: false },
  ): number[] | undefined {
    const { inputs, targets, label } = this.#record;
    const places = this.#placesIn(row.header);
    const needed = options.inputsOnly ? places.subarray(0, inputs.length) : places;
    // First of all: what is left out need not fit otherwise.
    if (
      this.#record.missing === "drop" &&
      needed.some((place) => place >= 0 && row.cells[place] === undefined)
    )
      return undefined;
    let next = at;
    for (const [i, fitted] of inputs.entries()) {
      const width = widthOf(fitted);
      into.fill(0, next, next + width);
      const cell = row.cells[places[i]!];
      if (cell === undefined) {
        if (this.#record.missing === "error" || fitted.kind === "ordinal") throw missing(row, fitted.column);
        // A category that is missing has its zeros already.
        if (fitted.kind === "number") into[next] = (fitted.mean - fitted.offset) * fitted.scale;
      } else if (fitted.kind === "number") {
        const x = numberIn(cell, () => `encoder: ${placeOf(row, fitted.column)}`);
        into[next] = (x - fitted.offset) * fitted.scale;
      } else {
        const known = this.#category(row, fitted, cell);
        if (fitted.kind === "ordinal") into[next] = known;
        else if (known >= 0) into[next + known] = 1;
      }
      next += width;
    }
    const wanted = label ? [label] : targets;
    if (options.inputsOnly || wanted.some((_, i) => places[inputs.length + i]! < 0)) return [];
    const answer: number[] = [];
    for (const [i, fitted] of wanted.entries()) {
      const cell = row.cells[places[inputs.length + i]!];
      if (cell === undefined) throw missing(row, fitted.column);
      if (fitted.kind === "number")
        answer.push(
          (numberIn(cell, () => `encoder: ${placeOf(row, fitted.column)}`) - fitted.offset) * fitted.scale,
        );
      else answer.push(this.#category(row, fitted, cell));
    }
    return answer;
  }

  /** The place of a category; −1 for an unknown one that is to have zeros. */
  #category(row: Row, fitted: Extract<FittedColumn, { categories: unknown }>, cell: string | number): number {
    const place = fitted.categories.indexOf(String(cell));
    if (place >= 0 || (this.#record.unknown === "zeros" && fitted.kind === "oneHot")) return place;
    const known = fitted.categories.slice(0, 10).map((each) => JSON.stringify(each));
    throw new DataError(
      `encoder: ${placeOf(row, fitted.column)}: got ${JSON.stringify(cell)}, wanted one of ${known.join(", ")}${fitted.categories.length > 10 ? ", …" : ""}`,
    );
  }

  /** Where the columns stand in rows of this header: inputs, then targets or label, −1 for those that are not there. */
  #placesIn(header: Header): Int32Array {
    let places = this.#places.get(header);
    if (!places) {
      const { inputs, targets, label } = this.#record;
      const wanted = label ? [label] : targets;
      places = Int32Array.from([
        ...inputs.map(({ column }) => columnAt("encoder", header, column)),
        ...wanted.map(({ column }) => header.columns.indexOf(column)),
      ]);
      this.#places.set(header, places);
    }
    return places;
  }
}

/** The encoder that `JSON.stringify` wrote down. Throws `FormatError` for what is no such record. */
export function encoderFrom(record: EncoderRecord): TableEncoder {
  const { inputs, targets, label } = record ?? {};
  const texts = (list: unknown) => Array.isArray(list) && list.every((each) => typeof each === "string");
  const sound = (fitted: FittedColumn): boolean =>
    typeof fitted?.column === "string" &&
    (fitted.kind === "number"
      ? [fitted.offset, fitted.scale, fitted.mean].every(Number.isFinite) && fitted.scale !== 0
      : ["oneHot", "ordinal"].includes(fitted.kind) && texts(fitted.categories));
  if (
    !(
      Array.isArray(inputs) &&
      Array.isArray(targets) &&
      [...inputs, ...targets, ...(label ? [label] : [])].every(sound)
    )
  )
    throw new FormatError("encoderFrom: got another record, wanted the one that an encoder gave");
  return new TableEncoder(record);
}

/** What is said of a cell that is missing. */
export function missing(row: Row, column: string): DataError {
  return new DataError(
    `encoder: ${placeOf(row, column)}: got a missing cell, wanted a value, or missing: "drop" or "mean"`,
  );
}
