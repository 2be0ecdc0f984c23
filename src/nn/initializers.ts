// What parameters start from. Fans are those of a weight [in, out].
import type { Shape } from "../core/shape.ts";
import type { Graph, Initializer } from "../graph/tensor.ts";
import { broadcastTo } from "../ops/broadcast.ts";
import { randomNormal, randomOrthogonal, randomTruncatedNormal, randomUniform } from "../ops/random.ts";

function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const receptive = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: (shape.at(-2) ?? 1) * receptive, fanOut: (shape.at(-1) ?? 1) * receptive };
}

/** Every element the same number. */
export const constant =
  (value: number): Initializer =>
  (graph, shape) =>
    broadcastTo(graph.constant(value), shape);

/** All 0. */
export const zeros: Initializer = constant(0);
/** All 1. */
export const ones: Initializer = constant(1);

/** Evenly over low ≤ x < high, by default ±0.05. */
export const uniform =
  (low = -0.05, high = 0.05): Initializer =>
  (graph, shape, stream) =>
    randomUniform(graph, shape, stream, low, high);

/** Normal, by default of deviation 0.05 around 0. */
export const normal =
  (mean = 0, deviation = 0.05): Initializer =>
  (graph, shape, stream) =>
    randomNormal(graph, shape, stream, mean, deviation);

/** Normal, held to two deviations; `deviation` is that before. */
export const truncatedNormal =
  (mean = 0, deviation = 0.05): Initializer =>
  (graph, shape, stream) =>
    randomTruncatedNormal(graph, shape, stream, mean, deviation);

type Scale = (fans: { fanIn: number; fanOut: number }) => number;
/** Evenly over ±√(3 v): variance v. */
const evenly =
  (variance: Scale): Initializer =>
  (graph: Graph, shape, stream) => {
    const limit = Math.sqrt(3 * variance(fans(shape)));
    return randomUniform(graph, shape, stream, -limit, limit);
  };
const normally =
  (variance: Scale): Initializer =>
  (graph, shape, stream) =>
    randomNormal(graph, shape, stream, 0, Math.sqrt(variance(fans(shape))));

/** Uniform with variance 2 / (in + out). Glorot and Bengio 2010. */
export const glorotUniform: Initializer = evenly(({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
/** Normal with variance 2 / (in + out). Glorot and Bengio 2010. */
export const glorotNormal: Initializer = normally(({ fanIn, fanOut }) => 2 / (fanIn + fanOut));
/** Uniform with variance 2 / in. He et al. 2015. */
export const heUniform: Initializer = evenly(({ fanIn }) => 2 / fanIn);
/** Normal with variance 2 / in. He et al. 2015. */
export const heNormal: Initializer = normally(({ fanIn }) => 2 / fanIn);
/** Uniform with variance 1 / in. LeCun et al. 1998. */
export const lecunUniform: Initializer = evenly(({ fanIn }) => 1 / fanIn);
/** Normal with variance 1 / in. LeCun et al. 1998. */
export const lecunNormal: Initializer = normally(({ fanIn }) => 1 / fanIn);

/** Orthonormal rows or columns, times a gain. Saxe et al. 2014. */
export const orthogonal =
  (gain = 1): Initializer =>
  (graph, shape, stream) =>
    randomOrthogonal(
      graph,
      [shape.slice(0, -1).reduce((p, size) => p * size, 1), shape.at(-1)!],
      stream,
      gain,
    );
