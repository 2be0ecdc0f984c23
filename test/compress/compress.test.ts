// A search for a smaller model: order, targets met and missed, the report.
import { afterAll, describe, expect, test } from "vitest";
import {
  type CompressOptions,
  compress,
  compressionRecipes,
  lowRank,
  type Recipe,
} from "#src/compress/index";
import {
  createEngine,
  dense,
  EngineError,
  type Model,
  meanSquaredError,
  OptionError,
  sequential,
  sgd,
  train,
} from "#src/index";
import { layerNorm } from "#src/layers";
import { classes, curve, numbers, regressor, setWeights, training } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const data = classes(200);
const network = (): Model => {
  const model = sequential(
    { input: [6] },
    dense(24, { activation: "relu" }),
    dense(16, { activation: "relu" }),
    dense(4),
  );
  setWeights(model);
  return model;
};
const trained = async () => {
  const model = network();
  await train(model, { ...training(engine), data, epochs: 30 });
  return model;
};
const options = (
  target: CompressOptions["target"],
  more: Partial<CompressOptions> = {},
): CompressOptions => ({
  data,
  validation: data,
  target,
  epochs: 2,
  engine,
  ...more,
});

describe("compress", () => {
  test("tries the cheap ones first and ends where the target is met", async () => {
    const model = await trained();
    const before = model.weights.snapshot();
    const bytes = model.toBytes().length;
    const { met, best, rows, missed } = await compress(
      model,
      options({ size: 0.75 * bytes, accuracyDrop: 0.02 }),
    );
    expect(met).toBe(true);
    expect(missed).toEqual([]);
    expect(best.bytes).toBeLessThanOrEqual(0.75 * bytes);
    expect(best.score).toBeGreaterThanOrEqual(rows[0]!.score - 0.02);
    expect(rows[0]).toMatchObject({ name: "as it was", bytes, steps: [] });
    expect(rows[0]!.missed).toEqual([{ what: "size", got: bytes, wanted: 0.75 * bytes }]);
    expect(rows.map(({ name }) => name)).toEqual(["as it was", "f16"]);
    const outputs = await best.model!.predict(numbers(12), { engine });
    expect(outputs.length).toBe(8);
    expect(model.weights.snapshot()).toEqual(before);
  });

  test("tries all of them, takes the smallest, and says every step", async () => {
    const { met, best, rows, table, chart } = await compress(
      await trained(),
      options({ accuracyDrop: 0.1 }, { search: "all", epochs: 10 }),
    );
    expect(rows.map(({ name }) => name)).toEqual([
      "as it was",
      ...compressionRecipes().map(({ name }) => name),
    ]);
    expect(
      rows.every(({ failure, steps }, k) => failure === undefined && (k === 0 || steps.length > 0)),
    ).toBe(true);
    expect(met).toBe(true);
    const meets = rows.filter(({ missed }) => missed.length === 0);
    expect(best.bytes).toBe(Math.min(...meets.map(({ bytes }) => bytes)));
    expect(best.bytes).toBeLessThan(rows[0]!.bytes);
    expect(best.steps.length).toBeGreaterThan(0);
    const lines = table.split("\n");
    expect(lines.length).toBe(rows.length + 1);
    for (const [k, row] of rows.entries()) {
      expect(lines[k + 1]).toContain(row.name);
      expect(lines[k + 1]).toContain(String(row.bytes));
      expect(lines[k + 1]).toContain(row.score.toFixed(4));
    }
    expect(chart.match(/<rect /g)!.length).toBe(3 * rows.length);
    expect(chart).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
  });

  test("says what was not met, of the one that comes nearest", async () => {
    const recipes: readonly Recipe[] = [
      {
        name: "thin",
        steps: ["one singular value"],
        make: async ({ model }) => lowRank(model, { rank: 1, parameters: "dense_1.weight" }),
      },
      {
        name: "not <this>",
        steps: [],
        make: async () => {
          throw new OptionError("nothing to do here");
        },
      },
    ];
    const result = await compress(await trained(), options({ size: 100, accuracyDrop: 1 }, { recipes }));
    expect(result.met).toBe(false);
    expect(result.best.name).toBe("thin");
    expect(result.missed).toEqual([{ what: "size", got: result.best.bytes, wanted: 100 }]);
    const fast = await compress(await trained(), options({ latency: 0 }, { recipes: [] }));
    expect(fast.missed).toEqual([{ what: "latency", got: fast.best.latency, wanted: 0 }]);
    expect(result.rows[2]).toMatchObject({
      name: "not <this>",
      failure: "nothing to do here",
      model: undefined,
    });
    expect(result.table).toContain("nothing to do here");
    expect(result.chart).not.toContain("<this>");
  });

  test("goes on where a training leaves the finite numbers", async () => {
    const [shrunk] = compressionRecipes().filter(({ name }) => name === "half the channels");
    const bad = { optimizer: sgd({ learningRate: 1e30 }), epochs: 3 };
    const { rows, met } = await compress(
      await trained(),
      options({ size: 1 }, { recipes: [shrunk!], ...bad }),
    );
    expect(met).toBe(false);
    expect(rows[1]!.failure).toMatch(/^train: the loss of step \d+ is/);
  });

  test("says what it has chosen by", async () => {
    const { table } = await compress(
      await trained(),
      options({ accuracyDrop: 0.1 }, { validation: data.take(40), recipes: [] }),
    );
    expect(table.split("\n")[0]).toBe("model      bytes     ms  score of 40 examples  target");
  });

  test("goes on where a model cannot be followed, and scores what it is told to", async () => {
    const model = sequential({ input: [6] }, dense(8), layerNorm(), dense(4));
    setWeights(model);
    const [shrunk] = compressionRecipes().filter(({ name }) => name === "half the channels");
    const { rows } = await compress(model, options({ size: 1 }, { recipes: [shrunk!], epochs: 0 }));
    expect(rows[1]!.failure).toMatch(/^shrink: the channels of dense.weight cannot go: rowNorm/);
    const curved = { data: curve(60), validation: curve(60), loss: meanSquaredError, epochs: 1 };
    const own = { ...options({ size: 1 }, { recipes: [shrunk!] }), ...curved };
    await expect(compress(regressor(), own)).rejects.toThrow(/compress: score: wanted one/);
    const score = (outputs: Float32Array) => -Math.abs(outputs[0]!);
    const scored = await compress(regressor(), { ...own, score });
    expect(scored.rows[1]!.score).toBeLessThanOrEqual(0);
    await expect(compress(regressor(), { ...own, target: { size: -1 } })).rejects.toThrow(/target: size/);
    // Wrong options are the caller's, not a recipe's failure.
    for (const wrong of [{ epochs: 1.5 }, { epochs: -1 }, { batchSize: 0 }])
      await expect(compress(regressor(), { ...own, score, ...wrong })).rejects.toThrow(
        new RegExp(`compress: ${Object.keys(wrong)[0]}: wanted`),
      );
  });

  test.each<[string, object]>([
    ["data: got undefined", { data: undefined }],
    ["validation: got object", { validation: [[1, 2]] }],
    ["target: got undefined", { target: undefined }],
    ["score: got number", { score: 5 }],
    ["recipes: got number", { recipes: 5 }],
    ["recipes: 0: got object", { recipes: [{ name: "none", steps: [] }] }],
    ["score: wanted a finite number, got NaN", { score: () => Number.NaN }],
    ["score: wanted a finite number, got \\[object Promise\\]", { score: async () => 1 }],
    ["seed: wanted a safe integer, got x", { seed: "x" }],
  ])("refuses %s", async (message, wrong) => {
    const asked = compress(network(), options({ size: 1 }, { recipes: [], ...wrong }));
    await expect(asked).rejects.toThrow(OptionError);
    await expect(asked).rejects.toThrow(new RegExp(`^compress: ${message}`));
  });

  test("refuses what is no model, or has learned nothing", async () => {
    for (const [wrong, got] of [
      [undefined, "undefined"],
      [{}, "object"],
    ] as const)
      await expect(compress(wrong as Model, options({ size: 1 }))).rejects.toThrow(
        `compress: model: got ${got}, wanted a model`,
      );
    await expect(compress(network(), undefined as unknown as CompressOptions)).rejects.toThrow(OptionError);
    const untrained = sequential({ input: [6] }, dense(4));
    await expect(compress(untrained, options({ size: 1 }))).rejects.toThrow(EngineError);
  });

  test("goes on where a recipe makes nothing that can be scored", async () => {
    let times = 0;
    const score = () => (times++ === 0 ? 1 : Number.NaN);
    const f16 = compressionRecipes()[0]!;
    const nothing = { name: "nothing", steps: [], make: async () => undefined } as unknown as Recipe;
    const { rows, best } = await compress(
      await trained(),
      options({ size: 1 }, { score, recipes: [f16, nothing] }),
    );
    expect(rows.map(({ failure }) => failure)).toEqual([
      undefined,
      "compress: score: wanted a finite number, got NaN",
      "compress: nothing: wanted a recipe that makes a model, got undefined",
    ]);
    expect(best.name).toBe("as it was");
  });
});
