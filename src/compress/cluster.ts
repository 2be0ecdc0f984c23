// Shared weights: each layer has a codebook of a few numbers, and every weight is one of them.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { defineOp, type Op, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constant } from "../nn/initializers.ts";
import type { Model } from "../nn/model.ts";
import { type Reparametrized, reparametrize } from "../nn/reparametrize.ts";
import { concatenate } from "../ops/movement.ts";
import type { ParameterSelection } from "../optim/groups.ts";
import { checkFinite } from "./finite.ts";
import { segmentsOf } from "./prune.ts";

/** Numbers in the order of k means, and which of them each value is nearest to. */
export interface Clusters {
  readonly codebook: Float32Array;
  readonly assignment: Int32Array;
  /** Σ (value − mean)², before each move of the means; it never rises. */
  readonly errors: readonly number[];
}

/** Moves of the means; on a line they rest long before. */
const MOVES = 300;

/**
 * k means on a line, from k numbers at equal distances on (Han, Mao and Dally 2016 find that start the best), by Lloyd's
 * iteration 1982. A mean that no value is nearest to stays where it is.
 */
export function kMeans(values: Float32Array, k: number): Clusters {
  const order = Int32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]! || a - b);
  const n = order.length;
  const sums = new Float64Array(n + 1);
  const squares = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    const value = values[order[i]!]!;
    sums[i + 1] = sums[i]! + value;
    squares[i + 1] = squares[i]! + value * value;
  }
  const [low, high] = [values[order[0]!]!, values[order[n - 1]!]!];
  const means = Float64Array.from({ length: k }, (_, i) =>
    k === 1 ? (low + high) / 2 : low + ((high - low) * i) / (k - 1),
  );
  let ends = new Int32Array(0);
  const errors: number[] = [];
  for (let move = 0; move < MOVES; move++) {
    // Values up to halfway to the next mean.
    const next = new Int32Array(k);
    let at = 0;
    for (let i = 0; i < k; i++) {
      const middle = i + 1 < k ? (means[i]! + means[i + 1]!) / 2 : Number.POSITIVE_INFINITY;
      while (at < n && values[order[at]!]! <= middle) at++;
      next[i] = at;
    }
    const error = next.reduce((sum, to, i) => {
      const from = i === 0 ? 0 : next[i - 1]!;
      const s = sums[to]! - sums[from]!;
      return sum + squares[to]! - squares[from]! - 2 * means[i]! * s + (to - from) * means[i]! ** 2;
    }, 0);
    errors.push(error);
    if (ends.length > 0 && next.every((to, i) => to === ends[i])) break;
    ends = next;
    for (const [i, to] of ends.entries()) {
      const from = i === 0 ? 0 : ends[i - 1]!;
      if (to > from) means[i] = (sums[to]! - sums[from]!) / (to - from);
    }
  }
  const assignment = new Int32Array(n);
  for (const [i, to] of ends.entries())
    for (let at = i === 0 ? 0 : ends[i - 1]!; at < to; at++) assignment[order[at]!] = i;
  return { codebook: Float32Array.from(means), assignment, errors };
}

interface Sharing {
  readonly assignment: Int32Array;
  readonly shape: Shape;
}

/** Rows of a codebook [k, 1] by numbers that are known beforehand. */
const shareOp: Op<Sharing> = defineOp<Sharing>({
  name: "sharedWeights",
  shape: (_, { shape }) => ({ shape, dtype: "f32" }),
  gradient: ({ inputs: [codebook], dy, attributes }) => [
    dy.graph.apply(sharedGradientOp, [dy], { ...attributes, shape: codebook!.shape })[0],
  ],
  emit(emitter, { inputs: [codebook], outputs: [y], attributes: { assignment } }) {
    const n = assignment.length;
    const numbers = emitter.table("assignment", [...assignment]);
    emitter.call("gather", [
      n,
      1,
      codebook!.size,
      read(emitter.buffer(codebook!)),
      read(numbers, rows(n, 4)),
      write(emitter.buffer(y!), rows(n, 4)),
    ]);
  },
});

/** The sum of the gradients of all weights that are one number. */
const sharedGradientOp: Op<Sharing> = defineOp<Sharing>({
  name: "sharedWeightsGradient",
  shape: (_, { shape }) => ({ shape, dtype: "f32" }),
  gradient: ({ inputs: [from], dy, attributes }) => [
    dy.graph.apply(shareOp, [dy], { ...attributes, shape: from!.shape })[0],
  ],
  emit(emitter, { inputs: [dy], outputs: [y], attributes: { assignment } }) {
    const numbers = emitter.table("assignment", [...assignment]);
    emitter.call("scatterAdd", [
      assignment.length,
      1,
      y!.size,
      read(emitter.buffer(dy!)),
      read(numbers),
      write(emitter.buffer(y!)),
    ]);
  },
});

/** Numbers of a codebook [k, 1], one for each element of a shape. */
export function sharedWeights(codebook: Tensor, attributes: Sharing): Tensor {
  return codebook.graph.apply(shareOp, [codebook], attributes)[0]!;
}

/** Options of {@link clusterWeights}. */
export interface ClusterOptions {
  /** Numbers in each codebook, 1 to 65 536; with zeros, one more for them. Default: 16, four bits a weight. */
  readonly clusters?: number;
  /** Whether what is 0 stays 0, as after pruning. Default: true. */
  readonly keepZeros?: boolean;
  /** Which parameters. Default: those of two axes and more. */
  readonly parameters?: ParameterSelection;
}

/** A model with shared weights. */
export interface Clustered {
  /** Trains the codebooks, by the sums of their weights' gradients; `settle` makes a plain model of it. */
  readonly model: Reparametrized;
  /** Which number of its codebook each weight is, by parameter; one behind the last stands for 0. */
  readonly assignments: ReadonlyMap<string, Int32Array>;
  /** What the weights take with ⌈log₂ k⌉ bits each and codebooks of floats, all other parameters and state as floats. */
  readonly bytes: number;
}

/**
 * A model whose weights are each one of a few numbers of its parameter, which are trained further as such: k-means finds the
 * numbers, and a weight stays with its own. Han, Mao and Dally 2016. The parameters are the codebooks, as `dense.weight.codebook`;
 * a file of them is read by the model that has written it, or another of the same assignments.
 * @throws OptionError for options out of range. @throws DataError naming a weight that is not finite.
 * @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const { model: shared, bytes } = clusterWeights(model, { clusters: 16 });
 * await train(shared, { data, loss: softmaxCrossEntropy, optimizer: adam({ learningRate: 1e-4 }) });
 */
export function clusterWeights(model: Model, options: ClusterOptions = {}): Clustered {
  const {
    clusters = 16,
    keepZeros = true,
    parameters,
  } = checkOptions("clusterWeights", options, {
    clusters: 0,
    keepZeros: 0,
    parameters: 0,
  });
  if (!(Number.isInteger(clusters) && clusters >= 1 && clusters <= 65536))
    throw new OptionError(`clusterWeights: clusters: wanted an integer from 1 to 65536, got ${clusters}`);
  const values = new Map(model.parameters());
  const names = new Map<string, { readonly k: number; readonly zero: boolean }>();
  const assignments = new Map<string, Int32Array>();
  let bytes = 0;
  for (const { name } of segmentsOf("clusterWeights", model, parameters)) {
    checkFinite("clusterWeights", values, [name]);
    const all = values.get(name)!.values;
    const places = [...all.keys()].filter((index) => !keepZeros || all[index] !== 0);
    if (places.length === 0) continue;
    const found = kMeans(
      Float32Array.from(places, (index) => all[index]!),
      Math.min(clusters, places.length),
    );
    const k = found.codebook.length;
    const zero = places.length < all.length;
    const assignment = new Int32Array(all.length).fill(k);
    for (const [at, index] of places.entries()) assignment[index] = found.assignment[at]!;
    names.set(name, { k, zero });
    assignments.set(name, assignment);
    values.delete(name);
    values.set(`${name}.codebook`, { shape: [k, 1], values: found.codebook as Float32Array<ArrayBuffer> });
    bytes += Math.ceil((all.length * (32 - Math.clz32(k + Number(zero) - 1))) / 8);
  }
  const shapes = new Map(model.weights.segments.map(({ name, shape }) => [name, shape]));
  const shared = reparametrize(
    model,
    (graph, own) =>
      new Map(
        [...names].map(([name, { k, zero }]) => {
          const codebook = own.parameter(`${name}.codebook`, [k, 1], constant(0));
          const all = zero ? concatenate([codebook, graph.constant([0], [1, 1])], 0) : codebook;
          const attributes = { assignment: assignments.get(name)!, shape: shapes.get(name)! };
          if (sizeOf(attributes.shape) !== attributes.assignment.length)
            throw new ShapeError(`clusterWeights: ${name}: its assignment has another size`);
          return [name, sharedWeights(all, attributes)];
        }),
      ),
  );
  shared.setParameters(values);
  for (const { values: numbers } of values.values()) bytes += numbers.length * 4;
  return { model: shared, assignments, bytes };
}
