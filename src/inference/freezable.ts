// What leaves for another runtime: a model, or whatever else can say itself as a frozen graph.
import { OptionError } from "../core/errors.ts";
import type { Engine } from "../engine/engine.ts";
import { Model } from "../nn/model.ts";
import { type FreezeOptions, type Frozen, freeze } from "./frozen.ts";

/** A model, or one that freezes in its own way, as a quantized model does. */
export type Freezable = Model | { frozen(batchSize: number, engine?: Engine): Promise<Frozen> };

/** A frozen graph of either. @throws EngineError where a model has no weights yet. @throws OptionError for what is neither. */
export async function frozenOf(model: Freezable, options: FreezeOptions = {}): Promise<Frozen> {
  const { batchSize = 1, engine } = options;
  if (model instanceof Model) return freeze(model, options);
  if (typeof model?.frozen !== "function") throw new OptionError(`model: got ${model}, wanted a model`);
  return model.frozen(batchSize, engine);
}
