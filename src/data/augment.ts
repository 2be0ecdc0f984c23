// Augmentation: images changed at random while they are fed, otherwise in every epoch.

import { Draws } from "../core/draws.ts";
import { DataError, OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { keys, permutation } from "../core/random.ts";
import { showShape } from "../core/shape.ts";
import type { Augmentation } from "./augmentations.ts";
import { Dataset } from "./dataset.ts";
import type { Example } from "./example.ts";
import type { Image } from "./image.ts";
import { IterableDataset } from "./iterable.ts";

/** Options of {@link augment}. */
export interface AugmentOptions {
  /** Of the changes, and of the order of a dataset in memory. Default: 0. */
  readonly seed?: number;
}

/**
 * A stream in which every image goes through some random changes, one after the other; targets and labels stay.
 * Inputs are [height, width] or [height, width, channels]. What is drawn depends on the seed, the epoch and the place of the
 * example in `data` alone: not on batches, on order, or on what else is read. A dataset in memory is shuffled anew each
 * epoch; a stream, and so `data.lazy()`, keeps its order.
 * Throws `ShapeError` for inputs that are no images, `OptionError` for a seed that is no safe integer, for steps that are no
 * functions and for what a step refuses.
 * @example
 * const { train: digits } = await mnist({ shape: [28, 28, 1] });
 * const changed = augment(digits, [shift(2), rotate(10), cutout(6)], { seed: 1 });
 * for await (const { inputs, labels } of changed.batch(128, { epoch: 1 })) break;
 */
export function augment(
  data: Dataset | IterableDataset,
  steps: readonly Augmentation[],
  options: AugmentOptions = {},
): IterableDataset {
  const { seed = 0 } = checkOptions("augment", options, { seed: 0 });
  if (!Number.isSafeInteger(seed)) throw new OptionError(`augment: seed: got ${seed}, wanted a safe integer`);
  if (!Array.isArray(steps) || steps.some((step) => typeof step !== "function"))
    throw new OptionError("augment: steps: got something else, wanted a list of functions such as shift(2)");
  const { inputShape, classes } = data;
  const [height, width, channels = 1] = inputShape as [number, number, number?];
  if (inputShape.length !== 2 && inputShape.length !== 3) {
    throw new ShapeError(
      `augment: wanted inputs [height, width] or [height, width, channels], got ${showShape(inputShape)}`,
    );
  }
  const change = (values: Float32Array, draws: Draws): Image =>
    steps.reduce((image, step) => step(image, draws), { values, height, width, channels } as Image);
  // Finds now what does not fit, and the size of the results.
  const probe = change(new Float32Array(height * width * channels), new Draws(0, 0));
  const size = probe.height * probe.width * probe.channels;
  const changed = (example: Example, draws: Draws): Example => {
    const { values } = change(example.input, draws);
    if (values.length !== size)
      throw new DataError(`augment: a step gave ${values.length} values, wanted ${size} as before`);
    return { ...example, input: values };
  };
  const memory = data instanceof Dataset;
  return new IterableDataset(
    async function* (epoch) {
      const [low, high] = keys(seed, `augment ${epoch}`);
      // Two words are more than a seed holds: 53 bits of them.
      const own = low + (high & 0x1fffff) * 2 ** 32;
      let index = 0;
      if (memory)
        for (const i of permutation(data.length, seed, epoch)) yield changed(data.at(i), new Draws(own, i));
      else for await (const example of data.examples(epoch)) yield changed(example, new Draws(own, index++));
    },
    {
      inputShape:
        inputShape.length === 2 ? [probe.height, probe.width] : [probe.height, probe.width, probe.channels],
      targetShape: memory ? data.targets?.shape : data.targetShape,
      classes,
    },
  );
}
