// Joins the modules of src/ into a few files: an import costs by the file, and sixty take three times as long. Families of
// hosts differ in what leads to `#host` or `#quantized`, a fifth of the code, which each has for itself; the rest is
// written once, for all of them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("../build/src/", import.meta.url));
// Each folder is as deep as build/src/host, so that the hosts find the wasm files from there too.
const target = fileURLToPath(new URL("../build/bundle/", import.meta.url));

const { peerDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** @type {import("esbuild").BuildOptions} */
const options = {
  absWorkingDir: source,
  outdir: target,
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  // A host that imports compiled modules leaves that to the runtime; the others have `#wasm/*` written into their files.
  external: ["node:*", "../../wasm/*", ...Object.keys(peerDependencies)],
  loader: { ".wasm": "binary" },
  minifySyntax: true,
  minifyWhitespace: true,
  // Node shows the line of an error that nobody caught.
  lineLimit: 160,
  sourcemap: true,
  // They lie in the package once, and not in the maps.
  sourcesContent: false,
  logLevel: "warning",
};

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

const families = ["node", "browser", "workerd", "edge-light", "slim"];
/** The maps of the others would say the same of the same sources. */
const mapped = ["node", "browser"];

/** Files that lead to `#host` or `#quantized`. */
async function hosted() {
  const { metafile } = await build({
    ...options,
    entryPoints: [...Object.values(entriesOf("node")), ...Object.values(entriesOf("slim"))],
    external: ["node:*", "#*", ...Object.keys(peerDependencies)],
    splitting: true,
    metafile: true,
    write: false,
  });
  const found = new Set(["#host", "#quantized"]);
  for (let before = 0; found.size > before; ) {
    before = found.size;
    for (const [path, { imports }] of Object.entries(metafile.inputs))
      if (imports.some((each) => found.has(each.path))) found.add(path);
  }
  return [...found].map((path) => source + path);
}

/**
 * The hosts' own modules, and what they are imported as.
 * @param {string} family
 */
const hostsOf = (family) => ({
  "#host": `${source}host/${family}.js`,
  "#quantized": `${source}host/quantized-${family}.js`,
});

/**
 * The file of each entry point.
 * @param {string} family
 */
const entriesOf = (family) => ({
  index: `${source}${family === "slim" ? "slim" : "index"}.js`,
  ...rooms,
});

/**
 * Makes a module of each family out of a file that differs between them: their addresses end with `?` and the family.
 * @param {string[]} differing
 * @returns {import("esbuild").Plugin}
 */
const byFamily = (differing) => ({
  name: "by family",
  setup({ onResolve, onLoad }) {
    const own = new Map(
      families.map((family) => [
        family,
        new Set([...differing, ...Object.values({ ...hostsOf(family), ...entriesOf(family) })]),
      ]),
    );
    onResolve({ filter: /^[./#]/ }, ({ path, resolveDir, kind, pluginData }) => {
      const [address, family = pluginData] = kind === "entry-point" ? path.split("?") : [path];
      const file = hostsOf(family)[address] ?? resolve(resolveDir, address);
      return own.get(family)?.has(file)
        ? { path: file, suffix: `?${family}`, pluginData: family }
        : undefined;
    });
    // What a file is loaded with is what its imports are resolved with.
    onLoad({ filter: /\.js$/ }, async ({ path, pluginData }) => ({
      contents: await readFile(path, "utf8"),
      pluginData,
    }));
  },
});

rmSync(target, { recursive: true, force: true });
const { metafile, outputFiles } = await build({
  ...options,
  plugins: [byFamily(await hosted())],
  entryPoints: Object.fromEntries(
    families.flatMap((family) =>
      Object.entries(entriesOf(family)).map(([name, file]) => [`${family}/${name}`, `${file}?${family}`]),
    ),
  ),
  chunkNames: "shared/[name]-[hash]",
  splitting: true,
  metafile: true,
  write: false,
});

/** Files that are one unmapped family's alone. */
const unmapped = new Set();
/** Other names for files, as long as those that they had: the columns in the maps stay right. */
const names = new Map();
const twins = new Map();
for (const [path, { entryPoint = "", inputs }] of Object.entries(metafile.outputs)) {
  const made = [entryPoint, ...Object.keys(inputs)].join();
  const family = /\?([a-z-]+)/.exec(made)?.[1];
  if (!family) continue;
  if (!mapped.includes(family)) unmapped.add(resolve(source, path));
  const name = /(?<=-)[A-Z0-9]{8}(?=\.js$)/.exec(path)?.[0];
  if (!name) continue;
  // What families have of the same files is nearly the same: side by side in the package, which sorts by name, it takes
  // the room of one.
  const files = made.replaceAll(`?${family}`, "");
  if (!twins.has(files)) twins.set(files, name.slice(1));
  names.set(name, `${twins.get(files)}${family[0]}`.toUpperCase());
}
/** @param {string} text */
const renamed = (text) => text.replace(/(?<=-)[A-Z0-9]{8}(?=\.js)/g, (name) => names.get(name) ?? name);
for (const { path, text } of outputFiles) {
  const bare = unmapped.has(path.replace(/\.map$/, ""));
  if (bare && path.endsWith(".map")) continue;
  const file = renamed(path);
  mkdirSync(dirname(file), { recursive: true });
  // Two files of one name would be a fault of the above.
  writeFileSync(file, renamed(bare ? text.replace(/^\/\/# sourceMappingURL=.*\n/m, "") : text), {
    flag: "wx",
  });
}

// One file without imports, wherever it is copied to: it is small, and shares little with the rest. A page's lies beside
// the chunk that starts it, for bundlers follow that form of address alone.
for (const family of mapped)
  await build({
    ...options,
    entryPoints: { [family === "node" ? "node/worker" : "shared/worker"]: `${source}host/worker.js` },
    alias: hostsOf(family),
    // It imports and exports nothing; this says that it is a module all the same.
    footer: { js: "export {};" },
  });
