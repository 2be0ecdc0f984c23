// The entry point downhill/onnx.
export type { Freezable } from "../inference/freezable.ts";
export type { OnnxNormalization } from "./export/wanted.ts";
export { type OnnxFiles, type OnnxOptions, toOnnx } from "./export.ts";
export type { ExternalData, OnnxLimits } from "./import/tensor.ts";
export { type FromOnnxOptions, fromOnnx } from "./import.ts";
