// Says the graph of a model once more with two factors in the place of each weight.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { Graph, type Node, newTrace, type Tensor } from "../graph/tensor.ts";
import { Model } from "../nn/model.ts";
import { streamsOf } from "../nn/reparametrize.ts";
import type { ParameterValues, Segment } from "../nn/weights.ts";
import { matmul } from "../ops/matmul.ts";
import { reshape } from "../ops/reshape.ts";
import { limitLabels } from "../ops/softmax.ts";
import { checkFinite } from "./finite.ts";
import type { LowRankOptions } from "./low-rank.ts";
import { segmentsOf } from "./prune.ts";
import { singularValues } from "./svd.ts";

/** Two factors of a weight, whose product is near it. */
interface Factors {
  readonly segment: Segment;
  readonly rank: number;
  readonly first: ParameterValues;
  readonly second: ParameterValues;
}

const firstOf = (name: string) => `${name}.first`;
const secondOf = (name: string) => `${name}.second`;

/** The weight that a tensor is, maybe under another shape. */
function beneath(tensor: Tensor): Tensor {
  return tensor.node.op?.name === "reshape" ? beneath(tensor.node.inputs[0]!) : tensor;
}

/** What a product becomes with two factors in the place of its weight, if it is one that can. */
function factored(
  { op, inputs, attributes }: Node,
  [x, , bias]: readonly Tensor[],
  first: Tensor,
  second: Tensor,
): Tensor | undefined {
  const rank = first.shape.at(-1)!;
  if (op!.name === "matmul" && attributes === "NN")
    return matmul(matmul(x!, reshape(first, [-1, rank])), second, bias);
  if (op!.name !== "convolution" || attributes.windows.groups !== 1) return undefined;
  const kernel = reshape(first, [...inputs[1]!.shape.slice(0, -1), rank]);
  return matmul(x!.graph.apply(op!, [x!, kernel], attributes)[0]!, second, bias);
}

/** The names of the weights that products and convolutions of a model take as they are. */
function factorable(model: Model): ReadonlySet<string> {
  const graph = new Graph("predict");
  model.trace(graph, graph.input("input", [1, ...model.inputShape], model.inputType));
  const names = new Set<string>();
  const others = new Set<string>();
  for (const { op, inputs, attributes } of graph.nodes) {
    for (const [place, input] of inputs.entries()) {
      const { source } = beneath(input).node;
      if (source?.kind !== "parameter" || op!.name === "reshape") continue;
      const product =
        (op!.name === "matmul" && attributes === "NN") ||
        (op!.name === "convolution" && attributes.windows.groups === 1);
      (product && place === 1 ? names : others).add(source.name);
    }
  }
  return new Set([...names].filter((name) => !others.has(name)));
}

/** A model that says the graph of another once more, with factors. */
class Factored extends Model {
  constructor(base: Model, list: readonly Factors[]) {
    super({ input: base.inputShape, inputType: base.inputType }, (x) => {
      const { graph } = x;
      const repeated = graph.trace.repeated ?? streamsOf(base, x);
      const other = new Graph(graph.mode, graph.seed);
      const become = new Map<Tensor, Tensor>();
      const factors = new Map<Tensor, readonly [Tensor, Tensor]>();
      const instead = new Map<string, Tensor>();
      for (const [name, tensor] of graph.trace.instead) {
        instead.set(name, other.input(name, tensor.shape));
        become.set(instead.get(name)!, tensor);
      }
      for (const { segment, first, second } of list) {
        const { name, initializer } = segment;
        const [a, b] = [
          graph.parameter(firstOf(name), first.shape, initializer),
          graph.parameter(secondOf(name), second.shape, initializer),
        ];
        const whole = other.input(name, [...a.shape.slice(0, -1), b.shape.at(-1)!]);
        instead.set(name, whole);
        factors.set(whole, [a, b]);
      }
      const trace = { ...newTrace(instead), repeated };
      const input = other.input("input", x.shape, x.dtype);
      become.set(input, x);
      const y = other.within(trace, () => base.trace(other, input));
      graph.trace.streams.push(...trace.streams);
      for (const node of other.nodes.slice(input.node.id + 1)) {
        const { op, source, outputs } = node;
        const [tensor] = outputs as [Tensor];
        if (source?.kind === "constant")
          become.set(tensor, graph.constant(source.values, tensor.shape, source.name));
        else if (source?.kind === "parameter") {
          const own = source.trained ? graph.parameter : graph.state;
          become.set(tensor, own.call(graph, source.name, tensor.shape, source.initializer));
        } else if (op) {
          const pair = node.inputs.map((each) => factors.get(beneath(each))).find((each) => each);
          if (pair && op.name === "reshape") continue;
          const inputs = node.inputs.map((each) => become.get(each)!);
          const one = pair && factored(node, inputs, ...pair);
          if ((pair && !one) || op.name === "checkpoint")
            throw new OptionError(`lowRank: ${op.name} cannot be said with factors`);
          const made = one ? [one] : graph.apply(op, inputs, node.attributes);
          for (const [index, each] of outputs.entries()) become.set(each, made[index]!);
        }
      }
      const of = (tensor: Tensor) => become.get(tensor)!;
      for (const [state, { next, samples }] of trace.renewals)
        for (const [index, sample] of samples.entries())
          graph.renew(of(state), of(sample), (before) => (index === samples.length - 1 ? of(next) : before));
      for (const penalty of trace.penalties) graph.penalize(of(penalty));
      if (input.node.source?.kind === "input" && input.node.source.labels)
        limitLabels(x, input.node.source.labels);
      return of(y);
    });
  }
}

/** How many singular values make up a share of the energy. */
function rankOf(values: Float64Array, energy: number): number {
  const all = values.reduce((sum, value) => sum + value * value, 0);
  let sum = 0;
  return Math.max(1, values.findIndex((value) => (sum += value * value) >= energy * all * (1 - 1e-12)) + 1);
}

/** A weight as two factors, if they are smaller together. */
function factorsOf(
  segment: Segment,
  { values }: ParameterValues,
  rankFor: (values: Float64Array) => number,
): Factors | undefined {
  const { shape, size } = segment;
  const columns = shape.at(-1)!;
  const rows = size / columns;
  const { values: sigma, left, right } = singularValues(values, rows, columns);
  const rank = Math.min(rankFor(sigma), sigma.length);
  if (rank * (rows + columns) >= size) return undefined;
  // Both have the same share of the size.
  const roots = sigma.map(Math.sqrt);
  const first = Float32Array.from({ length: rows * rank }, (_, i) => {
    const k = i % rank;
    return left[k]![Math.floor(i / rank)]! * roots[k]!;
  });
  const second = Float32Array.from({ length: rank * columns }, (_, i) => {
    const k = Math.floor(i / columns);
    return right[k]![i % columns]! * roots[k]!;
  });
  return {
    segment,
    rank,
    first: { shape: [...shape.slice(0, -1), rank], values: first },
    second: { shape: [rank, columns], values: second },
  };
}

/** What `lowRank` does. */
export function factorized(model: Model, options: LowRankOptions): Model {
  const {
    rank,
    energy = 0.9,
    parameters,
  } = checkOptions("lowRank", options, { rank: 0, energy: 0, parameters: 0 });
  if (!(energy > 0 && energy <= 1)) throw new OptionError(`lowRank: energy: wanted 0 < x ≤ 1, got ${energy}`);
  const can = factorable(model);
  const mine = segmentsOf("lowRank", model, parameters).filter(({ name }) => {
    if (can.has(name)) return true;
    if (parameters === undefined) return false;
    throw new OptionError(
      `lowRank: ${name} is not the weight of a product alone: leave it out by parameters`,
    );
  });
  for (const each of typeof rank === "object" ? Object.keys(rank) : [])
    if (!can.has(each))
      throw new OptionError(`lowRank: rank: wanted one of ${[...can].join(", ")}, got ${each}`);
  const values = new Map(model.parameters());
  const list = mine.flatMap((segment) => {
    const given = typeof rank === "object" ? (rank[segment.name] ?? Number.POSITIVE_INFINITY) : rank;
    if (given !== undefined && given !== Number.POSITIVE_INFINITY && !(Number.isInteger(given) && given >= 1))
      throw new OptionError(`lowRank: rank: wanted a positive integer, got ${given}`);
    if (given === Number.POSITIVE_INFINITY) return [];
    checkFinite("lowRank", values, [segment.name]);
    return factorsOf(segment, values.get(segment.name)!, (sigma) => given ?? rankOf(sigma, energy)) ?? [];
  });
  for (const { segment, first, second } of list) {
    values.delete(segment.name);
    values.set(firstOf(segment.name), first).set(secondOf(segment.name), second);
  }
  try {
    const thin = new Factored(model, list);
    thin.setParameters(values);
    return thin;
  } catch (error) {
    if (error instanceof ShapeError)
      throw new OptionError(`lowRank: the model cannot be said so: ${error.message}`);
    throw error;
  }
}
