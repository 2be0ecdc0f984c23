// Lottery tickets: weights that are few, and start where the large network started.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Model } from "../nn/model.ts";
import { type TrainOptions, type TrainResult, train } from "../train/train.ts";
import { checkSparsity, keepZeros, type PruneOptions, prune, segmentsOf } from "./prune.ts";
import { iterativeSparsity } from "./sparsity.ts";

/** Options of {@link lotteryTicket}. */
export interface LotteryOptions extends Pick<PruneOptions, "scope" | "parameters"> {
  /** How each network is trained; the zeros are kept by themselves. */
  readonly training: TrainOptions;
  /** The share of zeros in the end, 0 < sparsity < 1. */
  readonly sparsity: number;
  /** Times to train, prune and rewind. Default: 3. */
  readonly rounds?: number;
  /** Epochs of training to whose end it is rewound; 0 is the initial weights. Default: 0. */
  readonly rewind?: number;
}

/**
 * Trains a model, prunes it by magnitude, sets what is left back to its early weights, and begins anew, each round with the
 * same share fewer; in the end trains the ticket, which is what the model holds then. Answers how each training went, the
 * ticket's last. Frankle and Carbin 2019; rewinding to later weights: Frankle et al. 2020.
 * @throws OptionError for options out of range, and what `train` throws.
 * @example
 * const runs = await lotteryTicket(model, {
 *   training: { data, loss: softmaxCrossEntropy, optimizer: adam() }, sparsity: 0.8, rounds: 2,
 * });
 */
export async function lotteryTicket(model: Model, options: LotteryOptions): Promise<readonly TrainResult[]> {
  const {
    training,
    sparsity,
    rounds = 3,
    rewind = 0,
    scope,
    ...selection
  } = checkOptions("lotteryTicket", options, {
    training: 0,
    sparsity: 0,
    rounds: 0,
    rewind: 0,
    scope: 0,
    parameters: 0,
  });
  if (!(Number.isInteger(rounds) && rounds >= 1))
    throw new OptionError(`lotteryTicket: rounds: wanted a positive integer, got ${rounds}`);
  if (!(Number.isInteger(rewind) && rewind >= 0))
    throw new OptionError(`lotteryTicket: rewind: wanted an integer ≥ 0, got ${rewind}`);
  const share = iterativeSparsity({ to: checkSparsity("lotteryTicket", sparsity), end: rounds });
  const { seed = 0, engine, optimizer } = training;
  if (!model.weights.initialized) await model.initialize({ seed, ...(engine && { engine }) });
  if (rewind > 0) await train(model, { ...training, epochs: rewind });
  const early = model.weights.snapshot();
  const kept = { ...training, optimizer: keepZeros(optimizer, selection) };
  const runs: TrainResult[] = [];
  for (let round = 1; round <= rounds; round++) {
    runs.push(await train(model, kept));
    prune(model, { ...selection, ...(scope && { scope }), sparsity: share(round) });
    // The zeros of what was pruned, the early weights of all others; biases and state go back too.
    const pruned = model.parameters();
    model.weights.restore(early);
    const values = model.parameters();
    for (const { name } of segmentsOf("lotteryTicket", model, selection.parameters)) {
      const left = pruned.get(name)!.values;
      const own = values.get(name)!.values;
      for (const index of own.keys()) if (left[index] === 0) own[index] = 0;
    }
    model.setParameters(values);
  }
  runs.push(await train(model, kept));
  return runs;
}
