// Table of contents of "downhill/optim": every optimizer and schedule; the few that "downhill" has too are the same.
export {
  type AdabeliefOptions,
  type AdamaxOptions,
  type AdamFamilyOptions,
  type AdamOptions,
  type AdanOptions,
  type AdemamixOptions,
  type AdoptOptions,
  adabelief,
  adam,
  adamax,
  adamW,
  adan,
  ademamix,
  adopt,
  type NadamOptions,
  nadam,
  nadamW,
  type RadamOptions,
  radam,
  type YogiOptions,
  yogi,
} from "./adam.ts";
export {
  type AdadeltaOptions,
  type AdagradOptions,
  adadelta,
  adagrad,
  type RmspropOptions,
  rmsprop,
} from "./adaptive.ts";
export { type EmaOptions, ema, type SwaOptions, swa } from "./average.ts";
export {
  type AdaptiveClipOptions,
  adaptiveClip,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
} from "./clip.ts";
export {
  clampWeights,
  l1Ball,
  l2Ball,
  maxNorm,
  type NormOptions,
  nonNegative,
  type SimplexOptions,
  simplex,
  unitNorm,
} from "./constraints.ts";
export {
  type CosineRestartsOptions,
  type CyclicOptions,
  cosineRestarts,
  cyclic,
  type OneCycleOptions,
  oneCycle,
} from "./cycles.ts";
export {
  type DAdaptAdamOptions,
  type DAdaptationOptions,
  type DAdaptSgdOptions,
  dAdaptAdam,
  dAdaptSgd,
  type ProdigyOptions,
  prodigy,
} from "./d-adaptation.ts";
export {
  type CosineDecayOptions,
  cosineDecay,
  type ExponentialDecayOptions,
  exponentialDecay,
  type InverseTimeDecayOptions,
  inverseTimeDecay,
  type LinearOptions,
  linear,
  type MultiStepDecayOptions,
  multiStepDecay,
  type PolynomialDecayOptions,
  polynomialDecay,
  type StepDecayOptions,
  stepDecay,
} from "./decay.ts";
export { type AdafactorOptions, adafactor, type Sm3Options, sm3 } from "./factored.ts";
export { type FtrlOptions, ftrl } from "./ftrl.ts";
export {
  addGradientNoise,
  centralizeGradients,
  type DecoupledDecayOptions,
  decoupledDecay,
  type ElasticNetOptions,
  elasticNet,
  type GradientNoiseOptions,
  l1,
  l2,
  scaleGradient,
  skipNonFinite,
} from "./gradients.ts";
export {
  frozen,
  type ParameterGroup,
  type ParameterSelection,
  parameterGroups,
  type SelectionOptions,
} from "./groups.ts";
export {
  type LambOptions,
  type LarsOptions,
  lamb,
  lars,
  type NovogradOptions,
  novograd,
} from "./layerwise.ts";
export { type LossScalingOptions, lossScaling } from "./loss-scaling.ts";
export { type MuonOptions, type MuonWithAdamWOptions, muon, muonWithAdamW } from "./muon.ts";
export {
  type DogOptions,
  type DowgOptions,
  dog,
  dowg,
  type PolyakSgdOptions,
  polyakSgd,
} from "./parameter-free.ts";
export { type Plateau, type PlateauOptions, reduceOnPlateau } from "./plateau.ts";
export {
  type ScheduleFreeAdamWOptions,
  type ScheduleFreeSgdOptions,
  scheduleFreeAdamW,
  scheduleFreeSgd,
} from "./schedule-free.ts";
export {
  multiply,
  type Piece,
  piecewise,
  type Stage,
  sequence,
  type WarmupCosineOptions,
  type WarmupOptions,
  warmup,
  warmupCosine,
} from "./schedules.ts";
export { type AsgdOptions, asgd, type SgdOptions, sgd } from "./sgd.ts";
export { type ShampooOptions, shampoo } from "./shampoo.ts";
export {
  type LionOptions,
  lion,
  type RpropOptions,
  rprop,
  type SignSgdOptions,
  signSgd,
} from "./sign.ts";
export { type SoapOptions, soap } from "./soap.ts";
export { type SophiaGOptions, sophiaG } from "./sophia.ts";
export {
  chain,
  type LastWork,
  type Schedule,
  type Slot,
  type TrainedParameter,
  type Transform,
  type TransformContext,
} from "./transform.ts";
export {
  type AccumulateOptions,
  accumulate,
  type LookaheadOptions,
  lookahead,
  type SamOptions,
  sam,
} from "./wrappers.ts";
