// The table at the end of a race: who was how often within a factor of the best, and the steps on each task.
import { tableOf } from "./summary.js";

/** @import { Summary } from "./summary.js" */

export async function leaderboard(/** @type {Summary} */ summary) {
  const { default: Table } = await import("cli-table3"); // here, because it may have been installed only just now
  const { head, lines } = tableOf(summary);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...lines);
  return `${table}\nSteps to the target, medians over the seeds. Area: of the performance profile, 1 is best at everything.`;
}
