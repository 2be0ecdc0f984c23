// What a runner prints of its results: a line for each runtime, what went wrong, the table of hashes, and how many
// checks passed. It ends the process.
import { commit, committed, readHashes, tableOf, writeHashes } from "./table.js";
import { hashesOf, judge, MODELS } from "./verdict.js";

const PARTS = ["threads", ...MODELS, "predict", "save, load", "gradients", "errors", "fast", "wide"];

/**
 * @typedef {object} Outcome
 * @property {string} name As in the table.
 * @property {string} [version]
 * @property {import("./verdict.js").Abilities} abilities
 * @property {any} [result] What the suite gave.
 * @property {string} [error] Why it gave nothing.
 * @property {{ part: string; what: string; good: boolean }[]} [checks] More than the suite's.
 */

/** Where all agree their hashes become those that are wanted, and their table the one that is committed. */
function renew(heading, outcomes, ownsHashes) {
  const found = outcomes.map(({ result }) => result && JSON.stringify(hashesOf(result)));
  const wanted = ownsHashes ? found[0] : JSON.stringify(readHashes());
  if (found.some((each) => each !== wanted)) return console.error("not renewed: the runtimes do not agree");
  const hashes = JSON.parse(wanted);
  const isWrong = ({ result, abilities }) =>
    judge(result, abilities, hashes).some(({ part, good }) => !good && MODELS.includes(part));
  if (outcomes.some(isWrong)) return console.error("not renewed: the numbers of threads do not agree");
  if (ownsHashes) writeHashes(hashes);
  commit(heading, tableOf(outcomes));
}

/**
 * Judges, prints, and sets the exit code.
 * @param {string} heading Of the table in HASHES.md.
 * @param {Outcome[]} outcomes
 * @param {{ renews: boolean, ownsHashes: boolean, partly: boolean }} options
 *   Whether to write what is committed, its hashes too; whether only some were asked for.
 */
export function report(heading, outcomes, { renews, ownsHashes, partly }) {
  if (renews && !partly) renew(heading, outcomes, ownsHashes);
  const hashes = readHashes();
  const failures = [];
  let passed = 0;
  for (const { name, version = "", abilities, result, error, checks: more = [] } of outcomes) {
    const checks = [...(result ? judge(result, abilities, hashes) : []), ...more];
    if (error !== undefined || !result) checks.push({ part: "run", what: error ?? "no result", good: false });
    const wrong = checks.filter(({ good }) => !good);
    passed += checks.length - wrong.length;
    failures.push(...wrong.map(({ part, what }) => `${name}: ${part}: ${what}`));
    const parts = new Set(checks.map(({ part }) => part));
    const marks = [
      ...PARTS.filter((part) => parts.has(part)),
      ...[...parts].filter((part) => !PARTS.includes(part)),
    ].map((part) => `${part} ${wrong.some((each) => each.part === part) ? "FAILED" : "ok"}`);
    console.log(`${name} (${version}): ${marks.join(" · ")}`);
  }
  const table = tableOf(outcomes);
  console.log(`\n${table}\n`);
  if (table === committed(heading)) passed++;
  else if (!partly)
    failures.push("HASHES.md has another table; where the change of bits is meant, renew it: -- --renew");
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
