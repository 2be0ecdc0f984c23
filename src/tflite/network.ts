// A network in TFLite's terms while it is laid down: values, and the operations that make them. Nothing has a number yet.
import { FormatError } from "../core/errors.ts";
import { broadcastShapes, type Shape, sizeOf } from "../core/shape.ts";
import { type FlatField, int8, int32 } from "../formats/flatbuffers.ts";
import type { Node } from "../graph/tensor.ts";
import type { ElementType, FusedName, OperatorName } from "./schema.ts";

/** The values that a tensor takes. */
export interface Span {
  readonly min: number;
  readonly max: number;
}

/** What integers stand for: scale · (integer − zero point), one scale for all or one for each place of an axis. */
export interface Quantization {
  readonly scales: readonly number[];
  readonly zeroPoint: number;
  readonly axis?: number;
}

/** A tensor. */
export interface Value {
  name: string;
  readonly shape: Shape;
  readonly type: ElementType;
  /** Numbers known beforehand. */
  readonly values?: Float32Array | Int32Array | Int8Array;
  /** Where it is known. */
  span?: Span | undefined;
  /** The shape with −1 where it goes with the batch, if the network works at any. */
  signature?: Shape | undefined;
  readonly quantization?: Quantization;
}

/** An operator on values. */
export interface Operation {
  readonly name: OperatorName;
  readonly inputs: readonly Value[];
  readonly output: Value;
  /** In the order of the schema; a fused activation is not among them. */
  readonly options: readonly (FlatField | undefined)[];
  readonly fused?: FusedName;
}

/** What there is to say of an operation beside its operands. */
export interface Details {
  readonly options?: readonly (FlatField | undefined)[];
  /** Default: float32. */
  readonly type?: ElementType;
  /** The values that the result can take, where mathematics tells. */
  readonly span?: Span;
}

/** Operators of two operands that broadcast. */
export type BinaryName =
  | "ADD"
  | "SUB"
  | "MUL"
  | "DIV"
  | "MAXIMUM"
  | "MINIMUM"
  | "POW"
  | "EQUAL"
  | "NOT_EQUAL"
  | "GREATER"
  | "GREATER_EQUAL"
  | "LESS"
  | "LESS_EQUAL";

/** Operations in order. */
export class Network {
  readonly operations: Operation[] = [];
  readonly #constants = new Map<string, Value>();
  /** What the values made at present are called after. */
  scope = "";
  #count = 0;

  /** Numbers known beforehand. */
  constant(values: Float32Array | Int32Array, shape: Shape, name = this.#next()): Value {
    return { name, shape, type: values instanceof Int32Array ? "int32" : "float32", values };
  }

  /** One number. */
  number(value: number): Value {
    return this.#shared(`number ${value}`, () => this.constant(Float32Array.of(value), []));
  }

  /** Sizes, axes and the like. */
  integers(values: readonly number[], shape: Shape = [values.length]): Value {
    return this.#shared(`integers ${shape.length} ${values.join()}`, () =>
      this.constant(Int32Array.from(values), shape),
    );
  }

  /** Applies an operator. */
  apply(name: OperatorName, inputs: readonly Value[], shape: Shape, details: Details = {}): Value {
    const { options = [], type = "float32", span } = details;
    const output: Value = { name: this.#next(), shape, type, ...(span && { span }) };
    this.operations.push({ name, inputs, output, options });
    return output;
  }

  /** Element by element, as large as its input. */
  unary(name: OperatorName, x: Value, details: Details = {}): Value {
    return this.apply(name, [x], x.shape, details);
  }

  /** Of two operands, which broadcast. */
  binary(name: BinaryName, a: Value, b: Value, details: Details = {}): Value {
    return this.apply(name, [a, b], broadcastShapes(name, a.shape, b.shape), details);
  }

  /** The same elements under another shape. */
  reshape(x: Value, shape: Shape): Value {
    const same = shape.length === x.shape.length && shape.every((size, axis) => size === x.shape[axis]);
    return same ? x : this.apply("RESHAPE", [x, this.integers(shape)], shape, { type: x.type });
  }

  /** Axis k of the result is axis axes[k] of x. */
  transpose(x: Value, axes: readonly number[]): Value {
    const shape = axes.map((axis) => x.shape[axis]!);
    // Axes of one element may go anywhere: the numbers stay in order.
    const moved = axes.filter((axis) => x.shape[axis]! > 1);
    if (moved.every((axis, at) => at === 0 || axis > moved[at - 1]!)) return this.reshape(x, shape);
    return this.apply("TRANSPOSE", [x, this.integers(axes)], shape, { type: x.type });
  }

  /** A box out of x. */
  slice(x: Value, start: readonly number[], size: Shape): Value {
    if (size.every((n, axis) => n === x.shape[axis])) return x;
    return this.apply("SLICE", [x, this.integers(start), this.integers(size)], size, { type: x.type });
  }

  /** x between zeros, or between another number. */
  pad(x: Value, widths: readonly (readonly [number, number])[], value = 0): Value {
    if (widths.every(([before, after]) => before + after === 0)) return x;
    const shape = x.shape.map((size, axis) => size + widths[axis]![0] + widths[axis]![1]);
    const around = this.integers(widths.flat(), [widths.length, 2]);
    return value === 0
      ? this.apply("PAD", [x, around], shape, { type: x.type })
      : this.apply("PADV2", [x, around, this.number(value)], shape, { type: x.type });
  }

  /** Over some axes, which stay with one element. */
  reduce(name: "SUM" | "MEAN" | "REDUCE_MAX", x: Value, axes: readonly number[]): Value {
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    return this.apply(name, [x, this.integers(axes)], kept, { options: [int8(1)] });
  }

  /** Rows of x along an axis, by number. */
  gather(x: Value, indices: Value, axis: number): Value {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.apply("GATHER", [x, indices], shape, { type: x.type, options: [int32(axis)] });
  }

  /** Values one behind the other along an axis. */
  concatenate(parts: readonly Value[], axis: number): Value {
    const [first] = parts as [Value];
    if (parts.length === 1) return first;
    const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const shape = first.shape.with(axis, size);
    return this.apply("CONCATENATION", parts, shape, {
      type: first.type,
      options: [int32(axis), undefined],
    });
  }

  /** x · weightᵀ + bias: [rows, in] and [out, in] → [rows, out]. */
  fullyConnected(x: Value, weight: Value, bias: Value): Value {
    return this.apply("FULLY_CONNECTED", [x, weight, bias], [x.shape[0]!, weight.shape[0]!]);
  }

  /** Zeros, as many. */
  zeros(n: number): Value {
    return this.constant(new Float32Array(n), [n]);
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#constants.get(key) ?? make();
    this.#constants.set(key, known);
    return known;
  }

  #next(): string {
    this.#count++;
    return `${this.scope}/${this.#count}`;
  }
}

/** Elements of a value. */
export const countOf = ({ shape }: Value): number => sizeOf(shape);

/** What an op becomes. */
export type Rule = (network: Network, node: Node, inputs: readonly Value[]) => Value;

/** @throws FormatError naming an op that has no translation. */
export function unknown(what: string, name: string): never {
  throw new FormatError(
    `toTflite: ${what}: the op ${name} has no translation, wanted one that docs/tflite.md lists`,
  );
}
