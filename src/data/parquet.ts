// Parquet files as rows, one group of rows at a time, by the npm package hyparquet.

import { DataError, FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { fileSystem } from "../formats/file.ts";
import { type Cell, columnAt, type Header, type Row } from "./rows.ts";

/** Bytes; a path, or an address that begins with http: or https:; or what gives slices of a file. */
export type ParquetSource =
  | Uint8Array
  | ArrayBuffer
  | string
  | URL
  | {
      readonly byteLength: number;
      slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
    };

/** Options of {@link parquetRows}. */
export interface ParquetOptions {
  /** Columns to read; the bytes of others are not fetched. Default: all. */
  readonly columns?: readonly string[];
  /** Decompressors beside Snappy: `compressors` of the npm package hyparquet-compressors. */
  readonly compressors?: Readonly<Record<string, (input: Uint8Array, outputLength: number) => Uint8Array>>;
}

/**
 * The rows of a Parquet file, read anew each time they are walked; one group of rows is held at a time. Booleans become
 * 0 and 1, dates milliseconds since 1970, 64-bit integers the nearest numbers.
 * Throws `DataError` where hyparquet is missing or a cell is a list or a record, `OptionError` for a column that is not
 * there, `FormatError` for a file that cannot be read.
 * @example
 * const table = await readTable(parquetRows("wages.parquet", { columns: ["age", "wage"] }));
 */
export function parquetRows(source: ParquetSource, options: ParquetOptions = {}): AsyncIterable<Row> {
  checkOptions("parquetRows", options, { columns: 0, compressors: 0 });
  return {
    async *[Symbol.asyncIterator]() {
      const library = await hyparquet();
      const unreadable = (cause: unknown): never => {
        throw new FormatError(`parquet: got a file that cannot be read: ${String(cause)}`, { cause });
      };
      const file = await opened(source).catch(unreadable);
      const { metadata, all } = await library
        .parquetMetadataAsync(file)
        .then((read) => ({
          metadata: read,
          all: library.parquetSchema(read).children.map(({ element }) => element.name),
        }))
        .catch(unreadable);
      const columns = options.columns ?? all;
      const header: Header = { columns, unit: "row" };
      for (const name of columns) columnAt("parquet", { columns: all, unit: "row" }, name);
      let place = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = place + Number(group.num_rows);
        const objects = await library
          .parquetReadObjects({
            file,
            metadata,
            columns: [...columns],
            rowStart: place,
            rowEnd,
            ...(options.compressors && { compressors: options.compressors }),
          })
          .catch(unreadable);
        for (const object of objects) {
          place++;
          yield { header, cells: columns.map((name) => cellOf(object[name], name, place)), place };
        }
      }
    },
  };
}

function cellOf(value: unknown, name: string, row: number): Cell {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return value;
  if (value instanceof Date || ["number", "bigint", "boolean"].includes(typeof value)) {
    const number = Number(value);
    return Number.isNaN(number) ? undefined : number;
  }
  throw new DataError(
    `parquet: row ${row}, column ${JSON.stringify(name)}: got a ${Array.isArray(value) ? "list" : "record"}, wanted a number or text`,
  );
}

async function hyparquet(): Promise<typeof import("hyparquet")> {
  try {
    return await import("hyparquet");
  } catch (cause) {
    throw new DataError(
      "parquet: npm package hyparquet: got none, wanted it installed: npm install hyparquet",
      { cause },
    );
  }
}

async function opened(source: ParquetSource): Promise<Exclude<ParquetSource, string | URL | Uint8Array>> {
  if (source instanceof Uint8Array)
    return source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength) as ArrayBuffer;
  if (typeof source !== "string" && !(source instanceof URL)) {
    if (typeof source?.slice === "function") return source;
    throw new OptionError("parquet: source: got something else, wanted bytes, a path or an address");
  }
  const library = await hyparquet();
  if (/^https?:/.test(String(source))) return library.asyncBufferFromUrl({ url: String(source) });
  // The package has its reader of files for Node alone.
  const files = await fileSystem("parquet");
  const file = await files.open(source);
  const { size } = await file.stat().finally(() => file.close());
  return {
    byteLength: size,
    async slice(start: number, end = size) {
      const handle = await files.open(source);
      try {
        const bytes = new Uint8Array(end - start);
        await handle.read(bytes, 0, bytes.length, start);
        return bytes.buffer;
      } finally {
        await handle.close();
      }
    },
  };
}
