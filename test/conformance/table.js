// The table of hashes, runtime × model × threads: printed by every run, and committed as HASHES.md, which a run that
// comes to another one does not pass.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { COLUMNS, MODELS } from "./verdict.js";

const path = fileURLToPath(new URL("../runtimes/HASHES.md", import.meta.url));
const hashesPath = fileURLToPath(new URL("../runtimes/hash.json", import.meta.url));

export const readHashes = () => JSON.parse(readFileSync(hashesPath, "utf8"));
export const writeHashes = (hashes) => writeFileSync(hashesPath, `${JSON.stringify(hashes, null, 2)}\n`);

const line = (cells, widths) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;

/** Hashes of the weights by runtime, as a table of Markdown; a runtime without threads has a dash. */
export function tableOf(results) {
  const header = ["", ...MODELS.flatMap((model) => COLUMNS.map((column) => `${model} ${column}`))];
  const rows = results.map(({ name, result }) => [
    name,
    ...MODELS.flatMap((model) =>
      COLUMNS.map((column) => {
        const found = result?.models[model].weights[column] ?? "failed";
        return /^[0-9a-f]{64}$/.test(found) ? found.slice(0, 8) : found === "EngineError" ? "–" : found;
      }),
    ),
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((cells) => cells[i].length)));
  return [
    line(header, widths),
    line(
      widths.map((width) => "-".repeat(width)),
      widths,
    ),
    ...rows.map((row) => line(row, widths)),
  ].join("\n");
}

/** Text before a heading and with it, what is below it, and what comes from the next heading on. */
function cut(heading) {
  const text = readFileSync(path, "utf8");
  const [, before, below, after] =
    new RegExp(`^([^]*^## ${heading}\n)([^#]*)(^## [^]*)?$`, "m").exec(text) ?? [];
  if (before === undefined) throw new Error(`HASHES.md: has no place for ${heading}`);
  return { before, below: below.trim(), after: after ?? "" };
}

/** The table that is committed under a heading. */
export const committed = (heading) => cut(heading).below;

/** Puts a table under its heading. */
export function commit(heading, table) {
  const { before, after } = cut(heading);
  writeFileSync(path, `${before}\n${table}\n${after && `\n${after}`}`);
}
