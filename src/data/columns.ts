// How the cells of one column become numbers: what was learned of it from the training rows, and what is done with it.
import { DataError, OptionError } from "../core/errors.ts";
import type { Cell, Row } from "./rows.ts";

/**
 * "number" leaves a number as it is; "standardize" gives mean 0 and standard deviation 1 (that of the rows, divided by n);
 * "minMax" gives 0 to 1; "oneHot" a 0 or 1 for every category, in the order of their code units or the order given;
 * "ordinal" the place of a category in the order given, from 0.
 */
export type ColumnEncoding =
  | NumberEncoding
  | "oneHot"
  | { oneHot: readonly string[] }
  | { ordinal: readonly string[] };
/** What becomes of numbers: left as they are, brought to mean 0 and deviation 1, or to 0 … 1. */
export type NumberEncoding = "number" | "standardize" | "minMax";

/** What is known of a column: plain data. */
export type FittedColumn =
  | {
      readonly column: string;
      readonly kind: "number";
      /** A model sees (x − offset) · scale. */
      readonly offset: number;
      readonly scale: number;
      /** The mean: what stands for a missing cell, if such are filled. */
      readonly mean: number;
    }
  | { readonly column: string; readonly kind: "oneHot" | "ordinal"; readonly categories: readonly string[] };

/** More are an identifier, hardly a category. */
const MOST = 1000;

/** Where a cell stands, for messages. */
export function placeOf(row: Row, column: string): string {
  return `${row.header.unit} ${row.place}, column ${JSON.stringify(column)}`;
}

/** The number in a cell. Throws `DataError` for text that is none. */
export function numberIn(cell: Exclude<Cell, undefined>, where: () => string): number {
  const number = typeof cell === "string" && cell.trim() === "" ? Number.NaN : Number(cell);
  if (!Number.isFinite(Math.fround(number)))
    throw new DataError(`${where()}: got ${JSON.stringify(cell)}, wanted a finite 32-bit number`);
  return number;
}

/** Learns one column, cell by cell; mean and variance by Welford 1962. */
export class ColumnFit {
  readonly column: string;
  readonly encoding: ColumnEncoding | undefined;
  readonly #fallback: NumberEncoding;
  #count = 0;
  #mean = 0;
  #squares = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #text = false;
  readonly #categories = new Set<string>();

  /** Without an encoding it is `fallback` for numbers and "oneHot" where a cell is text. */
  constructor(column: string, encoding: ColumnEncoding | undefined, fallback: NumberEncoding) {
    this.column = column;
    this.encoding = encoding;
    this.#fallback = fallback;
    const known = ["number", "standardize", "minMax", "oneHot"];
    const lists = typeof encoding === "object" && Object.values(encoding);
    if (encoding !== undefined && (lists ? !Array.isArray(lists[0]) : !known.includes(encoding as string)))
      throw new OptionError(
        `encoder: ${column}: got ${JSON.stringify(encoding)}, wanted ${known.join(", ")}, { oneHot } or { ordinal }`,
      );
  }

  add(cell: Exclude<Cell, undefined>, row: Row): void {
    const { encoding } = this;
    if (typeof encoding === "object") return;
    if (encoding === "oneHot" || encoding === undefined) {
      if (typeof cell === "string") this.#text = true;
      if (this.#categories.size <= MOST) this.#categories.add(String(cell));
      if (this.#text || encoding === "oneHot") {
        if (this.#categories.size > MOST)
          throw new DataError(
            `encoder: ${placeOf(row, this.column)}: got more than ${MOST} categories, wanted fewer, or numbers`,
          );
        return;
      }
    }
    const x = numberIn(cell, () => `encoder: ${placeOf(row, this.column)}`);
    this.#count++;
    const off = x - this.#mean;
    this.#mean += off / this.#count;
    this.#squares += off * (x - this.#mean);
    this.#least = Math.min(this.#least, x);
    this.#most = Math.max(this.#most, x);
  }

  done(): FittedColumn {
    const { column } = this;
    let { encoding } = this;
    if (typeof encoding === "object")
      return "oneHot" in encoding
        ? { column, kind: "oneHot", categories: [...encoding.oneHot] }
        : { column, kind: "ordinal", categories: [...encoding.ordinal] };
    encoding ??= this.#text ? "oneHot" : this.#fallback;
    if (encoding === "oneHot") return { column, kind: "oneHot", categories: sorted(this.#categories) };
    if (this.#count === 0)
      throw new DataError(`encoder: column ${JSON.stringify(column)}: got no number, wanted 1 or more`);
    const spread =
      encoding === "standardize" ? Math.sqrt(this.#squares / this.#count) : this.#most - this.#least;
    const plain = encoding === "number";
    return {
      column,
      kind: "number",
      offset: plain ? 0 : encoding === "standardize" ? this.#mean : this.#least,
      // A column that is always the same has no spread, and becomes 0.
      scale: plain || spread === 0 ? 1 : 1 / spread,
      mean: this.#mean,
    };
  }
}

/** Categories in an order that does not hang on that of the rows: numbers by size, then texts by code units. */
export function sorted(categories: Iterable<string>): string[] {
  return [...categories].sort((a, b) => {
    const [m, n] = [Number(a), Number(b)];
    if (!Number.isNaN(m) && !Number.isNaN(n) && m !== n) return m - n;
    if (Number.isNaN(m) !== Number.isNaN(n)) return Number.isNaN(m) ? 1 : -1;
    return a < b ? -1 : 1;
  });
}

/** How many numbers a column becomes. */
export function widthOf(fitted: FittedColumn): number {
  return fitted.kind === "oneHot" ? fitted.categories.length : 1;
}
