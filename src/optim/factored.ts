// Second moments in less memory than the parameters: factors of a matrix, or the largest of each row and column.

import { OptionError } from "../core/errors.ts";
import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, greater, maximum, minimum, mul, rsqrt, sqrt, square, where } from "../ops/arithmetic.ts";
import { max, mean, sumSquares } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { flushed, meanOf } from "./moments.ts";
import {
  checkRange,
  checkSchedule,
  oneOf,
  type Schedule,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** Options of {@link adafactor}. */
export interface AdafactorOptions {
  /** γ ≥ 0, or a function of the step; see `convention`. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** τ ≤ 0: the mean of squares decays by β₂ = 1 − t^τ. Default: −0.8. */
  readonly beta2Decay?: number;
  /** ε₁ ≥ 0, see `convention`. Default: 2⁻²³ as PyTorch, or 1e-30 as optax. */
  readonly epsilon?: number;
  /** ε₂ ≥ 0: steps are in proportion to a tensor's root mean square, but at least to this. Default: 0.001. */
  readonly leastScale?: number;
  /** d ≥ 1: the root mean square that a tensor's direction may have. Default: 1. */
  readonly clipThreshold?: number;
  /** λ ≥ 0, see `convention`. Default: 0. */
  readonly weightDecay?: number;
  /** Decay of a running mean of the steps, 0 ≤ β < 1; 0: none is kept. Default: 0. */
  readonly momentum?: number;
  /** A tensor is factored where its two factored axes are at least so long. Default: 1 as PyTorch, or 128 as optax. */
  readonly leastFactoredSize?: number;
  /**
   * - "torch": steps of min(γ, 1/√t); θ shrinks by γλ; roots are at least ε₁; the last two axes are factored. The default.
   * - "optax": steps of γ; θ shrinks by λ, whatever γ; squares have ε₁ added; the two longest axes are factored.
   */
  readonly convention?: "torch" | "optax";
}

/** The root of the mean of squares. */
const rootMeanSquare = (x: Tensor) => sqrt(div(sumSquares(x), x.size));

/**
 * Adafactor: a step by the gradient over the root of a mean of its squares, which of a matrix only the means of rows and
 * columns are kept; clipped, and in proportion to the tensor. Shazeer and Stern 2018; numbers and form as PyTorch's, or
 * as optax's.
 * @throws OptionError for a number out of range or an unknown convention.
 * @example adafactor({ learningRate: 0.01 })
 */
export function adafactor(options: AdafactorOptions = {}): Transform {
  const { learningRate = 0.01 } = checkOptions("adafactor", options, {
    learningRate: 0,
    beta2Decay: 0,
    epsilon: 0,
    leastScale: 0,
    clipThreshold: 0,
    weightDecay: 0,
    momentum: 0,
    leastFactoredSize: 0,
    convention: 0,
  });
  const convention = oneOf("adafactor: convention", options.convention ?? "torch", ["torch", "optax"]);
  const torch = convention === "torch";
  const rateAt = checkSchedule("adafactor: learningRate", learningRate);
  const tau = options.beta2Decay ?? -0.8;
  if (!(tau <= 0 && Number.isFinite(tau)))
    throw new OptionError(`adafactor: beta2Decay: wanted a finite number ≤ 0, got ${tau}`);
  const epsilon = valueAt("adafactor: epsilon", options.epsilon ?? (torch ? 2 ** -23 : 1e-30), 1);
  const leastScale = valueAt("adafactor: leastScale", options.leastScale ?? 1e-3, 1);
  const threshold = valueAt("adafactor: clipThreshold", options.clipThreshold ?? 1, 1, 1);
  const decay = valueAt("adafactor: weightDecay", options.weightDecay ?? 0, 1);
  const momentum = checkRange("adafactor: momentum", options.momentum ?? 0, 0, 1);
  const least = valueAt("adafactor: leastFactoredSize", options.leastFactoredSize ?? (torch ? 1 : 128), 1, 1);
  return {
    name: "adafactor",
    hyperWords: 9,
    hyper(step) {
      const rate = rateAt(step);
      const share = pow(step, tau);
      const size = torch ? Math.min(rate, 1 / Math.sqrt(step)) : rate;
      // sgd's words first: θ ← θ − 1 · (u + λθ).
      return [1, 0, 1, torch ? rate * decay : decay, size, 1 - share, share, momentum, 1 - momentum];
    },
    apply(context) {
      const { parameters, hyper, slot, assign, update } = context;
      const [size, old, share, kept, taken] = [hyper(4), hyper(5), hyper(6), hyper(7), hyper(8)];
      for (const parameter of parameters) {
        const { tensor, gradient } = parameter;
        const axes = factoredAxes(tensor.shape, least, torch);
        const squares = torch ? square(gradient) : add(square(gradient), epsilon);
        const moments = { name: parameter.name, squares, old, share, bound: torch ? epsilon : 0 };
        const estimate = axes ? factored(context, moments, axes) : whole(context, moments);
        const direction = mul(gradient, rsqrt(torch ? maximum(estimate, epsilon ** 2) : estimate));
        const clip = maximum(div(rootMeanSquare(direction), threshold), 1);
        const scale = mul(size, maximum(rootMeanSquare(tensor), leastScale));
        let step = mul(direction, div(scale, clip));
        if (momentum > 0) {
          const before = slot(parameter, "steps");
          step = meanOf(before, step, kept, taken);
          assign(before, step);
        }
        parameter.gradient = step;
      }
      update("sgd");
    },
  };
}

/** The two axes that a tensor is factored along, or none where it stays whole. */
function factoredAxes(shape: readonly number[], least: number, last: boolean): [number, number] | undefined {
  if (shape.length < 2) return undefined;
  const order = shape.map((_, axis) => axis);
  if (!last) order.sort((a, b) => shape[a]! - shape[b]! || a - b);
  const [rows, columns] = order.slice(-2) as [number, number];
  return Math.min(shape[rows]!, shape[columns]!) >= least ? [rows, columns] : undefined;
}

interface Moments {
  readonly name: string;
  readonly squares: Tensor;
  readonly old: Tensor;
  readonly share: Tensor;
  /** What the mean that the product is divided by is at least. */
  readonly bound: number;
}

/** A running mean of squares, from the means along two axes: R · C / mean(R). */
function factored(
  { state, assign }: TransformContext,
  { name, squares, old, share, bound }: Moments,
  [rows, columns]: [number, number],
): Tensor {
  const running = (what: string, axis: number) => {
    const now = mean(squares, { axes: axis, keepDims: true });
    const before = state(`${what} of ${name}`, now.shape);
    const next = flushed(add(mul(old, before), mul(share, now)));
    assign(before, next);
    return next;
  };
  const row = running("rows", columns);
  const column = running("columns", rows);
  const middle = mean(row, { axes: rows, keepDims: true });
  // Divided before they are multiplied: the product of two small means may leave the range.
  return mul(div(row, bound > 0 ? maximum(middle, bound) : middle), column);
}

/** A running mean of squares, one for each element. */
function whole({ state, assign }: TransformContext, { name, squares, old, share }: Moments): Tensor {
  const before = state(`squares of ${name}`, squares.shape);
  const next = flushed(add(mul(old, before), mul(share, squares)));
  assign(before, next);
  return next;
}

/** Options of {@link sm3}. */
export interface Sm3Options {
  /** γ ≥ 0, or a function of the step. Default: 0.1. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the directions, 0 ≤ β < 1. Default: 0.9. */
  readonly momentum?: number;
  /** Added under the root. Default: 1e-8. */
  readonly epsilon?: number;
}

/**
 * SM3-II: AdaGrad whose sum of squares is known by its largest along each axis. Anil et al. 2019; form and numbers as
 * optax's, which has no default learning rate.
 * @throws OptionError for a number out of range.
 * @example sm3({ learningRate: 0.1 })
 */
export function sm3(options: Sm3Options = {}): Transform {
  const { learningRate = 0.1 } = checkOptions("sm3", options, { learningRate: 0, momentum: 0, epsilon: 0 });
  const rateAt = checkSchedule("sm3: learningRate", learningRate);
  const momentum = checkRange("sm3: momentum", options.momentum ?? 0.9, 0, 1);
  const epsilon = valueAt("sm3: epsilon", options.epsilon ?? 1e-8, 1);
  return {
    name: "sm3",
    hyperWords: 4,
    hyper: (step) => [rateAt(step), momentum, 1 - momentum, 0],
    apply({ parameters, state, assign, update }) {
      for (const parameter of parameters) {
        const { name, gradient } = parameter;
        const shape = gradient.shape.length > 0 ? gradient.shape : [1];
        const slope = reshape(gradient, shape);
        const largest = shape.map((size, axis) =>
          state(
            `largest along ${axis} of ${name}`,
            shape.map((_, other) => (other === axis ? size : 1)),
          ),
        );
        const sum = add(
          square(slope),
          largest.reduce((least, each) => minimum(least, each)),
        );
        for (const [axis, each] of largest.entries()) {
          const others = shape.flatMap((size, other) => (other !== axis && size > 1 ? [other] : []));
          assign(each, others.length > 0 ? max(sum, { axes: others, keepDims: true }) : sum);
        }
        const direction = mul(slope, where(greater(sum, 0), rsqrt(add(sum, epsilon)), 0));
        parameter.gradient = reshape(direction, gradient.shape);
      }
      update("sgdMomentum", ["velocity"]);
    },
  };
}
