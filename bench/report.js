// Figures to words: the printed table, the JSON, and the generated parts of RESULTS.md.

import { readFile, writeFile } from "node:fs/promises";

/**
 * @import { Suite } from "./suites.js"
 * @import { Row } from "./run.js"
 */

const digits = (/** @type {number} */ x) => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3));

/** Heading and lines of one suite; the case is named only where it changes. */
function tableOf(/** @type {Row[]} */ rows, /** @type {Suite} */ suite) {
  const references = [...new Set(rows.flatMap((row) => Object.keys(row.ratios ?? {})))];
  const rate = rows.some((row) => row.gigaflops)
    ? { heading: "GFLOP/s", of: (row) => row.gigaflops }
    : { heading: "GB/s", of: (row) => row.gigabytesPerSecond };
  const hasRate = rows.some((row) => rate.of(row));
  const ratioHeading = suite.compare === "rate" ? "rate over" : "time over";
  const head = [
    ...["case", "system", "threads", "instructions", "median ms", "min ms"],
    ...(hasRate ? [rate.heading] : []),
    ...references.map((name) => `${ratioHeading} ${name}`),
    "remark",
  ];
  const lines = rows.map((row, i) => [
    row.case === rows[i - 1]?.case ? "" : row.case,
    [row.system, row.version].filter(Boolean).join(" "),
    String(row.threads ?? ""),
    row.instructionSet ?? "",
    ...[row.medianMs, row.minMs, ...(hasRate ? [rate.of(row)] : [])].map((x) => (x ? digits(x) : "–")),
    ...references.map((name) => (row.ratios?.[name] ? digits(row.ratios[name]) : "–")),
    remarkOf(row),
  ]);
  return { head, lines };
}

function remarkOf(/** @type {Row} */ row) {
  const { first, last, units } = row.check ?? {};
  const loss =
    ["steps", "epoch"].includes(row.suite) &&
    row.check &&
    `loss ${digits(first)} → ${digits(last)} in ${units} ${row.suite === "steps" ? "steps" : "epochs"}`;
  return [row.skipped && `left out: ${row.skipped}`, loss, row.note].filter(Boolean).join("; ");
}

export async function printTable(/** @type {Row[]} */ rows, /** @type {Suite} */ suite) {
  const { default: Table } = await import("cli-table3"); // here, because it may have been installed only just now
  const { head, lines } = tableOf(rows, suite);
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...lines);
  console.log([`\n${suite.title}`, table.toString(), ...((await suite.facts?.()) ?? [])].join("\n"));
}

/** The figures as they are, each with the machine they come from. */
export async function writeJson(/** @type {string} */ file, /** @type {Row[]} */ rows, machine) {
  await writeFile(
    file,
    `${JSON.stringify(
      rows.map((row) => ({ ...row, machine })),
      undefined,
      2,
    )}\n`,
  );
}

/** Replaces the suite's part of RESULTS.md, between its two marks; all other text stays as it was written. */
export async function updateResults(/** @type {URL} */ file, suiteName, suite, rows, machine) {
  const [begin, end] = [`<!-- ${suiteName}: generated -->`, `<!-- ${suiteName}: end -->`];
  const text = await readFile(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`RESULTS.md: marks missing: wanted ${begin} … ${end}`);
  const { head, lines } = tableOf(rows, suite);
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const { cpu, cores, memoryGiB, load, node, date } = machine;
  const part = [
    begin,
    `${suite.title}. ${date}, Node ${node.slice(1)}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, load ${load} at the start.`,
    "",
    line(head),
    line(head.map(() => "---")),
    ...lines.map(line),
    ...((await suite.facts?.()) ?? []).flatMap((fact) => ["", fact]),
    "",
  ].join("\n");
  await writeFile(file, text.slice(0, from) + part + text.slice(to));
}
