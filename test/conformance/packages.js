// The npm packages of a folder of tests that has its own, so that the root stays small and quick to install.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Installs what the folder's lock file names, unless it is there. */
export function installPackages(folder) {
  const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8")).packages;
  try {
    const there = read("node_modules/.package-lock.json");
    const wanted = Object.entries(read("package-lock.json")).filter(
      ([path, { optional }]) => path && !optional,
    );
    if (wanted.every(([path, { version }]) => there[path]?.version === version)) return;
  } catch {
    // Nothing is there yet.
  }
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error(`npm ci in ${folder} failed`);
}
