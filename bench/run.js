// Runs one suite: all systems side by side, case by case and round by round, one process working at a time.

import { startChild } from "./child.js";
import { summarize } from "./statistics.js";

/**
 * @import { Case, Suite } from "./suites.js"
 * @import { Entry } from "./systems.js"
 * @typedef {{ rounds: number, budgetMs: number, node: string, python: string | undefined,
 *   log: (text: string) => void }} Settings
 * @typedef {Record<string, any>} Row a line of the table and of the JSON
 */

/**
 * @param {string} suiteName
 * @param {Suite} suite
 * @param {Entry[]} entries
 * @param {Settings} settings
 * @returns {Promise<Row[]>}
 */
export async function runSuite(suiteName, suite, entries, settings) {
  const mine = entries.filter(
    (entry) => (entry.suites?.includes(suiteName) ?? true) && (suite.takes?.(entry) ?? true),
  );
  const rows = suite.fresh
    ? await runFresh(suiteName, suite, mine, settings)
    : await runResident(suiteName, suite, mine, settings);
  return summarize(rows, suite);
}

/** Each system is loaded once, and then measured a little at a time in turn with the others. */
async function runResident(suiteName, suite, entries, settings) {
  const systems = [];
  for (const entry of entries) {
    const child = startChild(entry, settings);
    const facts = await child.ask({ do: "load" });
    if (facts.suites && !facts.suites.includes(suiteName)) child.stop();
    else systems.push({ entry, child, facts });
  }
  const rows = [];
  for (const c of suite.cases) {
    const measured = [];
    const wanted = await suite.wanted?.(c);
    for (const { entry, child, facts } of systems) {
      settings.log(`${suiteName}: ${c.name}: ${entry.name}: warming up`);
      const row = newRow(suiteName, c, entry, facts);
      rows.push(row);
      const truth = { wanted, tolerance: entry.tolerance };
      if (!refused(row, facts) && (await openCase(row, child, suite, c, truth)))
        measured.push({ row, child });
    }
    for (let round = 0; round < settings.rounds; round++) {
      settings.log(`${suiteName}: ${c.name}: round ${round + 1} of ${settings.rounds}`);
      for (const { row, child } of turned(measured, round)) {
        const answer = await child.ask({ do: "measure", budgetMs: settings.budgetMs });
        if (!refused(row, answer)) row.rounds.push(answer.samples);
      }
    }
    for (const { child } of measured) await child.ask({ do: "close" });
  }
  for (const { child } of systems) child.stop();
  return rows;
}

/** A new process for every sample: the suite that times loading itself. */
async function runFresh(suiteName, suite, entries, settings) {
  const rows = [];
  for (const c of suite.cases) {
    const measured = entries.map((entry) => ({ entry, row: newRow(suiteName, c, entry, {}) }));
    for (let round = 0; round < settings.rounds; round++) {
      settings.log(`${suiteName}: ${c.name}: round ${round + 1} of ${settings.rounds}`);
      for (const { entry, row } of turned(measured, round)) {
        if (row.skipped) continue;
        const child = startChild(entry, settings);
        const { samples, ...facts } = await child.ask({ do: "start", case: c });
        child.stop();
        if (refused(row, facts)) continue;
        Object.assign(row, facts);
        row.rounds.push(samples);
      }
    }
    rows.push(...measured.map(({ row }) => row));
  }
  return rows;
}

async function openCase(row, child, suite, c, truth) {
  const answer = await child.ask({
    do: "open",
    suite: row.suite,
    case: c,
    checkUnits: suite.checkUnits ?? 1,
  });
  if (refused(row, answer)) return false;
  const { first, last, done, note, flops, bytes } = answer;
  Object.assign(row, { ...(note && { note }), ...(flops && { flops }), ...(bytes && { bytes }) });
  if (last === undefined) return true; // a ceiling, which computes nothing
  row.check = { first, last, units: done };
  const wrong = suite.check?.(c, first ?? Number.NaN, last ?? Number.NaN, done, truth); // JSON makes null of NaN
  if (wrong) row.skipped = `wrong result: ${wrong}`;
  return !wrong;
}

const newRow = (suite, c, entry, { version, threads, instructionSet }) => ({
  suite,
  case: c.name,
  system: entry.name,
  version,
  threads,
  instructionSet,
  ...(c.flops && { flops: c.flops }),
  ...(c.bytes && { bytes: c.bytes }),
  reference: entry.reference ?? false,
  rounds: [],
});

/** Writes a refusal into the row, so that what is missing is seen in the table. */
function refused(row, answer) {
  const reason = answer.unable ?? (answer.failed && `failed: ${answer.failed}`);
  if (reason) row.skipped = reason;
  return Boolean(reason);
}

/** Each round begins with the next system, so that none always follows the same neighbour. */
const turned = (list, by) => list.map((_, i) => list[(i + by) % list.length]);
