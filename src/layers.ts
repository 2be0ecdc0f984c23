// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
export {};
