// Factors and offsets of each channel behind a product become part of its weight and bias, as a batch normalization's do.
import { nodesOf, rewrite } from "../graph/rewrite.ts";
import { Graph, type Node, type Tensor } from "../graph/tensor.ts";

/** Products, and which axis of the weight makes the channels. */
const PRODUCTS: Readonly<Record<string, number>> = { matmul: 1, convolution: 3, convolutionTransposed: 2 };

/** What a number of a channel is multiplied by, and what is added to it. */
const CHANGES: Readonly<Record<string, (by: number) => readonly [factor: number, offset: number]>> = {
  add: (by) => [1, by],
  sub: (by) => [1, -by],
  mul: (by) => [by, 0],
  div: (by) => [1 / by, 0],
};

const numbersOf = (tensor: Tensor | undefined) =>
  tensor?.node.source?.kind === "constant" ? tensor.node.source : undefined;

/** A product whose channels are changed by constants. */
interface Change {
  readonly product: Node;
  /** Where the product's rows stand under another shape. */
  readonly reshaped: boolean;
  /** The parameter that changes, if it is one. */
  readonly name: string | undefined;
  /** Factor and offset of a channel. */
  readonly of: (channel: number) => readonly [number, number];
}

/** What an op on these inputs would change, if nothing else reads the product. */
function changeOf(
  name: string,
  inputs: readonly Tensor[],
  own: (tensor: Tensor) => boolean,
): Change | undefined {
  const change = Object.hasOwn(CHANGES, name) ? CHANGES[name]! : undefined;
  if (!change) return undefined;
  const turned = /add|mul/.test(name) && numbersOf(inputs[0]);
  const [value, by] = turned ? [inputs[1]!, inputs[0]!] : [inputs[0]!, inputs[1]!];
  const { values: numbers, name: from } = numbersOf(by) ?? {};
  const reshaped = value.node.op?.name === "reshape";
  const y = reshaped ? value.node.inputs[0]! : value;
  const { op, inputs: factors, attributes } = y.node;
  const axis = PRODUCTS[op?.name ?? ""];
  if (!numbers || axis === undefined || !own(value) || !own(y)) return undefined;
  const [, weight, bias] = factors;
  const channels = y.shape.at(-1)!;
  const fits =
    by.rank <= value.rank && (by.size === 1 || (by.size === channels && by.shape.at(-1) === channels));
  // Groups of a transposed convolution have their channels side by side in no axis of the weight.
  const whole = weight!.shape[axis] === channels && (op!.name !== "matmul" || attributes === "NN");
  if (!fits || !whole || value.shape.at(-1) !== channels) return undefined;
  if (!numbersOf(weight) || (bias && !numbersOf(bias))) return undefined;
  const of = (channel: number) => change(numbers[by.size === 1 ? 0 : channel]!);
  return { product: y.node, reshaped, name: from, of };
}

/** Weight and bias that make what the change would. */
function changed(graph: Graph, { product, of, name: from }: Change): readonly [Tensor, Tensor] {
  const [, weight, bias] = product.inputs;
  const axis = PRODUCTS[product.op!.name]!;
  const { values, name = from } = numbersOf(weight)!;
  const channels = weight!.shape[axis]!;
  const inner = weight!.shape.slice(axis + 1).reduce((size, each) => size * each, 1);
  const channelOf = (index: number) => Math.floor(index / inner) % channels;
  const before = numbersOf(bias);
  const offsets = Float32Array.from({ length: channels }, (_, channel) => {
    const [factor, offset] = of(channel);
    return (before?.values[channel] ?? 0) * factor + offset;
  });
  return [
    graph.constant(
      values.map((value, index) => value * of(channelOf(index))[0]),
      weight!.shape,
      name,
    ),
    graph.constant(offsets, [channels], before?.name ?? name?.replace(/weight$/, "bias")),
  ];
}

/** The same with every change of channels in the weight and bias of the product before it. */
export function foldScales(output: Tensor): Tensor {
  const readers = new Map<Tensor, number>([[output, 1]]);
  for (const { inputs } of nodesOf(output))
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const graph = new Graph("predict");
  const once = new Set<Tensor>();
  const note = (node: Node, outputs: readonly Tensor[]) => {
    for (const [index, tensor] of node.outputs.entries())
      if (readers.get(tensor) === 1) once.add(outputs[index]!);
    return outputs;
  };
  const become = rewrite(output, graph, {
    source(tensor) {
      const source = numbersOf(tensor);
      return source
        ? graph.constant(source.values, tensor.shape, source.name)
        : graph.input("input", tensor.shape, tensor.dtype);
    },
    op(node, inputs) {
      const change = changeOf(node.op!.name, inputs, (tensor) => once.has(tensor));
      if (!change) return note(node, graph.apply(node.op!, inputs, node.attributes));
      const { product, reshaped } = change;
      const [y] = graph.apply(
        product.op!,
        [product.inputs[0]!, ...changed(graph, change)],
        product.attributes,
      );
      if (!reshaped) return note(node, [y!]);
      once.add(y!);
      const reshape = inputs.find((input) => input.node.op?.name === "reshape")!.node;
      return note(node, graph.apply(reshape.op!, [y!], reshape.attributes));
    },
  });
  return become.get(output)!;
}
