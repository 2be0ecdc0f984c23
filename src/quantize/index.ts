// The entry point downhill/quantize: models in integers, or in floats of fewer bits.
export {
  type CalibrateOptions,
  type CalibrationMethod,
  calibrate,
  type Range,
  type Ranges,
} from "./calibrate.ts";
