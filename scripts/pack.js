// Packs the package as it would be published: what consumers are tried with is this file, never the source tree.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "build/package");

/**
 * When the newest file below a path was written, in milliseconds.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/**
 * Packs what is built, and answers the tarball's path; the one of an earlier call, in any process, if nothing has been
 * written since. It does not build.
 */
export function pack() {
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const tarball = join(target, `${name}-${version}.tgz`);
  const sources = ["build/bundle", "build/types", "build/wasm", "src"];
  const changed = Math.max(
    ...[...sources, "package.json", "README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md"].map((path) =>
      newest(join(root, path)),
    ),
  );
  if ((statSync(tarball, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) return tarball;

  // Beside its place and then moved: another process may be reading the old one.
  mkdirSync(target, { recursive: true });
  const folder = mkdtempSync(join(target, "new-"));
  try {
    const { status, stderr } = spawnSync("npm", ["pack", "--silent", "--pack-destination", folder], {
      cwd: root,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
    renameSync(join(folder, `${name}-${version}.tgz`), tarball);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return tarball;
}
