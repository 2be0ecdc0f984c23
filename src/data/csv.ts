// CSV files as rows, read piece by piece by the npm package papaparse: one file is never held as a whole.

import { DataError, FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type FileSource, textOf } from "./chunks.ts";
import type { Cell, Header, Row } from "./rows.ts";

/** Options of {@link csvRows}. */
export interface CsvOptions {
  /** What stands between two cells. Default: ",". */
  readonly delimiter?: string;
  /** The names of the columns, for a file whose first line has none. Default: those of the first line. */
  readonly columns?: readonly string[];
  /**
   * "number": every cell must be one. "category": text even where it looks like a number. A column without a type has
   * numbers where cells are written as such (not with leading zeros) and texts where not.
   */
  readonly types?: Readonly<Record<string, "number" | "category">>;
  /** Cells that say that there is nothing. Default: "", "NA", "N/A", "NaN", "null". */
  readonly missing?: readonly string[];
  /** As `TextDecoder` names it. Default: "utf-8". */
  readonly encoding?: string;
}

/** A number as files write it; none with a leading zero, which is rather a code. */
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
/** A quote that never closes would otherwise gather the rest of the file. */
const LONGEST = 1 << 24;

/** The part of papaparse that is used: the parser below its streams, which are Node's or the page's alone. */
interface Library {
  readonly Parser: new (options: {
    delimiter: string;
    newline: string;
  }) => {
    parse(
      text: string,
      from: number,
      ignoreLastRow: boolean,
    ): {
      data: string[][];
      errors: { row: number; message: string }[];
      meta: { cursor: number };
    };
  };
}

/**
 * The rows of a CSV file (RFC 4180; lines may end in \n, \r\n or \r), read anew each time they are walked. White space
 * around cells is dropped, empty lines are skipped.
 * Throws `DataError` where papaparse is missing, the file cannot be opened, or a cell is no number and must be one;
 * `FormatError` for lines with another number of cells and for stray quotes; each with the line and the column.
 * @example
 * for await (const { cells } of csvRows("age,wage\n35,5.1\n57,4.95\n")) console.log(cells);
 */
export function csvRows(source: FileSource, options: CsvOptions = {}): AsyncIterable<Row> {
  const { delimiter = ",", missing = ["", "NA", "N/A", "NaN", "null"] } = checkOptions("csvRows", options, {
    delimiter: 0,
    columns: 0,
    types: 0,
    missing: 0,
    encoding: 0,
  });
  if (typeof delimiter !== "string" || delimiter.length !== 1 || /["\r\n\ufeff]/.test(delimiter))
    throw new OptionError(
      `csv: delimiter: got ${JSON.stringify(delimiter)}, wanted one character, no quote and no line break`,
    );
  const nothing = new Set(missing);
  return {
    async *[Symbol.asyncIterator]() {
      let header: Header | undefined;
      let types: ("number" | "category" | undefined)[] = [];
      const named = (columns: readonly string[]): void => {
        header = headerOf(columns);
        types = columns.map((name) => options.types?.[name]);
        for (const name of Object.keys(options.types ?? {}))
          if (!columns.includes(name))
            throw new OptionError(
              `csv: types: got ${JSON.stringify(name)}, wanted one of the columns ${columns.join(", ")}`,
            );
      };
      if (options.columns) named(options.columns);
      const rowOf = ({ line, texts }: Line, of: Header): Row => {
        const { columns } = of;
        if (texts.length !== columns.length)
          throw new FormatError(`csv: line ${line}: got ${texts.length} cells, wanted ${columns.length}`);
        const cells = texts.map((raw, i): Cell => {
          const text = raw.trim();
          if (nothing.has(text)) return undefined;
          const type = types[i];
          if (type !== "category" && NUMBER.test(text)) return Number(text);
          if (type !== "number") return text;
          const number = text === "" ? Number.NaN : Number(text);
          if (Number.isFinite(number)) return number;
          throw new DataError(
            `csv: line ${line}, column ${JSON.stringify(columns[i])}: got ${JSON.stringify(text)}, wanted a number`,
          );
        });
        return { header: of, cells, place: line };
      };
      for await (const lines of records(source, delimiter, options.encoding ?? "utf-8")) {
        for (const each of lines) {
          if (header) yield rowOf(each, header);
          else named(each.texts.map((text) => text.trim()));
        }
      }
    },
  };
}

/** The cells of a line that is not empty, with its number. */
interface Line {
  readonly line: number;
  readonly texts: readonly string[];
}

/** The lines of every piece of a file; one by one, each would wait for a turn of its own: 5.0 µs a row, not 3.4. */
async function* records(
  source: FileSource,
  delimiter: string,
  encoding: string,
): AsyncGenerator<Iterable<Line>, void, undefined> {
  const { Parser } = await library();
  const parser = new Parser({ delimiter, newline: "\n" });
  let line = 1;
  let rest = "";
  const parsed = function* (last: boolean): Generator<Line, void, undefined> {
    const { data, errors, meta } = parser.parse(rest, 0, !last);
    // That of a line that is not yet complete points behind the others; it may come right with the next piece.
    const wrong = errors[0];
    for (const [i, texts] of data.entries()) {
      if (i === wrong?.row)
        throw new FormatError(`csv: line ${line}: got a quote out of place: ${wrong.message}`);
      if (texts.length > 1 || texts[0] !== "") yield { line, texts };
      line++;
      for (const text of texts) for (let at = -1; (at = text.indexOf("\n", at + 1)) >= 0; ) line++;
    }
    rest = rest.slice(meta.cursor);
    if (rest.length > LONGEST)
      throw new FormatError(
        `csv: line ${line}: got more than ${LONGEST} characters, wanted a quote that closes`,
      );
  };
  let held = "";
  let first = true;
  for await (const piece of textOf("csv", source, encoding)) {
    let text = held + piece;
    if (first && text !== "") {
      first = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    // A \r at the end may be half of a line's end.
    held = text.endsWith("\r") ? "\r" : "";
    rest += text.slice(0, text.length - held.length).replace(/\r\n?/g, "\n");
    if (rest !== "") yield parsed(false);
  }
  if (held !== "") rest += "\n";
  if (rest !== "") yield parsed(true);
}

function headerOf(columns: readonly string[]): Header {
  const twice = columns.find((name, i) => columns.indexOf(name) < i);
  if (twice !== undefined)
    throw new FormatError(`csv: line 1: got column ${JSON.stringify(twice)} twice, wanted names that differ`);
  return { columns, unit: "line" };
}

async function library(): Promise<Library> {
  try {
    const found = (await import("papaparse")) as unknown as { default: Library };
    return found.default;
  } catch (cause) {
    throw new DataError("csv: npm package papaparse: got none, wanted it installed: npm install papaparse", {
      cause,
    });
  }
}
