// Stochastic gradient descent, with momentum in its three published conventions.
import { OptionError } from "../core/errors.ts";
import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkRange, checkSchedule, oneOf, type Schedule, type Transform, valueAt } from "./transform.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Step size γ > 0, or a function of the step. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** β in 0 ≤ β < 1. Default: 0. */
  readonly momentum?: number;
  /**
   * How velocity is kept:
   * - "torch": v ← βv + (1 − dampening) g, θ ← θ − γv. The default, PyTorch's.
   * - "difference": v ← βv − γg, θ ← θ + v. Polyak 1964, Sutskever et al. 2013, Keras; the same as the
   *   first while γ is constant, another where it changes.
   * - "averaging": v ← βv + (1 − β) g, θ ← θ − γv. The first with dampening β and γ scaled.
   */
  readonly convention?: "torch" | "difference" | "averaging";
  /** Share of the gradient that the torch convention leaves out, but for the first step. Default: 0. */
  readonly dampening?: number;
  /** Look ahead along the velocity. Nesterov 1983. Needs momentum and no dampening. Default: false. */
  readonly nesterov?: boolean;
  /** λ ≥ 0: g ← g + λθ. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent: θ ← θ − γ (g + λθ), with momentum by choice.
 * @throws OptionError for a number out of range, an unknown convention, or Nesterov without momentum.
 * @example sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true })
 */
export function sgd(options: SgdOptions = {}): Transform {
  const known = {
    learningRate: 0,
    momentum: 0,
    convention: 0,
    dampening: 0,
    nesterov: 0,
    weightDecay: 0,
  } as const;
  const { learningRate = 0.01, convention = "torch", nesterov = false } = checkOptions("sgd", options, known);
  const rateAt = checkSchedule("sgd: learningRate", learningRate);
  const momentum = checkRange("sgd: momentum", options.momentum ?? 0, 0, 1);
  const dampening = checkRange("sgd: dampening", options.dampening ?? 0, 0, 1 + Number.EPSILON);
  const weightDecay = valueAt("sgd: weightDecay", options.weightDecay ?? 0, 1);
  oneOf("sgd: convention", convention, ["torch", "difference", "averaging"]);
  if (dampening > 0 && convention !== "torch") {
    throw new OptionError(`sgd: dampening: only the torch convention has it, got ${convention}`);
  }
  if (nesterov && (momentum === 0 || dampening > 0)) {
    throw new OptionError(
      `sgd: nesterov: wanted momentum > 0 and no dampening, got ${momentum} and ${dampening}`,
    );
  }
  const share = { torch: 1 - dampening, difference: 1, averaging: 1 - momentum }[convention];
  const kernel =
    momentum === 0
      ? "sgd"
      : convention === "difference"
        ? nesterov
          ? "sgdDifferenceNesterov"
          : "sgdDifference"
        : nesterov
          ? "sgdNesterov"
          : "sgdMomentum";
  return {
    name: "sgd",
    hyperWords: 4,
    hyper: (step) => [
      rateAt(step),
      momentum,
      // PyTorch's first velocity is the gradient itself.
      convention === "torch" && step === 1 ? 1 : share,
      weightDecay,
    ],
    apply: ({ update }) => update(kernel, momentum === 0 ? [] : ["velocity"]),
  };
}

/** Options of {@link asgd}. */
export interface AsgdOptions {
  /** Step size γ ≥ 0 at the start, or a function of the step. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** λ ≥ 0: decay of the parameters and of the step size. Default: 1e-4. */
  readonly lambda?: number;
  /** Power α of the step size's decay: η = γ / (1 + λγt)^α. Default: 0.75. */
  readonly alpha?: number;
  /** Step from which parameters are averaged. Default: 1e6. */
  readonly start?: number;
  /** Joins the gradient as weightDecay · θ. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * Averaged stochastic gradient descent; the average is what `Trainer.average` gives. Polyak and Juditsky
 * 1992; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example asgd({ learningRate: 0.05, start: 1000 })
 */
export function asgd(options: AsgdOptions = {}): Transform {
  const {
    learningRate = 0.01,
    lambda = 1e-4,
    alpha = 0.75,
    start = 1e6,
    weightDecay = 0,
  } = checkOptions("asgd", options, { learningRate: 0, lambda: 0, alpha: 0, start: 0, weightDecay: 0 });
  for (const [name, value] of Object.entries({ lambda, alpha, start, weightDecay }))
    valueAt(`asgd: ${name}`, value, 1);
  const rateAt = checkSchedule("asgd: learningRate", learningRate);
  return {
    name: "asgd",
    hyperWords: 5,
    hyper: (step) => {
      const rate = rateAt(step);
      // PyTorch reckons the step size and the share of the average behind each step, for the next.
      const eta = rate / pow(1 + lambda * rate * (step - 1), alpha);
      const share = 1 / Math.max(1, step - 1 - start);
      return [eta, 1 - lambda * eta, 1 - share, share, weightDecay];
    },
    apply({ update, evaluateAt }) {
      update("asgd", ["average"]);
      evaluateAt("average", 1);
    },
  };
}
