// The ways in which `compress` makes a model smaller, the cheapest first: a table that others may be put into.
import type { Dataset } from "../data/index.ts";
import type { Inputs } from "../nn/inputs.ts";
import type { Model, RunOptions } from "../nn/model.ts";
import { lowRank } from "./low-rank.ts";
import { shrink } from "./shrink.ts";

/** What can be measured: a model, or a quantized one. */
export interface Predictor {
  predict(inputs: Inputs, options?: RunOptions): Promise<Float32Array>;
  toBytes(): Uint8Array;
}

/** What a recipe works with. */
export interface RecipeContext {
  /** The model to start from, which stays as it is. */
  readonly model: Model;
  readonly data: Dataset;
  /** Some hundred inputs of the data, to choose ranges by. */
  readonly calibration: Inputs;
  /** Trains a model further, as the options of `compress` say. */
  fineTune(model: Model): Promise<void>;
}

/** One way; its steps stand in the report. */
export interface Recipe {
  readonly name: string;
  readonly steps: readonly string[];
  make(context: RecipeContext): Promise<Predictor>;
}

/** Loaded where it is used: most of what compresses does without. */
const quantization = () => import("../quantize/index.ts");
const toInt8 = async (model: Model, { calibration }: RecipeContext) =>
  (await quantization()).quantize(model, { weights: "int8", calibration });

/** A recipe that makes a model with other weights, trains it further, and maybe stores it in bytes. */
function reshaped(
  name: string,
  step: string,
  by: (model: Model) => Model | Promise<Model>,
  int8: boolean,
): Recipe {
  return {
    name: int8 ? `${name} + int8` : name,
    steps: [step, "trained further", ...(int8 ? ["int8 weights and activations, calibrated"] : [])],
    async make(context) {
      const model = await by(context.model);
      await context.fineTune(model);
      return int8 ? toInt8(model, context) : model;
    },
  };
}

const halves = (ratio: number) => (model: Model) => shrink(model, { ratio });

/**
 * What `compress` tries by default, in order of cost.
 * @example compressionRecipes().map(({ name }) => name)
 */
export function compressionRecipes(): readonly Recipe[] {
  const aware = (name: string, steps: readonly string[], before: (model: Model) => Model): Recipe => ({
    name,
    steps: [...steps, "trained further with rounded numbers", "int8 weights and activations"],
    async make(context) {
      const { quantizationAware, quantize } = await quantization();
      const smaller = before(context.model);
      if (smaller !== context.model) await context.fineTune(smaller);
      const model = quantizationAware(smaller);
      await context.fineTune(model);
      return quantize(model);
    },
  });
  const rank = (model: Model) => lowRank(model, { energy: 0.9 });
  return [
    {
      name: "f16",
      steps: ["weights of 16 bits"],
      make: async ({ model }) => (await quantization()).quantize(model, { weights: "f16" }),
    },
    {
      name: "int8",
      steps: ["int8 weights and activations, calibrated"],
      make: (context) => toInt8(context.model, context),
    },
    reshaped("low rank", "singular values that have 90 % of the energy", rank, false),
    reshaped("low rank", "singular values that have 90 % of the energy", rank, true),
    reshaped("half the channels", "half of the channels gone, the smallest by L2 norm", halves(0.5), false),
    reshaped("half the channels", "half of the channels gone, the smallest by L2 norm", halves(0.5), true),
    aware("aware int8", [], (model) => model),
    aware(
      "a quarter of the channels + aware int8",
      ["three quarters of the channels gone, the smallest by L2 norm", "trained further"],
      halves(0.75),
    ),
  ];
}
