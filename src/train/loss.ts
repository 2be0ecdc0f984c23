// What a loss and a metric are to the training loop.
import type { Tensor } from "../graph/tensor.ts";
import { equal, greater } from "../ops/arithmetic.ts";
import { equalLabels } from "../ops/gather.ts";
import { argmax, mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";

/** From the model's output and the target to a scalar, the mean over the batch. */
export type Loss = (output: Tensor, target: Tensor) => Tensor;

/** A named scalar, the mean over the batch, that is watched but not trained on. */
export interface Metric {
  readonly name: string;
  readonly measure: Loss;
}

/** Share of examples whose largest output is at the label; for float targets, of outputs on the same side of 0.5. */
export const accuracy: Metric = {
  name: "accuracy",
  measure: (output, target) =>
    target.dtype === "i32"
      ? mean(equalLabels(argmax(output), reshape(target, output.shape.slice(0, -1))))
      : mean(equal(greater(output, 0.5), greater(target, 0.5))),
};
