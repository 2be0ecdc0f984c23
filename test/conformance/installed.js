// A folder in which the packed package is installed as a user would, with the suite beside it: from there `downhill` is
// the package of the tarball and not the source tree.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack } from "../../scripts/pack.js";
import { digits } from "./digits.js";

const tests = fileURLToPath(new URL("..", import.meta.url));
const PORTABLE = ["suite.js", "models.js", "gradients.js", "errors.js"].map((name) => `conformance/${name}`);

/**
 * A folder with node_modules/downhill, the suite, these files or folders of the tests as they lie there, and digits/; gone
 * when the process ends. It lies outside of the source tree, where nothing that a package may want, and need not have,
 * would be found.
 * @param {readonly string[]} programs Paths from test/ on.
 */
export function install(programs) {
  const folder = mkdtempSync(join(tmpdir(), "downhill-conformance-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), `{ "name": "user", "private": true, "type": "module" }\n`);
  const { status, stderr } = spawnSync(
    "npm",
    ["install", "--no-save", "--no-audit", "--no-fund", "--no-package-lock", "--offline", pack()],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`npm install of the package failed:\n${stderr}`);
  for (const path of [...PORTABLE, ...programs])
    cpSync(join(tests, path), join(folder, path), { recursive: true });
  mkdirSync(join(folder, "digits"));
  for (const [kind, bytes] of Object.entries(digits()))
    writeFileSync(join(folder, `digits/${kind}.idx`), bytes);
  return folder;
}
