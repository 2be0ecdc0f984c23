// Quantization-aware training: a model whose products see weights and activations as they will be rounded.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { nodesOf, rewrite } from "../graph/rewrite.ts";
import { Graph, type Tensor, type Trace } from "../graph/tensor.ts";
import { type Frozen, freeze } from "../inference/frozen.ts";
import { zeros } from "../nn/initializers.ts";
import { Model } from "../nn/model.ts";
import { add, div, maximum, minimum, mul, sub } from "../ops/arithmetic.ts";
import { max, min } from "../ops/reduce.ts";
import type { Range } from "./calibrate.ts";
import { fakeActivations, fakeWeights } from "./fake.ts";
import { belongs } from "./products.ts";

/** Options of {@link quantizationAware}. */
export interface QuantizationAwareOptions {
  /** Layers that stay in floats, by their names. Default: none. */
  readonly skip?: readonly string[] | undefined;
  /** How far a range goes towards that of each batch, behind a start as the mean of all batches. Default: 0.01. */
  readonly smoothing?: number | undefined;
}

/** What quantizes a model's products while it learns; made by `quantizationAware`. */
export class QuantizationAwareModel extends Model {
  /** The model in floats, whose parameters have the same names here. */
  readonly original: Model;

  constructor(original: Model, options: QuantizationAwareOptions) {
    super({ input: original.inputShape, inputType: original.inputType }, (x) => {
      const { graph } = x;
      return graph.within({ ...graph.trace, inputs: quantized(graph, options) }, () =>
        original.trace(graph, x),
      );
    });
    this.original = original;
  }
}

/** The axis of the channels of a product's weight, if it is one whose integers the engine multiplies. */
function channelsAxis(name: string, weight: Tensor, attributes: unknown): number | undefined {
  if (name === "convolution") return 3;
  if (name === "matmul") return attributes === "NT" ? 0 : 1;
  if (name === "batchMatmul" && weight.shape[0] === 1) return attributes === "NT" ? 1 : 2;
  return undefined;
}

/** The parameters that a tensor is made of; undefined: also of inputs. */
function parametersOf(tensor: Tensor): ReadonlySet<string> | undefined {
  const { node, graph } = tensor;
  const { source, inputs } = node;
  if (source?.kind === "parameter") return new Set([source.name]);
  for (const [name, instead] of graph.trace.instead) if (instead === tensor) return new Set([name]);
  if (source?.kind === "constant") return new Set();
  const parts = inputs.map(parametersOf);
  if (source || parts.includes(undefined)) return undefined;
  return new Set(parts.flatMap((part) => [...part!]));
}

/** What products of a trace work on. */
function quantized(graph: Graph, { skip = [], smoothing = 0.01 }: QuantizationAwareOptions): Trace["inputs"] {
  const outer = graph.trace.inputs;
  return (name, asked, attributes) => {
    const inputs = outer?.(name, asked, attributes) ?? asked;
    const [x, weight, ...rest] = inputs;
    const axis = weight && channelsAxis(name, weight, attributes);
    if (axis === undefined || !x) return inputs;
    const parameters = parametersOf(weight!);
    if (!parameters?.size || [...parameters].some((each) => belongs(each, skip))) return inputs;
    return [seen(x, smoothing), fakeWeights(weight!, axis), ...rest];
  };
}

/** An activation as its range has it: of the batches so far in training, of all that were in prediction. */
function seen(x: Tensor, smoothing: number): Tensor {
  const { graph } = x;
  const name = graph.nameFor("quantization", {});
  const [low, high, batches] = ["min", "max", "batches"].map((part) =>
    graph.state(`${name}.${part}`, [], zeros),
  ) as [Tensor, Tensor, Tensor];
  if (graph.mode === "predict") return fakeActivations(x, { min: low, max: high, name });
  const share = maximum(div(1, add(batches, 1)), smoothing);
  const towards = (before: Tensor, sample: Tensor) => add(before, mul(sub(sample, before), share));
  const [least, most] = [minimum(min(x), 0), maximum(max(x), 0)];
  graph.renew(low, least, towards);
  graph.renew(high, most, towards);
  graph.renew(batches, graph.constant(1), (before, one) => add(before, one));
  return fakeActivations(x, { min: towards(low, least), max: towards(high, most), name });
}

/** @throws OptionError naming a layer that the model does not have. */
export function checkLayers(where: string, model: Model, skip: readonly string[]): void {
  const names = model.weights.segments.map(({ name }) => name);
  for (const layer of skip) {
    if (!names.some((name) => belongs(name, [layer])))
      throw new OptionError(
        `${where}: skip: got ${JSON.stringify(layer)}, wanted layers of the model, which has ${names.join(", ")}`,
      );
  }
}

/**
 * A model that learns to be quantized: every product of a dense layer or a convolution sees its weights rounded to 8 bits
 * by channel, and its input rounded to the 7 bits of a range, as `quantize` will have them; gradients pass as if nothing
 * were rounded, and are 0 for what lies outside the range. Ranges are moving averages of each batch's smallest and largest
 * number, kept as state (`quantization.min`, …). Trained with `train` as any model is; `quantize` takes the ranges from
 * it and needs no calibration. It starts from the model's weights, if it has some: a few epochs with a small learning rate
 * behind an ordinary training are enough. Jacob et al. 2018; Krishnamoorthi 2018.
 * @throws OptionError for a layer that there is not, or a smoothing that is not above 0 and at most 1.
 * @example
 * const aware = quantizationAware(model);
 * await train(aware, { data, loss: softmaxCrossEntropy, optimizer: adam({ learningRate: 1e-4 }), epochs: 1 });
 * const small = await quantize(aware);
 */
export function quantizationAware(
  model: Model,
  options: QuantizationAwareOptions = {},
): QuantizationAwareModel {
  const { skip = [], smoothing = 0.01 } = checkOptions("quantizationAware", options, {
    skip: 0,
    smoothing: 0,
  });
  if (!(smoothing > 0 && smoothing <= 1))
    throw new OptionError(`quantizationAware: smoothing: got ${smoothing}, wanted a number above 0, up to 1`);
  checkLayers("quantizationAware", model, skip);
  const aware = new QuantizationAwareModel(model, { skip, smoothing });
  if (model.weights.initialized) {
    const states = aware.weights.segments
      .filter(({ trained, name }) => !trained && name.startsWith("quantization"))
      .map(({ name, shape }) => [name, { shape, values: new Float32Array(1) }] as const);
    aware.setParameters(new Map([...model.parameters(), ...states]));
  }
  return aware;
}

/** The tensors of the original's frozen graph that a range has been learned of, by their names there. */
export async function learnedRanges(
  aware: QuantizationAwareModel,
  original: Frozen,
  options: Parameters<typeof freeze>[1],
): Promise<ReadonlyMap<string, Range>> {
  const parameters = aware.parameters();
  const { output } = await freeze(aware, { ...options, batchSize: original.input.shape[0]! });
  const graph = new Graph("predict");
  const found: [Tensor, Range][] = [];
  const numberOf = (name: string) => parameters.get(name)!.values[0]!;
  const become = rewrite(output, graph, {
    source: ({ node: { source }, shape, dtype }) =>
      source?.kind === "constant" ? graph.constant(source.values, shape) : graph.input("input", shape, dtype),
    op({ op, attributes: name }, [, x]) {
      if (op!.name !== "straightThrough") return undefined;
      if (numberOf(`${name}.batches`) === 0)
        throw new OptionError("quantize: the model has learned no ranges: wanted it trained, or calibration");
      found.push([x!, { min: numberOf(`${name}.min`), max: numberOf(`${name}.max`) }]);
      return [x!];
    },
  });
  // But for the rounding both say the same ops in the same order.
  const computed = (nodes: readonly { op: unknown; outputs: readonly Tensor[] }[]) =>
    nodes.flatMap(({ op, outputs }) => (op ? outputs : []));
  const mine = computed(nodesOf(become.get(output)!));
  const theirs = computed(original.nodes);
  const ranges = new Map<string, Range>();
  for (const [x, { min, max }] of found) {
    const tensor = x.node.op ? theirs[mine.indexOf(x)]! : original.input;
    const name = original.names.get(tensor)!;
    const before = ranges.get(name) ?? { min, max };
    ranges.set(name, { min: Math.min(min, before.min), max: Math.max(max, before.max) });
  }
  return ranges;
}
