// The entry point downhill/quantize.
export {};
