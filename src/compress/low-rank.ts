// Low rank: a product by a large matrix becomes two by thin ones. How is loaded when it is wanted.
import type { Model } from "../nn/model.ts";
import type { ParameterSelection } from "../optim/groups.ts";

/** Options of {@link lowRank}. */
export interface LowRankOptions {
  /** As many singular values of each weight, or by the names of weights. */
  readonly rank?: number | Readonly<Record<string, number>>;
  /** In place of a rank: as few as have this share of the sum of the squares of all, 0 < energy ≤ 1. Default: 0.9. */
  readonly energy?: number;
  /** Which weights. Default: all of products and convolutions without groups that become smaller by it. */
  readonly parameters?: ParameterSelection;
}

/**
 * A model whose dense layers and convolutions are two each: one with fewer outputs, and a product of these, from the largest
 * singular values of the weight [inputs, outputs] (Eckart and Young 1936; for convolutions as Denton et al. 2014). Weights
 * that would not become smaller stay as they are; so do convolutions in groups. Train it further to get back what it lost.
 * Computed on the host: a weight of 1000 × 1000 takes some seconds.
 * @throws OptionError for options out of range, a weight that is used otherwise too, or a model that recomputes blocks.
 * @throws DataError naming a weight that is not finite. @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const thin = await lowRank(model, { rank: 8 });
 * await train(thin, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 */
export async function lowRank(model: Model, options: LowRankOptions = {}): Promise<Model> {
  return (await import("./factors.ts")).factorized(model, options);
}
