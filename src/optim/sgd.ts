// Stochastic gradient descent, with momentum in its three published conventions.
import { OptionError } from "../core/errors.ts";
import { checkRange, defineTransform, type Schedule, type Transform, valueAt } from "./transform.ts";

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
  const { learningRate = 0.01, convention = "torch", nesterov = false } = options;
  if (typeof learningRate === "number") valueAt("sgd: learningRate", learningRate, 1);
  const momentum = checkRange("sgd: momentum", options.momentum ?? 0, 0, 1);
  const dampening = checkRange("sgd: dampening", options.dampening ?? 0, 0, 1 + Number.EPSILON);
  const weightDecay = valueAt("sgd: weightDecay", options.weightDecay ?? 0, 1);
  if (!["torch", "difference", "averaging"].includes(convention)) {
    throw new OptionError(
      `sgd: convention: wanted "torch", "difference" or "averaging", got ${JSON.stringify(convention)}`,
    );
  }
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
  return defineTransform({
    name: "sgd",
    hyperWords: 4,
    hyper: (step) => [
      valueAt("sgd: learningRate", learningRate, step),
      momentum,
      // PyTorch's first velocity is the gradient itself.
      convention === "torch" && step === 1 ? 1 : share,
      weightDecay,
    ],
    emit: ({ emitter, slot, ...context }) =>
      emitter.update(kernel, { ...context, states: momentum === 0 ? [] : [slot("velocity")] }),
  });
}
