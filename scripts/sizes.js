// What a page has to load: each wasm variant, and the core's JavaScript minified and zipped, datasets included.
import { readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = new URL("../build/", import.meta.url);

/** Bytes of each variant by its name. */
export function wasmSizes() {
  const names = readdirSync(new URL("wasm/", root)).filter((name) => name.endsWith(".wasm"));
  return new Map(names.map((name) => [name.slice(0, -5), statSync(new URL(`wasm/${name}`, root)).size]));
}

/** Bytes of the core's JavaScript. */
export async function scriptSize() {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export * from "./src/index.js"; export * from "./src/data/index.js"',
      resolveDir: root.pathname,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["node:*", "cli-progress"],
  });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}
