// Evolution strategies: generations of random changes to one point, of which the better ones decide where it goes.

import { Draws } from "../core/draws.ts";
import { OptionError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkPositive, checkRange, type Schedule, valueAt } from "../optim/transform.ts";
import { evaluate, type Method } from "./method.ts";
import { notNegative, whole } from "./range.ts";
import { addScaled, along, order } from "./vector.ts";

/** Options of {@link evolutionStrategy}. */
export interface EvolutionStrategyOptions {
  /** μ, the best of a generation whose mean is the next parent. Default: 5. */
  readonly parents?: number;
  /** λ > μ, samples a generation. Default: 7μ. */
  readonly offspring?: number;
  /** σ, the first standard deviation in every coordinate; it adapts itself. Default: 0.3. */
  readonly sigma?: number;
  /** Converged when σ is below this share of the first … Default: 1e-12. */
  readonly pointTolerance?: number;
  /** … or the values of a generation lie within this. Default: 1e-12. */
  readonly valueTolerance?: number;
}

/**
 * The (μ/μ, λ) evolution strategy with self-adaptation: each child changes σ by a log-normal number, then the parent by a
 * normal one; parent and σ become the means of the μ best children. Beyer & Schwefel 2002. A step is a generation.
 * @throws OptionError for an option out of range.
 * @example minimizeSync(sphere({ dimensions: 10 }), new Float64Array(10).fill(1), evolutionStrategy(), { target: 1e-9 })
 */
export function evolutionStrategy(options: EvolutionStrategyOptions = {}): Method {
  const {
    parents = 5,
    sigma: sigma0 = 0.3,
    pointTolerance = 1e-12,
    valueTolerance = 1e-12,
  } = checkOptions("evolutionStrategy", options, {
    parents: 0,
    offspring: 0,
    sigma: 0,
    pointTolerance: 0,
    valueTolerance: 0,
  });
  whole("evolutionStrategy: parents", parents, 1);
  const offspring = whole("evolutionStrategy: offspring", options.offspring ?? 7 * parents, parents + 1);
  checkPositive("evolutionStrategy: sigma", sigma0);
  notNegative("evolutionStrategy: pointTolerance", pointTolerance);
  notNegative("evolutionStrategy: valueTolerance", valueTolerance);
  return {
    name: "evolutionStrategy",
    needs: "value",
    *search(start, { seed, clamp }) {
      const n = start.point.length;
      const draws = new Draws(seed, "evolution strategy");
      const learningRate = 1 / Math.sqrt(2 * n);
      let parent = start.point;
      for (let sigma = sigma0; sigma > pointTolerance * sigma0; ) {
        const children: { point: Float64Array; sigma: number; value: number }[] = [];
        for (let k = 0; k < offspring; k++) {
          const own = sigma * exp(learningRate * draws.normal());
          const { point, value } = yield* evaluate(clamp(along(parent, own, draws.normals(n))));
          children.push({ point, value, sigma: own });
        }
        const ranked = order(children.map(({ value }) => value)).map((k) => children[k]!);
        parent = new Float64Array(n);
        sigma = 0;
        for (const child of ranked.slice(0, parents)) {
          addScaled(1 / parents, child.point, parent);
          sigma += child.sigma / parents;
        }
        yield { want: "step", point: ranked[0]!.point, value: ranked[0]!.value };
        if (!(sigma < Infinity)) return "stuck";
        // A flat patch would otherwise be walked over at random, with σ growing as often as not.
        if (ranked.at(-1)!.value - ranked[0]!.value <= valueTolerance) return "converged";
      }
      return "converged";
    },
  };
}

/** Options of {@link antitheticEvolution}. */
export interface AntitheticEvolutionOptions {
  /** Samples a generation, an even number: they come in pairs, one on each side. Default: 50. */
  readonly population?: number;
  /** σ > 0, their standard deviation, or a function of the step. Default: 0.1. */
  readonly sigma?: Schedule;
  /** γ, or a function of the step. As ranks have no scale, a step is about 0.3 γ / σ long. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** β in 0 ≤ β < 1 of v ← βv + g. Default: 0. */
  readonly momentum?: number;
}

/**
 * The evolution strategy of Salimans et al. 2017 (OpenAI): the gradient of the blurred function, estimated from
 * antithetic pairs with centred ranks for values, then descent along it. A step is a generation and one evaluation of
 * the point itself. It has no tolerance: it ends at a target or a limit.
 * @throws OptionError for an option out of range.
 * @example minimizeSync(sphere(), [1, 1], antitheticEvolution({ sigma: 0.1, learningRate: 0.01 }), { maxSteps: 100 })
 */
export function antitheticEvolution(options: AntitheticEvolutionOptions = {}): Method {
  const {
    population = 50,
    sigma = 0.1,
    learningRate = 0.01,
    momentum = 0,
  } = checkOptions("antitheticEvolution", options, {
    population: 0,
    sigma: 0,
    learningRate: 0,
    momentum: 0,
  });
  whole("antitheticEvolution: population", population, 2);
  if (population % 2 !== 0) {
    throw new OptionError(`antitheticEvolution: population: wanted an even number, got ${population}`);
  }
  const sigmaAt = (step: number) =>
    checkPositive("antitheticEvolution: sigma", typeof sigma === "number" ? sigma : sigma(step));
  if (typeof sigma === "number") sigmaAt(1);
  if (typeof learningRate === "number") valueAt("antitheticEvolution: learningRate", learningRate, 1);
  checkRange("antitheticEvolution: momentum", momentum, 0, 1);
  return {
    name: "antitheticEvolution",
    needs: "value",
    *search(start, { seed, clamp }) {
      const n = start.point.length;
      const draws = new Draws(seed, "antithetic evolution");
      const velocity = new Float64Array(n);
      let point = start.point;
      for (let step = 1; ; step++) {
        const width = sigmaAt(step);
        const noises: Float64Array[] = [];
        const values: number[] = [];
        for (let pair = 0; pair < population / 2; pair++) {
          const noise = draws.normals(n);
          for (const side of [noise, noise.map((x) => -x)]) {
            noises.push(side);
            values.push((yield* evaluate(clamp(along(point, width, side)))).value);
          }
        }
        const gradient = new Float64Array(n);
        order(values).forEach((k, rank) => {
          addScaled((rank / (population - 1) - 0.5) / (population * width), noises[k]!, gradient);
        });
        for (let i = 0; i < n; i++) velocity[i] = momentum * velocity[i]! + gradient[i]!;
        const rate = valueAt("antitheticEvolution: learningRate", learningRate, step);
        const next = yield* evaluate(clamp(along(point, -rate, velocity)));
        point = next.point;
        yield { want: "step", point, value: next.value };
      }
    },
  };
}
