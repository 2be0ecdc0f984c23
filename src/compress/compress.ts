// Tries ways to make a model smaller, the cheapest first, and says what each came to.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Dataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import { adam } from "../optim/adam.ts";
import type { Transform } from "../optim/transform.ts";
import type { Loss } from "../train/loss.ts";
import { train } from "../train/train.ts";
import { compressionRecipes, type Predictor, type Recipe, type RecipeContext } from "./recipes.ts";
import { type CompressionRow, chartOf, type Missed, tableOf } from "./report.ts";

/** What a compressed model has to be. */
export interface CompressionTarget {
  /** Bytes of the file of weights, at most. */
  readonly size?: number;
  /** Milliseconds for one example, at most, on the engine given. */
  readonly latency?: number;
  /** What the score may fall by. Default: 0.01. */
  readonly accuracyDrop?: number;
}

/** Options of {@link compress}. */
export interface CompressOptions {
  /** To train further on, and to choose ranges by. */
  readonly data: Dataset;
  /** To score on. */
  readonly validation: Dataset;
  readonly target: CompressionTarget;
  /** What further training minimizes. Default: softmaxCrossEntropy. */
  readonly loss?: Loss;
  /** Default: adam with a learning rate of 3e-4. */
  readonly optimizer?: Transform;
  /** Epochs of further training. Default: 1. */
  readonly epochs?: number;
  /** Default: 32. */
  readonly batchSize?: number;
  /** What is scored, the larger the better, of all outputs. Default: the share of examples whose largest output is the label. */
  readonly score?: (outputs: Float32Array, data: Dataset) => number;
  /** Ways to try, in order. Default: `compressionRecipes()`. */
  readonly recipes?: readonly Recipe[];
  /** "first" ends with the first that meets the target, "all" tries all of them and takes the smallest. Default: "first". */
  readonly search?: "first" | "all";
  /** Default: 0. */
  readonly seed?: number;
  readonly engine?: Engine;
}

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

/** What a compression came to. */
export interface Compression {
  /** Whether there is a model that meets the target. */
  readonly met: boolean;
  /** The smallest that meets it, else the one that misses it by the least. */
  readonly best: CompressionRow;
  /** What the best misses; empty where the target is met. */
  readonly missed: readonly Missed[];
  /** All that was tried, the model as it was first. */
  readonly rows: readonly CompressionRow[];
  /** The rows as text. */
  readonly table: string;
  /** The rows as bars, an SVG image. */
  readonly chart: string;
}

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

/**
 * Makes a model smaller until it meets a target: tries each recipe, trains further where that is part of it, measures the
 * file's size, the time for an example and the score, and gives the first that is small, fast and good enough, or the one that
 * misses the least with what it misses. A recipe that cannot be followed by a model stands in the report with the reason.
 * Latency is measured, so that a target of it depends on the machine; nothing else does.
 * @throws OptionError for options out of range. @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const { met, best, table } = await compress(model, {
 *   data, validation: digits.test, target: { size: 30_000, accuracyDrop: 0.05 },
 * });
 */
export async function compress(model: Model, options: CompressOptions): Promise<Compression> {
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
    search = "first",
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
  if (search !== "first" && search !== "all")
    throw new OptionError(`compress: search: wanted "first" or "all", got ${JSON.stringify(search)}`);
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
    if (search === "first" && rows.at(-1)!.missed.length === 0 && rows.at(-1)!.model) break;
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
