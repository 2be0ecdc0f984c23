// An optimizer's state as a file: what a training needs beside the weights to go on where it was.
import { FormatError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape, sizeOf } from "../core/shape.ts";
import { readSafetensors, toFloat32 } from "../formats/safetensors.ts";
import { writeSafetensors } from "../formats/safetensors-writer.ts";
import { Graph } from "../graph/tensor.ts";
import type { Weights } from "../nn/weights.ts";
import type { Transform } from "../optim/transform.ts";
import { type EvaluationPoint, type Initial, type StatePart, Update } from "./update.ts";

const FORMAT = "downhill optimizer state";

/** Where the tensors of state lie, how many bytes their regions take, and what they hold before the first step. */
export interface StateLayout {
  readonly optimizer: string;
  readonly parts: ReadonlyMap<string, StatePart>;
  readonly bytes: ReadonlyMap<string, number>;
  readonly initial: ReadonlyMap<string, Initial>;
  readonly evaluation: readonly EvaluationPoint[];
}

/** The state that an optimizer keeps for some weights. */
export function stateLayout(optimizer: Transform, { segments, length }: Weights): StateLayout {
  const graph = new Graph();
  const slopes = segments
    .filter(({ trained }) => trained)
    .map(({ name, shape, offset }) => {
      const parameter = graph.input(name, shape);
      return { name, parameter, slope: graph.input(`gradient of ${name}`, shape), offset: offset * 4 };
    });
  const update = new Update(optimizer, {
    graph,
    loss: graph.input("loss", []),
    slopes,
    length,
    hyper: { region: "hyper", offset: 0 },
    slopesAt: (_, of) => of.map(({ shape }) => graph.input("another gradient", shape)),
  });
  const { parts, bytes, initial, evaluation } = update;
  return { optimizer: optimizer.name, parts, bytes, initial, evaluation };
}

/** Numbers of a region, from an offset in bytes. */
export type StateFloats = (region: string, offset: number, length: number) => Float32Array;

/** The state as the bytes of a safetensors file. */
export function writeState(
  { optimizer, parts }: StateLayout,
  steps: number,
  floats: StateFloats,
): Uint8Array {
  const tensors = [...parts].map(([name, { region, offset, shape }]) => {
    const values = floats(region, offset, sizeOf(shape)).slice();
    return [name, { dtype: "F32", shape, values }] as const;
  });
  const metadata = new Map([
    ["format", FORMAT],
    ["optimizer", optimizer],
    ["steps", String(steps)],
  ]);
  return writeSafetensors(new Map(tensors), metadata);
}

/** What a file of state holds, checked against what an optimizer wants. @throws FormatError, ShapeError */
export function readState(layout: StateLayout, bytes: Uint8Array) {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.get("format") !== FORMAT) {
    throw new FormatError(`state: format: got ${metadata.get("format") ?? "none"}, wanted ${FORMAT}`);
  }
  const optimizer = metadata.get("optimizer");
  if (optimizer !== layout.optimizer) {
    throw new FormatError(`state: optimizer: got that of ${optimizer}, wanted that of ${layout.optimizer}`);
  }
  const steps = Number(metadata.get("steps"));
  if (!(Number.isSafeInteger(steps) && steps >= 0)) {
    throw new FormatError(`state: steps: got ${metadata.get("steps")}, wanted an integer ≥ 0`);
  }
  const unknown = [...tensors.keys()].find((name) => !layout.parts.has(name));
  if (unknown !== undefined) throw new ShapeError(`state: the optimizer keeps no ${unknown} for this model`);
  const values = [...layout.parts].map(([name, part]) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new ShapeError(`state: ${name} ${showShape(part.shape)} is missing`);
    if (!sameShape(tensor.shape, part.shape)) {
      throw new ShapeError(`state: ${name}: got ${showShape(tensor.shape)}, wanted ${showShape(part.shape)}`);
    }
    return { ...part, values: toFloat32(tensor) };
  });
  return { steps, values };
}
