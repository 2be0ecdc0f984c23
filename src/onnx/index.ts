// The entry point downhill/onnx.

export type { ExternalData, OnnxLimits } from "./import/tensor.ts";
export { type FromOnnxOptions, fromOnnx } from "./import.ts";
