// Reverse mode: adds to the graph the gradients of a scalar with respect to some of its tensors.
import { OptionError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Node, Tensor } from "./tensor.ts";

/** How two gradients of one tensor are joined; given by the ops, which stand a floor above. */
export type Join = (a: Tensor, b: Tensor) => Tensor;

/**
 * Gradients of a scalar with respect to each tensor of a list, in the order of the list.
 * Undefined where the scalar does not depend on the tensor. With a seed, the gradient of something with respect to `of`,
 * which then is any tensor: a part of a gradient, whose ends are the tensors of the list.
 */
export function reverse(
  of: Tensor,
  withRespectTo: readonly Tensor[],
  join: Join,
  seed?: Tensor,
): (Tensor | undefined)[] {
  if (!seed && of.size !== 1)
    throw new ShapeError(`gradients: wanted a scalar, got shape ${showShape(of.shape)}`);
  const graph = of.graph;
  const wanted = new Set<Node>(withRespectTo.map((tensor) => tensor.node));
  const depends = new Set<Node>();
  for (const node of graph.nodes) {
    if (node.id > of.node.id) break;
    if (wanted.has(node)) depends.add(node);
    else if (node.inputs.some((input) => depends.has(input.node)) && !graph.standsIn(node.outputs[0]!))
      depends.add(node);
  }

  const result = new Map<Tensor, Tensor>([[of, seed ?? graph.constant(1, of.shape)]]);
  const order = graph.nodes.slice(0, of.node.id + 1);
  for (const node of order.reverse()) {
    // What is asked for may be the output of an op itself: its inputs are nobody's concern.
    if (seed && wanted.has(node)) continue;
    if (node.op === undefined || !node.inputs.some((input) => depends.has(input.node))) continue;
    const dy = result.get(node.outputs[0]!);
    if (dy === undefined) continue;
    const { gradient, name } = node.op;
    if (gradient === "none")
      throw new OptionError(`${name}: has no gradient, but the loss depends on parameters through it`);
    const wants = (input: number) => depends.has(node.inputs[input]!.node);
    const { inputs, outputs, attributes } = node;
    for (const [index, dx] of gradient({ inputs, outputs, attributes, dy, wants }).entries()) {
      const input = inputs[index]!;
      if (dx === undefined || !wants(index)) continue;
      if (input.index !== 0) {
        throw new OptionError(
          `${input.node.op?.name}: not differentiable twice: ${name} depends on its residual`,
        );
      }
      if (!sameShape(dx.shape, input.shape)) {
        throw new ShapeError(
          `${name}: its gradient rule gives ${showShape(dx.shape)} for input ${index}, wanted ${showShape(input.shape)}`,
        );
      }
      const sofar = result.get(input);
      result.set(input, sofar === undefined ? dx : join(sofar, dx));
    }
  }
  return withRespectTo.map((tensor) => result.get(tensor));
}
