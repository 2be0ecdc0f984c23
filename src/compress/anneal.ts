// Pruning by trial: what is asked for and found. The trials are loaded when they are wanted.
import type { Dataset } from "../data/index.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterSelection } from "../optim/groups.ts";
import type { Loss } from "../train/loss.ts";

/** Options of {@link annealedPruning}. */
export interface AnnealOptions {
  /** What the loss is measured on after each change; a few hundred examples do. */
  readonly data: Dataset;
  readonly loss: Loss;
  /** Share of zeros, 0 < sparsity < 1. */
  readonly sparsity: number;
  /** Changes that are tried. Default: 200. */
  readonly steps?: number;
  /** Rise of the loss that is taken with probability 1/e at first; falls to 0 in equal steps. Default: 0.01. */
  readonly temperature?: number;
  /** Share of the zeros that change places with weights at a step. Default: 0.01. */
  readonly share?: number;
  /** Default: 0. */
  readonly seed?: number;
  /** Which parameters. Default: those of two axes and more. */
  readonly parameters?: ParameterSelection;
  readonly engine?: Engine;
}

/** What was found. */
export interface Annealed {
  /** The loss of the zeros of the start, those of smallest magnitude, and of the best. */
  readonly before: number;
  readonly after: number;
  /** Changes that were kept. */
  readonly accepted: number;
}

/**
 * Simulated annealing over which weights are 0, from those of smallest magnitude on: some zeros and some weights change
 * places, and stay so where the loss falls, or rises by Δ with probability exp(−Δ / temperature). The model has the best
 * that was found. Kirkpatrick, Gelatt and Vecchi 1983.
 * @throws OptionError for options out of range. @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * await annealedPruning(model, { data, loss: softmaxCrossEntropy, sparsity: 0.5, steps: 10 });
 */
export async function annealedPruning(model: Model, options: AnnealOptions): Promise<Annealed> {
  return (await import("./trials.ts")).annealed(model, options);
}
