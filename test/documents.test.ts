// The programs of the README and of docs/, run word for word: the blocks of JavaScript of each, one after the other, as
// one program.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const documents = ["README.md", ...pages.map((name) => `docs/${name}`)];

/** Keeps every line of code on the line that it has in the document, so that an error names its place. */
function program(document: string): string {
  let inside = false;
  return readFileSync(join(root, document), "utf8")
    .split("\n")
    .map((line) => {
      if (/^\s*```/.test(line)) {
        inside = !inside && /^\s*```(js|javascript)\s*$/.test(line);
        return "";
      }
      return inside ? line : "";
    })
    .join("\n");
}

/** Runs a document's program; answers what it prints. */
function run(document: string): string {
  const code = program(document);
  expect(code).toContain('from "downhill"');
  // Inside the package it is found under its own name; what it saves goes elsewhere.
  const file = join(root, "build/test", `${document.replace("/", "-")}.mjs`);
  mkdirSync(join(root, "build/test"), { recursive: true });
  writeFileSync(file, `${code}\nconsole.log("ran to the end");\n`);
  const cwd = mkdtempSync(join(tmpdir(), "downhill-"));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
      cwd,
      encoding: "utf8",
      timeout: 50_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/ran to the end\n$/);
    return stdout;
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

test.each(documents)("every block of JavaScript runs: %s", { timeout: 60_000 }, (document) => {
  const stdout = run(document);
  if (document !== "README.md") return;
  // What its words promise, the program shows.
  const [accuracy] = stdout.split("\n");
  expect(Number(accuracy)).toBeGreaterThan(0.8);
});
