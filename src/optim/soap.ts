// SOAP: Adam in a basis that turns with the gradients, the one in which Shampoo's matrices are diagonal.

import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, equal, greater, less, maximum, mul, sqrt, sub, where } from "../ops/arithmetic.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/movement.ts";
import { orthogonal } from "../ops/orthogonal.ts";
import { sum, sumSquares } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { meanOf, squaresOf } from "./moments.ts";
import { identityOf, LEAST_TRACE } from "./shampoo.ts";
import {
  checkCount,
  checkRange,
  checkSchedule,
  type Schedule,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** Options of {@link soap}. */
export interface SoapOptions {
  /** γ ≥ 0, or a function of the step. Default: 0.003. */
  readonly learningRate?: Schedule;
  /** 0 ≤ β₁ < 1. Default: 0.95. */
  readonly beta1?: number;
  /** 0 ≤ β₂ < 1. Default: 0.95. */
  readonly beta2?: number;
  /** 0 ≤ β < 1, decay of L and R. Default: β₂. */
  readonly shampooBeta?: number;
  /** ε > 0, outside the root of the uncorrected v. Default: 1e-8. */
  readonly epsilon?: number;
  /** λ ≥ 0: θ shrinks by γλ behind the step. Default: 0.01. */
  readonly weightDecay?: number;
  /** Steps between two turns of the basis, a positive integer. Default: 10. */
  readonly every?: number;
  /** Iterations that make the first basis, a positive integer. Default: 10. */
  readonly iterations?: number;
  /** Share of its trace that is added to L and R while the basis turns. Default: 1e-6. */
  readonly ridge?: number;
  /** A longer axis of a matrix is not turned. Default: 512. */
  readonly largestSize?: number;
}

/** A basis, an eigenvector a row, and what its matrix has come to. */
interface Side {
  readonly basis: Tensor;
  readonly matrix: Tensor;
}

/** The running mean of a product of gradients, and the basis that goes with it. */
function sideOf({ hyper, state, assign }: TransformContext, name: string, product: Tensor): Side {
  const past = state(name, product.shape);
  const matrix = meanOf(past, product, hyper(6), hyper(7));
  assign(past, matrix);
  return { basis: state(`basis of ${name}`, product.shape), matrix };
}

/** A x B, where a side that is not there is left out. */
function between(a: Tensor | undefined, x: Tensor, b: Tensor | undefined): Tensor {
  const half = a ? matmul(a, x) : x;
  return b ? matmul(half, b) : half;
}

/** 1 at [r, i] where x[i] is the r-th largest, the first of equal ones before the others: a permutation as a matrix. */
function descending(x: Tensor): Tensor {
  const n = x.size;
  const places = Array.from({ length: n }, (_, i) => i);
  const [column, row] = [x.graph.constant(places, [n, 1]), x.graph.constant(places, [1, n])];
  const [own, other] = [reshape(x, [n, 1]), reshape(x, [1, n])];
  const before = add(greater(other, own), mul(equal(other, own), less(row, column)));
  return equal(column, reshape(sum(before, { axes: 1 }), [1, n]));
}

/**
 * One orthogonal iteration, B ← orthonormal rows of BA, from the largest eigenvalue to the smallest; each row keeps its
 * place, so that v need not be sorted with it.
 */
function turned(basis: Tensor, a: Tensor): Tensor {
  const moved = matmul(basis, a);
  const order = descending(sum(mul(moved, basis), { axes: 1 }));
  return matmul(permute(order), orthogonal(matmul(order, moved)));
}

/**
 * SOAP: Adam in the eigenbasis of Shampoo's L = Σ GGᵀ and R = Σ GᵀG. Vyas et al. 2024, form and numbers of the authors'
 * code: the first step only finds a basis; vectors, and axes that are too long, have none. Other than theirs: m is kept
 * unturned, which comes to the same; the first basis is found by orthogonal iterations from the identity instead of an
 * eigendecomposition; the ridge keeps directions without gradients where they are, which rounding would turn at will.
 * L and R take two products a step and what is turned six, each of the gradient by a square as long as one of its axes;
 * every k-th step a basis takes about 4n³ operations of one thread besides, and the first step ten times that.
 * @throws OptionError for a number out of range; and while a step is compiled, where two groups want the end of the step.
 * @example soap({ learningRate: 3e-3, weightDecay: 0.01 })
 */
export function soap(options: SoapOptions = {}): Transform {
  const {
    learningRate = 3e-3,
    every = 10,
    iterations = 10,
    largestSize = 512,
  } = checkOptions("soap", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    shampooBeta: 0,
    epsilon: 0,
    weightDecay: 0,
    every: 0,
    iterations: 0,
    ridge: 0,
    largestSize: 0,
  });
  const rateAt = checkSchedule("soap: learningRate", learningRate);
  const beta1 = checkRange("soap: beta1", options.beta1 ?? 0.95, 0, 1);
  const beta2 = checkRange("soap: beta2", options.beta2 ?? 0.95, 0, 1);
  const shampooBeta = checkRange("soap: shampooBeta", options.shampooBeta ?? beta2, 0, 1);
  const epsilon = valueAt("soap: epsilon", options.epsilon ?? 1e-8, 1, 1e-30);
  const decay = valueAt("soap: weightDecay", options.weightDecay ?? 0.01, 1);
  const ridge = valueAt("soap: ridge", options.ridge ?? 1e-6, 1, 1e-7);
  for (const [name, value] of Object.entries({ every, iterations, largestSize }))
    checkCount(`soap: ${name}`, value);
  return {
    name: "soap",
    hyperWords: 10,
    hyper(step) {
      const rate = rateAt(step);
      const closed = Number.POSITIVE_INFINITY;
      // The first step leaves m, v and θ as they are.
      if (step === 1) return [0, 1, 1, 0, 1, 0, shampooBeta, 1 - shampooBeta, 0, 0];
      const corrected = Math.sqrt(1 - pow(beta2, step - 1)) / (1 - pow(beta1, step - 1));
      return [
        rate * corrected,
        1 - rate * decay,
        ...[beta1, 1 - beta1, beta2, 1 - beta2, shampooBeta, 1 - shampooBeta],
        (step - 1) % every === 0 ? 0 : closed,
        closed,
      ];
    },
    apply(context) {
      const { parameters, hyper, slot, assign, change, last } = context;
      const [rate, keep] = [hyper(0), hyper(1)];
      const [kept1, taken1, kept2, taken2] = [hyper(2), hyper(3), hyper(4), hyper(5)];
      const sides: Side[] = [];
      for (const parameter of parameters) {
        const { name, gradient, tensor } = parameter;
        const basisOf = (letter: string, product: (g: Tensor) => Tensor, axis: number) => {
          if (gradient.rank !== 2 || gradient.shape[axis]! > largestSize) return undefined;
          const made = sideOf(context, `${letter} of ${name}`, product(gradient));
          sides.push(made);
          return made.basis;
        };
        const left = basisOf("L", (g) => matmul(g, permute(g)), 0);
        const right = basisOf("R", (g) => matmul(permute(g), g), 1);
        const turn = (x: Tensor) => between(left, x, right && permute(right));
        const [m, v] = [slot(parameter, "m"), slot(parameter, "v")];
        const mean = meanOf(m, gradient, kept1, taken1);
        const squares = squaresOf(v, turn(gradient), kept2, taken2);
        assign(m, mean);
        assign(v, squares);
        const step = between(left && permute(left), div(turn(mean), add(sqrt(squares), epsilon)), right);
        change(parameter, mul(sub(tensor, mul(step, rate)), keep));
      }
      if (sides.length === 0) return;
      last((guard) => {
        guard(hyper(8));
        const places = sides.map(({ basis, matrix }) => {
          const identity = identityOf(basis.graph, basis.shape[0]!);
          const trace = maximum(sum(mul(matrix, identity)), LEAST_TRACE);
          const a = add(div(matrix, trace), mul(identity, ridge));
          // Before there is a basis there are zeros.
          const first = turned(where(equal(sumSquares(basis), 0), identity, basis), a);
          return { basis, a, first };
        });
        for (const { basis, first } of places) assign(basis, first);
        guard(hyper(9));
        for (const { basis, a, first } of places) {
          let next = first;
          for (let i = 1; i < iterations; i++) next = turned(next, a);
          assign(basis, next);
        }
      });
    },
  };
}
