// The README's quick start: what it shows of each surrounding is, word for word, what was tried.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { consumers } from "./consumers.js";

const folder = fileURLToPath(new URL("consumers/", import.meta.url));
const SECTION = /^## Quick start per runtime$([\s\S]*?)^## /m;
const BLOCK = /^```(\w+)\n([\s\S]*?)^```$/gm;

/** The commands of the table, without what only a test needs. */
const commands = new Set(
  consumers.flatMap(({ run, build = [], serving }) => [
    ...build,
    ...(run ? [run] : []),
    ...(serving ? [serving] : []),
  ]),
);

/** Answers pairs of what was checked and, where it failed, why. */
export async function checkReadme() {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const blocks = [...(SECTION.exec(readme)?.[1] ?? "").matchAll(BLOCK)];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
  const untried = blocks.flatMap(([, language, text]) => {
    if (language !== "sh") return files.includes(text) ? [] : [text.split("\n")[0]];
    const lines = text.split("\n").map((line) => line.replace(/\s+#.*$/, ""));
    return lines.filter((line) => line !== "" && !line.startsWith("npm install ") && !commands.has(line));
  });
  return [
    [
      "the quick start is there",
      blocks.length > 8 ? undefined : `got ${blocks.length} blocks, wanted more than 8`,
    ],
    [
      "every block of the quick start is tried",
      untried.length > 0 ? `not tried: ${untried.join("; ")}` : undefined,
    ],
  ];
}
