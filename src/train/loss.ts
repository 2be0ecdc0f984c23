// What a loss and a metric are to the training loop.
import type { Tensor } from "../graph/tensor.ts";
import { equal, greater } from "../ops/arithmetic.ts";
import { equalLabels } from "../ops/gather.ts";
import { argmax, mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";

/** From the model's output and the target to a scalar, the mean over the batch. */
export type Loss = (output: Tensor, target: Tensor) => Tensor;

/** A named number that is watched but not trained on. */
export interface Metric {
  readonly name: string;
  /** The mean over the batch, a scalar; with `collect`, any numbers of the batch. */
  readonly measure: Loss;
  /** For what is no mean over examples: makes what takes the numbers of one batch after the other. */
  readonly collect?: () => Collector;
}

/** Makes one number of those that a metric measures. */
export interface Collector {
  /** Takes a batch's numbers, which are its own to keep. */
  add(numbers: Float32Array): void;
  /** The metric of all batches so far. */
  value(): number;
}

/** Share of examples whose largest output is at the label; for float targets, of outputs on the same side of 0.5. */
export const accuracy: Metric = {
  name: "accuracy",
  measure: (output, target) =>
    target.dtype === "i32"
      ? mean(equalLabels(argmax(output), reshape(target, output.shape.slice(0, -1))))
      : mean(equal(greater(output, 0.5), greater(target, 0.5))),
};
