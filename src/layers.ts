// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.

export {
  type AttentionInputs,
  type AttentionLayer,
  type MultiHeadAttentionOptions,
  multiHeadAttention,
} from "./nn/attention.ts";
export {
  type Conv1dOptions,
  type Conv1dTransposeOptions,
  type Conv2dOptions,
  type Conv2dTransposeOptions,
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
  separableConv2d,
} from "./nn/convolution.ts";
export {
  type EmbeddingLayer,
  type EmbeddingOptions,
  embedding,
  type LearnedPositionsOptions,
  learnedPositions,
  sinusoidalPositions,
} from "./nn/embedding.ts";
export {
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  type LayerNormOptions,
  layerNorm,
  type NormalizationOptions,
  rmsNorm,
} from "./nn/normalization.ts";
export {
  adaptiveAveragePool2d,
  adaptiveMaxPool2d,
  averagePool1d,
  averagePool2d,
  type GlobalPoolOptions,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  maxPool1d,
  maxPool2d,
  resize2d,
  upsample1d,
  upsample2d,
} from "./nn/pooling.ts";
export {
  type BidirectionalLayer,
  type BidirectionalOptions,
  type BidirectionalState,
  bidirectional,
  type FinalState,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentContext,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentState,
  type SimpleRnnOptions,
  simpleRnn,
  type WithState,
} from "./nn/recurrent.ts";
export { branches, checkpoint, type ResidualOptions, residual } from "./nn/structure.ts";
export { spatialDropout1d, spatialDropout2d, stochasticDepth } from "./nn/structured-dropout.ts";
export {
  type DecoderInputs,
  type TransformerBlockOptions,
  type TransformerEncoderOptions,
  transformerDecoderBlock,
  transformerEncoderBlock,
} from "./nn/transformer.ts";
export { type AttentionOptions, attention } from "./ops/attention.ts";
export { type BatchMatmulOptions, batchMatmul } from "./ops/batch-matmul.ts";
export {
  type Convolution1dOptions,
  type Convolution1dTransposeOptions,
  type Convolution2dOptions,
  type Convolution2dTransposeOptions,
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
} from "./ops/convolution.ts";
export { einsum } from "./ops/einsum.ts";
export { adaptiveMaxPool, maxPool } from "./ops/max-pool.ts";
export { concatenate, pad, permute, slice } from "./ops/movement.ts";
export type { PaddingMode } from "./ops/padding.ts";
export { type Cell, type Recurrence, type RecurrenceInputs, recurrence } from "./ops/recurrence.ts";
export {
  type AveragePoolOptions,
  adaptiveAveragePool,
  averagePool,
  type ResizeOptions,
  resize,
} from "./ops/resample.ts";
export { type RotaryOptions, rotary } from "./ops/rotary.ts";
export type { MaxPoolOptions, WindowOptions } from "./ops/taps.ts";
export type { Padding, Padding1d, Padding2d, Pair, Sides } from "./ops/window.ts";
export { type RefreshOptions, refreshStatistics } from "./train/refresh.ts";
