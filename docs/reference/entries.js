// The entry points of the package, by the names that users import them by, and the sources behind them.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

/**
 * Names such as downhill/layers, with the path of the source of each; what has no types of its own has no place in a reference.
 * @returns {Map<string, string>}
 */
export function entries() {
  /** @type {{ exports: Record<string, string | { types?: string }> }} */
  const { exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  const found = Object.entries(exports).flatMap(([name, target]) => {
    const types = typeof target === "string" ? undefined : target.types;
    const source = types?.replace(/^\.\/build\/\w+\//, "src/").replace(/\.d\.ts$/, ".ts");
    if (source === undefined || name.includes("*")) return [];
    const path = fileURLToPath(new URL(source, root));
    if (!existsSync(path)) throw new Error(`package.json: ${name} has types of ${path}, which is not there`);
    return [/** @type {const} */ ([`downhill${name.slice(1)}`, path])];
  });
  // The slim family has the same sources under other names.
  return new Map(found.filter(([, path], at) => found.findIndex(([, other]) => other === path) === at));
}
