// The table at the end of a race: who was how often within a factor of the best, and the steps on each task.

/** @import { Summary } from "./summary.js" */

/** Heading and lines. */
export function tableOf(/** @type {Summary} */ { tasks, entries, profile }) {
  const head = ["", "optimizer", "area", "solved", ...tasks.map(({ name }) => name)];
  const lines = profile.map(({ name, area, solved }, i) => [
    String(i + 1),
    name,
    area.toFixed(2),
    `${solved}/${tasks.length}`,
    ...tasks.map((task) => {
      const steps = entries.find((each) => each.task === task.name && each.optimizer === name)?.steps;
      return steps === null || steps === undefined ? "–" : String(steps);
    }),
  ]);
  return { head, lines };
}

export async function leaderboard(/** @type {Summary} */ summary) {
  const { default: Table } = await import("cli-table3"); // here, because it may have been installed only just now
  const { head, lines } = tableOf(summary);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...lines);
  return `${table}\nSteps to the target, medians over the seeds. Area: of the performance profile, 1 is best at everything.`;
}
