// What a page has to load: each wasm variant, and the JavaScript of the entry points minified and zipped.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = new URL("../build/", import.meta.url);
const { peerDependencies } = JSON.parse(readFileSync(new URL("../package.json", root), "utf8"));

/** Bytes of each variant by its name. */
export function wasmSizes() {
  const names = readdirSync(new URL("wasm/", root)).filter((name) => name.endsWith(".wasm"));
  return new Map(names.map((name) => [name.slice(0, -5), statSync(new URL(`wasm/${name}`, root)).size]));
}

/**
 * Bytes of some entry points' JavaScript together; if none is named, of the core: what `import "downhill"` loads.
 * @param {string[]} entries
 */
export async function scriptSize(...entries) {
  const paths = entries.length > 0 ? entries : ["index.js"];
  const { outputFiles } = await build({
    stdin: {
      contents: paths.map((path) => `export * from "./src/${path}";`).join(""),
      resolveDir: root.pathname,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["node:*", ...Object.keys(peerDependencies)],
  });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}
