// Tensors as values of the written graph. Channels lie last here and first there: each value is kept in the order in which
// it was made, and turned only where somebody wants the other, so that a chain of convolutions is turned at its ends.
import { FormatError } from "../../core/errors.ts";
import type { Node, Tensor } from "../../graph/tensor.ts";
import { FLOAT, INT32, type OnnxGraph, UINT8, type Value } from "./graph.ts";
import { alike, equal, fixed, ordered, pairs, type Size, type Sizes } from "./sizes.ts";

/** The axes of [batch, …, channels] in the order [batch, channels, …]. */
export const firstAxes = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, k) => k + 1),
];
/** And back. */
const lastAxes = (rank: number) => [0, ...Array.from({ length: rank - 2 }, (_, k) => k + 2), 1];

/** A tensor, in one order or both. */
interface Forms {
  readonly sizes: Sizes;
  /** The order in which it was made. */
  readonly native: "last" | "first";
  last?: Value;
  first?: Value;
  /** The same numbers under the shape in which they were made, with an order of their own. */
  readonly under?: Forms;
}

/** How an op is written. */
export type Exporter = (to: Translation, node: Node, twin: Node) => void;

/** A graph being written of a frozen one. */
export class Translation {
  readonly graph: OnnxGraph;
  readonly #forms = new Map<Tensor, Forms>();
  readonly #twins: ReadonlyMap<Node, Node>;

  constructor(graph: OnnxGraph, twins: ReadonlyMap<Node, Node>) {
    this.graph = graph;
    this.#twins = twins;
  }

  /** The sizes of a tensor at both batch sizes. */
  sizes({ node, index, shape }: Tensor): Size[] {
    return pairs(shape, this.#twins.get(node)!.outputs[index]!.shape);
  }

  /** A tensor that has just been made, channels last. */
  set(tensor: Tensor, last: Value): void {
    this.#forms.set(tensor, { sizes: this.sizes(tensor), native: "last", last });
  }

  /** The same, channels first. */
  setFirst(tensor: Tensor, first: Value): void {
    this.#forms.set(tensor, { sizes: this.sizes(tensor), native: "first", first });
  }

  /** The same, made under another shape with channels first: [batch, …, channels] there. */
  setUnder(tensor: Tensor, sizes: Sizes, first: Value): void {
    const under: Forms = { sizes, native: "first", first };
    this.#forms.set(tensor, { sizes: this.sizes(tensor), native: "last", under });
  }

  /** Whether a tensor was made with channels first. */
  isFirst(tensor: Tensor): boolean {
    return this.#forms.get(tensor)!.native === "first";
  }

  last(tensor: Tensor): Value {
    return this.#last(this.#forms.get(tensor)!);
  }

  #last(forms: Forms): Value {
    forms.last ??= forms.under
      ? this.graph.reshape(this.#last(forms.under), forms.sizes)
      : this.graph.transpose(forms.first!, lastAxes(forms.sizes.length));
    return forms.last;
  }

  first(tensor: Tensor): Value {
    const forms = this.#forms.get(tensor)!;
    forms.first ??= this.graph.transpose(this.#last(forms), firstAxes(tensor.rank));
    return forms.first;
  }

  /** A tensor in the order of another of the same or a higher rank, so that it broadcasts. */
  along(tensor: Tensor, rank: number, first: boolean): Value {
    if (!first || (tensor.rank < 2 && tensor.size === 1)) return this.last(tensor);
    if (tensor.rank === rank) return this.first(tensor);
    const sizes = this.sizes(tensor);
    while (sizes.length < rank) sizes.unshift(fixed(1));
    return this.graph.transpose(this.graph.reshape(this.last(tensor), sizes), firstAxes(rank));
  }

  /** Whether what is made of these, of a rank, is made with channels first. */
  wantsFirst(tensors: readonly Tensor[], rank: number): boolean {
    return rank > 2 && tensors.some((tensor) => tensor.rank === rank && this.isFirst(tensor));
  }

  /** Writes something of one tensor in the order in which it is; `order` puts a list of its axes in that order. */
  inOrder(
    { inputs: [x], outputs: [y] }: Node,
    write: (x: Value, order: <T>(items: readonly T[]) => T[], sizes: Sizes) => Value,
  ): void {
    const isFirst = this.wantsFirst([x!], y!.rank);
    const order = <T>(items: readonly T[]) =>
      isFirst ? ordered(items, firstAxes(items.length)) : items.slice();
    const value = write(isFirst ? this.first(x!) : this.last(x!), order, order(this.sizes(y!)));
    if (isFirst) this.setFirst(y!, value);
    else this.set(y!, value);
  }

  /** The same numbers under another shape. */
  reshape(x: Tensor, y: Tensor): void {
    const { under, native } = this.#forms.get(x)!;
    const [from, to] = [this.sizes(x), this.sizes(y)];
    if (under && alike(under.sizes, to)) this.#forms.set(y, under);
    else if (
      native === "first" &&
      to.length > 2 &&
      equal(from[0]!, to[0]!) &&
      equal(from.at(-1)!, to.at(-1)!)
    )
      this.setFirst(y, this.graph.reshape(this.first(x), ordered(to, firstAxes(to.length))));
    else this.set(y, this.graph.reshape(this.last(x), to));
  }

  /** @throws FormatError naming the node where numbers that are no sizes depend on the batch. */
  checkFixed(numbers: unknown, others: unknown): void {
    if (String(numbers) !== String(others))
      throw new FormatError(
        `toOnnx: ${this.graph.scope}: depends on the batch in more than its sizes: wanted batchSize`,
      );
  }

  /** @throws FormatError naming the node that cannot be written as it is. */
  fail(problem: string): never {
    throw new FormatError(`toOnnx: ${this.graph.scope}: ${problem}: the format has nothing like it`);
  }

  /** The element type that the format has for a tensor's. */
  static typeOf({ dtype }: Tensor): number {
    return { f32: FLOAT, i32: INT32, i8: UINT8 }[dtype];
  }
}
