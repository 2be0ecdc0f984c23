// A parameter as a quantized model stores it: as few bits as were asked for, and what makes floats of them.
import { fromInt4, type Integers4, toInt4 } from "./int4.ts";
import {
  type Channels,
  channelsOf,
  fromHalves,
  fromInt8,
  halves,
  type Integers8,
  toInt8,
} from "./numbers.ts";
import { asMatrix, matrixOf } from "./products.ts";

/** Element types of stored weights. */
export type WeightType = "int8" | "int4" | "f16" | "bf16";

/** One parameter's numbers. */
export type Stored =
  | { readonly type: "f32"; readonly values: Float32Array<ArrayBuffer> }
  | { readonly type: "f16"; readonly values: Uint16Array<ArrayBuffer> }
  | { readonly type: "bf16"; readonly values: Uint16Array<ArrayBuffer> }
  | ({ readonly type: "int8" } & Integers8)
  | ({ readonly type: "int4" } & Integers4);

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

/** The channels that have a scale of their own. */
const scaled = ({ shape, axis }: Form, count: number) =>
  count === 1 || axis === undefined ? ONE : channelsOf(shape, axis);

/** Numbers as they are stored. @throws OptionError where a float of 16 bits cannot hold one. */
export function store(name: string, values: Float32Array<ArrayBuffer>, form: Form, storage: Storage): Stored {
  const { weights, granularity, blockSize } = storage;
  const { shape, axis } = form;
  if (weights === "f16" || weights === "bf16")
    return { type: weights, values: halves(name, values, weights) };
  if (axis === undefined) return { type: "f32", values };
  if (weights === "int8") {
    const channels = granularity === "channel" ? channelsOf(shape, axis) : ONE;
    return { type: "int8", ...toInt8(values, channels) };
  }
  const matrix = matrixOf(shape, axis);
  return { type: "int4", ...toInt4(asMatrix(values, matrix), { ...matrix, blockSize }) };
}

/** The floats that stored numbers stand for. */
export function restore(stored: Stored, form: Form, blockSize: number): Float32Array {
  if (stored.type === "f32") return stored.values;
  if (stored.type === "f16" || stored.type === "bf16") return fromHalves(stored.values, stored.type);
  if (stored.type === "int8") return fromInt8(stored, scaled(form, stored.scales.length));
  const matrix = matrixOf(form.shape, form.axis!);
  const values = fromInt4(stored, { ...matrix, blockSize });
  const result = new Float32Array(values.length);
  for (const [index, value] of values.entries())
    result[matrix.at(Math.floor(index / matrix.n), index % matrix.n)] = value;
  return result;
}

/** Bytes of stored numbers and their scales. */
export function bytesOf(stored: Stored): number {
  if (stored.type === "int8") return stored.values.byteLength + stored.scales.byteLength;
  if (stored.type === "int4") return stored.packed.byteLength + stored.scales.byteLength;
  return stored.values.byteLength;
}
