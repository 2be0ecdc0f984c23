// A learning rate that is lowered when a number that somebody watches no longer gets better. The one schedule with a
// memory: the host tells it the number, and steps only ask.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { checkInteger, checkRate } from "./check.ts";
import { checkRange, oneOf } from "./transform.ts";

/** Options of {@link reduceOnPlateau}. */
export interface PlateauOptions {
  /** Value until the first reduction, ≥ 0. */
  readonly learningRate: number;
  /** What a reduction multiplies the value by, 0 ≤ x < 1. Default: 0.1. */
  readonly factor?: number;
  /** Observations without improvement that are borne: one more brings a reduction. Default: 10. */
  readonly patience?: number;
  /** What must be exceeded for an improvement, ≥ 0. Default: 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is a share of the best number so far or a number by itself. Default: "relative". */
  readonly thresholdMode?: "relative" | "absolute";
  /** Observations after a reduction in which none counts as without improvement. Default: 0. */
  readonly cooldown?: number;
  /** Least value, 0 … learningRate. Default: 0. */
  readonly minimum?: number;
  /** A reduction by no more than this is left out, ≥ 0. Default: 1e-8. */
  readonly epsilon?: number;
  /** Whether less or more is better. Default: "min". */
  readonly mode?: "min" | "max";
}

/** Made by {@link reduceOnPlateau}. */
export interface Plateau {
  /** The value as it is now, whatever the step: for an optimizer's learningRate. */
  readonly schedule: (step: number) => number;
  /** Takes note of a number, usually once an epoch. NaN counts as no improvement. @throws OptionError for what is no number. */
  observe(value: number): void;
}

/**
 * Lowers the learning rate when a number has not improved for some observations. Numbers as PyTorch's
 * ReduceLROnPlateau.
 * @throws OptionError for a number out of range or an unknown mode.
 * @example
 * const plateau = reduceOnPlateau({ learningRate: 0.1, patience: 2 });
 * sgd({ learningRate: plateau.schedule });
 * plateau.observe(0.7); // a validation loss
 */
export function reduceOnPlateau(options: PlateauOptions): Plateau {
  checkOptions("reduceOnPlateau", options, {
    learningRate: 0,
    factor: 0,
    patience: 0,
    threshold: 0,
    thresholdMode: 0,
    cooldown: 0,
    minimum: 0,
    epsilon: 0,
    mode: 0,
  });
  let rate = checkRate("reduceOnPlateau: learningRate", options.learningRate);
  const factor = checkRange("reduceOnPlateau: factor", options.factor ?? 0.1, 0, 1);
  const patience = checkInteger("reduceOnPlateau: patience", options.patience ?? 10, 0);
  const threshold = checkRate("reduceOnPlateau: threshold", options.threshold ?? 1e-4);
  const thresholdMode = oneOf("reduceOnPlateau: thresholdMode", options.thresholdMode ?? "relative", [
    "relative",
    "absolute",
  ]);
  const cooldown = checkInteger("reduceOnPlateau: cooldown", options.cooldown ?? 0, 0);
  const minimum = checkRate("reduceOnPlateau: minimum", options.minimum ?? 0);
  if (minimum > rate)
    throw new OptionError(
      `reduceOnPlateau: minimum: wanted at most the learningRate, ${rate}, got ${minimum}`,
    );
  const epsilon = checkRate("reduceOnPlateau: epsilon", options.epsilon ?? 1e-8);
  const mode = oneOf("reduceOnPlateau: mode", options.mode ?? "min", ["min", "max"]);

  const sign = mode === "min" ? -1 : 1;
  let best = -sign * Infinity;
  let waited = 0;
  let cooling = 0;
  /** What a number must pass to be better than the best. */
  const bar = () => (thresholdMode === "relative" ? best * (1 + sign * threshold) : best + sign * threshold);

  return {
    schedule: () => rate,
    observe(value) {
      if (typeof value !== "number")
        throw new OptionError(`reduceOnPlateau: observe: wanted a number, got ${String(value)}`);
      if (mode === "min" ? value < bar() : value > bar()) {
        best = value;
        waited = 0;
      } else waited++;
      if (cooling > 0) {
        cooling--;
        waited = 0;
      }
      if (waited > patience) {
        const lower = Math.max(rate * factor, minimum);
        if (rate - lower > epsilon) rate = lower;
        cooling = cooldown;
        waited = 0;
      }
    },
  };
}
