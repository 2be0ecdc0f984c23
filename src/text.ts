// The entry point downhill/text: text as data, cut into tokens, numbered, padded and put into buckets of like length.
export {};
