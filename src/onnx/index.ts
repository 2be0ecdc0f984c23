// The entry point downhill/onnx.
export type { Freezable, OnnxFiles, OnnxNormalization, OnnxOptions } from "./export.ts";
export { toOnnx } from "./export.ts";
