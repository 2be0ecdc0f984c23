// The table at the end of a race: who was how often within a factor of the best, and the steps on each task.
import { tableOf } from "./summary.js";

/** @import { Summary } from "./summary.js" */

/** Rank and name, which begin each part of the table, and the other columns that are not tasks. */
const [KEYS, TOTALS] = [2, 2];

/**
 * The columns of a table in parts that are no wider than a terminal, each with the first ones.
 * @param {string[][]} rows
 * @param {number} width
 * @returns {number[][]}
 */
export function partsOf(rows, width) {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 3);
  const room = widths.slice(0, KEYS).reduce((left, each) => left - each, width - 1);
  const keys = Array.from({ length: KEYS }, (_, key) => key);
  /** @type {number[][]} */
  const parts = [];
  let left = 0;
  for (const [column, own] of [...widths.entries()].slice(KEYS)) {
    if (parts.length === 0 || (column >= KEYS + TOTALS && own > left)) {
      parts.push([...keys]);
      left = room;
    }
    parts.at(-1)?.push(column);
    left -= own;
  }
  return parts;
}

export async function leaderboard(
  /** @type {Summary} */ summary,
  width = process.stdout.columns ?? Infinity,
) {
  const { default: Table } = await import("cli-table3"); // here, because it may have been installed only just now
  const { head, lines } = tableOf(summary);
  const tables = partsOf([head, ...lines], width).map((columns) => {
    const pick = (/** @type {string[]} */ row) => columns.map((column) => row[column] ?? "");
    const table = new Table({
      head: pick(head),
      colAligns: columns.map((column) => (column === 1 ? "left" : "right")),
      style: { head: [], border: [], compact: true },
    });
    table.push(...lines.map(pick));
    return `${table}`;
  });
  const about =
    "Steps to the target, medians over the seeds. Area: of the performance profile, 1 is best at everything.";
  return [...tables, about].join("\n");
}
