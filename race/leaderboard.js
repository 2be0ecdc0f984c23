// The table at the end of a race: who was how often within a factor of the best, and the steps on each task.
import { partsOf } from "./columns.js";
import { tableOf } from "./summary.js";

/** @import { Summary } from "./summary.js" */

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
