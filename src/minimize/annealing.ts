// Simulated annealing: one point that jumps about, uphill too while it is hot. Kirkpatrick, Gelatt & Vecchi 1983.

import { Draws } from "../core/draws.ts";
import { exp, power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkPositive, checkRange, oneOf, type Schedule, valueAt } from "../optim/transform.ts";
import { type EvaluatedPoint, evaluate, type Method } from "./method.ts";
import { notNegative } from "./range.ts";

/** Random numbers for a neighbour, the same for the same seed. */
export interface RandomSource {
  /** The next number in 0 < x < 1. */
  uniform(): number;
  /** The next number of the standard normal distribution. */
  normal(): number;
}

/** Options of {@link annealing}. */
export interface AnnealingOptions {
  /**
   * T > 0 at the start, or T ≥ 0 as a function of the step: about the height of the hills between hollows. Much more, and
   * the point may be lost on a plain around them. Default: 1.
   */
  readonly temperature?: Schedule;
  /** Geometric cooling: T is multiplied by this, in 0 < x < 1, after each step. A schedule cools itself. Default: 0.999. */
  readonly cooling?: number;
  /**
   * What is tried next, each coordinate by itself: "gaussian", normal with deviation w = `scale` · √(T / T₁); "cauchy",
   * Cauchy's distribution of that width, whose rare long jumps leave a hollow even when it is cold (after Szu & Hartley
   * 1987); or a function that gives a new point. Default: "gaussian".
   */
  readonly neighbour?:
    | "gaussian"
    | "cauchy"
    | ((point: Float64Array, temperature: number, random: RandomSource) => ArrayLike<number>);
  /** Width of the first jumps in every coordinate. Default: 0.5. */
  readonly scale?: number;
  /** Converged, that is frozen, below this temperature. Default: 1e-8. */
  readonly freezing?: number;
}

/**
 * Simulated annealing by Metropolis' rule: a neighbour that is higher by Δ is accepted with probability e^(−Δ/T). A step
 * is one trial. For functions without a gradient, also over points that are not continuous, with a neighbour of one's own.
 * @throws OptionError for an option out of range, or where a schedule gives a number that is not finite or below 0.
 * @example await minimize(ackley(), [3, 3], annealing({ temperature: 1, scale: 2 }), { seed: 1 })
 */
export function annealing(options: AnnealingOptions = {}): Method {
  const {
    temperature = 1,
    cooling = 0.999,
    neighbour = "gaussian",
    scale = 0.5,
    freezing = 1e-8,
  } = checkOptions("annealing", options, { temperature: 0, cooling: 0, neighbour: 0, scale: 0, freezing: 0 });
  if (typeof temperature !== "function") checkPositive("annealing: temperature", temperature);
  checkPositive("annealing: cooling", checkRange("annealing: cooling", cooling, 0, 1));
  checkPositive("annealing: scale", scale);
  notNegative("annealing: freezing", freezing);
  if (typeof neighbour !== "function") oneOf("annealing: neighbour", neighbour, ["gaussian", "cauchy"]);
  const temperatureAt = (step: number) =>
    typeof temperature === "number"
      ? temperature * power(cooling, step - 1)
      : valueAt("annealing: temperature", temperature, step);
  return {
    name: "annealing",
    needs: "value",
    *search(start, { seed, clamp }) {
      const draws = new Draws(seed, "annealing");
      const hottest = temperatureAt(1);
      let current: EvaluatedPoint = start;
      for (let step = 1; ; step++) {
        const t = temperatureAt(step);
        if (t < freezing) return "converged";
        const width = hottest > 0 ? scale * Math.sqrt(t / hottest) : 0;
        // The quotient of two normal numbers has Cauchy's distribution.
        const jump = () =>
          width * (neighbour === "cauchy" ? draws.normal() / draws.normal() : draws.normal());
        const next =
          typeof neighbour === "function"
            ? Float64Array.from(neighbour(current.point.slice(), t, draws))
            : current.point.map((x) => x + jump());
        const found = yield* evaluate(clamp(next));
        const rise = found.value - current.value;
        // Drawn in any case, so that the stream does not depend on what is accepted.
        const chance = draws.uniform();
        if (rise <= 0 || chance < exp(-rise / t)) current = found;
        yield { want: "step", point: current.point, value: current.value };
      }
    },
  };
}
