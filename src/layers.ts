// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
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
  type Pair,
  resize2d,
  upsample1d,
  upsample2d,
} from "./nn/pooling.ts";
export {
  type BidirectionalOptions,
  type BidirectionalState,
  bidirectional,
  gru,
  type LstmOptions,
  lstm,
  type RecurrentContext,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentState,
  type SimpleRnnOptions,
  simpleRnn,
} from "./nn/recurrent.ts";
export { spatialDropout1d, spatialDropout2d, stochasticDepth } from "./nn/structured-dropout.ts";
export { adaptiveMaxPool, maxPool } from "./ops/max-pool.ts";
export { type Recurrence, type RecurrenceInputs, recurrence } from "./ops/recurrence.ts";
export {
  type AveragePoolOptions,
  adaptiveAveragePool,
  averagePool,
  type ResizeOptions,
  resize,
} from "./ops/resample.ts";
export type { Padding, WindowOptions } from "./ops/window.ts";
