// Muon: momentum of a matrix, made orthogonal.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, maximum, mul, sqrt } from "../ops/arithmetic.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/movement.ts";
import { sumSquares } from "../ops/reduce.ts";
import { type AdamOptions, adamW } from "./adam.ts";
import { type ParameterSelection, selects } from "./groups.ts";
import { meanOf } from "./moments.ts";
import { checkRange, checkSchedule, oneOf, type Schedule, type Transform, valueAt } from "./transform.ts";

/** Options of {@link muon}. */
export interface MuonOptions {
  /** γ ≥ 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** 0 ≤ μ < 1: B ← μB + (1 − μ)g. Default: 0.95. */
  readonly momentum?: number;
  /** Takes μB + (1 − μ)g in place of B. Default: true. */
  readonly nesterov?: boolean;
  /** λ ≥ 0: θ shrinks by γλ beside the step. Default: 0.1. */
  readonly weightDecay?: number;
  /** a, b, c of the iteration X ← aX + (bA + cA²)X with A = XXᵀ. Default: 3.4445, −4.775, 2.0315. */
  readonly coefficients?: readonly [number, number, number];
  /** Iterations, 0 to 99. Default: 5. */
  readonly iterations?: number;
  /** The least norm that a matrix is divided by. Default: 1e-7. */
  readonly epsilon?: number;
  /**
   * How the step depends on the shape, [inputs, outputs]:
   * - "original": γ √max(1, outputs/inputs). Jordan et al. 2024. The default.
   * - "matchRmsAdamW": 0.2 γ √max(inputs, outputs), for learning rates found for AdamW. Liu et al. 2025.
   */
  readonly adjust?: "original" | "matchRmsAdamW";
}

/** X ← aX + (bA + cA²)X, some times, from u / ‖u‖: singular values come near 1. */
function orthogonal(
  u: Tensor,
  [a, b, c]: readonly [number, number, number],
  iterations: number,
  epsilon: number,
): Tensor {
  const tall = u.shape[0]! > u.shape[1]!;
  let x = div(tall ? permute(u) : u, maximum(sqrt(sumSquares(u)), epsilon));
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(x, permute(x));
    const more = add(mul(gram, b), mul(matmul(gram, gram), c));
    x = add(mul(x, a), matmul(more, x));
  }
  return tall ? permute(x) : x;
}

/**
 * Muon: a running mean of a matrix's gradient, made orthogonal by Newton and Schulz's iteration. Jordan et al. 2024;
 * numbers as PyTorch's, which iterates in bfloat16 where this does in 32 bits. A weight here is [inputs, outputs], in
 * PyTorch [outputs, inputs]: the steps are the same, transposed. Only for matrices of hidden layers: everything else
 * wants another optimizer, see `muonWithAdamW` and `parameterGroups`.
 * @throws OptionError for a number out of range; and while a step is compiled, where a parameter is no matrix.
 * @example parameterGroups({ hidden: { parameters: "*.weight", optimizer: muon({ learningRate: 0.02 }) } }, adamW())
 */
export function muon(options: MuonOptions = {}): Transform {
  const {
    learningRate = 1e-3,
    nesterov = true,
    coefficients = [3.4445, -4.775, 2.0315],
  } = checkOptions("muon", options, {
    learningRate: 0,
    momentum: 0,
    nesterov: 0,
    weightDecay: 0,
    coefficients: 0,
    iterations: 0,
    epsilon: 0,
    adjust: 0,
  });
  const rateAt = checkSchedule("muon: learningRate", learningRate);
  const momentum = checkRange("muon: momentum", options.momentum ?? 0.95, 0, 1);
  const decay = valueAt("muon: weightDecay", options.weightDecay ?? 0.1, 1);
  const epsilon = valueAt("muon: epsilon", options.epsilon ?? 1e-7, 1);
  const adjust = oneOf("muon: adjust", options.adjust ?? "original", ["original", "matchRmsAdamW"]);
  const iterations = options.iterations ?? 5;
  if (!(Number.isInteger(iterations) && iterations >= 0 && iterations < 100)) {
    throw new OptionError(`muon: iterations: wanted a whole number from 0 to 99, got ${iterations}`);
  }
  if (!(coefficients.length === 3 && coefficients.every(Number.isFinite))) {
    throw new OptionError(`muon: coefficients: wanted three finite numbers, got ${coefficients.join(", ")}`);
  }
  const factor = (inputs: number, outputs: number) =>
    adjust === "original"
      ? Math.sqrt(Math.max(1, outputs / inputs))
      : 0.2 * Math.sqrt(Math.max(inputs, outputs));
  return {
    name: "muon",
    hyperWords: 6,
    // sgd's words first: θ ← θ − γ (u + λθ).
    hyper: (step) => [rateAt(step), 0, 1, decay, momentum, 1 - momentum],
    apply({ parameters, hyper, slot, assign, update }) {
      const [kept, taken] = [hyper(4), hyper(5)];
      for (const parameter of parameters) {
        const { name, tensor, gradient } = parameter;
        const [inputs, outputs] = tensor.shape;
        if (tensor.rank !== 2) {
          throw new OptionError(
            `muon: ${name} has shape ${showShape(tensor.shape)}, wanted a matrix: give it another optimizer by muonWithAdamW or parameterGroups`,
          );
        }
        const before = slot(parameter, "momentum");
        const mean = meanOf(before, gradient, kept, taken);
        assign(before, mean);
        const u = nesterov ? add(mul(taken, gradient), mul(kept, mean)) : mean;
        const direction = orthogonal(u, coefficients, iterations, epsilon);
        parameter.gradient = mul(direction, factor(inputs!, outputs!));
      }
      update("sgd");
    },
  };
}

/** Options of {@link muonWithAdamW}. */
export interface MuonWithAdamWOptions {
  /** For the matrices. */
  readonly muon?: MuonOptions;
  /** For everything else. */
  readonly adamW?: AdamOptions;
  /** Matrices that AdamW shall have too, as of embeddings and of the last layer. Default: none. */
  readonly exclude?: ParameterSelection;
}

/**
 * Muon for the matrices and AdamW for all other parameters, as muon's authors train.
 * @throws OptionError for a number out of range.
 * @example muonWithAdamW({ muon: { learningRate: 0.02 }, adamW: { learningRate: 3e-4 }, exclude: "dense_2.*" })
 */
export function muonWithAdamW(options: MuonWithAdamWOptions = {}): Transform {
  const { exclude = [] } = checkOptions("muonWithAdamW", options, { muon: 0, adamW: 0, exclude: 0 });
  const [matrices, others] = [muon(options.muon), adamW(options.adamW)];
  return {
    name: "muonWithAdamW",
    hyperWords: matrices.hyperWords + others.hyperWords,
    hyper: (step) => [...matrices.hyper(step), ...others.hyper(step)],
    apply({ parameters, within }) {
      const takes = ({ name, tensor }: (typeof parameters)[number]) =>
        tensor.rank === 2 && !selects(exclude, name);
      matrices.apply(within(matrices.name, 0, parameters.filter(takes)));
      const rest = parameters.filter((parameter) => !takes(parameter));
      others.apply(within(others.name, matrices.hyperWords, rest));
    },
  };
}
