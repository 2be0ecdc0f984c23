// What files are read into while they are fuzzed: a small model with state beside its parameters, and its trainer.
import { createEngineSync } from "../../build/src/engine/engine.js";
import { adam, createTrainerSync, dense, meanSquaredError, sequential } from "../../build/src/index.js";
import { batchNorm } from "../../build/src/layers.js";

const engine = createEngineSync({ numerics: "exact" });

/** A model with weights. */
export function modelOf() {
  const model = sequential({ input: [3] }, dense(4, { activation: "relu" }), batchNorm(), dense(2));
  model.initializeSync({ engine });
  return model;
}

/** A trainer of it. */
export function trainerOf(model) {
  return createTrainerSync(model, { loss: meanSquaredError, optimizer: adam(), engine });
}
