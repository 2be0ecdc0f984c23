// Joins the host's modules into a few files: an import costs by the file, and sixty take three times as long.
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("../build/src/", import.meta.url));
// As deep as build/src/engine, so that the modules find the wasm files from here too.
const target = fileURLToPath(new URL("../build/bundle/esm/", import.meta.url));

const { peerDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** @type {import("esbuild").BuildOptions} */
const options = {
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*", ...Object.keys(peerDependencies)],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  logLevel: "warning",
};

rmSync(target, { recursive: true, force: true });
await build({
  ...options,
  entryPoints: {
    index: `${source}index.js`,
    data: `${source}data/index.js`,
    optim: `${source}optim/index.js`,
    minimize: `${source}minimize/index.js`,
    race: `${source}race/index.js`,
    instruments: `${source}instruments.js`,
    regularize: `${source}regularize.js`,
    layers: `${source}layers.js`,
    losses: `${source}losses.js`,
    images: `${source}images.js`,
    text: `${source}text.js`,
    tables: `${source}tables.js`,
    replay: `${source}replay/index.js`,
    internals: `${source}internals.js`,
  },
});
// By itself: it is small, and all that it shares with the rest is the contract with the kernels.
await build({ ...options, entryPoints: { worker: `${source}engine/worker.js` } });
