// Losses of directions: how far two vectors point apart, and contrastive losses that tell pairs from the rest of a batch.

import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { add, equal, maximum, mul, rsqrt, square, sub } from "./arithmetic.ts";
import { checkSame } from "./loss.ts";
import { matmul } from "./matmul.ts";
import { permute } from "./movement.ts";
import { mean, sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { logSoftmax } from "./softmax.ts";
import { checkOption } from "./targets.ts";

/** The least square of a length that is divided by: PyTorch's ε = 1e-8. */
const LEAST = 1e-16;
/** Takes a vector's likeness to itself out of a softmax. */
const APART = 1e9;

const directions = (x: Tensor) => mul(x, rsqrt(maximum(sum(square(x), { axes: -1, keepDims: true }), LEAST)));

/**
 * 1 − cos of the angle between output and target along the last axis, the mean over rows: 0 to 2. A vector of zeros has the
 * loss 1. PyTorch's cosine_similarity taken from 1; Keras's CosineSimilarity is this less 1.
 * @throws ShapeError where the shapes differ.
 * @example cosineDistance(x, target)
 */
export function cosineDistance(output: Tensor, target: Tensor): Tensor {
  checkSame("cosineDistance", output, target);
  if (output.rank < 1) throw new ShapeError("cosineDistance: wanted outputs of rank 1 or more, got a scalar");
  return sub(1, mean(sum(mul(directions(output), directions(target)), { axes: -1 })));
}

/** Mean over rows of −log softmax at the column that each row names. */
function atColumns(likeness: Tensor, columns: readonly number[]): Tensor {
  const n = columns.length;
  return mul(sum(mul(logSoftmax(likeness), marks(likeness.graph, columns))), -1 / n);
}

/** 1 at one column of each row, [n, n], made of 2n numbers. */
function marks(graph: Graph, columns: readonly number[]): Tensor {
  const n = columns.length;
  return equal(
    graph.constant(columns, [n, 1]),
    columns.map((_, k) => k),
  );
}

const numbersTo = (n: number) => Array.from({ length: n }, (_, k) => k);

/** Options of {@link infoNce}. */
export interface InfoNceOptions {
  /** Cosines are divided by it, > 0. Default: 0.07. */
  readonly temperature?: number;
  /** The mean of both directions, each key also looking for its query: Radford et al. 2021. Default: false. */
  readonly symmetric?: boolean;
}

/**
 * InfoNCE of queries (the output) and keys (the target), both [batch, size]: cross-entropy of the cosines of each query with
 * all keys of the batch, its own the right one. Van den Oord et al. 2018.
 * @throws OptionError for a temperature out of range. @throws ShapeError where the shapes differ or are no matrices.
 * @example infoNce({ temperature: 0.1, symmetric: true })(x, target)
 */
export function infoNce(options: InfoNceOptions = {}): (output: Tensor, target: Tensor) => Tensor {
  const { temperature = 0.07, symmetric = false } = checkOptions("infoNce", options, {
    temperature: 0,
    symmetric: 0,
  });
  checkOption("infoNce: temperature", temperature, { above: 0 });
  return (output, target) => {
    checkSame("infoNce", output, target);
    if (output.rank !== 2)
      throw new ShapeError(`infoNce: wanted outputs [batch, size], got ${showShape(output.shape)}`);
    const own = numbersTo(output.shape[0]!);
    const likeness = mul(matmul(directions(output), permute(directions(target))), 1 / temperature);
    const one = atColumns(likeness, own);
    return symmetric ? mul(add(one, atColumns(permute(likeness), own)), 0.5) : one;
  };
}

/**
 * NT-Xent of embeddings [batch, 2, size], two views of each example: cross-entropy of the cosines of each view with all
 * others of the batch, the other view of its example the right one. Chen et al. 2020, algorithm 1, without the projection.
 * The target is not looked at. The temperature is > 0, by default 0.5.
 * @throws OptionError for a temperature out of range. @throws ShapeError where the outputs are no pairs.
 * @example ntXent({ temperature: 0.1 })(views, target)
 */
export function ntXent(
  options: { readonly temperature?: number } = {},
): (output: Tensor, target: Tensor) => Tensor {
  const { temperature = 0.5 } = checkOptions("ntXent", options, { temperature: 0 });
  checkOption("ntXent: temperature", temperature, { above: 0 });
  return (output) => {
    const [count, two, size] = output.shape;
    if (output.rank !== 3 || two !== 2)
      throw new ShapeError(`ntXent: wanted outputs [batch, 2, size], got ${showShape(output.shape)}`);
    const views = directions(reshape(output, [2 * count!, size!]));
    const all = numbersTo(2 * count!);
    const likeness = mul(matmul(views, permute(views)), 1 / temperature);
    const others = sub(likeness, mul(marks(output.graph, all), APART));
    return atColumns(
      others,
      all.map((k) => k ^ 1),
    );
  };
}
