// Models as TFLite files.
import { freeze } from "../inference/frozen.ts";
import type { Model } from "../nn/model.ts";
import { atAnyBatch, translate } from "./translate.ts";
import { writeTflite } from "./write.ts";

export async function toTflite(model: Model, options: any = {}): Promise<Uint8Array> {
  const { batchSize = 1, activation } = options;
  const one = translate(await freeze(model, { batchSize }), { ending: activation });
  const other = translate(await freeze(model, { batchSize: batchSize + 1 }), { ending: activation });
  const any = options.dynamicBatch ? atAnyBatch(one, other) : undefined;
  return writeTflite(any ?? one, { description: "", input: "input", output: "output" });
}
