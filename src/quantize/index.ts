// The entry point downhill/quantize: models in integers, or in floats of fewer bits.
export { type StraightThrough, straightThrough } from "../ops/straight-through.ts";
export {
  type QuantizationAwareModel,
  type QuantizationAwareOptions,
  quantizationAware,
} from "./aware.ts";
export {
  type CalibrateOptions,
  type CalibrationMethod,
  calibrate,
  type Range,
  type Ranges,
} from "./calibrate.ts";
export type { Affine } from "./numbers.ts";
export { type QuantizeOptions, quantize, quantizedFromBytes } from "./quantize.ts";
export type { LayerReport, PrepareOptions, QuantizedModel } from "./quantized-model.ts";
export type { WeightType } from "./stored.ts";
