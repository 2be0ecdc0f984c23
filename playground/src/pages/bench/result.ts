// What a measurement in this browser came to: its numbers, as text, and as JSON.
import type { Method } from "./methods.ts";

export type CaseKind = "ceiling" | "product" | "step";

/** What was timed again and again. */
export interface BenchRow {
  readonly kind: CaseKind;
  readonly name: string;
  readonly threads: number;
  /** Milliseconds of one unit of work. */
  readonly median: number;
  readonly fastest: number;
  readonly samples: number;
  /** Units in a sample. */
  readonly units: number;
  /** 10⁹ operations a second at the median. */
  readonly gigaflops?: number;
  /** The median over the rounds of the rate as a share of the ceiling's, in the same round. */
  readonly share?: number;
  /** A result was not as it should be: then its time says nothing. */
  readonly wrong?: string;
}

export interface Surroundings {
  readonly browser: string;
  readonly machine: string;
  readonly cores: number;
  readonly isolated: boolean;
  readonly instructionSet: string;
  readonly threads: number;
  /** The least difference that the clock shows, in milliseconds. */
  readonly clock: number;
}

export interface BenchResult {
  readonly surroundings: Surroundings;
  readonly date: string;
  readonly method: Method;
  readonly rows: readonly BenchRow[];
}

/** Of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 0.001 ? value.toPrecision(3) : value.toExponential(1);

/** What stands in the cells of a row, where there is anything to say. */
export const cellsOf = ({ name, threads, median, fastest, gigaflops, share, wrong }: BenchRow): string[] => [
  name,
  String(threads),
  wrong ?? digits(median),
  wrong ? "" : digits(fastest),
  gigaflops === undefined ? "" : digits(gigaflops),
  share === undefined ? "" : share.toFixed(2),
];

/** A table of plain text, for a message or an issue. The head is in the reader's language, the rest is numbers. */
export function textOf(result: BenchResult, head: readonly string[], facts: readonly string[]): string {
  const lines = [head, ...result.rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return [...facts, "", ...table, ""].join("\n");
}
