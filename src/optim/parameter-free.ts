// Gradient descent that finds its step size: by the distance come so far, or by the loss.
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, greater, maximum, minimum, mul, sqrt, sub, where } from "../ops/arithmetic.ts";
import { sumSquares } from "../ops/reduce.ts";
import {
  checkPositive,
  checkSchedule,
  oneOf,
  type Schedule,
  type TrainedParameter,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** ‖x‖² of several tensors as one vector. */
function squaredNorm(tensors: readonly Tensor[]): Tensor {
  return tensors.map((tensor) => sumSquares(tensor)).reduce((sum, each) => add(sum, each));
}

interface DistanceOptions {
  /** Multiplies the step size found, ≥ 0; a number, or a function of the step. Default: 1, best left alone. */
  readonly learningRate?: Schedule;
  /** λ ≥ 0: g ← g + λθ. Default: 0. */
  readonly weightDecay?: number;
}

/** What DoG and DoWG share: the parameters at the start, and gradients scaled by what is found for some of them. */
function byDistance(
  name: string,
  options: DistanceOptions,
  numbers: readonly number[],
  together: (parameters: readonly TrainedParameter[]) => readonly (readonly TrainedParameter[])[],
  scaleOf: (context: TransformContext, name: string, starts: readonly Tensor[], squared: Tensors) => Tensor,
): Transform {
  const { learningRate = 1 } = options;
  const rateAt = checkSchedule(`${name}: learningRate`, learningRate);
  const decay = valueAt(`${name}: weightDecay`, options.weightDecay ?? 0, 1);
  return {
    name,
    hyperWords: 5 + numbers.length,
    // sgd's words first: θ ← θ − γu.
    hyper: (step) => [rateAt(step), 0, 1, 0, decay, ...numbers],
    apply(context) {
      const { parameters, hyper, slot, update } = context;
      const lambda = hyper(4);
      for (const group of together(parameters)) {
        if (group.length === 0) continue;
        if (decay > 0) {
          for (const each of group) each.gradient = add(each.gradient, mul(lambda, each.tensor));
        }
        const starts = group.map((each) => slot(each, { name: "start", initial: "parameters" }));
        const away = squaredNorm(group.map(({ tensor }, index) => sub(tensor, starts[index]!)));
        const squared = { away, gradient: squaredNorm(group.map(({ gradient }) => gradient)) };
        const what = group.length === parameters.length ? "all" : group[0]!.name;
        const scale = scaleOf(context, what, starts, squared);
        for (const each of group) each.gradient = mul(each.gradient, scale);
      }
      update("sgd");
    },
  };
}

/** Squared norms of θ − θ₀ and of the gradient. */
interface Tensors {
  readonly away: Tensor;
  readonly gradient: Tensor;
}

/** Options of {@link dog}. */
export interface DogOptions extends DistanceOptions {
  /** The first step goes this times 1 + ‖θ₀‖ far. Default: 1e-6; with batch normalization the authors take 1e-4. */
  readonly relativeDistance?: number;
  /** Added to the sum of squares. Default: 1e-8. */
  readonly epsilon?: number;
  /** A step size for each tensor, as the authors' LDoG, or one for all. Default: false. */
  readonly layerwise?: boolean;
}

/**
 * DoG: gradient descent whose step size is the largest distance from the start so far over the root of the sum of squared
 * gradient norms. Ivgi et al. 2023; numbers as the authors'. They evaluate at an average of the weights.
 * @throws OptionError for a number out of range.
 * @example dog()
 */
export function dog(options: DogOptions = {}): Transform {
  const { layerwise = false } = checkOptions("dog", options, {
    learningRate: 0,
    weightDecay: 0,
    relativeDistance: 0,
    epsilon: 0,
    layerwise: 0,
  });
  const relative = checkPositive("dog: relativeDistance", options.relativeDistance ?? 1e-6);
  const epsilon = valueAt("dog: epsilon", options.epsilon ?? 1e-8, 1);
  return byDistance(
    "dog",
    options,
    [relative, epsilon],
    (parameters) => (layerwise ? parameters.map((each) => [each]) : [parameters]),
    ({ hyper, state, assign }, name, starts, squared) => {
      const first = mul(hyper(5), add(sqrt(squaredNorm(starts)), 1));
      const before = state(`distance of ${name}`, []);
      const distance = maximum(maximum(before, sqrt(squared.away)), first);
      assign(before, distance);
      const past = state(`squares of ${name}`, []);
      const squares = add(past, squared.gradient);
      assign(past, squares);
      return div(distance, sqrt(add(squares, hyper(6))));
    },
  );
}

/** Options of {@link dowg}. */
export interface DowgOptions extends DistanceOptions {
  /** The squared distance before the first step, > 0. Default: `epsilon`. */
  readonly squaredDistance?: number;
  /** Added to the root. Default: 1e-4. */
  readonly epsilon?: number;
}

/**
 * DoWG: gradient descent whose step size is the largest squared distance from the start so far over the root of a sum of
 * squared gradient norms, weighted by it. Khaled et al. 2023; numbers as optax's.
 * @throws OptionError for a number out of range.
 * @example dowg()
 */
export function dowg(options: DowgOptions = {}): Transform {
  checkOptions("dowg", options, { learningRate: 0, weightDecay: 0, squaredDistance: 0, epsilon: 0 });
  const epsilon = valueAt("dowg: epsilon", options.epsilon ?? 1e-4, 1);
  const initial = checkPositive("dowg: squaredDistance", options.squaredDistance ?? epsilon);
  return byDistance(
    "dowg",
    options,
    [epsilon],
    (parameters) => [parameters],
    ({ hyper, state, assign }, name, _, squared) => {
      const before = state(`squared distance of ${name}`, [], initial);
      const distance = maximum(before, squared.away);
      assign(before, distance);
      const past = state(`weighted squares of ${name}`, []);
      const squares = add(past, mul(distance, squared.gradient));
      assign(past, squares);
      return div(distance, add(sqrt(squares), hyper(5)));
    },
  );
}

/** Options of {@link polyakSgd}. */
export interface PolyakSgdOptions {
  /** Multiplies the step size found, ≥ 0; a number, or a function of the step. Default: 1. */
  readonly learningRate?: Schedule;
  /** The largest step size, before `learningRate`. Default: 1. */
  readonly largestRate?: number;
  /** f*: what the loss is at best. Default: 0. */
  readonly leastLoss?: number;
  /** Added to the squared norm. Default: 0. */
  readonly epsilon?: number;
  /** "sps+" takes no step where the loss is below `leastLoss`; "sps" steps back there. Default: "sps". */
  readonly variant?: "sps" | "sps+";
}

/** Squared norms up to this are taken for zero, as in optax. */
const LEAST = 2 ** -52;

/**
 * Gradient descent with Polyak's step size (f − f*) / (‖g‖² + ε), of the loss f of the batch. Loizou et al. 2021,
 * "sps+": Garrigos et al. 2023; numbers as optax's. Behind a transform of the gradient, ‖g‖ is that of what it has made.
 * @throws OptionError for a number out of range or an unknown variant.
 * @example polyakSgd({ largestRate: 0.5 })
 */
export function polyakSgd(options: PolyakSgdOptions = {}): Transform {
  const { learningRate = 1 } = checkOptions("polyakSgd", options, {
    learningRate: 0,
    largestRate: 0,
    leastLoss: 0,
    epsilon: 0,
    variant: 0,
  });
  const rateAt = checkSchedule("polyakSgd: learningRate", learningRate);
  const largest = valueAt("polyakSgd: largestRate", options.largestRate ?? 1, 1);
  const leastLoss = valueAt("polyakSgd: leastLoss", options.leastLoss ?? 0, 1, Number.NEGATIVE_INFINITY);
  const epsilon = valueAt("polyakSgd: epsilon", options.epsilon ?? 0, 1);
  const variant = oneOf("polyakSgd: variant", options.variant ?? "sps", ["sps", "sps+"]);
  return {
    name: "polyakSgd",
    hyperWords: 7,
    hyper: (step) => [rateAt(step), 0, 1, 0, largest, leastLoss, epsilon],
    apply({ parameters, loss, hyper, update }) {
      if (parameters.length === 0) return;
      const gap = sub(loss, hyper(5));
      const squares = add(squaredNorm(parameters.map(({ gradient }) => gradient)), hyper(6));
      const size = minimum(div(variant === "sps+" ? maximum(gap, 0) : gap, squares), hyper(4));
      const scale = where(greater(squares, LEAST), size, 0);
      for (const parameter of parameters) parameter.gradient = mul(parameter.gradient, scale);
      update("sgd");
    },
  };
}
