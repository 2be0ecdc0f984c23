// The entry point downhill/tflite.
export type { TfliteQuantization, TfliteType } from "./quantization.ts";
export { type TfliteOptions, toTflite } from "./to-tflite.ts";
