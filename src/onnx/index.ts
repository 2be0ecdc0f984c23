// The entry point downhill/onnx.
export type { ExternalData, OnnxLimits } from "./import/file.ts";
export { type FromOnnxOptions, fromOnnx } from "./import/from-onnx.ts";
