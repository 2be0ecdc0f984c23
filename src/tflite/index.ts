// The entry point downhill/tflite.
export {
  type TfliteOptions,
  type TfliteQuantization,
  type TfliteType,
  toTflite,
} from "./to-tflite.ts";
