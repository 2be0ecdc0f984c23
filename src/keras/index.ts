// The entry point downhill/keras.
export {};
