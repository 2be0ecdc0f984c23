// Your own CSV: its columns, and the data that they become. What scaling needs is learned from the training rows alone.
import { csvRows, fitEncoder, readTable, type Table } from "downhill/tables";
import type { TrainingData } from "./training-data.ts";

export interface OwnTable {
  readonly name: string;
  readonly table: Table;
  /** Columns with numbers alone: those that can be predicted as numbers. */
  readonly numeric: readonly string[];
}

/** Reads a file, or the text of one. @throws DataError, FormatError with the line. */
export async function readOwnTable(name: string, source: Blob | string): Promise<OwnTable> {
  // A string without a line break would be taken for an address.
  const table = await readTable(csvRows(typeof source === "string" ? `${source}\n` : source));
  const numeric = table.columns.filter((column) =>
    table.column(column).every((cell) => cell === undefined || typeof cell === "number"),
  );
  return { name, table, numeric };
}

export interface OwnTableOptions {
  /** The column to predict. */
  readonly answer: string;
  readonly task: "classes" | "numbers";
  readonly seed: number;
}

/** One row in five is kept apart; rows with missing cells are left out. Throws what fitEncoder does. */
export async function ownTableData(
  { table }: OwnTable,
  { answer, task, seed }: OwnTableOptions,
): Promise<TrainingData> {
  const { train: known, validation: held } = table.split({ train: 0.8, validation: 0.2 }, { seed });
  const encoder = await fitEncoder(known, {
    scaling: "standardize",
    missing: "drop",
    unknown: "zeros",
    ...(task === "classes" ? { label: answer } : { target: { [answer]: "standardize" } }),
  });
  const [first, second, third] = encoder.names;
  const train = encoder.dataset(known);
  return {
    train,
    validation: encoder.dataset(held),
    task,
    names: task === "classes" ? (encoder.classes ?? []) : [answer],
    ...(task === "classes" && second !== undefined && third === undefined ? { axes: [first!, second] } : {}),
  };
}
