// Ops between products that compute on bytes: for each, which nodes, what they read as bytes, and how they are said again.
// Attention stays in floats: on bytes it took as long (44 µs against 45 for 64 places in 4 heads), and lost 0.7 decibels.

import { sameShape } from "../core/shape.ts";
import type { Graph, Node, Tensor } from "../graph/tensor.ts";
import { quantizedAdd, quantizedLookup, quantizedMean, quantizedRowNorm } from "../ops/quantized-elements.ts";
import { quantizedMaxPoolOp } from "../ops/quantized-max-pool.ts";
import type { QuantizedOutput } from "../ops/quantized-panels.ts";
import { reshape } from "../ops/reshape.ts";
import type { Axes } from "../ops/taps.ts";
import { functionOf } from "./functions.ts";
import { type Affine, integerOf, LARGEST } from "./numbers.ts";
import { constantOf } from "./products.ts";

/** What a rule says a node with. */
interface Saying {
  readonly node: Node;
  readonly graph: Graph;
  /** What the bytes of the result stand for, and the bounds of an activation behind. */
  readonly output: QuantizedOutput;
  affineOf(tensor: Tensor): Affine;
  bytesOf(tensor: Tensor): Tensor;
  floatsOf(tensor: Tensor): Tensor;
  /** Of a constant, as it is stored. */
  numbersOf(tensor: Tensor): Float32Array;
}

/** How an op is said with bytes, if bytes of its first result are wanted. */
export interface Rule {
  /** Whether this node can be. Default: every one. */
  readonly fits?: (node: Node) => boolean;
  /** What it reads as bytes. Default: all inputs. */
  readonly reads?: (node: Node) => readonly Tensor[];
  /** Numbers are only chosen or moved: bytes of the result stand for what those of the inputs do. */
  readonly moves?: true;
  /** It can end with the bounds of an activation behind it. */
  readonly bounded?: true;
  readonly say: (saying: Saying) => Tensor;
}

const moves: Rule = {
  moves: true,
  say: ({ node: { op, inputs, attributes }, graph, bytesOf }) =>
    graph.apply(op!, inputs.map(bytesOf), attributes)[0]!,
};

const RULES: Readonly<Record<string, Rule>> = {
  reshape: moves,
  permute: moves,
  slice: moves,
  concatenate: moves,
  pad: {
    moves: true,
    say({ node: { op, inputs, attributes }, graph, bytesOf, output }) {
      const { value } = attributes as { readonly value: number };
      const own = { ...(attributes as object), value: integerOf(value, output) };
      return graph.apply(op!, inputs.map(bytesOf), own)[0]!;
    },
  },
  maxPool: {
    moves: true,
    say: ({ node: { inputs, attributes }, graph, bytesOf }) =>
      graph.apply(quantizedMaxPoolOp, inputs.map(bytesOf), attributes as Axes)[0]!,
  },

  add: {
    fits: ({ inputs: [a, b] }) => sameShape(a!.shape, b!.shape),
    bounded: true,
    say({ node: { inputs }, bytesOf, affineOf, output }) {
      const [a, b] = inputs as [Tensor, Tensor];
      return quantizedAdd(bytesOf(a), bytesOf(b), { inputs: [affineOf(a), affineOf(b)], output });
    },
  },

  // A mean, as averages over all pixels are; a sum would be one too, but for a scale.
  sum: {
    bounded: true,
    say({ node, bytesOf, affineOf, output }) {
      const [x] = node.inputs as [Tensor];
      const { outer, size, inner, scale } = node.attributes as Record<
        "outer" | "size" | "inner" | "scale",
        number
      >;
      const { scale: step, zeroPoint } = affineOf(x);
      const input = { scale: step * scale * size, zeroPoint };
      return quantizedMean(reshape(bytesOf(x), [outer, size, inner]), { input, output });
    },
  },

  rowNorm: {
    fits: ({ inputs }) => inputs.slice(1).every(constantOf),
    reads: () => [],
    say({ node, floatsOf, numbersOf, output }) {
      const [x, scale, offset] = node.inputs as [Tensor, Tensor, Tensor?];
      const run = node.attributes as { readonly centered: boolean; readonly epsilon: number };
      const { centered, epsilon } = run;
      const own = { scale: numbersOf(scale), offset: offset && numbersOf(offset) };
      return quantizedRowNorm(floatsOf(x), { ...own, centered, epsilon, output });
    },
  },
};

/** Functions of one number are tables. */
const lookup: Rule = {
  say({ node, bytesOf, affineOf, output }) {
    const [x] = node.inputs as [Tensor];
    const { scale, zeroPoint } = affineOf(x);
    const of = functionOf(node.op!.name, node.attributes)!;
    const table = Uint8Array.from({ length: LARGEST + 1 }, (_, byte) =>
      integerOf(of((byte - zeroPoint) * scale), output),
    );
    return quantizedLookup(bytesOf(x), table);
  },
};

/** The rule of a node, if it can be said with bytes. */
export function ruleOf(node: Node): Rule | undefined {
  const { op, attributes } = node;
  if (!op) return undefined;
  const ofFunction = functionOf(op.name, attributes) && lookup;
  const rule = Object.hasOwn(RULES, op.name) ? RULES[op.name]! : ofFunction;
  if (!rule || rule.fits?.(node) === false) return undefined;
  return readBy(node, rule).every(({ dtype }) => dtype === "f32") ? rule : undefined;
}

/** What a node reads as bytes, by its rule. */
export const readBy = (node: Node, { reads }: Rule): readonly Tensor[] => reads?.(node) ?? node.inputs;
