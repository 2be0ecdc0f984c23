// What `compress` has tried and measured: as rows, as a table in text, as a chart in SVG.
import type { Predictor } from "./recipes.ts";

/** One model that was tried. */
export interface CompressionRow {
  readonly name: string;
  /** What was done, in order. */
  readonly steps: readonly string[];
  /** Bytes of the file of weights. */
  readonly bytes: number;
  /** Milliseconds for one example, the least of some. */
  readonly latency: number;
  /** What `score` gives for the validation data, by default the accuracy. */
  readonly score: number;
  /** What the target asks for and this is not; empty where it meets the target. */
  readonly missed: readonly Missed[];
  /** Why it could not be made; then there is no model, and nothing was measured. */
  readonly failure: string | undefined;
  readonly model: Predictor | undefined;
}

/** A part of the target that is not met. */
export interface Missed {
  readonly what: "size" | "latency" | "accuracyDrop";
  readonly got: number;
  readonly wanted: number;
}

const cells = ({ name, bytes, latency, score, missed, failure }: CompressionRow): string[] =>
  failure === undefined
    ? [
        name,
        String(bytes),
        latency.toFixed(3),
        score.toFixed(4),
        missed.map(({ what }) => what).join(", ") || "met",
      ]
    : [name, "", "", "", failure];

/** Columns of text, the numbers at the right; the score's says how many examples have chosen. */
export function tableOf(rows: readonly CompressionRow[], examples: number): string {
  const header = ["model", "bytes", "ms", `score of ${examples} examples`, "target"];
  const all = [header, ...rows.map(cells)];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column >= 1 && column <= 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const escaped = (text: string) => text.replace(/[<>&"]/g, (each) => `&#${each.charCodeAt(0)};`);

/** Three bars a row: size, latency and score, each against the largest of its kind; what meets the target is dark. */
export function chartOf(rows: readonly CompressionRow[]): string {
  const made = rows.filter(({ failure }) => failure === undefined);
  const columns = [
    ["bytes", (row: CompressionRow) => row.bytes, String],
    ["ms", (row: CompressionRow) => row.latency, (value: number) => value.toFixed(3)],
    ["score", (row: CompressionRow) => row.score, (value: number) => value.toFixed(4)],
  ] as const;
  const [left, width, line] = [250, 150, 24];
  const text = (x: number, y: number, words: string) => `<text x="${x}" y="${y}">${escaped(words)}</text>`;
  const parts = columns.flatMap(([title, of, show], column) => {
    const x = left + column * (width + 20);
    const most = Math.max(...made.map((row) => Math.abs(of(row))), Number.MIN_VALUE);
    const bars = made.flatMap((row, at) => {
      const y = (at + 1) * line;
      const size = ((Math.abs(of(row)) / most) * width).toFixed(1);
      const fill = row.missed.length === 0 ? "#4a8f6d" : "#c3cbd1";
      return [
        `<rect x="${x}" y="${y + 4}" width="${size}" height="16" fill="${fill}"/>`,
        text(x + 4, y + 16, show(of(row))),
      ];
    });
    return [text(x, 16, title), ...bars];
  });
  const names = made.map(({ name }, at) => text(0, (at + 1) * line + 16, name));
  const [w, h] = [left + 3 * (width + 20), (made.length + 1) * line + 4];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" font-family="sans-serif" font-size="12" fill="#1c2126">${names.join("")}${parts.join("")}</svg>\n`;
}
