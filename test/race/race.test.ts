// The race itself: the same twice, fair, and not to be stopped by an entrant that diverges.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { NonFiniteError, OptionError } from "#src/core/errors";
import { rosenbrock } from "#src/minimize/surfaces";
import { sgd } from "#src/optim/index";
import { drawHyper, entrant, type RaceEntrant } from "#src/race/entrant";
import { entrants } from "#src/race/entrants";
import { mnistTask, spiralsTask } from "#src/race/networks";
import { type RaceOptions, type RaceResult, race } from "#src/race/race";
import { surfaceTask, surfaceTasks } from "#src/race/surfaces";
import type { RaceTask } from "#src/race/task";
import { everyEntrant } from "../../race/entrants.js";

// Typed by what was built, which the compiler does not take for the same as the sources.
const everyone = everyEntrant() as unknown as RaceEntrant[];
const named = (...names: string[]) => entrants().filter(({ name }) => names.includes(name));
const rate = { learningRate: { low: 1e-4, high: 1, scale: "log" } } as const;
const valley = (maxSteps = 50) => surfaceTask(rosenbrock(), { target: 1e-4, maxSteps });

/** A task whose watched number falls by the learning rate at each step, from 1. */
function slope(options: Partial<RaceTask> = {}): RaceTask {
  return {
    name: "slope",
    target: { of: "value", value: 0, better: "lower" },
    maxSteps: 20,
    run(optimizer, _, { maxSteps }) {
      const [speed = 0] = optimizer.hyper(1);
      const steps = Math.min(maxSteps, Math.ceil(1 / speed));
      return Array.from({ length: steps + 1 }, (_, step) => ({
        step,
        value: 1 - speed * step,
        seconds: step,
      }));
    },
    ...options,
  };
}
/** Plain SGD at some fixed rates. */
const fixed = (name: string, ...rates: number[]): RaceEntrant =>
  entrant(name, { learningRate: rates }, ({ learningRate }) => ({
    ...sgd(),
    hyper: () => [learningRate],
  }));

function withoutSeconds(result: RaceResult): unknown {
  return JSON.parse(JSON.stringify(result, (key, value) => (key === "seconds" ? undefined : value)));
}

describe("a race", () => {
  test("gives the same twice, but for the seconds", async () => {
    const run = () =>
      race({
        tasks: [valley(), spiralsTask({ maxSteps: 40 })],
        optimizers: named("momentum", "adam"),
        budget: 2,
        seeds: 2,
      });
    const [first, second] = [await run(), await run()];
    expect(first.entries).toHaveLength(4);
    expect(withoutSeconds(second)).toEqual(withoutSeconds(first));
  });

  test("begins every entrant's run of a seed at the same place, and each seed's at another", async () => {
    const { entries } = await race({
      tasks: [valley(3), spiralsTask({ maxSteps: 3 })],
      optimizers: named("sgd", "adam"),
      budget: 1,
      seeds: 2,
    });
    for (const [a, b] of [entries.slice(0, 2), entries.slice(2)]) {
      const starts = [a!, b!].map(({ runs }) => runs.map(({ trajectory }) => trajectory[0]!.value));
      expect(starts[0]).toEqual(starts[1]);
      expect(starts[0]![0]).not.toBe(starts[0]![1]);
    }
  });

  test("takes the trial with the fewest steps, and of those that fail the one that ends best", async () => {
    const runs = async (...rates: number[]) => {
      const options = { tasks: [slope()], optimizers: [fixed("sgd", ...rates)], budget: 12, seeds: 2 };
      return (await race(options)).entries[0]!;
    };
    const reached = await runs(0.1, 0.25, 0.01);
    expect(reached.hyper).toEqual({ learningRate: 0.25 });
    expect([reached.steps, reached.seconds]).toEqual([4, 4]);
    const failed = await runs(0.01, 0.02);
    expect(failed.hyper).toEqual({ learningRate: 0.02 });
    expect(failed.steps).toBe(Infinity);
    expect(failed.runs[0]!.final).toBeCloseTo(0.6);
  });

  test("cuts a trial short that has lost, and no run", async () => {
    const asked: [seed: number, maxSteps: number][] = [];
    const { run } = slope();
    const task = slope({
      run(optimizer, seed, options) {
        asked.push([seed, options.maxSteps]);
        return run(optimizer, seed, options);
      },
    });
    await race({ tasks: [task], optimizers: [fixed("sgd", 0.25)], budget: 3, seeds: 2, seed: 7 });
    expect(asked).toEqual([
      [7, 20],
      [7, 4],
      [7, 4],
      [8, 20],
      [9, 20],
    ]);
  });

  test("lets an entrant lose that diverges", async () => {
    const wild = entrant("wild", { learningRate: [1e3] }, sgd);
    const { entries, profile } = await race({
      tasks: [surfaceTask(rosenbrock(), { target: 1, maxSteps: 500 })],
      optimizers: [wild, ...named("adam")],
      budget: 4,
      seeds: 1,
    });
    expect(entries[0]!.runs[0]).toMatchObject({ diverged: true, steps: Infinity, seconds: Infinity });
    expect(entries[1]!.runs[0]!.diverged).toBe(false);
    expect(profile.map(({ name, area }) => [name, area])).toEqual([
      ["adam", 1],
      ["wild", 0],
    ]);
  });

  test("a network's training that diverges ends, and does not throw", async () => {
    const wild = entrant("wild", { learningRate: [1e38] }, sgd);
    const { entries } = await race({
      tasks: [spiralsTask({ maxSteps: 60 })],
      optimizers: [wild],
      budget: 1,
      seeds: 1,
    });
    expect(entries[0]!.runs[0]).toMatchObject({ diverged: true, steps: Infinity });
  });

  test("takes a task's NonFiniteError for divergence, and lets other errors through", async () => {
    const thrown = (error: Error) =>
      race({
        tasks: [
          slope({
            run() {
              throw error;
            },
          }),
        ],
        optimizers: [fixed("sgd", 0.1)],
        budget: 1,
        seeds: 1,
      });
    const { entries } = await thrown(new NonFiniteError("loss: NaN", 3, Number.NaN));
    expect(entries[0]!.runs[0]!.diverged).toBe(true);
    await expect(thrown(new RangeError("broken"))).rejects.toThrow("broken");
  });

  test("tells of each trial and run", async () => {
    const told: string[] = [];
    await race({
      tasks: [slope()],
      optimizers: [fixed("a", 0.25), fixed("b", 0.5)],
      budget: 2,
      seeds: 1,
      onProgress: ({ optimizer, kind, done, total }) => {
        told.push(`${optimizer} ${kind} ${done}/${total}`);
      },
    });
    expect(told).toEqual([
      "a trial 1/6",
      "a trial 2/6",
      "a run 3/6",
      "b trial 4/6",
      "b trial 5/6",
      "b run 6/6",
    ]);
  });

  test("finds higher numbers better where they are", async () => {
    const task = slope({ target: { of: "accuracy", value: 0.9, better: "higher" } });
    const { entries } = await race({ tasks: [task], optimizers: [fixed("sgd", 0.25)], budget: 1, seeds: 1 });
    expect(entries[0]!.steps).toBe(0);
  });
});

describe("draws", () => {
  test.each(everyone)("$name: lie in the ranges, are the same again, and make an optimizer", (each) => {
    const draws = drawHyper(each, 100, 3, "task");
    expect(drawHyper(each, 100, 3, "task")).toEqual(draws);
    expect(drawHyper(each, 10, 3, "task")).toEqual(draws.slice(0, 10));
    expect(drawHyper(each, 100, 4, "task")).not.toEqual(draws);
    for (const hyper of draws) {
      expect(Object.keys(hyper)).toEqual(Object.keys(each.ranges));
      for (const [key, range] of Object.entries(each.ranges)) {
        if ("scale" in range) {
          expect(hyper[key]).toBeGreaterThanOrEqual(range.low);
          expect(hyper[key]).toBeLessThanOrEqual(range.high);
        } else expect(range).toContain(hyper[key]);
      }
      expect(each.make(hyper).hyperWords).toBeGreaterThan(0);
    }
  });
  test("are even in the logarithm, or in the numbers", () => {
    const below = (scale: "log" | "linear", limit: number) => {
      const each = entrant("sgd", { learningRate: { low: 1e-4, high: 1, scale } }, sgd);
      return (
        drawHyper(each, 2000, 0, "even").filter(({ learningRate }) => learningRate! < limit).length / 2000
      );
    };
    // Five deviations of 2000 draws.
    expect(Math.abs(below("log", 1e-2) - 0.5)).toBeLessThan(0.056);
    expect(Math.abs(below("linear", 0.5) - 0.5)).toBeLessThan(0.056);
  });
});

describe("entrants and tasks", () => {
  test("every optimizer of docs/optimizers.md races that steps by one gradient and no curvature", () => {
    const page = readFileSync(new URL("../../docs/optimizers.md", import.meta.url), "utf8");
    const [, table = ""] = /### Optimizers\n(.*?)\n###/s.exec(page)!;
    const documented = [...table.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name!);
    expect(documented).toContain("prodigy");
    // Muon of groups is an entrant with AdamW.
    const others = ["parameterGroups", "shampoo", "soap", "sophiaG"];
    const racing = everyone.map(({ name }) => name);
    expect(documented.filter((name) => !racing.includes(name)).sort()).toEqual(others);
  });
  test("every entrant can take every kind of task", async () => {
    const { entries } = await race({
      tasks: [surfaceTasks({ maxSteps: 5 }).at(-1)!, spiralsTask({ maxSteps: 2 })],
      optimizers: everyone,
      budget: 1,
      seeds: 1,
    });
    for (const { runs } of entries) expect(runs[0]!.trajectory.length).toBeGreaterThan(1);
  });
  test("no surface begins at its target", async () => {
    for (const task of surfaceTasks({ maxSteps: 1 })) {
      const [start] = await task.run(sgd({ learningRate: 1e-9 }), 1, { maxSteps: 1, points: true });
      expect(start!.value).toBeGreaterThan(task.target.value);
      expect(start!.point).toHaveLength(2);
    }
  });
});

describe("errors", () => {
  const good: RaceOptions = { tasks: [slope()], optimizers: [fixed("sgd", 0.1)] };
  test.each<[string, Partial<RaceOptions>]>([
    ["race: tasks: wanted at least one, got none", { tasks: [] }],
    ["race: optimizers: wanted at least one, got none", { optimizers: [] }],
    ["race: tasks: wanted different names, got slope twice", { tasks: [slope(), slope()] }],
    ["race: budget: wanted an integer ≥ 1, got 0", { budget: 0 }],
    ["race: seeds: wanted an integer ≥ 1, got 1.5", { seeds: 1.5 }],
    ["race: seed: wanted an integer ≥ 0, got -1", { seed: -1 }],
    ["tauMax: wanted a finite number > 1, got 1", { tauMax: 1 }],
    ["race: slope: maxSteps: wanted an integer ≥ 1, got 0", { tasks: [slope({ maxSteps: 0 })] }],
    [
      "race: slope: target: wanted a finite number, got NaN",
      { tasks: [slope({ target: { of: "loss", value: Number.NaN, better: "lower" } })] },
    ],
  ])("%s", async (message, options) => {
    const run = race({ ...good, ...options });
    await expect(run).rejects.toThrow(OptionError);
    await expect(run).rejects.toThrow(message);
  });
  test.each([
    ["at least one finite number", []],
    ["at least one finite number", [Number.NaN]],
    ['the scale "log" or "linear"', { low: 0, high: 1, scale: "cubic" as "log" }],
    ["finite low ≤ high", { low: 2, high: 1, scale: "linear" as const }],
    ['low > 0 for the scale "log"', { low: 0, high: 1, scale: "log" as const }],
  ])("a range: wanted %s", (message, range) => {
    const make = () => entrant("sgd", { learningRate: range }, sgd);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
  test.each(["trainImages", "testImages"] as const)("mnistTask: %s", (name) => {
    expect(() => mnistTask({ [name]: 0 })).toThrow(OptionError);
    expect(() => mnistTask({ [name]: 0 })).toThrow(`mnistTask: ${name}: wanted an integer ≥ 1, got 0`);
  });
  test("a range that is wrong in a record of one's own", async () => {
    const own = { ...entrant("sgd", rate, sgd), ranges: { learningRate: [] } };
    await expect(race({ ...good, optimizers: [own] })).rejects.toThrow(OptionError);
  });
});
