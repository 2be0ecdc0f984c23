// The entry point downhill/compress: models made smaller and faster, and trained while they are.
export { type Instead, type OwnParameters, Reparametrized, reparametrize } from "../nn/reparametrize.ts";
export { type Annealed, type AnnealOptions, annealedPruning } from "./anneal.ts";
export type { ChannelGroup, ChannelSlice } from "./channels.ts";
export { type Clustered, type ClusterOptions, clusterWeights } from "./cluster.ts";
export { type Compression, type CompressionTarget, type CompressOptions, compress } from "./compress.ts";
export {
  type DistillationOptions,
  type DistillOptions,
  distill,
  divergenceAt,
  type FeaturePair,
  feature,
} from "./distill.ts";
export { type LotteryOptions, lotteryTicket } from "./lottery.ts";
export { type LowRankOptions, lowRank } from "./low-rank.ts";
export { type MovementOptions, type MovementPruning, movementPruning } from "./movement.ts";
export {
  keepZeros,
  type PruneOptions,
  type PruningOptions,
  prune,
  pruning,
  sparsityOf,
} from "./prune.ts";
export { compressionRecipes, type Predictor, type Recipe, type RecipeContext } from "./recipes.ts";
export type { CompressionRow, Missed } from "./report.ts";
export { settle } from "./settle.ts";
export { type ChannelMeasure, channelGroups, type ShrinkOptions, shrink } from "./shrink.ts";
export {
  gradualSparsity,
  iterativeSparsity,
  oneShotSparsity,
  type SparsityOptions,
  type SparsitySchedule,
} from "./sparsity.ts";
