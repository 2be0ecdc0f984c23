// How ops tie channels together: a rule for each op, and the op's name where there is none.
import type { Emitter } from "../graph/op.ts";
import { nodesOf } from "../graph/rewrite.ts";
import type { Node, Tensor } from "../graph/tensor.ts";
import { type Axis, FIXED, FREE, filled, fixed, type Labels, Ties } from "./ties.ts";

/** Whether an op works element by element: it says so when it is emitted. */
function isElementwise({ op, ...node }: Node): boolean {
  let is = false;
  const emitter = { elementwise: () => (is = true) } as unknown as Emitter;
  try {
    op!.emit(emitter, { op, ...node });
  } catch {
    // It asks for more than that.
  }
  return is;
}

/** The labels of a graph's tensors, and who makes channels. */
export class Coupling {
  readonly ties = new Ties();
  readonly labels = new Map<Tensor, Labels>();
  /** Parameters with the axis that makes channels. */
  readonly makers = new Map<Tensor, number>();

  constructor(output: Tensor) {
    for (const node of nodesOf(output)) {
      const outputs = node.op ? this.#follow(node) : [this.#source(node.outputs[0]!)];
      for (const [index, tensor] of node.outputs.entries())
        this.labels.set(tensor, outputs[index] ?? fixed(tensor.shape));
    }
    for (const axis of this.#of(output)) this.ties.joinAll(axis, filled(axis.length, FIXED));
  }

  #of(tensor: Tensor): Labels {
    return this.labels.get(tensor)!;
  }

  #source({ node: { source }, shape }: Tensor): Labels {
    if (source?.kind === "parameter") return shape.map((size) => (size > 1 ? this.ties.fresh(size) : [FREE]));
    const same = source?.kind === "constant" && source.values.every((value) => value === source.values[0]);
    return shape.map((size) => filled(size, same ? FREE : FIXED));
  }

  /** Axes whose channels an op mixes or counts. */
  #hold(labels: Labels, op: string): void {
    for (const label of labels.flat()) this.ties.hold(label, op);
  }

  /** Index by index the same. */
  #tie(a: Axis, b: Axis): Axis {
    return this.ties.joinAll(a, b);
  }

  /** Of a parameter, maybe under other shapes of as many elements a channel, notes that it makes channels. */
  #makes(weight: Tensor, axis: number): void {
    let from = weight;
    while (from.node.op?.name === "reshape" || (from.node.op && isElementwise(from.node)))
      from = from.node.inputs[0]!;
    const own = from.rank - weight.rank + axis;
    if (from.node.source?.kind === "parameter" && own >= 0) this.makers.set(from, own);
  }

  /** Labels of the same elements under another shape. */
  #reshaped(labels: Labels, to: readonly number[], op: string): Labels {
    const result: Axis[] = [];
    let [from, at] = [0, 0];
    while (at < to.length) {
      // As few axes of both as hold as many elements.
      const [first, start] = [from, at];
      let [mine, theirs] = [labels[from++]?.length ?? 1, to[at++]!];
      while (mine !== theirs) {
        if (mine < theirs) mine *= labels[from++]!.length;
        else theirs *= to[at++]!;
      }
      if (at === to.length) from = labels.length;
      const flat = this.#merged(labels.slice(first, from), op);
      result.push(...this.#split(flat, to.slice(start, at), op));
    }
    return result;
  }

  /** The labels of several axes as one. Where two of them have channels, none of these can go. */
  #merged(axes: Labels, op: string): Axis {
    return axes.reduce<Axis>(
      (outer, inner) =>
        outer.flatMap((a) =>
          inner.map((b) => {
            const [p, q] = [this.ties.find(a), this.ties.find(b)];
            if (p <= FIXED || q <= FIXED) return Math.max(p, q);
            this.#hold([[p, q]], op);
            return FIXED;
          }),
        ),
      [FREE],
    );
  }

  /** The labels of one axis on several: they must change along one of them alone. */
  #split(flat: Axis, sizes: readonly number[], op: string): Labels {
    let inner = flat.length;
    const along = sizes.map((size) => {
      const block = inner;
      inner /= size;
      const step = inner;
      const own = Array.from({ length: size }, (_, index) => flat[index * step]!);
      const fits = flat.every((label, index) => label === own[Math.floor((index % block) / step)]);
      return fits ? own : undefined;
    });
    const one = along.findIndex((own, axis) => own && (sizes[axis]! > 1 || flat.length === 1));
    if (one < 0) this.#hold([flat], op);
    return sizes.map((size, axis) => (axis === one ? along[axis]! : filled(size, FIXED)));
  }

  /** Channels of the input by those of a weight; groups that do not meet must lose as many. */
  #grouped(channels: Axis, own: Axis, groups: number): void {
    for (const [index, label] of channels.entries())
      this.ties.join(label, own[index % (channels.length / groups)]!);
  }

  #convolution({ inputs: [x, weight, bias], attributes, outputs: [y] }: Node, op: string): Labels[] {
    const { groups } = attributes.windows as { readonly groups: number };
    const transposed = op === "convolutionTransposed";
    const [batch, height, width, channels] = this.#of(x!) as [Axis, Axis, Axis, Axis];
    const [rows, columns, ...pair] = this.#of(weight!) as [Axis, Axis, Axis, Axis];
    const [reads, makes] = (transposed ? pair.toReversed() : pair) as [Axis, Axis];
    this.#hold([height, width], op);
    for (const taps of [rows, columns]) this.#tie(taps, filled(taps.length, FIXED));
    this.#makes(weight!, transposed ? 2 : 3);
    let made = makes;
    if (transposed) {
      made = Array.from({ length: y!.shape[3]! }, (_, index) => makes[index % makes.length]!);
      this.#tie(reads, channels);
      if (groups > 1) this.#grouped(channels, channels.slice(0, channels.length / groups), groups);
    } else if (groups > 1 && groups === channels.length && makes.length === groups) {
      made = this.#tie(channels, makes);
    } else {
      this.#grouped(channels, reads, groups);
      if (groups > 1) this.#grouped(makes, makes.slice(0, makes.length / groups), groups);
    }
    if (bias) made = this.#tie(made, this.#of(bias)[0]!);
    return [[batch, ...fixed(y!.shape.slice(1, 3)), made]];
  }

  #matmul({ inputs: [a, b, bias], attributes: layout }: Node): Labels[] {
    const [left, right] = [this.#of(a!), this.#of(b!)];
    const [rows, inner] = (layout === "TN" ? left.toReversed() : left) as [Axis, Axis];
    const [reads, makes] = (layout === "NT" ? right.toReversed() : right) as [Axis, Axis];
    this.#tie(inner, reads);
    this.#makes(b!, layout === "NT" ? 0 : 1);
    return [[rows, bias ? this.#tie(makes, this.#of(bias)[0]!) : makes]];
  }

  #elementwise({ inputs, outputs: [y] }: Node): Labels[] {
    const axes = y!.shape.map((size, axis) =>
      inputs.reduce<Axis>(
        (sofar, input) => {
          const own = this.#of(input)[axis - y!.rank + input.rank];
          return own?.length === size ? this.#tie(sofar, own) : sofar;
        },
        filled(size, FREE),
      ),
    );
    return [axes];
  }

  /** Channels stay where they are, positions change. */
  #positions({ inputs: [x], outputs }: Node, op: string): Labels[] {
    const labels = this.#of(x!);
    this.#hold(labels.slice(1, -1), op);
    return outputs.map(({ shape }) => [labels[0]!, ...fixed(shape.slice(1, -1)), labels.at(-1)!]);
  }

  #follow(node: Node): readonly Labels[] {
    const { inputs, outputs, attributes } = node;
    const op = node.op!.name;
    const labels = inputs.map((input) => this.#of(input));
    const [x] = labels as [Labels];
    switch (op) {
      case "reshape":
        return [this.#reshaped(x, outputs[0]!.shape, op)];
      case "permute":
        return [(attributes as readonly number[]).map((axis) => x[axis]!)];
      case "broadcastTo": {
        const { shape } = outputs[0]!;
        const own = (axis: number) => x[axis - shape.length + x.length];
        return [shape.map((size, axis) => (own(axis)?.length === size ? own(axis)! : filled(size, FREE)))];
      }
      case "slice":
        // The same places of fewer channels are others.
        return [
          x.map((axis, k) => {
            if (axis.length !== attributes.size[k]) this.#hold([axis], op);
            return axis.slice(attributes.start[k], attributes.start[k] + attributes.size[k]);
          }),
        ];
      case "pad":
        return [
          x.map((axis, k) => {
            const [before, after] = attributes.widths[k];
            return [...filled(before, FIXED), ...axis, ...filled(after, FIXED)];
          }),
        ];
      case "concatenate":
        return [
          x.map((_, k) =>
            k === attributes
              ? labels.flatMap((each) => each[k]!)
              : labels.map((each) => each[k]!).reduce((a, b) => this.#tie(a, b)),
          ),
        ];
      case "sum":
      case "max":
      case "argmax": {
        const { outer, size, inner } = attributes;
        const [rows, gone, columns] = this.#reshaped(x, [outer, size, inner], op) as [Axis, Axis, Axis];
        this.#hold([gone], op);
        return [[rows, columns]];
      }
      case "matmul":
        return this.#matmul(node);
      case "convolution":
      case "convolutionTransposed":
        return this.#convolution(node, op);
      case "maxPool":
      case "resample":
      case "collect":
        return this.#positions(node, op);
      case "gather":
        this.#hold([x[0]!], op);
        this.#makes(inputs[0]!, 1);
        return [[filled(outputs[0]!.shape[0]!, FIXED), x[1]!]];
      case "channelNorm": {
        const channels = labels.map((each) => each.at(-1)!).reduce((a, b) => this.#tie(a, b));
        if (attributes.width > 1) this.#hold([channels], op);
        return [x, [filled(attributes.outer, FIXED), channels], [filled(attributes.outer, FIXED), channels]];
      }
      default:
        if (isElementwise(node)) return this.#elementwise(node);
        // What it does with them is not known.
        for (const each of labels) this.#hold(each, op);
        return [];
    }
  }
}
