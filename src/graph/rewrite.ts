// Says a part of a graph once more, with other sources or other ops: what freezes, quantizes or prunes a model is a rule here.
import type { Graph, Node, Tensor } from "./tensor.ts";

/** What a rewriting changes. */
export interface Rewriting {
  /** What stands for a source. */
  source(tensor: Tensor): Tensor;
  /** What an op becomes on its rewritten inputs, output by output; undefined: the same op. */
  op?(node: Node, inputs: readonly Tensor[]): readonly Tensor[] | undefined;
}

/** The nodes that a tensor depends on, its own included, in the order of the graph. */
export function nodesOf(output: Tensor): readonly Node[] {
  const needed = new Set<Node>([output.node]);
  for (const node of output.graph.nodes.slice(0, output.node.id + 1).toReversed())
    if (needed.has(node)) for (const input of node.inputs) needed.add(input.node);
  return output.graph.nodes.filter((node) => needed.has(node));
}

/** Says all that a tensor depends on once more, in a graph; answers what has become of each tensor. */
export function rewrite(output: Tensor, into: Graph, rules: Rewriting): ReadonlyMap<Tensor, Tensor> {
  const become = new Map<Tensor, Tensor>();
  for (const node of nodesOf(output)) {
    const inputs = node.inputs.map((input) => become.get(input)!);
    const outputs = node.op
      ? (rules.op?.(node, inputs) ?? into.apply(node.op, inputs, node.attributes))
      : [rules.source(node.outputs[0]!)];
    for (const [index, tensor] of node.outputs.entries()) become.set(tensor, outputs[index]!);
  }
  return become;
}
