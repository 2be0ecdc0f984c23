// Tries ways to make a model smaller, the cheapest first, and says what each came to.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Dataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Model } from "../nn/model.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import { adam } from "../optim/adam.ts";
import { train } from "../train/train.ts";
import type { Compression, CompressOptions } from "./compress.ts";
import { compressionRecipes, type Predictor, type RecipeContext } from "./recipes.ts";
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
  } = checkOptions("compress", options, KNOWN);
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
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  const one = validation.take(1);
  const measured = async (name: string, steps: readonly string[], made: Predictor, base?: number) => {
    const outputs = await made.predict(validation, { engine });
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
      score: score(outputs, validation),
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
      if (!(error instanceof OptionError)) throw error;
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
    table: tableOf(rows),
    chart: chartOf(rows),
  };
}
