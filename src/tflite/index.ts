// The entry point downhill/tflite.
export { toTflite } from "./to-tflite.ts";
