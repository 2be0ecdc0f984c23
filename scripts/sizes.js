// What a page has to load: each wasm variant, and the JavaScript of the entry points minified and zipped.
import { readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = new URL("../build/", import.meta.url);

/**
 * Leaves out what is imported only when it is used.
 * @type {import("esbuild").Plugin}
 */
const later = {
  name: "later",
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind }) => (kind === "dynamic-import" ? { external: true } : undefined)),
};

/** Bytes of each variant by its name. */
export function wasmSizes() {
  const names = readdirSync(new URL("wasm/", root)).filter((name) => name.endsWith(".wasm"));
  return new Map(names.map((name) => [name.slice(0, -5), statSync(new URL(`wasm/${name}`, root)).size]));
}

/**
 * Bytes of some entry points' JavaScript together; if none is named, of the core: what `import "downhill"` loads.
 * What is imported only when it is used does not count, unless all of it is asked for.
 * @param {string[]} entries
 * @param {{ family?: string, all?: boolean }} [options] A family of hosts.
 */
export async function scriptSize(entries = ["index.js"], { family = "browser", all = false } = {}) {
  const { outputFiles } = await build({
    stdin: {
      contents: entries.map((path) => `export * from "./src/${path}";`).join(""),
      resolveDir: root.pathname,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    alias: {
      "#host": `${root.pathname}src/host/${family}.js`,
      "#quantized": `${root.pathname}src/host/quantized-${family}.js`,
    },
    external: ["node:*", "../../wasm/*", "#wasm/*"],
    plugins: all ? [] : [later],
  });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}
