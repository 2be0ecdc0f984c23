// The entry point downhill/keras: models of Keras and TensorFlow.js.
export { type FromKerasOptions, fromKeras } from "./from-keras.ts";
