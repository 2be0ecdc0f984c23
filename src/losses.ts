// The entry point downhill/losses: losses and metrics beside those that every training needs.
export {
  cosineDistance,
  type InfoNceOptions,
  infoNce,
  ntXent,
} from "./ops/contrastive.ts";
export {
  type BinaryFocalOptions,
  binaryFocal,
  type CrossEntropyOptions,
  crossEntropy,
  type FocalOptions,
  focal,
  klDivergence,
} from "./ops/cross-entropy.ts";
export { type CtcOptions, ctc } from "./ops/ctc.ts";
export { type DiceOptions, dice } from "./ops/dice.ts";
export {
  categoricalHinge,
  hinge,
  squaredHinge,
  type TripletMarginOptions,
  tripletMargin,
} from "./ops/margin-loss.ts";
export { logCosh, type PoissonOptions, poisson, quantile, smoothL1 } from "./ops/regression-loss.ts";
export {
  type AveragedMetricOptions,
  balancedAccuracy,
  type ClassMetricOptions,
  f1,
  iou,
  matthewsCorrelation,
  precision,
  recall,
  topK,
} from "./train/class-metrics.ts";
export type { Collector } from "./train/loss.ts";
export { absoluteError, perplexity, rootMeanSquaredError, rSquared } from "./train/number-metrics.ts";
export {
  averagePrecision,
  collected,
  confusionMatrix,
  rocAuc,
  type ScoreFunction,
} from "./train/score-metrics.ts";
