// The programs of the READMEs and of docs/, run word for word: the blocks of JavaScript of each, one after the other, as
// one program.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const documents = ["README.md", "README.zh-CN.md", ...pages.map((name) => `docs/${name}`)];

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
  if (!document.startsWith("README")) return;
  // What its words promise, the program shows.
  const [accuracy] = stdout.split("\n");
  expect(Number(accuracy)).toBeGreaterThan(0.8);
});

describe("the README in English and in Chinese", () => {
  const texts = ["README.md", "README.zh-CN.md"].map((name) => readFileSync(join(root, name), "utf8"));
  const fence = /^```[\s\S]*?^```$/gm;
  const both = <T>(of: (text: string) => T) => texts.map(of) as [T, T];
  /** Digits in words such as f32 and of sizes such as 16-32 are no numbers. */
  const numbersIn = (text: string) => text.match(/(?<![\w.-])[−-]?\d+(?:[.,]\d+)*/g) ?? [];
  const parts = (text: string) => text.replace(fence, "").split(/^#+ /m);

  test("link to each other", () => {
    expect(texts[0]).toContain("(README.zh-CN.md)");
    expect(texts[1]).toContain("(README.md)");
  });
  test("have the same programs", () => {
    const [english, chinese] = both((text) => text.match(fence) ?? []);
    expect(english.length).toBeGreaterThan(20);
    expect(chinese).toEqual(english);
  });
  test("have the same tables: as many rows and columns, the same code, links and numbers in each cell", () => {
    const [english, chinese] = both((text) =>
      text
        .replace(fence, "")
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.split("|").map((cell) => cell.match(/`[^`]*`|\]\([^)]*\)/g) ?? [])),
    );
    expect(chinese).toEqual(english);
    const cells = (text: string) =>
      (text.replace(fence, "").match(/^\|.*$/gm) ?? []).map((row) =>
        row.split("|").map((cell) => numbersIn(cell.replace(/`[^`]*`/g, "")).sort()),
      );
    expect(cells(texts[1]!)).toEqual(cells(texts[0]!));
    expect(english.length).toBeGreaterThan(35);
  });
  test("have the same sections, with the same numbers in each", () => {
    const [english, chinese] = both((text) => parts(text).map((part) => numbersIn(part).sort()));
    expect(chinese).toEqual(english);
    expect(english.flat().length).toBeGreaterThan(100);
  });
  test("go to places that are there", () => {
    for (const text of texts) {
      const anchors = new Set(
        [...text.replace(fence, "").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
          heading!
            .toLowerCase()
            .replace(/[^\p{L}\p{N} -]/gu, "")
            .replaceAll(" ", "-"),
        ),
      );
      const wanted = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
      expect(wanted.length).toBeGreaterThan(6);
      expect(wanted.filter((anchor) => !anchors.has(anchor!))).toEqual([]);
      const files = [...text.matchAll(/\]\((?!#|https?:)([^)]+)\)/g)].map(([, path]) => path!);
      expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    }
  });
});
