// The entry point downhill/standalone.
export {};
