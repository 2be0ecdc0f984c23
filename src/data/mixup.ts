// Mixup: examples mixed in pairs, inputs and targets alike.

import { beta, Draws } from "../core/draws.ts";
import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { permutation } from "../core/random.ts";
import { Dataset } from "./dataset.ts";
import type { Example } from "./example.ts";
import { IterableDataset } from "./iterable.ts";

/** Options of {@link mixup}. */
export interface MixupOptions {
  /**
   * Weights are drawn from Beta(alpha, alpha): small numbers leave most examples nearly as they are, 1 draws all weights
   * alike. The paper takes 0.1 to 0.4 for ImageNet, 1 for CIFAR. Default: 0.2.
   */
  readonly alpha?: number;
  /** Of weights, pairs and the order of a dataset in memory. Default: 0. */
  readonly seed?: number;
  /** Examples of a stream that are held and paired with one another. Default: 1024. */
  readonly buffer?: number;
}

/**
 * A stream in which every example is mixed with another: w · own + (1 − w) · partner for input and target, each pair with a
 * weight of its own. Labels become one-hot targets [classes], which go with `softmaxCrossEntropy` and `labelSmoothing`.
 * A dataset in memory is shuffled anew each epoch and paired as a whole; a stream keeps its order and is paired within
 * `buffer` examples. Other pairs and weights in every epoch, the same ones for the same seed and epoch.
 * Zhang et al. 2018, section 2.
 * Throws `OptionError` for options out of range and for labels of a stream without `classes`, `DataError` for examples
 * without target and label.
 * @example
 * await train(model, { data: mixup(data, { alpha: 0.2, seed: 1 }), loss: softmaxCrossEntropy, optimizer: adam() });
 */
export function mixup(data: Dataset | IterableDataset, options: MixupOptions = {}): IterableDataset {
  const {
    alpha = 0.2,
    seed = 0,
    buffer = 1024,
  } = checkOptions("mixup", options, { alpha: 0, seed: 0, buffer: 0 });
  // Below 1e-300 a weight is no number any more.
  if (!(alpha > 1e-300 && alpha < Number.POSITIVE_INFINITY))
    throw new OptionError(`mixup: alpha: got ${alpha}, wanted a finite number above 0`);
  if (!Number.isSafeInteger(seed)) throw new OptionError(`mixup: seed: got ${seed}, wanted a safe integer`);
  if (!(Number.isSafeInteger(buffer) && buffer >= 1))
    throw new OptionError(`mixup: buffer: got ${buffer}, wanted an integer from 1`);
  const { inputShape, targetShape, classes } = data;
  const memory = data instanceof Dataset;
  const labels = memory && data.labels;
  return new IterableDataset(
    async function* (epoch) {
      const draws = new Draws(seed, `mixup weights ${epoch}`);
      let count = 0;
      const groups = memory
        ? [data.subset(permutation(data.length, seed, epoch))]
        : held(data.examples(epoch), buffer);
      for await (const group of groups) {
        const partners = permutation(group.length, seed, `mixup pairs ${epoch} ${count++}`);
        for (const [i, partner] of partners.entries()) {
          const weight = beta(draws, alpha, alpha);
          const [own, other] = [group.at(i)!, group.at(partner)!];
          yield {
            input: mixed("input", own.input, other.input, weight),
            target: mixed("target", targetOf(own, classes), targetOf(other, classes), weight),
            label: undefined,
          };
        }
      }
    },
    { inputShape, targetShape: labels ? [...labels.shape, classes!] : targetShape },
  );
}

/** The examples of a stream, some at a time. */
async function* held(examples: AsyncIterable<Example>, size: number): AsyncGenerator<Example[]> {
  let group: Example[] = [];
  for await (const { input, target, label } of examples) {
    // Copies, because a generator may use one array for all of its examples.
    group.push({ input: input.slice(), target: target?.slice(), label });
    if (group.length === size) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

/** Numbers that can be mixed: a label as one-hot, several one after the other. */
function targetOf({ target, label }: Example, classes: number | undefined): Float32Array {
  if (target) return target;
  if (label === undefined)
    throw new DataError("mixup: got an example without target and label, wanted one of them");
  if (classes === undefined)
    throw new OptionError(
      "mixup: classes: got labels of a stream without, wanted fromIterable(…, { classes })",
    );
  const labels = typeof label === "number" ? [label] : label;
  const shares = new Float32Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) shares[i * classes + labels[i]!] = 1;
  return shares;
}

function mixed(what: string, own: Float32Array, other: Float32Array, weight: number): Float32Array {
  if (own.length !== other.length)
    throw new DataError(`mixup: ${what}: got ${own.length} and ${other.length} values, wanted as many`);
  return own.map((value, i) => weight * value + (1 - weight) * other[i]!);
}
