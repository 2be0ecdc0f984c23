// Compression to a target: what is asked for and what it comes to. The search itself is loaded when it is wanted.
import type { Dataset } from "../data/index.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import type { Transform } from "../optim/transform.ts";
import type { Loss } from "../train/loss.ts";
import type { Recipe } from "./recipes.ts";
import type { CompressionRow, Missed } from "./report.ts";

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
  /** To score on, and so to choose by: neither what is trained on nor what tells in the end how good the chosen one is. */
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

/**
 * Makes a model smaller until it meets a target: tries each recipe, trains further where that is part of it, measures the
 * file's size, the time for an example and the score, and gives the first that is small, fast and good enough, or the one that
 * misses the least with what it misses. A recipe that cannot be followed by a model, or whose training leaves the finite
 * numbers, stands in the report with the reason. All is chosen by the validation data, so the score of the best is a little
 * better there than on examples that it has never been chosen by.
 * Latency is measured, so that a target of it depends on the machine; nothing else does.
 * @throws OptionError for options out of range. @throws DataError naming a weight that is not finite.
 * @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const { met, best, table } = await compress(model, {
 *   data, validation: digits.test, target: { size: 30_000, accuracyDrop: 0.05 },
 * });
 */
export async function compress(model: Model, options: CompressOptions): Promise<Compression> {
  return (await import("./search.ts")).search(model, options);
}
