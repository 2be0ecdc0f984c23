// Runs a file of examples/ as its reader does, on a few examples, and reads what it printed.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What `node examples/<name>.js …options` printed; an exit code other than 0 is an error that tells why. */
export async function runExample(name: string, ...options: readonly (string | number)[]): Promise<string> {
  const file = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  // A directory of its own: what it saves does not stay.
  const cwd = mkdtempSync(join(tmpdir(), "downhill-example-"));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file, ...options.map(String)], { cwd });
    return stdout;
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

/** The first number behind each place where `label` stands in the text; NaN where no finite number follows. */
export function numbersAfter(text: string, label: string): number[] {
  return text
    .split(label)
    .slice(1)
    .map((rest) => Number.parseFloat(rest.trimStart()));
}

/** The cells of a row of a table, by the columns' names; the row's begins with a name. */
export function rowOf(printed: string, name: string): Record<string, string> {
  const cells = (line: string) =>
    line
      .split("│")
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^'|'$/g, ""));
  const lines = printed
    .split("\n")
    .filter((line) => line.startsWith("│"))
    .map(cells);
  const header = lines.find(([first]) => first === "(index)")!;
  const row = lines.find(([first]) => first!.startsWith(name));
  if (!row) throw new Error(`no row of a table begins with ${name}:\n${printed}`);
  return Object.fromEntries(header.map((column, index) => [column, row[index]!]));
}
