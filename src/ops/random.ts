// Random numbers: counter-based (Philox), so that each element depends on its key and index alone,
// never on threads or on what was drawn before.
import { OptionError } from "../core/errors.ts";
import { keys } from "../core/random.ts";
import type { Shape } from "../core/shape.ts";
import { defineOp, elements, float, nothing, type Op, read, write } from "../graph/op.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { orthogonal } from "./orthogonal.ts";

type Distribution = "randomUniform" | "randomNormal" | "randomTruncatedNormal";

interface Fill {
  readonly distribution: Distribution;
  readonly shape: Shape;
  readonly key: readonly [number, number];
  readonly alpha: number;
  readonly beta: number;
  /** Other numbers at each step. */
  readonly changing: boolean;
}

const fillOp = defineOp<Fill>({
  name: "random",
  shape: (_, { shape }) => ({ shape, dtype: "f32" }),
  gradient: "none",
  emit(emitter, { outputs: [y], attributes: { distribution, key, alpha, beta, changing } }) {
    const n = y!.size;
    const step = changing ? read(emitter.stepWord()) : nothing;
    const to = write(emitter.buffer(y!), elements(n));
    emitter.call(distribution, [n, to, key[0] | 0, key[1] | 0, step, float(alpha), float(beta)]);
  },
});

/** Draws from a distribution; the stream, with the graph's seed, says which numbers. */
function random(
  graph: Graph,
  distribution: Distribution,
  shape: Shape,
  stream: string,
  alpha: number,
  beta: number,
) {
  const key = keys(graph.seed, stream);
  return graph.apply(fillOp, [], { distribution, shape, key, alpha, beta, changing: false })[0]!;
}

/** Normally distributed numbers of mean 0 and deviation 1, others at each step of a training. */
export function stepNormal(graph: Graph, shape: Shape, seed: number, stream: string): Tensor {
  const key = keys(seed, stream);
  const fill = { distribution: "randomNormal", shape, key, alpha: 0, beta: 1, changing: true } as const;
  return graph.apply(fillOp, [], fill)[0]!;
}

/** Numbers spread evenly over low ≤ x < high, others at each step of a training. */
export function stepUniform(graph: Graph, shape: Shape, stream: string, low = 0, high = 1): Tensor {
  const key = keys(graph.seed, stream);
  const fill = { distribution: "randomUniform", shape, key, alpha: low, beta: high, changing: true } as const;
  return graph.apply(fillOp, [], fill)[0]!;
}

/** Numbers spread evenly over low ≤ x < high. */
export const randomUniform = (graph: Graph, shape: Shape, stream: string, low = 0, high = 1): Tensor =>
  random(graph, "randomUniform", shape, stream, low, high);

/** Normally distributed numbers. */
export const randomNormal = (graph: Graph, shape: Shape, stream: string, mean = 0, deviation = 1): Tensor =>
  random(graph, "randomNormal", shape, stream, mean, deviation);

/** Normally distributed numbers, held to two deviations by the inverse of the distribution; `deviation` is that before. */
export const randomTruncatedNormal = (
  graph: Graph,
  shape: Shape,
  stream: string,
  mean = 0,
  deviation = 1,
): Tensor => random(graph, "randomTruncatedNormal", shape, stream, mean, deviation);

/** A random matrix whose rows or columns, whichever are fewer, are orthonormal, times a gain. Saxe et al. 2014. */
export function randomOrthogonal(
  graph: Graph,
  shape: readonly [number, number],
  stream: string,
  gain = 1,
): Tensor {
  return orthogonal(randomNormal(graph, shape, stream), gain);
}

interface Dropout {
  readonly rate: number;
  readonly key: readonly [number, number];
}

const dropoutOp: Op<Dropout> = defineOp<Dropout>({
  name: "dropout",
  shape: ([x]) => ({ shape: x!.shape, dtype: "f32" }),
  // The mask is not kept: the same key and step draw it again.
  gradient: ({ attributes, dy }) => dy.graph.apply(dropoutOp, [dy], attributes),
  emit(emitter, { inputs: [x], outputs: [y], attributes: { rate, key } }) {
    const n = x!.size;
    const cut = elements(n);
    emitter.call("dropout", [
      n,
      read(emitter.buffer(x!), cut),
      write(emitter.buffer(y!), cut),
      key[0] | 0,
      key[1] | 0,
      read(emitter.stepWord()),
      float(rate),
      float(1 / (1 - rate)),
    ]);
  },
});

/**
 * Sets each element to 0 with probability `rate` and scales the others by 1 / (1 − rate), anew at each step.
 * Srivastava et al. 2014.
 * @throws OptionError where the rate is not in 0 ≤ rate < 1.
 */
export function dropoutMask(x: Tensor, rate: number, stream: string): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new OptionError(`dropout: rate: wanted 0 ≤ rate < 1, got ${rate}`);
  return rate === 0 ? x : x.graph.apply(dropoutOp, [x], { rate, key: keys(x.graph.seed, stream) })[0]!;
}
