// Distillation: a small model learns from what a large one says, beside the labels. The teaching is loaded when it is wanted.
import { ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { defineLayer, type Layer } from "../nn/layer.ts";
import type { Model } from "../nn/model.ts";
import { div, mul, sub } from "../ops/arithmetic.ts";
import { sum } from "../ops/reduce.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import type { TrainOptions, TrainResult } from "../train/train.ts";

/** How the teacher's word counts. */
export interface DistillationOptions {
  /** Temperature > 0 of both softmaxes: the higher, the more the small probabilities count. Default: 4. */
  readonly temperature?: number;
  /** Share of the teacher's part in the loss, 0 ≤ alpha ≤ 1. Default: 0.9. */
  readonly alpha?: number;
}

/**
 * The mean over the batch of T² KL(softmax(teacher / T) ‖ softmax(student / T)) for logits [batch, classes]: T² keeps the size
 * of the gradients. PyTorch's `T * T * kl_div(log_softmax(s / T), softmax(t / T), reduction="batchmean")`. Hinton, Vinyals
 * and Dean 2015.
 * @throws ShapeError where the shapes differ.
 * @example const loss = (output, target) => divergenceAt(output, target, 4); // the teacher's logits are the targets
 */
export function divergenceAt(student: Tensor, teacher: Tensor, temperature: number): Tensor {
  if (!sameShape(student.shape, teacher.shape))
    throw new ShapeError(
      `distill: outputs differ: the student's ${showShape(student.shape)}, the teacher's ${showShape(teacher.shape)}`,
    );
  const [s, t] = [div(student, temperature), div(teacher, temperature)];
  const difference = sub(logSoftmax(t), logSoftmax(s));
  const rows = student.size / student.shape.at(-1)!;
  return mul(sum(mul(softmax(t), difference)), temperature ** 2 / rows);
}

/** Tensors by the names of features. */
export const marks = new WeakMap<Graph, Map<string, Tensor>>();

/**
 * Notes what goes through it under a name, for `distill` to compare; does nothing else.
 * @example sequential({ input: [784] }, dense(64, { activation: "relu" }), feature("hidden"), dense(10))
 */
export function feature(name: string): Layer {
  return defineLayer("feature", (x) => {
    const known = marks.get(x.graph) ?? new Map<string, Tensor>();
    marks.set(x.graph, known.set(name, x));
    return x;
  });
}

/** Features of student and teacher that are to be alike. */
export interface FeaturePair {
  readonly student: string;
  readonly teacher: string;
  /** What the mean squared error counts beside the rest of the loss. Default: 1. */
  readonly weight?: number;
}

/** Options of {@link distill}. */
export interface DistillOptions extends DistillationOptions, TrainOptions {
  /** Pairs of features that are to be alike, FitNets' hints (Romero et al. 2015), by the names of `feature` layers. Default: none. */
  readonly features?: readonly FeaturePair[];
  /**
   * When the teacher speaks: "once" of all the data before the training, or "always" anew in each step, as for a stream, data
   * that is changed from epoch to epoch, or features. Default: "once" where that is the same.
   */
  readonly teaching?: "once" | "always";
  /**
   * What the teacher says of all the data, in its order, where it is known already, as for several students: its
   * predictions, `await teacher.predict(data)`. Only where it speaks once. Default: it is asked.
   */
  readonly outputs?: Float32Array;
}

/**
 * Trains a student on (1 − alpha) · loss + alpha · T² KL(teacher ‖ student), and on the distances of features, projected to the
 * teacher's width by a product that is trained with it and gone afterwards. Outputs are logits [classes]; the teacher stays as
 * it is. The loss that is told is that sum; validation's is the loss alone.
 * @throws OptionError for options out of range. @throws ShapeError, DataError where the models or the data do not fit together.
 * @throws DataError naming a weight of the teacher that is not finite. @throws EngineError where it has no weights yet.
 * @example
 * const teacher = sequential({ input: [784] }, dense(64, { activation: "relu" }), dense(10));
 * await train(teacher, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const student = sequential({ input: [784] }, dense(10));
 * await distill(student, teacher, { data, loss: softmaxCrossEntropy, optimizer: adam(), temperature: 4, alpha: 0.9 });
 */
export async function distill(student: Model, teacher: Model, options: DistillOptions): Promise<TrainResult> {
  return (await import("./teaching.ts")).teach(student, teacher, options);
}
