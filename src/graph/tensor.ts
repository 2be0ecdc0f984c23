// The symbolic side: a Tensor says what is to be computed, a Graph holds what has been said so far.
// Nothing here holds data or has a lifetime.
import { ShapeError } from "../core/errors.ts";
import { checkShape, type Shape, sizeOf } from "../core/shape.ts";
import type { Op } from "./op.ts";

/** Element types: 32-bit floats to compute with, 32-bit integers for labels and indices, bytes of quantized models. */
export type DType = "f32" | "i32" | "i8";

/** What a value is, before anyone says where it comes from. */
export interface ValueType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A symbolic value: shape, element type, who makes it. */
export class Tensor implements ValueType {
  readonly node: Node;
  /** Which of the node's outputs. */
  readonly index: number;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(node: Node, index: number, type: ValueType) {
    this.node = node;
    this.index = index;
    this.shape = type.shape;
    this.dtype = type.dtype;
  }

  get graph(): Graph {
    return this.node.graph;
  }
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** What it takes of memory, whole words. */
  get bytes(): number {
    return this.dtype === "i8" ? (this.size + 3) & ~3 : this.size * 4;
  }
}

/** What a parameter starts from: a tensor of the shape asked for, built in the graph given. */
export type Initializer = (graph: Graph, shape: Shape, stream: string) => Tensor;

/** Looks at integers before they are handed over. @throws DataError */
export type LabelCheck = (labels: ArrayLike<number>) => void;

/** Where a value that no op computes comes from. */
export type Source =
  | { readonly kind: "input"; readonly name: string; labels?: number; checks?: LabelCheck[] }
  | {
      readonly kind: "parameter";
      readonly name: string;
      readonly initializer: Initializer;
      /** False: the model's own, but renewed by its layers, not by an optimizer. */
      readonly trained: boolean;
    }
  | { readonly kind: "constant"; readonly values: Float32Array; readonly name?: string | undefined };

/** One application of an op, or a source. */
// biome-ignore lint/suspicious/noExplicitAny: attributes belong to the op, each has its own
export interface Node<Attributes = any> {
  readonly graph: Graph;
  readonly id: number;
  readonly op: Op<Attributes> | undefined;
  readonly source: Source | undefined;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly outputs: readonly Tensor[];
}

/** What state becomes at the end of the step, and the numbers of the batch that it is renewed by, one an application. */
interface Renewal {
  readonly next: Tensor;
  readonly samples: readonly Tensor[];
}

/** What a trace has said and goes by, beside its ops. */
export interface Trace {
  /** What stands for some parameters and state. */
  readonly instead: ReadonlyMap<string, Tensor>;
  readonly names: Map<string, number>;
  readonly owners: Map<object, string>;
  /** Streams of random numbers in the order in which they were asked for; those of the trace that this one repeats. */
  readonly streams: string[];
  readonly repeated?: string[];
  readonly penalties: Tensor[];
  readonly renewals: Map<Tensor, Renewal>;
  /** What an op works on in the place of its inputs, such as rounded ones. */
  readonly inputs?:
    | ((name: string, inputs: readonly Tensor[], attributes: unknown) => readonly Tensor[])
    | undefined;
}

export const newTrace = (instead: ReadonlyMap<string, Tensor> = new Map()): Trace => ({
  instead,
  names: new Map(),
  owners: new Map(),
  streams: [],
  penalties: [],
  renewals: new Map(),
});

/** What a graph is traced for: layers such as dropout differ. */
export type Mode = "train" | "predict";

/** The ops said so far, in order. Layers find here their mode, their seed and their parameters. */
export class Graph {
  readonly mode: Mode;
  /** Seed of everything random in the graph. */
  readonly seed: number;
  readonly nodes: Node[] = [];
  readonly inputs = new Map<string, Tensor>();
  /** All that belongs to the model: what is trained, and state. */
  readonly parameters = new Map<string, Tensor>();
  /** The trace under way; `within` changes it. */
  trace = newTrace();

  constructor(mode: Mode = "train", seed = 0) {
    this.mode = mode;
    this.seed = seed;
  }

  /** A value that the host gives at each step. */
  input(name: string, shape: Shape, dtype: DType = "f32"): Tensor {
    checkShape(`input ${name}`, shape);
    const tensor = this.#source({ kind: "input", name }, { shape, dtype });
    this.inputs.set(name, tensor);
    return tensor;
  }

  /** A trained value; asked for again by the same name it is the same. */
  parameter(name: string, shape: Shape, initializer: Initializer): Tensor {
    return this.trace.instead.get(name) ?? this.#own(name, shape, initializer, true);
  }

  /**
   * A value that is the model's as its parameters are: saved, loaded and put back with them. It is not trained: optimizers,
   * decay and averages of the weights leave it alone, and a layer renews it.
   */
  state(name: string, shape: Shape, initializer: Initializer): Tensor {
    return this.trace.instead.get(name) ?? this.#own(name, shape, initializer, false);
  }

  /**
   * In training, has state become what `next` makes of it and of a tensor of the batch, by default that tensor, at the end
   * of the step: behind what leaves a step out. Said again of the same state, it goes on from there.
   */
  renew(state: Tensor, sample: Tensor, next = (_before: Tensor, sample: Tensor): Tensor => sample): void {
    if (this.mode !== "train") return;
    const { renewals } = this.trace;
    const before = renewals.get(state);
    const samples = [...(before?.samples ?? []), sample];
    renewals.set(state, { next: next(before?.next ?? state, sample), samples });
  }

  /** What state becomes at the end of the step. */
  get renewals(): ReadonlyMap<Tensor, Renewal> {
    return this.trace.renewals;
  }

  /** Numbers known beforehand, bytes if they are an Int8Array; a name, where they have been a parameter's. */
  constant(
    values: number | ArrayLike<number>,
    shape: Shape = typeof values === "number" ? [] : [values.length],
    name?: string,
  ): Tensor {
    const data = typeof values === "number" ? Float32Array.of(values) : Float32Array.from(values);
    const dtype = values instanceof Int8Array ? "i8" : "f32";
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `constant: got ${data.length} values, wanted ${sizeOf(shape)} for shape [${shape.join(", ")}]`,
      );
    }
    return this.#source({ kind: "constant", values: data, name }, { shape, dtype });
  }

  /** Applies an op: checks the shapes, answers its outputs. */
  apply<A>(op: Op<A>, asked: readonly Tensor[], attributes: A): readonly Tensor[] {
    const inputs = this.trace.inputs?.(op.name, asked, attributes) ?? asked;
    for (const input of inputs) {
      if (input.graph !== this) throw new ShapeError(`${op.name}: a tensor belongs to another model's graph`);
      if (input.dtype === "i8" && !op.bytes) throw new ShapeError(`${op.name}: got i8, wanted f32`);
    }
    const types = op.shape(inputs, attributes);
    return this.#add(op, undefined, inputs, attributes, Array.isArray(types) ? types : [types as ValueType])
      .outputs;
  }

  /** A name for the next thing of a kind: dense, dense_1, … in the order of first use; an owner keeps its name. */
  nameFor(kind: string, owner: object): string {
    const { names, owners } = this.trace;
    const known = owners.get(owner);
    if (known) return known;
    const count = names.get(kind) ?? 0;
    names.set(kind, count + 1);
    const name = count === 0 ? kind : `${kind}_${count}`;
    owners.set(owner, name);
    return name;
  }

  /** A stream of random numbers: another behind each op that is applied, and the same where a trace is repeated. */
  stream(name: string): string {
    const { streams, repeated } = this.trace;
    const stream = repeated?.shift() ?? `${name} ${this.nodes.length}`;
    streams.push(stream);
    return stream;
  }

  /** Adds a scalar to what is trained on, beside the loss; does nothing in prediction. */
  penalize(penalty: Tensor): void {
    if (penalty.size !== 1)
      throw new ShapeError(`penalize: wanted a scalar, got shape [${penalty.shape.join(", ")}]`);
    if (this.mode === "train") this.trace.penalties.push(penalty);
  }

  /** What has been added to the loss, in the order in which it was said. */
  get penalties(): readonly Tensor[] {
    return this.trace.penalties;
  }

  /** Traces once more what has been traced before, with the same names, and other tensors for some parameters. */
  again<T>(instead: ReadonlyMap<string, Tensor>, trace: () => T): T {
    return this.within(newTrace(instead), trace);
  }

  /** Traces under other names than the trace under way, and what is said beside ops with them. */
  within<T>(inside: Trace, trace: () => T): T {
    const before = this.trace;
    this.trace = inside;
    try {
      return trace();
    } finally {
      this.trace = before;
    }
  }

  /** What stands for a parameter at present: however it was made, to a gradient it is a value like a parameter. */
  standsIn(tensor: Tensor): boolean {
    return [...this.trace.instead.values()].includes(tensor);
  }

  #own(name: string, shape: Shape, initializer: Initializer, trained: boolean): Tensor {
    const known = this.parameters.get(name);
    if (known) return known;
    checkShape(`parameter ${name}`, shape);
    const tensor = this.#source({ kind: "parameter", name, initializer, trained }, { shape, dtype: "f32" });
    this.parameters.set(name, tensor);
    return tensor;
  }

  #source(source: Source, type: ValueType): Tensor {
    return this.#add(undefined, source, [], undefined, [type]).outputs[0]!;
  }

  #add(
    op: Node["op"],
    source: Source | undefined,
    inputs: readonly Tensor[],
    attributes: unknown,
    types: readonly ValueType[],
  ): Node {
    const outputs: Tensor[] = [];
    const node: Node = { graph: this, id: this.nodes.length, op, source, inputs, attributes, outputs };
    for (const [index, type] of types.entries()) outputs.push(new Tensor(node, index, type));
    this.nodes.push(node);
    return node;
  }
}

/** The number that a scalar constant holds, or undefined. */
export function scalarOf(tensor: Tensor): number | undefined {
  const source = tensor.node.source;
  return source?.kind === "constant" && source.values.length === 1 ? source.values[0] : undefined;
}
