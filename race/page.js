// One HTML page of a race that loads nothing: the chart library, the data and the scripts of page/ lie in it.
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

/**
 * @import { Surface } from "../build/src/minimize/index.js"
 * @import { Summary } from "./summary.js"
 * @typedef {Pick<Surface, "start" | "minimum" | "value">} Drawn
 */

/** Cells of a height map along each side. */
const CELLS = 160;
/** Heights of a cell: from A to z in the order of characters. */
const LEVELS = 58;

/** The chart library's script and style. */
export async function readLibrary() {
  const read = (/** @type {string} */ name) =>
    readFile(new URL(`node_modules/uplot/dist/${name}`, import.meta.url), "utf8");
  return { script: await read("uPlot.iife.min.js"), style: await read("uPlot.min.css") };
}

/** A surface around its start and its minima: a square, and its heights in even steps of their logarithm. */
export function mapOf(/** @type {Drawn} */ { start, minimum, value }) {
  const points = [start, ...minimum.points];
  const [x, y] = [0, 1].map((axis) => {
    const all = points.map((point) => point[axis] ?? 0);
    return { low: Math.min(...all), high: Math.max(...all) };
  });
  const center = [x, y].map((side) => ((side?.low ?? 0) + (side?.high ?? 0)) / 2);
  const half = 0.85 * Math.max(...[x, y].map((side) => (side?.high ?? 0) - (side?.low ?? 0)));
  const low = center.map((each) => each - half);
  const at = (/** @type {number} */ i, axis = 0) => (low[axis] ?? 0) + ((i + 0.5) / CELLS) * 2 * half;
  const heights = Array.from({ length: CELLS * CELLS }, (_, i) =>
    Math.log10(1e-2 + value([at(i % CELLS), at(Math.floor(i / CELLS), 1)]) - minimum.value),
  );
  const [least, most] = heights.reduce(
    ([least, most], each) => [Math.min(least, each), Math.max(most, each)],
    [Infinity, -Infinity],
  );
  const cells = heights.map((each) => {
    const level = Math.min(LEVELS - 1, Math.floor((LEVELS * (each - least)) / (most - least)));
    return String.fromCharCode(65 + level);
  });
  return {
    low,
    side: 2 * half,
    size: CELLS,
    levels: LEVELS,
    cells: cells.join(""),
    minima: minimum.points,
    least: minimum.value,
  };
}

/**
 * @param {Summary} summary
 * @param {readonly { name: string, surface?: Drawn }[]} tasks
 * @param {{ script: string, style: string }} library
 */
export function makePage(summary, tasks, { script, style }) {
  const maps = Object.fromEntries(
    tasks.flatMap(({ name, surface }) => (surface ? [[name, mapOf(surface)]] : [])),
  );
  // The page draws the first run of each.
  const entries = summary.entries.map(({ runs, ...entry }) => ({ ...entry, run: runs[0] }));
  const data = JSON.stringify({ ...summary, entries, maps }).replaceAll("<", "\\u003c");
  const part = (/** @type {string} */ name) => readFileSync(new URL(`page/${name}`, import.meta.url), "utf8");
  const drawing = fileURLToPath(new URL("page/drawing.js", import.meta.url));
  const { outputFiles } = buildSync({ entryPoints: [drawing], bundle: true, format: "esm", write: false });
  const parts = {
    style: `${style}\n${part("page.css")}`,
    data,
    library: script,
    drawing: outputFiles[0]?.text ?? "",
  };
  return part("page.html").replace(
    /\{\{(\w+)\}\}/g,
    (_, name) => parts[/** @type {keyof typeof parts} */ (name)],
  );
}
