// The entry point downhill/compress.
export {};
