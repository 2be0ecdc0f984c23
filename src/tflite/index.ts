// The entry point downhill/tflite.
export {};
