// What a race leaves behind: its figures, its table, and a page that loads nothing.
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rosenbrock } from "#src/minimize/surfaces";
import { sgd } from "#src/optim/index";
import { entrant } from "#src/race/entrant";
import { entrants } from "#src/race/entrants";
import { race } from "#src/race/race";
import { surfaceTask } from "#src/race/surfaces";
import { partsOf } from "../../race/columns.js";
import { makePage, mapOf, readLibrary } from "../../race/page.js";
import { summarize, tableOf } from "../../race/summary.js";

const tasks = [surfaceTask(rosenbrock(), { target: 1e-3, maxSteps: 2000 })];
const optimizers = [
  entrant("</script>", { learningRate: [1e3] }, sgd),
  ...entrants().filter(({ name }) => name === "adam"),
];
const racing = { budget: 4, seeds: 1, seed: 0 };
const options = { ...racing, totalSeconds: 1, machine: "here" };
const result = await race({ tasks, optimizers, ...racing });
const summary = summarize(result, options);

/** Whatever a page would ask for: attributes, styles, modules. Comments and plain text load nothing. */
const LOADS =
  /<link|<(?:script|img|iframe)[^>]*\ssrc\s*=|url\(|@import|\bimport\s*[("]|\bfetch\(|XMLHttpRequest/i;

describe("the figures", () => {
  test("have null where a number is not finite", () => {
    const [wild, adam] = summary.entries;
    expect(wild!.runs[0]).toMatchObject({ steps: null, seconds: null, final: null, diverged: true });
    expect(wild!.runs[0]!.trajectory.value.at(-1)).toBe(null);
    expect(adam!.steps).toBe(result.entries[1]!.steps);
    expect(summary.profile.map(({ ratios }) => ratios)).toEqual([[1], [null]]);
  });
  test("have thin trajectories with their first and last records", () => {
    for (const [i, { runs }] of summary.entries.entries()) {
      const { trajectory } = runs[0]!;
      const whole = result.entries[i]!.runs[0]!.trajectory;
      expect(trajectory.step.length).toBeLessThanOrEqual(201);
      expect([trajectory.step[0], trajectory.step.at(-1)]).toEqual([0, whole.at(-1)!.step]);
    }
    expect(result.entries[1]!.runs[0]!.trajectory.length).toBeGreaterThan(201);
  });
  test("have every record of the first steps", () => {
    expect(summary.entries[1]!.runs[0]!.trajectory.step.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  });
});

test("the table ranks by area and has a dash for a target that was not reached", () => {
  const { head, lines } = tableOf(summary);
  expect(head).toEqual(["", "optimizer", "area", "solved", "rosenbrock"]);
  expect(lines).toEqual([
    ["1", "adam", "1.00", "1/1", String(result.entries[1]!.steps)],
    ["2", "</script>", "0.00", "0/1", "–"],
  ]);
});

test("a table wider than the terminal falls into parts with rank and name, and no task is lost", () => {
  // Each is 7 wide with its borders, and one border closes the table.
  const rows = [Array.from({ length: 7 }, () => "1234")];
  expect(partsOf(rows, Infinity)).toEqual([[0, 1, 2, 3, 4, 5, 6]]);
  expect(partsOf(rows, 50)).toEqual([[0, 1, 2, 3, 4, 5, 6]]);
  expect(partsOf(rows, 49)).toEqual([
    [0, 1, 2, 3, 4, 5],
    [0, 1, 6],
  ]);
  expect(partsOf(rows, 10)).toEqual([
    [0, 1, 2, 3],
    [0, 1, 4],
    [0, 1, 5],
    [0, 1, 6],
  ]);
});

test("a map holds the start and the minima, lowest where the surface is", () => {
  const surface = rosenbrock();
  const { low, side, size, cells } = mapOf(surface);
  for (const point of [surface.start, ...surface.minimum.points]) {
    for (const axis of [0, 1]) {
      expect(point[axis]).toBeGreaterThan(low[axis]!);
      expect(point[axis]).toBeLessThan(low[axis]! + side);
    }
  }
  const cell = (point: readonly number[]) => {
    const [column, row] = [0, 1].map((axis) => Math.floor(((point[axis]! - low[axis]!) / side) * size));
    return cells[row! * size + column!];
  };
  expect(cells).toHaveLength(size * size);
  expect(cell(surface.minimum.points[0]!)).toBe("A");
  expect(cell(surface.start)! > "E").toBe(true);
});

describe("the page", () => {
  const library = { script: "const uPlot = 'of $& and $1';", style: ".u {}" };
  const page = makePage(summary, tasks, library);
  test("holds the library, the style and the drawing word for word", () => {
    // Not by toContain, which would print the page.
    for (const text of [library.script, library.style, "makeTable();"])
      expect([text, page.includes(text)]).toEqual([text, true]);
    expect(page.includes("{{")).toBe(false);
  });
  test("holds the figures as they are, whatever names are in them", () => {
    const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)!;
    const { profile, maps } = JSON.parse(data!);
    expect(profile).toEqual(JSON.parse(JSON.stringify(summary.profile)));
    expect(maps.rosenbrock.size).toBe(160);
  });
  test("loads nothing", () => {
    expect(LOADS.exec(page)?.[0]).toBeUndefined();
    expect(/https?:\/\//.exec(page)?.[0]).toBeUndefined();
    expect(LOADS.exec(`${page}<link href="x">`)?.[0]).toBe("<link");
  });
  const installed = existsSync(new URL("../../race/node_modules/.package-lock.json", import.meta.url));
  test.skipIf(!installed)("loads nothing with its chart library", async () => {
    expect(LOADS.exec(makePage(summary, tasks, await readLibrary()))?.[0]).toBeUndefined();
  });
});
