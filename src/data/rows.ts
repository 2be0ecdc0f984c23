// Rows of a table, from whatever file they come: cells under named columns, with the place of each for messages.
import { DataError, OptionError } from "../core/errors.ts";
import { dataset } from "./dataset.ts";

/** A number, a text, or undefined where there is nothing. */
export type Cell = number | string | undefined;

/** The columns of a file. */
export interface Header {
  readonly columns: readonly string[];
  /** How the file's rows are counted in messages: by its lines, or by rows from 1. */
  readonly unit: "line" | "row";
}

/** One row of a table, with its header. */
export interface Row {
  readonly header: Header;
  /** One cell a column. */
  readonly cells: readonly Cell[];
  /** The line of the file on which it begins, from 1, or its number, from 1. */
  readonly place: number;
}

/** Rows in memory. */
export class Table {
  readonly header: Header;
  readonly rows: readonly Row[];

  /** Made by `readTable`. */
  constructor(rows: readonly Row[]) {
    if (!rows[0]) throw new DataError("table: got 0 rows, wanted 1 or more");
    this.header = rows[0].header;
    this.rows = rows;
  }

  get columns(): readonly string[] {
    return this.header.columns;
  }

  get length(): number {
    return this.rows.length;
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.rows[Symbol.iterator]();
  }

  /** The cells of one column. Throws `OptionError` for a column that is not there. */
  column(name: string): Cell[] {
    const at = columnAt("table", this.header, name);
    return this.rows.map(({ cells }) => cells[at]);
  }

  /** The rows for which `keep` is true. Throws `DataError` where none is. */
  filter(keep: (row: Readonly<Record<string, Cell>>, index: number) => boolean): Table {
    return new Table(this.rows.filter((row, i) => keep(recordOf(row), i)));
  }

  /**
   * Parts by name, each with its fraction of the rows; shuffled with `seed` (default 0) unless `shuffle` is false: the
   * order of `Dataset.split`. Throws what that throws.
   * @example
   * const { train, test } = table.split({ train: 0.8, test: 0.2 }, { seed: 1 });
   */
  split<Name extends string>(
    fractions: Readonly<Record<Name, number>>,
    options: { seed?: number; shuffle?: boolean } = {},
  ): Record<Name, Table> {
    const numbers = dataset({ inputs: Int32Array.from(this.rows, (_, i) => i) });
    const made = Object.entries(numbers.split(fractions as Record<string, number>, options)).map(
      ([name, part]) => {
        const rows = part.indices ?? part.inputs.values;
        return [name, new Table(Array.from(rows, (i) => this.rows[i]!))];
      },
    );
    return Object.fromEntries(made);
  }
}

/**
 * All rows of a file, held in memory.
 * @example
 * const table = await readTable(csvRows("age,wage\n35,5.1\n57,4.95\n"));
 * table.column("age"); // [35, 57]
 */
export async function readTable(rows: AsyncIterable<Row> | Iterable<Row>): Promise<Table> {
  const held: Row[] = [];
  for await (const row of rows) held.push(row);
  return new Table(held);
}

/** Where a column stands. */
export function columnAt(what: string, header: Header, name: string): number {
  const at = header.columns.indexOf(name);
  if (at < 0)
    throw new OptionError(
      `${what}: column: got ${JSON.stringify(name)}, wanted one of ${header.columns.map((each) => JSON.stringify(each)).join(", ")}`,
    );
  return at;
}

/** A row with its cells by name. */
function recordOf({ header, cells }: Row): Record<string, Cell> {
  return Object.fromEntries(header.columns.map((name, i) => [name, cells[i]]));
}
