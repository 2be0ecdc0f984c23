// A value of the file's graph while it is said in ops: numbers that are known, a weight, or a tensor in one of two layouts.
// ONNX has images channels first, our ops channels last; a value remembers the forms in which it already lies, so that
// permutations that would undo each other are never said.
import { FormatError } from "../../core/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../../core/shape.ts";
import type { Graph, Tensor } from "../../graph/tensor.ts";
import { gather } from "../../ops/gather.ts";
import { permute } from "../../ops/movement.ts";
import { reshape } from "../../ops/reshape.ts";
import { FLOAT, type Numbers, permuted, TYPES } from "./numbers.ts";

/** A parameter of the model: its name, and the order in which a value has the file's axes. */
export interface Weight {
  readonly name: string;
  /** What a copy of it is called: state that begins as a weight does. */
  readonly copy?: string | undefined;
  readonly axes: readonly number[];
}

/** What values need to become tensors. */
export interface Tracing {
  readonly graph: Graph;
  /** The parameter with the file's axes in an order. */
  weight(weight: Weight): Tensor;
}

interface Forms {
  readonly type?: number;
  readonly numbers?: Numbers | undefined;
  readonly weight?: Weight;
  readonly first?: Tensor;
  readonly last?: Tensor;
  /** Of whole numbers in a tensor: they are below it. */
  readonly limit?: number | undefined;
}

/** [0, 2, 3, 1] for images: channels last. */
export const lastAxes = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, k) => k + 2),
  1,
];
/** Back again: [0, 3, 1, 2]. */
const firstAxes = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, k) => k + 1),
];

export const inOrder = (shape: Shape, axes: readonly number[]): number[] => axes.map((axis) => shape[axis]!);

/**
 * Axes of images, or of a weight, in another order; a mere reshape where only axes of size 1 move. Their batch stays
 * where it is: elsewhere a batch of one would make other ops of a model than a batch of more.
 */
export function turned(x: Tensor, axes: readonly number[]): Tensor {
  const long = axes.filter((axis) => x.shape[axis] !== 1);
  return long.every((axis, k) => k === 0 || axis > long[k - 1]!)
    ? reshape(x, inOrder(x.shape, axes))
    : permute(x, axes);
}

/** The form in which a value lies. */
export interface Lying {
  readonly x: Tensor;
  /** Where an axis of the value is an axis of the tensor. */
  at(axis: number): number;
  /** A value of a tensor that lies alike. */
  like(y: Tensor, type?: number): Value;
}

export class Value {
  readonly trace: Tracing;
  readonly shape: Shape;
  readonly type: number;
  readonly weight: Weight | undefined;
  readonly limit: number | undefined;
  #numbers: Numbers | (() => Numbers) | undefined;
  #first: Tensor | undefined;
  #last: Tensor | undefined;

  constructor(
    trace: Tracing,
    shape: Shape,
    { type = FLOAT, numbers, weight, first, last, limit }: Forms & { readonly numbers?: Numbers | undefined },
    later?: () => Numbers,
  ) {
    this.trace = trace;
    this.shape = shape;
    this.type = type;
    this.weight = weight;
    this.limit = limit;
    this.#numbers = numbers ?? later;
    this.#first = first;
    this.#last = last;
  }

  get rank(): number {
    return this.shape.length;
  }
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Numbers that are known, a weight's too. */
  get numbers(): Numbers | undefined {
    if (typeof this.#numbers === "function") this.#numbers = this.#numbers();
    return this.#numbers;
  }

  /** Numbers that never change: known, and no weight's. */
  get fixed(): Numbers | undefined {
    return this.weight ? undefined : this.numbers;
  }

  /** Whether it lies channels last and not otherwise. */
  get isLast(): boolean {
    return this.#last !== undefined && this.#first === undefined;
  }

  /** As the file has it; whole numbers of a model's input, or of a place, are i32. */
  get plain(): Tensor {
    this.#first ??= this.#last
      ? turned(this.#last, firstAxes(this.rank))
      : this.weight
        ? this.trace.weight(this.weight)
        : this.#constant();
    return this.#first;
  }

  /** As the file has it, in f32. */
  get tensor(): Tensor {
    const { plain } = this;
    return plain.dtype === "f32" ? plain : floatsOf(plain, this.limit);
  }

  /** Channels last. */
  get images(): Tensor {
    this.#last ??= turned(this.tensor, lastAxes(this.rank));
    return this.#last;
  }

  /** In the form in which it is, in f32. */
  get lying(): Lying {
    return this.isLast && this.rank > 2 ? this.asImages : this.asPlain;
  }

  /** Channels last, to work on as it lies. */
  get asImages(): Lying {
    const { trace, rank, type: own } = this;
    return {
      x: this.images,
      at: (axis) => (axis === 0 ? 0 : axis === 1 ? rank - 1 : axis - 1),
      like: (y, type = own) => new Value(trace, inOrder(y.shape, firstAxes(rank)), { type, last: y }),
    };
  }

  get asPlain(): Lying {
    return this.#lyingAs(this.tensor);
  }

  /** In the form in which it is, to be moved only: whole numbers stay. */
  get moving(): Lying {
    return this.isLast && this.rank > 2 ? this.asImages : this.#lyingAs(this.plain);
  }

  #lyingAs(x: Tensor): Lying {
    const { trace, type: own, limit } = this;
    return {
      x,
      at: (axis) => axis,
      like: (y, type = own) => new Value(trace, y.shape, { type, first: y, limit }),
    };
  }

  /** Axes in another order; of a weight, which is stored in the order that is wanted first, and of images nothing is said. */
  turn(axes: readonly number[]): Value {
    const { trace, type, rank, weight, limit } = this;
    const shape = inOrder(this.shape, axes);
    const numbers = () => permuted(this.numbers!, this.shape, axes);
    if (weight) {
      return new Value(
        trace,
        shape,
        { type, weight: { ...weight, axes: inOrder(weight.axes, axes) } },
        numbers,
      );
    }
    if (this.fixed) return new Value(trace, shape, { type, numbers: numbers() });
    if (rank > 2 && sameShape(axes, lastAxes(rank)) && this.#last)
      return new Value(trace, shape, { type, first: this.#last });
    if (rank > 2 && sameShape(axes, firstAxes(rank)) && this.plain.dtype === "f32")
      return new Value(trace, shape, { type, last: this.plain });
    return new Value(trace, shape, { type, first: permute(this.plain, axes), limit });
  }

  /** The same under the name of a copy. */
  copied(copy: string): Value {
    const { trace, shape, type, weight } = this;
    return weight
      ? new Value(trace, shape, { type, weight: { ...weight, copy } }, () => this.numbers!)
      : this;
  }

  #constant(): Tensor {
    const { numbers } = this;
    if (!numbers || numbers.length === 0)
      throw new FormatError(`a tensor of ${showShape(this.shape)} is not supported: it has no elements`);
    return this.trace.graph.constant(numbers, this.shape);
  }

  /** How messages call it. */
  toString(): string {
    return `${TYPES[this.type]?.name ?? this.type} ${showShape(this.shape)}`;
  }
}

/** Floats of whole numbers below a limit: rows of a table of all of them. */
function floatsOf(integers: Tensor, limit: number | undefined): Tensor {
  if (limit === undefined)
    throw new FormatError(
      "computing with integers of the input is not supported: wanted them to name rows only",
    );
  const table = integers.graph.constant(
    Float32Array.from({ length: limit }, (_, k) => k),
    [limit, 1],
  );
  return reshape(gather(table, integers), integers.shape);
}
