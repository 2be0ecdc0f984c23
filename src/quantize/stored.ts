// A parameter as a quantized model stores it: as few bits as were asked for, and what makes floats of them.

import { DataError, OptionError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import { fromInt4, type Integers4, LARGEST_INT4, toInt4 } from "./int4.ts";
import {
  type Channels,
  channelsOf,
  fromHalves,
  fromInt8,
  halves,
  type Integers8,
  toInt8,
} from "./numbers.ts";
import { asMatrix, constantOf, matrixOf, weightsOf } from "./products.ts";

/** Element types of stored weights. */
export type WeightType = "int8" | "int4" | "f16" | "bf16";

/** One parameter's numbers. */
export type Stored = { readonly shape: readonly number[] } & (
  | { readonly type: "f32"; readonly values: Float32Array<ArrayBuffer> }
  | { readonly type: "f16"; readonly values: Uint16Array<ArrayBuffer> }
  | { readonly type: "bf16"; readonly values: Uint16Array<ArrayBuffer> }
  | ({ readonly type: "int8" } & Integers8)
  | ({ readonly type: "int4" } & Integers4)
);

/** What a parameter is: its shape, and the axis of its channels if it is a weight. */
export interface Form {
  readonly shape: readonly number[];
  readonly axis: number | undefined;
}

/** How weights are stored. */
export interface Storage {
  readonly weights: WeightType;
  readonly granularity: "channel" | "tensor";
  readonly blockSize: number;
}

const ONE: Channels = { count: 1, inner: 1 };

/** @throws DataError */
function checkFinite(name: string, values: Float32Array): void {
  const odd = values.find((value) => !Number.isFinite(value));
  if (odd !== undefined) throw new DataError(`quantize: ${name}: got ${odd}, wanted finite numbers`);
}

/**
 * Numbers as they are stored; biases in f32 as they are.
 * @throws DataError for one that is not finite. @throws OptionError where a float of 16 bits or an integer of 4 cannot hold one.
 */
export function store(name: string, values: Float32Array<ArrayBuffer>, form: Form, storage: Storage): Stored {
  const { weights, granularity, blockSize } = storage;
  const { shape, axis } = form;
  if (weights === "f16" || weights === "bf16") {
    checkFinite(name, values);
    return { type: weights, shape, values: halves(name, values, weights) };
  }
  if (axis === undefined) return { type: "f32", shape, values };
  checkFinite(name, values);
  if (weights === "int8") {
    const channels = granularity === "channel" ? channelsOf(shape, axis) : ONE;
    return { type: "int8", shape, ...toInt8(values, channels) };
  }
  const beyond = values.find((value) => Math.abs(value) > LARGEST_INT4);
  if (beyond !== undefined)
    throw new OptionError(`quantize: weights: int4 cannot hold ${beyond} of ${name}: wanted int8`);
  const matrix = matrixOf(shape, axis);
  return { type: "int4", shape, ...toInt4(asMatrix(values, matrix), { ...matrix, blockSize }) };
}

/** The floats that stored numbers stand for; the axis is that of a weight's channels. */
export function restore(
  stored: Stored,
  axis: number | undefined,
  blockSize: number,
): Float32Array<ArrayBuffer> {
  const { shape } = stored;
  if (stored.type === "f32") return stored.values;
  if (stored.type === "f16" || stored.type === "bf16") return fromHalves(stored.values, stored.type);
  if (stored.type === "int8")
    return fromInt8(stored, stored.scales.length === 1 ? ONE : channelsOf(shape, axis!));
  const matrix = matrixOf(shape, axis!);
  const values = fromInt4(stored, { ...matrix, blockSize });
  const result = new Float32Array(values.length);
  for (const [index, value] of values.entries())
    result[matrix.at(Math.floor(index / matrix.n), index % matrix.n)] = value;
  return result;
}

/** What the same numbers are under another form; undefined where their channels would not be the same. */
export function alike(stored: Stored, from: Form, to: Form): Stored | undefined {
  const layout = ({ shape, axis }: Form) => {
    const size = shape.reduce((product, each) => product * each, 1);
    const { count, inner } = axis === undefined ? ONE : channelsOf(shape, axis);
    return `${size} ${count} ${inner}`;
  };
  return layout(from) === layout(to) ? { ...stored, shape: to.shape } : undefined;
}

/** The array of a parameter's numbers: what is alike has it in common. */
export const numbersOf = (stored: Stored) => (stored.type === "int4" ? stored.packed : stored.values);

/** Bytes of stored numbers and their scales, each counted once. */
export function bytesOf(all: Iterable<Stored>): number {
  const arrays = new Set<ArrayBufferView>();
  for (const stored of all) {
    arrays.add(numbersOf(stored));
    if ("scales" in stored) arrays.add(stored.scales);
  }
  return [...arrays].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** The forms of a frozen model's constants that are to be stored, by name: those that parameters made. */
export function formsOf(frozen: Frozen): ReadonlyMap<string, Form & { readonly tensor: Tensor }> {
  const axes = weightsOf(frozen);
  return new Map(
    frozen.nodes.flatMap(({ outputs: [tensor] }) =>
      constantOf(tensor!)?.name === undefined
        ? []
        : [[frozen.names.get(tensor!)!, { shape: tensor!.shape, axis: axes.get(tensor!), tensor: tensor! }]],
    ),
  );
}
