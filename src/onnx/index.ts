// The entry point downhill/onnx.
export type { OnnxNormalization } from "./export/wanted.ts";
export { type Freezable, type OnnxFiles, type OnnxOptions, toOnnx } from "./export.ts";
