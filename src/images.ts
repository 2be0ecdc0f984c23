// The entry point downhill/images: pictures as data, changed at random by seed while they are fed.
export {};
