// The entry point downhill/onnx.
export {};
