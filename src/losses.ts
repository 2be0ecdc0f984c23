// The entry point downhill/losses: losses and metrics beside those that every training needs.
export {};
