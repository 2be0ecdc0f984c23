// Makes a worker of the suite as its users make one: bundled with the conditions of workerd, the WebAssembly beside it
// as modules that are compiled when the worker is loaded, for it may compile none itself.
import { readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { build } from "esbuild";

const KINDS = { ".js": "esModule", ".wasm": "wasm", ".idx": "data" };

/** Bundles runtimes/worker.js of a folder and writes config.capnp beside it. */
export async function prepareWorkerd(folder) {
  await build({
    absWorkingDir: folder,
    entryPoints: { worker: "runtimes/worker.js" },
    outdir: "worker",
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy", ".idx": "copy" },
    external: ["node:*"],
    logLevel: "warning",
  });
  // The first module is the one that runs.
  const names = new Set(["worker.js", ...readdirSync(join(folder, "worker"))]);
  const modules = [...names].map(
    (name) => `(name = "${name}", ${KINDS[extname(name)]} = embed "worker/${name}")`,
  );
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .conformance)]);
const conformance :Workerd.Worker = (
  compatibilityDate = "2026-09-01",
  modules = [
    ${modules.join(",\n    ")}
  ],
);
`,
  );
}
