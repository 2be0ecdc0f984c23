// What a page has to load: each wasm variant, and the core's JavaScript minified and zipped.
import { readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const variants = readdirSync("build/wasm").filter((name) => name.endsWith(".wasm"));

test("there are two instruction sets in two kinds of memory", () => {
  expect(variants.sort()).toEqual(["plain-shared.wasm", "plain.wasm", "relaxed-shared.wasm", "relaxed.wasm"]);
});

test.each(variants)("%s takes at most 100 kB", (name) => {
  expect(statSync(`build/wasm/${name}`).size).toBeLessThanOrEqual(100_000);
});

test("the core takes at most 40 kB, minified and zipped, datasets included", async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export * from "./src/index.js"; export * from "./src/data/index.js"',
      resolveDir: "build",
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["node:*", "cli-progress"],
  });
  const bytes = gzipSync(outputFiles[0]!.contents).length;
  console.log(`core JavaScript: ${bytes} bytes minified and zipped`);
  expect(bytes).toBeLessThanOrEqual(40_000);
});
