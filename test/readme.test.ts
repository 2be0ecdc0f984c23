// The programs of the README, run word for word: its blocks of JavaScript one after the other, as one program.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const lines = readFileSync(join(root, "README.md"), "utf8").split("\n");

/** Keeps every line of code on the line that it has in the README, so that an error names its place. */
function program(): string {
  let inside = false;
  return lines
    .map((line) => {
      if (/^\s*```/.test(line)) {
        inside = !inside && /^\s*```(js|javascript)\s*$/.test(line);
        return "";
      }
      return inside ? line : "";
    })
    .join("\n");
}

test("every block of JavaScript runs", { timeout: 60_000 }, () => {
  const code = program();
  expect(code).toContain('from "downhill"');
  // Inside the package it is found under its own name; what it saves goes elsewhere.
  const file = join(root, "build/test/README.mjs");
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
    // What its words promise, the program shows.
    const [accuracy] = stdout.split("\n");
    expect(Number(accuracy)).toBeGreaterThan(0.8);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
