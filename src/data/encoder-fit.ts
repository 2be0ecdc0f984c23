// What an encoder learns of the training rows: means, spreads, extremes and categories, in one pass.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type ColumnEncoding, ColumnFit, type NumberEncoding, sorted } from "./columns.ts";
import { missing, TableEncoder } from "./encoder.ts";
import { columnAt, type Row } from "./rows.ts";

/** Options of {@link fitEncoder}. */
export interface EncoderOptions {
  /** Columns a model sees, with an encoding each or without. Default: all but target and label. */
  readonly inputs?: readonly string[] | Readonly<Record<string, ColumnEncoding>>;
  /** Numbers to predict: one column or several, with an encoding each or as they are. */
  readonly target?: string | readonly string[] | Readonly<Record<string, NumberEncoding>>;
  /** The column whose categories are the classes to predict. */
  readonly label?: string;
  /** For input columns of numbers without an encoding. Columns with texts are "oneHot". Default: "number". */
  readonly scaling?: NumberEncoding;
  /**
   * A missing cell is an "error"; "drop" leaves its row out; "mean" stands for a number with the mean of the training rows,
   * and for a category with zeros: then a missing target, label or ordinal is an error still. Default: "error".
   */
  readonly missing?: "error" | "drop" | "mean";
  /** A category that the training rows did not have is an "error", or "zeros" in a one-hot column. Default: "error". */
  readonly unknown?: "error" | "zeros";
}

/**
 * Learns how to encode rows: means, spreads, extremes and categories of the columns, in one pass that holds no row. Learn
 * from the rows to train on, and encode the others by the same encoder.
 * Throws `OptionError` for columns that are not there and for unknown encodings, `DataError` with line and column for cells
 * that do not fit.
 * @example
 * const table = await readTable(csvRows("wages.csv"));
 * const { train: known, test: unseen } = table.split({ train: 0.8, test: 0.2 }, { seed: 1 });
 * const encoder = await fitEncoder(known, {
 *   inputs: { age: "standardize", education: "minMax", sector: "oneHot" },
 *   target: { wage: "standardize" },
 * });
 * const [wages, others] = [encoder.dataset(known), encoder.dataset(unseen)];
 */
export async function fitEncoder(
  rows: AsyncIterable<Row> | Iterable<Row>,
  options: EncoderOptions = {},
): Promise<TableEncoder> {
  const {
    label,
    scaling = "number",
    missing: policy = "error",
    unknown = "error",
  } = checkOptions("fitEncoder", options, {
    inputs: 0,
    target: 0,
    label: 0,
    scaling: 0,
    missing: 0,
    unknown: 0,
  });
  const targets = named(options.target ?? []);
  if (label !== undefined && targets.length > 0)
    throw new OptionError("encoder: got a target and a label, wanted one of them");
  if (!["error", "drop", "mean"].includes(policy))
    throw new OptionError(`encoder: missing: got ${policy}, wanted error, drop or mean`);
  if (!["error", "zeros"].includes(unknown))
    throw new OptionError(`encoder: unknown: got ${unknown}, wanted error or zeros`);
  for (const [name, encoding] of targets)
    if (encoding !== undefined && !["number", "standardize", "minMax"].includes(encoding as string))
      throw new OptionError(
        `encoder: target ${name}: got ${JSON.stringify(encoding)}, wanted number, standardize or minMax`,
      );
  let fits: ColumnFit[] | undefined;
  let inputs = 0;
  let places: number[] = [];
  const classes = new Set<string>();
  for await (const row of rows) {
    if (!fits) {
      const rest = row.header.columns.filter(
        (name) => name !== label && !targets.some(([target]) => target === name),
      );
      const chosen = named(options.inputs ?? rest);
      if (chosen.length === 0) throw new OptionError("encoder: inputs: got no column, wanted 1 or more");
      inputs = chosen.length;
      fits = [
        ...chosen.map(([name, encoding]) => new ColumnFit(name, encoding, scaling)),
        ...targets.map(([name, encoding]) => new ColumnFit(name, encoding ?? "number", "number")),
      ];
      const columns = [...fits.map(({ column }) => column), ...(label === undefined ? [] : [label])];
      places = columns.map((name) => columnAt("encoder", row.header, name));
    }
    const empty = places.find((place) => row.cells[place] === undefined);
    if (empty !== undefined && policy === "drop") continue;
    if (empty !== undefined && policy === "error") throw missing(row, row.header.columns[empty]!);
    for (const [i, fit] of fits.entries()) {
      const cell = row.cells[places[i]!];
      if (cell !== undefined) fit.add(cell, row);
    }
    const name = label !== undefined ? row.cells[places.at(-1)!] : undefined;
    if (name !== undefined) classes.add(String(name));
  }
  if (!fits) throw new DataError("encoder: got 0 rows, wanted 1 or more");
  const fitted = fits.map((fit) => fit.done());
  return new TableEncoder({
    inputs: fitted.slice(0, inputs),
    targets: fitted.slice(inputs),
    ...(label !== undefined && { label: { column: label, kind: "ordinal", categories: sorted(classes) } }),
    missing: policy,
    unknown,
  });
}

/** Columns with the encodings that were asked for. */
function named(
  columns: string | readonly string[] | Readonly<Record<string, ColumnEncoding>>,
): [string, ColumnEncoding | undefined][] {
  if (typeof columns === "string") return [[columns, undefined]];
  if (Array.isArray(columns)) return columns.map((name) => [name, undefined]);
  return Object.entries(columns);
}
