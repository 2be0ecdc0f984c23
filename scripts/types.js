// Lays out the declarations that an entry point leads to, for the package: the others are of files that only the host's
// own modules know.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const made = join(root, "build/src");
const target = join(root, "build/types");

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.values(exports).flatMap(({ types }) => types ?? []);

const laid = new Set();
/**
 * Copies a declaration and what it imports.
 * @param {string} path Below build/src.
 */
function lay(path) {
  if (laid.has(path)) return;
  laid.add(path);
  const text = readFileSync(join(made, path), "utf8");
  const file = join(target, path);
  mkdirSync(dirname(file), { recursive: true });
  // The compiler leaves the names of the sources in them, which not every reader of declarations follows.
  writeFileSync(file, text.replace(/(\b(?:from |import\()"\.[^"]+)\.ts"/g, '$1.js"'));
  for (const [, to] of text.matchAll(/\b(?:from |import\()"(\.[^"]+)\.ts"/g))
    lay(join(dirname(path), `${to}.d.ts`));
}

rmSync(target, { recursive: true, force: true });
for (const entry of entries) lay(entry.replace("./build/types/", ""));
