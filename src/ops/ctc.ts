// Connectionist temporal classification: the loss of frames with labels whose places among them are not known.

import { DataError, OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, nothing, read, rows, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "./arithmetic.ts";
import { mean } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { limitLabels } from "./softmax.ts";
import { checkLabels } from "./targets.ts";

interface Attributes {
  readonly blank: number;
  /** The first label is the number of frames. */
  readonly measured: boolean;
  readonly zeroInfinity: boolean;
}

const ctcOp = defineOp<Attributes>({
  name: "ctc",
  shape: ([x]) => [
    { shape: [x!.shape[0]!], dtype: "f32" },
    { shape: x!.shape, dtype: "f32" },
  ],
  gradient: ({ outputs: [, residual], dy }) => [
    mul(residual!, dy.rank === 0 ? dy : reshape(dy, [dy.size, 1, 1])),
    undefined,
  ],
  emit(emitter, { inputs: [x, labels], outputs: [losses, residual], attributes }) {
    const [examples, frames, classes] = x!.shape as [number, number, number];
    const columns = labels!.size / examples;
    // As the kernel lays it out: a row of states, padded before and behind.
    const width = Math.ceil((2 * columns + 1) / 4) * 16 + 32;
    const row = rows(examples, frames * classes * 4);
    emitter.call(
      "ctc",
      [
        examples,
        frames,
        classes,
        columns,
        attributes.blank,
        Number(attributes.measured),
        Number(attributes.zeroInfinity),
        read(emitter.buffer(x!), row),
        read(emitter.buffer(labels!), rows(examples, columns * 4)),
        write(emitter.buffer(losses!), rows(examples, 4)),
        emitter.used(residual!) ? write(emitter.buffer(residual!), row) : nothing,
        scratch((frames + 5) * width + frames * 4),
      ],
      { work: 32 * x!.size + 16 * examples * frames * width },
    );
  },
});

/** Options of {@link ctc}. */
export interface CtcOptions {
  /** The class that stands for no label, from 0. It also fills up rows of labels. Default: 0. */
  readonly blank?: number;
  /** Makes an infinite loss 0, with no gradient. Default: false. */
  readonly zeroInfinity?: boolean;
  /** "first-label": the first label of each row is the number of its frames, the others follow. Default: "all". */
  readonly frames?: "all" | "first-label";
}

/**
 * −log of the probability that softmax(logits) gives to a row of labels over all its alignments, divided by the number of
 * labels, the mean over the batch: Graves et al. 2006, with PyTorch's ctc_loss in numbers. Logits [batch, frames,
 * classes]; labels i32 [batch, most labels], each row ending before its first blank. Infinite where the frames are too few for the labels,
 * with a blank between equal ones; the gradient is then 0. Frames behind the last have no gradient.
 * @throws OptionError for a blank that is no class. @throws ShapeError where the shapes do not fit.
 * @throws DataError for a label that is no class or a number of frames out of range, before the step runs.
 * @example ctc({ zeroInfinity: true })(frames, phrases)
 */
export function ctc(options: CtcOptions = {}): (output: Tensor, target: Tensor) => Tensor {
  const {
    blank = 0,
    zeroInfinity = false,
    frames: given = "all",
  } = checkOptions("ctc", options, { blank: 0, zeroInfinity: 0, frames: 0 });
  if (given !== "all" && given !== "first-label")
    throw new OptionError(`ctc: frames: wanted "all" or "first-label", got ${JSON.stringify(given)}`);
  const measured = given === "first-label";
  return (logits, labels) => {
    const [examples = 0, frames = 0, classes = 0] = logits.shape;
    if (logits.rank !== 3 || logits.dtype !== "f32")
      throw new ShapeError(
        `ctc: wanted f32 logits [batch, frames, classes], got ${logits.dtype} ${showShape(logits.shape)}`,
      );
    if (labels.dtype !== "i32" || labels.shape[0] !== examples)
      throw new ShapeError(
        `ctc: wanted integer labels [${examples}, most labels], got ${labels.dtype} ${showShape(labels.shape)}`,
      );
    if (!(Number.isInteger(blank) && blank >= 0 && blank < classes))
      throw new OptionError(`ctc: blank: wanted 0 to ${classes - 1} for ${classes} classes, got ${blank}`);
    if (!measured) limitLabels(labels, classes);
    const columns = labels.size / examples;
    checkLabels(labels, (label, at) => {
      const first = measured && at % columns === 0;
      const [least, most] = first ? [1, frames] : [0, classes - 1];
      if (!(label >= least && label <= most))
        throw new DataError(
          `ctc: ${first ? "frames" : "label"} of example ${Math.floor(at / columns)}: got ${label}, wanted ${least} to ${most}`,
        );
    });
    return mean(logits.graph.apply(ctcOp, [logits, labels], { blank, measured, zeroInfinity })[0]!);
  };
}
