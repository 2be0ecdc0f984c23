// How elementwise ops are declared, lifted and broadcast; their tables stand in arithmetic.ts and activation.ts.
import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, type Shape, sameShape } from "../core/shape.ts";
import { defineOp, type GradientRule, type Op } from "../graph/op.ts";
import { type Graph, Tensor } from "../graph/tensor.ts";
import { beforeBroadcast, broadcastTo } from "./broadcast.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** A tensor, or numbers that become a constant beside one. */
export type TensorLike = Tensor | number | readonly number[];

/** Up to two numbers that the kernel takes beside its operands. */
export type Parameters = readonly [number, number?];

/** The graph that a list of operands belongs to. */
function graphOf(where: string, operands: readonly TensorLike[]): Graph {
  for (const operand of operands) if (operand instanceof Tensor) return operand.graph;
  throw new ShapeError(`${where}: at least one operand must be a tensor`);
}

/** Tensors as they are, numbers as constants of the same graph. */
export function lift(where: string, ...operands: readonly TensorLike[]): Tensor[] {
  const graph = graphOf(where, operands);
  return operands.map((operand) => {
    const tensor = operand instanceof Tensor ? operand : graph.constant(operand as number | number[]);
    if (tensor.dtype !== "f32") throw new ShapeError(`${where}: wanted f32 operands, got ${tensor.dtype}`);
    return tensor;
  });
}

/** Whether the kernels can broadcast directly: ones, then sizes that agree, then ones. */
function simplyBroadcast(from: Shape, to: Shape): boolean {
  const pad = to.length - from.length;
  const spans = to.map((size, axis) =>
    size === 1 ? "any" : (from[axis - pad] ?? 1) === size ? "full" : "one",
  );
  const kinds = spans.filter((kind) => kind !== "any").join(" ");
  return /^(one ?)*(full ?)*(one ?)*$/.test(kinds);
}

/** Adds up what broadcasting has spread: the gradient of a broadcast. */
export function sumTo(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const pad = dy.rank - shape.length;
  const axes = dy.shape.flatMap((size, axis) => (size !== (shape[axis - pad] ?? 1) ? [axis] : []));
  const summed = axes.length > 0 ? sum(dy, { axes, keepDims: true }) : dy;
  return reshape(summed, shape);
}

/** Declares an elementwise op of one, two or three operands; its kernel has the same name. */
export function elementwise(name: string, gradient: GradientRule<Parameters> | "none"): Op<Parameters> {
  return defineOp<Parameters>({
    name,
    shape: (inputs) => ({
      shape: inputs.reduce<Shape>((shape, input) => broadcastShapes(name, shape, input.shape), []),
      dtype: "f32",
    }),
    gradient:
      gradient === "none"
        ? "none"
        : (context) =>
            gradient(context).map((dx, index) => {
              const shape = context.inputs[index]?.shape;
              return dx && shape && context.wants(index) ? sumTo(dx, shape) : undefined;
            }),
    emit: (emitter, node) => emitter.elementwise(name, node.outputs[0]!, node.inputs, node.attributes),
  });
}

/** Applies an elementwise op, broadcasting its operands. */
export function applyElementwise(
  op: Op<Parameters>,
  operands: readonly TensorLike[],
  parameters: Parameters = [0],
): Tensor {
  const spread = lift(op.name, ...operands);
  const shapeOf = (all: readonly Tensor[]) =>
    all.reduce<Shape>((shape, tensor) => broadcastShapes(op.name, shape, tensor.shape), []);
  const shape = shapeOf(spread);
  // What another operand spreads anyway need not be spread in memory first.
  const bare = spread.map(beforeBroadcast);
  const tensors = sameShape(shapeOf(bare), shape) ? bare : spread;
  const inputs = tensors.map((tensor) =>
    simplyBroadcast(tensor.shape, shape) ? tensor : broadcastTo(tensor, shape),
  );
  return tensors[0]!.graph.apply(op, inputs, parameters)[0]!;
}

/**
 * How a gradient kernel's answer changes with what it is taken from, input or output: the product of the gradient of the
 * answer, of dy, and of the derivative there. "flat": not at all. "none": not known, so the op is differentiable once.
 */
export type Bend = ((gradient: Tensor, dy: Tensor, at: Tensor) => Tensor) | "flat" | "none";

/** Declares an op of one operand whose gradient is one kernel, `<name>Gradient`, of dy and either the input or the output. */
export function withGradientKernel(name: string, from: "input" | "output", bend: Bend): Op<Parameters> {
  const gradientOp: Op<Parameters> = elementwise(
    `${name}Gradient`,
    bend === "none"
      ? "none"
      : ({ inputs: [inner, at], attributes, dy, wants }) => [
          wants(0) ? applyElementwise(gradientOp, [dy, at!], attributes) : undefined,
          wants(1) && bend !== "flat" ? bend(dy, inner!, at!) : undefined,
        ],
  );
  return elementwise(name, ({ inputs: [x], outputs: [y], attributes, dy }) => [
    applyElementwise(gradientOp, [dy, from === "input" ? x! : y!], attributes),
  ]);
}
