// Shampoo: gradients of matrices between inverse roots of what their rows and columns have in common.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { add, div, equal, maximum, mul, sqrt, square, sub } from "../ops/arithmetic.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/movement.ts";
import { sum, sumSquares } from "../ops/reduce.ts";
import { flushed } from "./moments.ts";
import {
  checkCount,
  checkRange,
  checkSchedule,
  oneOf,
  rounded,
  type Schedule,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** Options of {@link shampoo}. */
export interface ShampooOptions {
  /** γ ≥ 0, or a function of the step. Default: 0.1; the authors' has 1. */
  readonly learningRate?: Schedule;
  /** 0 ≤ μ < 1. Default: 0.9. */
  readonly momentum?: number;
  /** Looks ahead along the velocity. Default: true, where there is momentum. */
  readonly nesterov?: boolean;
  /** Decay of L and R, 0 < β ≤ 1; 1: they are sums. Default: 1. */
  readonly beta?: number;
  /** λ ≥ 0: λθ joins the direction. Default: 0. */
  readonly weightDecay?: number;
  /** Whose length a tensor's direction gets: that of the gradient, of AdaGrad's, or its own. Default: "sgd". */
  readonly graft?: "sgd" | "adagrad" | "none";
  /** Added to L and R before their roots, as a share of their trace. Default: 1e-6. */
  readonly ridge?: number;
  /** Newton iterations for a root. Default: 25, enough for a ridge of 1e-6. */
  readonly iterations?: number;
  /** Matrices with a longer axis keep the direction of their gradient, as all other tensors do. Default: 512. */
  readonly largestSize?: number;
}

/** Added to a length before dividing by it, as the authors do. */
const LEAST_LENGTH = 1e-16;
/** AdaGrad's ε, as the authors have it. */
const ADAGRAD_EPSILON = 1e-6;
/** What a trace is taken for at least: no root of nothing. */
export const LEAST_TRACE = 1e-25;

export function identityOf(graph: Graph, n: number): Tensor {
  const places = Array.from({ length: n }, (_, i) => i);
  return equal(graph.constant(places, [n, 1]), graph.constant(places, [1, n]));
}

/** Numbers near 1 in multiples of 2⁻⁶⁰: beside a diagonal of ones the rest shrinks by squares, and would become subnormal. */
const settled = (x: Tensor): Tensor => sub(add(x, SETTLING), SETTLING);
const SETTLING = 2 ** -37;

/**
 * (A + ridge · trace(A) · I)^(−1/4) of a symmetric A without negative eigenvalues, by coupled Newton iterations: M ← T⁴M,
 * H ← HT with T = (5I − M) / 4. Guo and Higham 2006, equation 3.2. An eigenvalue of M grows from ridge · 5/2 at least to 1,
 * 2.4-fold an iteration while it is small; in 32 bits a small eigenvalue is known to about 1e-7 / ridge of itself.
 */
function inverseFourthRoot(a: Tensor, ridge: number, iterations: number): Tensor {
  const identity = identityOf(a.graph, a.shape[0]!);
  const trace = maximum(sum(mul(a, identity)), LEAST_TRACE);
  let m = mul(add(div(a, trace), mul(identity, ridge)), 2.5 / (1 + ridge));
  let h = mul(identity, sqrt(sqrt(div(2.5 / (1 + ridge), trace))));
  for (let i = 0; i < iterations; i++) {
    const t = settled(sub(mul(identity, 1.25), mul(m, 0.25)));
    const squared = settled(matmul(t, t));
    h = matmul(h, t);
    m = matmul(matmul(squared, squared), m);
  }
  return h;
}

/**
 * Shampoo: L ← L + GGᵀ, R ← R + GᵀG, and steps along L^(−1/4) G R^(−1/4), with the length of another optimizer's.
 * Gupta et al. 2018, Anil et al. 2020; form as the authors' PyTorch port, with Nesterov's momentum as it is published and
 * the ridge by the trace. The roots are taken at each step, by 100 products of matrices as large as L and as R: a step
 * costs many times one of Adam.
 * @throws OptionError for a number out of range.
 * @example shampoo({ learningRate: 0.1, graft: "adagrad" })
 */
export function shampoo(options: ShampooOptions = {}): Transform {
  const {
    learningRate = 0.1,
    iterations = 25,
    largestSize = 512,
    beta = 1,
  } = checkOptions("shampoo", options, {
    learningRate: 0,
    momentum: 0,
    nesterov: 0,
    beta: 0,
    weightDecay: 0,
    graft: 0,
    ridge: 0,
    iterations: 0,
    largestSize: 0,
  });
  const rateAt = checkSchedule("shampoo: learningRate", learningRate);
  const momentum = checkRange("shampoo: momentum", options.momentum ?? 0.9, 0, 1);
  if (!(beta > 0 && beta <= 1)) throw new OptionError(`shampoo: beta: wanted 0 < x ≤ 1, got ${beta}`);
  const decay = valueAt("shampoo: weightDecay", options.weightDecay ?? 0, 1);
  const graft = oneOf("shampoo: graft", options.graft ?? "sgd", ["sgd", "adagrad", "none"]);
  const ridge = valueAt("shampoo: ridge", options.ridge ?? 1e-6, 1, 1e-7);
  checkCount("shampoo: iterations", iterations);
  checkCount("shampoo: largestSize", largestSize);
  const { nesterov = momentum > 0 } = options;
  return {
    name: "shampoo",
    hyperWords: 6,
    hyper: (step) => [rateAt(step), momentum, 1, decay, beta, beta === 1 ? 1 : 1 - beta],
    apply(context) {
      const { parameters, slot, assign, update } = context;
      for (const parameter of parameters) {
        const { name, gradient } = parameter;
        const [rows = 0, columns = 0] = gradient.shape;
        const takes = gradient.rank === 2 && Math.max(rows, columns) <= largestSize;
        let direction = gradient;
        if (takes) {
          const root = (side: string, product: Tensor) =>
            inverseFourthRoot(gathered(context, `${side} of ${name}`, product), ridge, iterations);
          const left = root("L", matmul(gradient, permute(gradient)));
          const right = root("R", matmul(permute(gradient), gradient));
          direction = matmul(matmul(left, gradient), right);
        }
        if (graft === "none") {
          parameter.gradient = direction;
          continue;
        }
        let other = gradient;
        if (graft === "adagrad") {
          const past = slot(parameter, "squares");
          const squares = flushed(add(past, square(gradient)));
          assign(past, squares);
          other = div(gradient, add(sqrt(squares), ADAGRAD_EPSILON));
        }
        const length = add(sqrt(sumSquares(direction)), LEAST_LENGTH);
        parameter.gradient = mul(direction, div(sqrt(sumSquares(other)), length));
      }
      update(nesterov ? "sgdNesterov" : "sgdMomentum", ["velocity"]);
    },
  };
}

/** The running sum or mean of a product. */
function gathered({ hyper, state, assign }: TransformContext, name: string, product: Tensor): Tensor {
  const past = state(name, product.shape);
  const now = rounded(add(mul(hyper(4), past), mul(hyper(5), product)));
  assign(past, now);
  return now;
}
