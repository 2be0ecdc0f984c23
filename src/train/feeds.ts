// What a step is fed with: how the examples of a dataset or of a batch come, which is what its program is compiled for, and
// what is asked of them first.
import { DataError, ShapeError } from "../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";
import type { Batch, Field, FieldValues } from "../data/index.ts";
import { checkIntegers } from "../nn/inputs.ts";
import type { Model } from "../nn/model.ts";
import type { FeedSpec } from "./step.ts";

/** A batch that the caller brings: integers or bytes may stand for floats. */
export type StepBatch = Omit<Batch, "inputs"> & { readonly inputs: FieldValues };

/** Examples as fields, all of them, in memory. */
export interface Fields {
  readonly inputs: Field;
  readonly targets: Field | undefined;
  readonly labels: Field | undefined;
}

export interface Feeds {
  readonly input: FeedSpec;
  readonly target: FeedSpec;
}

/** Of examples that lie in the engine's memory. @throws ShapeError, DataError */
export function feedsOfFields(model: Model, { inputs, targets, labels }: Fields): Feeds {
  const size = sizeOf(inputs.shape);
  if (size !== sizeOf(model.inputShape)) {
    throw new ShapeError(
      `data: inputs have shape ${showShape(inputs.shape)}, the model wants ${showShape(model.inputShape)}`,
    );
  }
  const examples = inputs.values.length / size;
  const target = labels ?? targets;
  if (!target) throw new DataError("data: the dataset has neither targets nor labels");
  return {
    input: {
      shape: model.inputShape,
      dtype: model.inputType,
      resident: model.inputType === "i32" ? { kind: "words" } : residence(inputs),
      examples,
    },
    target: {
      shape: labels ? target.shape : targetShape(model, sizeOf(target.shape)),
      dtype: labels ? "i32" : "f32",
      resident: labels ? { kind: "words" } : residence(target),
      examples,
    },
  };
}

/** Of a batch that the host writes, which is checked but for its labels. @throws ShapeError, DataError */
export function feedsOfBatch(model: Model, { inputs, labels, targets, size }: StepBatch): Feeds {
  const target = labels ?? targets;
  if (!target) throw new DataError("step: the batch has neither targets nor labels");
  if (!(Number.isInteger(size) && size >= 1))
    throw new ShapeError(`step: size: got ${size}, wanted a positive integer`);
  const { inputShape, inputType, inputLimit } = model;
  if (inputs.length !== size * sizeOf(inputShape)) {
    throw new ShapeError(
      `step: inputs: got ${inputs.length} numbers, wanted ${size} × ${showShape(inputShape)}`,
    );
  }
  const each = target.length / size;
  if (!(Number.isInteger(each) && each >= 1))
    throw new ShapeError(`step: targets: got ${target.length} numbers, wanted a multiple of ${size}`);
  if (inputLimit === undefined) checkFinite("inputs", inputs, size);
  else checkIntegers("step: inputs", inputs, sizeOf(inputShape), inputLimit);
  if (targets) checkFinite("targets", targets, size);
  const shape = labels ? (each === 1 ? [] : [each]) : targetShape(model, each);
  return {
    input: { shape: inputShape, dtype: inputType, resident: undefined, examples: size },
    target: { shape, dtype: labels ? "i32" : "f32", resident: undefined, examples: size },
  };
}

/** Targets shaped as the output where they have its size. */
function targetShape({ outputShape }: Model, size: number): Shape {
  return sizeOf(outputShape) === size ? outputShape : [size];
}

/** How a field lies in memory: bytes stay bytes, everything else becomes floats. */
function residence({ values, scale, offset }: Field): FeedSpec["resident"] {
  return values instanceof Uint8Array ? { kind: "bytes", scale, offset } : { kind: "words" };
}

function checkFinite(what: string, values: FieldValues, size: number): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const width = values.length / size;
  const place = `example ${Math.floor(at / width)}, element ${at % width}`;
  throw new DataError(`step: ${what}: ${place}: wanted a finite number, got ${values[at]}`);
}
