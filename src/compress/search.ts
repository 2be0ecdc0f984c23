// Tries ways to make a model smaller, the cheapest first, and says what each came to.
import { NonFiniteError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { Dataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import { Model } from "../nn/model.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import { adam } from "../optim/adam.ts";
import { checkCount } from "../optim/transform.ts";
import { train } from "../train/train.ts";
import type { Compression, CompressOptions } from "./compress.ts";
import { checkTrained } from "./finite.ts";
import { compressionRecipes, type Predictor, type Recipe, type RecipeContext } from "./recipes.ts";
import { type CompressionRow, chartOf, type Missed, tableOf } from "./report.ts";

const KNOWN = {
  data: 0,
  validation: 0,
  target: 0,
  loss: 0,
  optimizer: 0,
  epochs: 0,
  batchSize: 0,
  score: 0,
  recipes: 0,
  search: 0,
  seed: 0,
  engine: 0,
} as const;

/** Examples that ranges are chosen by. */
const CALIBRATION = 256;
/** Predictions of one example of which the fastest counts. */
const TIMED = 30;

function accuracyOf(outputs: Float32Array, data: Dataset): number {
  const { labels } = data.materialize();
  const width = outputs.length / data.length;
  if (labels?.values.length !== data.length)
    throw new OptionError("compress: score: wanted one, for data without a label an example");
  let right = 0;
  for (const [row, label] of labels.values.entries()) {
    const own = outputs.subarray(row * width, (row + 1) * width);
    if (own.indexOf(Math.max(...own)) === label) right++;
  }
  return right / data.length;
}

/** @throws OptionError for what is given in the place of a model, data or a function. @throws EngineError without weights */
function checkGiven(model: Model, given: CompressOptions, recipes: readonly Recipe[]): void {
  const check = (what: string, got: unknown, is: boolean, wanted: string) => {
    if (!is)
      throw new OptionError(`compress: ${what}: got ${got === null ? "null" : typeof got}, wanted ${wanted}`);
  };
  const { data, validation, target, score } = given;
  check("model", model, model instanceof Model, "a model in floats");
  check("data", data, data instanceof Dataset, "a dataset");
  check("validation", validation, validation instanceof Dataset, "a dataset");
  check(
    "target",
    target,
    typeof target === "object" && target !== null,
    "a record of size, latency and accuracyDrop",
  );
  check("score", score, score === undefined || typeof score === "function", "a function");
  check("recipes", recipes, Array.isArray(recipes), "a list");
  for (const [at, recipe] of recipes.entries())
    check(`recipes: ${at}`, recipe, typeof recipe?.make === "function", "a name, steps and make");
  // What predicts draws weights where there are none; what is compressed has learned some.
  model.weights.snapshot();
}

/** What `compress` does. */
export async function search(model: Model, options: CompressOptions): Promise<Compression> {
  const {
    data,
    validation,
    target,
    loss = softmaxCrossEntropy,
    optimizer = adam({ learningRate: 3e-4 }),
    epochs = 1,
    batchSize = 32,
    score = accuracyOf,
    recipes = compressionRecipes(),
    search: until = "first",
    seed = 0,
  } = checkOptions("compress", options ?? {}, KNOWN);
  checkGiven(model, options ?? {}, recipes);
  const {
    size,
    latency,
    accuracyDrop = 0.01,
  } = checkOptions("compress: target", target, {
    size: 0,
    latency: 0,
    accuracyDrop: 0,
  });
  for (const [name, value] of Object.entries({ size, latency, accuracyDrop }))
    if (value !== undefined && !(value >= 0 && Number.isFinite(value)))
      throw new OptionError(`compress: target: ${name}: wanted a finite number ≥ 0, got ${value}`);
  if (until !== "first" && until !== "all")
    throw new OptionError(`compress: search: wanted "first" or "all", got ${JSON.stringify(until)}`);
  if (!(Number.isInteger(epochs) && epochs >= 0))
    throw new OptionError(`compress: epochs: wanted an integer ≥ 0, got ${epochs}`);
  checkCount("compress: batchSize", batchSize);
  if (!Number.isSafeInteger(seed))
    throw new OptionError(`compress: seed: wanted a safe integer, got ${seed}`);
  checkTrained("compress", model);
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  const one = validation.take(1);
  const measured = async (name: string, steps: readonly string[], made: Predictor, base?: number) => {
    if (typeof made?.predict !== "function")
      throw new OptionError(`compress: ${name}: wanted a recipe that makes a model, got ${typeof made}`);
    const outputs = await made.predict(validation, { engine });
    const scored: unknown = score(outputs, validation);
    if (typeof scored !== "number" || !Number.isFinite(scored))
      throw new OptionError(`compress: score: wanted a finite number, got ${scored}`);
    let least = Number.POSITIVE_INFINITY;
    for (let run = 0; run < TIMED; run++) {
      const start = performance.now();
      await made.predict(one, { engine });
      least = Math.min(least, performance.now() - start);
    }
    const row = {
      name,
      steps,
      bytes: made.toBytes().length,
      latency: least,
      score: scored,
    };
    const missed: Missed[] = [];
    const check = (what: Missed["what"], got: number, wanted: number | undefined) => {
      if (wanted !== undefined && !(got <= wanted)) missed.push({ what, got, wanted });
    };
    check("size", row.bytes, size);
    check("latency", row.latency, latency);
    // A rounding error is no drop.
    check("accuracyDrop", (base ?? row.score) - row.score - 1e-12, accuracyDrop);
    return { ...row, missed, failure: undefined, model: made };
  };
  const first = await measured("as it was", [], model);
  const rows: CompressionRow[] = [first];
  const context: RecipeContext = {
    model,
    data,
    calibration: data.take(CALIBRATION),
    async fineTune(smaller) {
      if (epochs > 0) await train(smaller, { data, loss, optimizer, epochs, batchSize, seed, engine });
    },
  };
  for (const { name, steps, make } of recipes) {
    if (until === "first" && rows.at(-1)!.missed.length === 0 && rows.at(-1)!.model) break;
    try {
      rows.push(await measured(name, steps, await make(context), first.score));
    } catch (error) {
      if (!(error instanceof OptionError || error instanceof NonFiniteError)) throw error;
      const nothing = {
        bytes: Number.NaN,
        latency: Number.NaN,
        score: Number.NaN,
        missed: [],
        model: undefined,
      };
      rows.push({ name, steps, ...nothing, failure: error.message });
    }
  }
  const made = rows.filter((row) => row.model);
  const meets = made.filter(({ missed }) => missed.length === 0);
  // By how many times a part of the target is missed, all together.
  const excess = ({ missed }: CompressionRow) =>
    missed.reduce((sum, { got, wanted }) => sum + (got - wanted) / Math.max(wanted, 1e-3), 0);
  const [best] = (meets.length > 0 ? meets : made).toSorted(
    (a, b) => excess(a) - excess(b) || a.bytes - b.bytes,
  );
  return {
    met: meets.length > 0,
    best: best!,
    missed: best!.missed,
    rows,
    table: tableOf(rows, validation.length),
    chart: chartOf(rows),
  };
}
