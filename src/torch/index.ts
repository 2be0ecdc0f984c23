// The entry point downhill/torch.
export {};
