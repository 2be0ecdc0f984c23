// The graph that is written: values that know which node makes them, so that what nobody reads is never written.
import { type Shape, stridesOf } from "../../core/shape.ts";
import { alike, fixed, growthOf, isFixed, ordered, type Size, type Sizes } from "./sizes.ts";

/** Element types, by the numbers that the format has for them. */
export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;

/** A number that stays a float where it is whole, too. */
export interface Float {
  readonly float: number;
}
export const float = (value: number): Float => ({ float: value });

/** A graph inside a node: it reads what lies outside by name. */
export interface Body {
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export type Attribute = number | string | readonly number[] | readonly string[] | Float | Body;

export interface GraphNode {
  readonly type: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** What a node makes, what is known beforehand, or an input. */
export interface Value {
  readonly type: number;
  readonly sizes: Sizes;
  /** The name that it has if no other has it. */
  title: string;
  readonly node?: GraphNode;
  /** Numbers known beforehand. */
  readonly numbers?: Float32Array | Int32Array | BigInt64Array;
  /** The same numbers under the shape in which they were made. */
  readonly reshaped?: Value;
}

/** What a value is, beside its node. */
type Kind = Partial<Pick<Value, "type" | "reshaped">>;

/** Builds a graph node by node. */
export class OnnxGraph {
  readonly opset: number;
  /** Both batch sizes at which sizes are known. */
  readonly batches: Size;
  /** What is being written: names of its nodes begin with it. */
  scope = "";
  nodes: GraphNode[] = [];
  readonly #constants = new Map<string, Value>();
  #input: Value | undefined;
  #batch: Value | undefined;

  constructor(opset: number, batches: Size) {
    this.opset = opset;
    this.batches = batches;
  }

  input(title: string, sizes: Sizes, type: number): Value {
    return (this.#input ??= { title, sizes, type });
  }

  /** A node with one result. */
  add(
    type: string,
    inputs: GraphNode["inputs"],
    sizes: Sizes,
    attributes: GraphNode["attributes"] = {},
    kind: Kind = {},
  ): Value {
    return this.addAll(type, inputs, [sizes], attributes, kind)[0]!;
  }

  /** A node with several. */
  addAll(
    type: string,
    inputs: GraphNode["inputs"],
    all: readonly Sizes[],
    attributes: GraphNode["attributes"],
    kind: Kind = {},
  ): Value[] {
    const outputs: Value[] = [];
    const node = { type, inputs, outputs, attributes };
    for (const sizes of all)
      outputs.push({ title: `${this.scope}/${type}`, type: FLOAT, sizes, node, ...kind });
    this.nodes.push(node);
    return outputs;
  }

  /** Numbers known beforehand; those without a title are there once. */
  constant(numbers: NonNullable<Value["numbers"]>, shape: Shape, title?: string): Value {
    const sizes = shape.map(fixed);
    const type = numbers instanceof Float32Array ? FLOAT : numbers instanceof BigInt64Array ? INT64 : INT32;
    if (title) return { title, sizes, type, numbers };
    const key = `${type} ${shape} ${numbers.length < 64 ? numbers.join() : this.#constants.size}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const made = { title: `${this.scope}/constant`, sizes, type, numbers };
    this.#constants.set(key, made);
    return made;
  }

  number(value: number): Value {
    return this.constant(Float32Array.of(value), []);
  }

  /** A list of whole numbers, as shapes and axes are given. */
  whole(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** The same where some depend on the batch. */
  counts(sizes: Sizes): Value {
    if (sizes.every(isFixed)) return this.whole(sizes.map(([size]) => size));
    const one = [fixed(1)];
    const kind = { type: INT64 };
    const parts = sizes.map((size) => {
      const { each, more } = growthOf(size, this.batches);
      if (each === 0) return this.whole([more]);
      this.#batch ??= this.add("Shape", [this.#input!], one, { start: 0, end: 1 }, kind);
      const scaled =
        each === 1 ? this.#batch : this.add("Mul", [this.#batch, this.whole([each])], one, {}, kind);
      return more === 0 ? scaled : this.add("Add", [scaled, this.whole([more])], one, {}, kind);
    });
    return this.add("Concat", parts, [fixed(sizes.length)], { axis: 0 }, kind);
  }

  /** Under another shape; what comes back to the shape in which it was made costs nothing. */
  reshape(x: Value, sizes: Sizes): Value {
    const from = x.reshaped ?? x;
    if (alike(from.sizes, sizes)) return from;
    const { numbers, title, type } = from;
    if (numbers) {
      const shape = sizes.map(([size]) => size);
      return this.constant(numbers, shape, title.includes("/") ? undefined : title);
    }
    const open = sizes.findIndex((size) => !isFixed(size));
    const kept = (size: Size, axis: number) =>
      axis === open ? -1 : !isFixed(size) && alike([size], from.sizes.slice(axis, axis + 1)) ? 0 : size[0];
    const clear = sizes.every((size, axis) => isFixed(size) || kept(size, axis) < 1);
    const target = clear ? this.whole(sizes.map(kept)) : this.counts(sizes);
    return this.add("Reshape", [from, target], sizes, {}, { type, reshaped: from });
  }

  /** Axis k of the result is axis axes[k] of x; two after each other are one, or none. */
  transpose(x: Value, axes: readonly number[]): Value {
    if (axes.every((axis, k) => axis === k)) return x;
    const { node, sizes, type } = x;
    if (x.numbers) return this.#transposed(x, axes);
    if (node?.type === "Transpose")
      return this.transpose(node.inputs[0]!, ordered(node.attributes.perm as number[], axes));
    const turned = ordered(sizes, axes);
    const moved = axes.filter((axis) => !alike([sizes[axis]!], [fixed(1)]));
    // Where only axes of one element move, no number does.
    if (moved.every((axis, k) => k === 0 || moved[k - 1]! < axis)) return this.reshape(x, turned);
    return this.add("Transpose", [x], turned, { perm: axes }, { type });
  }

  #transposed({ numbers, sizes, title }: Value, axes: readonly number[]): Value {
    const shape = sizes.map(([size]) => size);
    const turned = ordered(shape, axes);
    const strides = ordered(stridesOf(shape), axes);
    const result = numbers!.slice();
    const at = turned.map(() => 0);
    for (let k = 0, from = 0; k < result.length; k++) {
      result[k] = numbers![from]!;
      // As a counter counts: the last axis first.
      for (let axis = at.length - 1; axis >= 0; axis--) {
        from += strides[axis]!;
        if (++at[axis]! < turned[axis]!) break;
        from -= strides[axis]! * turned[axis]!;
        at[axis] = 0;
      }
    }
    return this.constant(result, turned, title.includes("/") ? undefined : title);
  }

  /** Reduces some axes, which are gone from the result or of size 1. */
  reduce(type: string, x: Value, axes: readonly number[], keep = false): Value {
    const sizes = keep
      ? x.sizes.map((size, axis) => (axes.includes(axis) ? fixed(1) : size))
      : x.sizes.filter((_, axis) => !axes.includes(axis));
    const keepdims = keep ? 1 : 0;
    // They are an input of sums from opset 13 on, of the others from 18 on.
    if (type === "ReduceSum" || this.opset >= 18)
      return this.add(type, [x, this.whole(axes)], sizes, { keepdims });
    return this.add(type, [x], sizes, { axes, keepdims });
  }

  /** Part of one axis. */
  slice(x: Value, axis: number, from: Size, size: Size): Value {
    const list = [this.counts([from]), this.counts([[from[0] + size[0], from[1] + size[1]]])];
    const sizes = x.sizes.map((each, k) => (k === axis ? size : each));
    return this.add("Slice", [x, ...list, this.whole([axis])], sizes, {}, { type: x.type });
  }

  concat(parts: readonly Value[], axis: number): Value {
    const [first] = parts as [Value];
    const total = parts.reduce<Size>(
      ([a, b], { sizes }) => [a + sizes[axis]![0], b + sizes[axis]![1]],
      [0, 0],
    );
    const sizes = first.sizes.map((size, k) => (k === axis ? total : size));
    return parts.length === 1 ? first : this.add("Concat", parts, sizes, { axis }, { type: first.type });
  }

  /** Whether a number is 0, as the format has truth. */
  truth(x: Value): Value {
    const { node, type, sizes } = x;
    const before = node?.type === "Cast" ? node.inputs[0]! : undefined;
    if (type === BOOL) return x;
    return before?.type === BOOL ? before : this.cast(x, BOOL, sizes);
  }

  cast(x: Value, type: number, sizes: Sizes = x.sizes): Value {
    return x.type === type ? x : this.add("Cast", [x], sizes, { to: type }, { type });
  }

  /** A graph inside a node. */
  body(inputs: readonly Value[], build: () => readonly Value[]): Body {
    const outside = this.nodes;
    this.nodes = [];
    try {
      const outputs = build();
      return { nodes: this.nodes, inputs, outputs };
    } finally {
      this.nodes = outside;
    }
  }
}
