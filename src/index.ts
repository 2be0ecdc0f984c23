// The public names.

export type { Program } from "./compile/program.ts";
export * from "./core/errors.ts";
export type { Shape } from "./core/shape.ts";
export { createEngine, createEngineSync, type Engine } from "./engine/engine.ts";
export type { EngineOptions } from "./engine/options.ts";
export type { DType, Graph, Initializer, Mode, Tensor, ValueType } from "./graph/tensor.ts";
export type { InstructionSet } from "./host/host.ts";
export {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  normal,
  ones,
  orthogonal,
  truncatedNormal,
  uniform,
  zeros,
} from "./nn/initializers.ts";
export type { Inputs, StoredInputs } from "./nn/inputs.ts";
export { defineLayer, type Layer, type LayerScope } from "./nn/layer.ts";
export { activation, type DenseOptions, dense, dropout, flatten } from "./nn/layers.ts";
export {
  defineModel,
  type InitializeOptions,
  type Model,
  type ModelOptions,
  type RunOptions,
  sequential,
} from "./nn/model.ts";
export type { ParameterValues } from "./nn/weights.ts";
export {
  type ActivationName,
  elu,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  tanh,
} from "./ops/activation.ts";
export {
  abs,
  add,
  ceil,
  clamp,
  cos,
  div,
  equal,
  erf,
  exp,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  round,
  rsqrt,
  sign,
  sin,
  sqrt,
  square,
  sub,
  where,
} from "./ops/arithmetic.ts";
export { broadcastTo } from "./ops/broadcast.ts";
export type { TensorLike } from "./ops/elementwise.ts";
export { equalLabels, gather, oneHot } from "./ops/gather.ts";
export { gradients } from "./ops/gradients.ts";
export { binaryCrossEntropy, huber, meanAbsoluteError, meanSquaredError } from "./ops/loss.ts";
export { matmul } from "./ops/matmul.ts";
export { argmax, max, mean, min, norm, type ReduceOptions, sum, sumSquares } from "./ops/reduce.ts";
export { reshape } from "./ops/reshape.ts";
export { logSoftmax, softmax, softmaxCrossEntropy } from "./ops/softmax.ts";
export { type AdamFamilyOptions, type AdamOptions, adam, adamW } from "./optim/adam.ts";
export { clipByGlobalNorm } from "./optim/clip.ts";
export { type SgdOptions, sgd } from "./optim/sgd.ts";
export {
  chain,
  type Schedule,
  type Slot,
  type TrainedParameter,
  type Transform,
  type TransformContext,
} from "./optim/transform.ts";
export type {
  Callback,
  EpochRecord,
  ErrorAnswer,
  ProgressRecord,
  TrainingControl,
} from "./train/callbacks.ts";
export { type EvaluateOptions, type Evaluation, evaluate } from "./train/evaluate.ts";
export type { StepBatch } from "./train/feeds.ts";
export { accuracy, type Loss, type Metric } from "./train/loss.ts";
export type { MonitorOptions } from "./train/monitor.ts";
export { progress } from "./train/progress.ts";
export {
  type EarlyStoppingOptions,
  earlyStopping,
  type StopAtTargetOptions,
  stopAtTarget,
  timeBudget,
} from "./train/stopping.ts";
export { type TrainOptions, type TrainResult, train } from "./train/train.ts";
export {
  createTrainer,
  createTrainerSync,
  type StepResult,
  type Trainer,
  type TrainerOptions,
} from "./train/trainer.ts";
