// Makes a worker of the suite as its users make one: bundled with the conditions of workerd, the WebAssembly beside it
// as modules that are compiled when the worker is loaded, for it may compile none itself.
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

/** Bundles worker.js of a folder and writes config.capnp beside it. */
export async function prepareWorkerd(folder) {
  await build({
    absWorkingDir: folder,
    entryPoints: ["worker.js"],
    outdir: "worker",
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy" },
    external: ["*.idx", "node:*"],
    logLevel: "warning",
  });
  const modules = readdirSync(join(folder, "worker")).map((name) =>
    name.endsWith(".wasm")
      ? `(name = "${name}", wasm = embed "worker/${name}")`
      : `(name = "${name}", esModule = embed "worker/${name}")`,
  );
  const data = ["images.idx", "labels.idx"].map((name) => `(name = "${name}", data = embed "${name}")`);
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .conformance)]);
const conformance :Workerd.Worker = (
  compatibilityDate = "2026-09-01",
  modules = [
    ${[...modules.sort((a) => (a.includes(`"worker.js"`) ? -1 : 1)), ...data].join(",\n    ")}
  ],
);
`,
  );
  return basename(folder);
}
