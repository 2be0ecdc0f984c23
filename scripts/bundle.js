// Joins the modules of src/ into a few files for each family of hosts: an import costs by the file, and sixty take three
// times as long. What differs between the families is `#host` alone.
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("../build/src/", import.meta.url));
// Each folder is as deep as build/src/host, so that the hosts find the wasm files from there too.
const target = fileURLToPath(new URL("../build/bundle/", import.meta.url));

const { peerDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/**
 * What esbuild is told about every family.
 * @param {string} family
 * @returns {import("esbuild").BuildOptions}
 */
const options = (family) => ({
  outdir: `${target}${family}`,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  alias: {
    "#host": `${source}host/${family}.js`,
    "#quantized": `${source}host/quantized-${family}.js`,
  },
  // A host that imports compiled modules leaves that to the runtime; the others have `#wasm/*` written into their files.
  external: ["node:*", "../../wasm/*", ...Object.keys(peerDependencies)],
  loader: { ".wasm": "binary" },
  minifySyntax: true,
  minifyWhitespace: true,
  // Node shows the line of an error that nobody caught.
  lineLimit: 160,
  // The other families are these two but for one module, and would double the package.
  sourcemap: family === "node" || family === "browser",
  // They lie in the package once, and not in the maps of every family.
  sourcesContent: false,
  logLevel: "warning",
});

const rooms = {
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
  onnx: `${source}onnx/index.js`,
  tflite: `${source}tflite/index.js`,
  keras: `${source}keras/index.js`,
  torch: `${source}torch/index.js`,
  quantize: `${source}quantize/index.js`,
  compress: `${source}compress/index.js`,
  standalone: `${source}standalone/index.js`,
  internals: `${source}internals.js`,
};

rmSync(target, { recursive: true, force: true });
for (const family of ["node", "browser", "workerd", "edge-light", "slim"]) {
  const index = `${source}${family === "slim" ? "slim" : "index"}.js`;
  await build({ ...options(family), entryPoints: { index, ...rooms } });
}
// One file without imports, wherever it is copied to: it is small, and shares little with the rest.
for (const family of ["node", "browser"])
  await build({
    ...options(family),
    entryPoints: { worker: `${source}host/worker.js` },
    splitting: false,
    // It imports and exports nothing; this says that it is a module all the same.
    footer: { js: "export {};" },
  });
