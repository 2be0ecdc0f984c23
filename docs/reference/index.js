// `npm run docs`: the reference of every public name, as pages in build/reference, from the comments in the sources.
// It fails where typedoc warns: of a link that leads nowhere, or a type that is shown but not exported.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { entries } from "./entries.js";

/** @param {string} path */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = here("../../build/reference");

if (!existsSync(here("node_modules/.package-lock.json"))) {
  console.log("Installing typedoc into docs/reference/node_modules, once.");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: here("."), stdio: "inherit" });
  if (status !== 0) throw new Error("docs: npm ci failed");
}

const { Application, Converter, ReflectionKind } = await import("typedoc");
const names = entries();
const app = await Application.bootstrapWithPlugins({
  name: "downhill",
  entryPoints: [...names.values()],
  tsconfig: here("../../tsconfig.json"),
  out,
  readme: here("../../README.md"),
  includeVersion: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  sort: ["source-order"],
  blockTags: ["@example", "@throws", "@returns", "@param"],
  // What the compiler and the engine share among themselves, and names that stand for what is written out beside them.
  intentionallyNotExported: [
    ...["Node", "Op", "Trace", "Renewal", "Constant", "Relocation"],
    ...["Block", "LoadedProgram", "RunResult", "StepRunner", "Weights", "activations"],
    ...["src/ops/cross-entropy.ts:Loss", "src/ops/regression-loss.ts:Loss", "src/train/feeds.ts:Fields"],
  ],
  validation: { notExported: true, invalidLink: true, invalidPath: false, notDocumented: false },
});
// Modules bear the names that they are imported by.
const sources = new Map([...names].map(([name, path]) => [path, name]));
app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  if (reflection.kindOf(ReflectionKind.Module)) {
    const path = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const name = sources.get(path ?? "");
    if (name === undefined) throw new Error(`docs: no entry point is ${path}`);
    reflection.name = name;
  }
});

const project = await app.convert();
if (!project) throw new Error("docs: the sources could not be read");
app.validate(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
await app.generateOutputs(project);
console.log(`Written to ${out}/index.html: ${[...names.keys()].join(", ")}.`);
