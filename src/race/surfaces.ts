// Tasks on the classic surfaces: a point of two numbers and its path.

import { Draws } from "../core/draws.ts";
import { checkOptions } from "../core/options.ts";
import { createEngineSync, type Engine } from "../engine/engine.ts";
import { descent } from "../minimize/descent.ts";
import { minimizeSync } from "../minimize/minimize.ts";
import { whole } from "../minimize/range.ts";
import {
  ackley,
  beale,
  himmelblau,
  noisyQuadratic,
  quadratic,
  rastrigin,
  rosenbrock,
  type Surface,
  styblinskiTang,
} from "../minimize/surfaces.ts";
import { type RaceRecord, type RaceTarget, type RaceTask, reaches } from "./task.ts";

/** Options of {@link surfaceTask}. */
export interface SurfaceTaskOptions {
  /** The value to reach. */
  readonly target: number;
  /** Default: 2000. */
  readonly maxSteps?: number;
  /** What is descended on at a seed, where it is not what is watched: a surface with noise. Default: the surface. */
  readonly noisy?: (seed: number) => Surface;
}

/** How far a seed moves the start, as a share of half the domain. */
const NUDGE = 0.02;

/**
 * A surface, from its start moved a little by the seed.
 * @throws OptionError for steps that are no positive integer.
 * @example const valley = surfaceTask(rosenbrock(), { target: 1e-4 });
 */
export function surfaceTask(surface: Surface, options: SurfaceTaskOptions): RaceTask {
  const known = { target: 0, maxSteps: 0, noisy: 0 } as const;
  const { target: value, maxSteps = 2000, noisy } = checkOptions("surfaceTask", options, known);
  whole(`surfaceTask: ${surface.name}: maxSteps`, maxSteps, 1);
  const target: RaceTarget = { of: "value", value, better: "lower" };
  let engine: Engine | undefined;
  return {
    name: noisy ? noisy(0).name : surface.name,
    target,
    maxSteps,
    surface,
    run(optimizer, seed, { maxSteps, points }) {
      // The same numbers on every machine: a race on two parameters has no use for speed.
      engine ??= createEngineSync({ numerics: "exact" });
      const draws = new Draws(seed, "race start");
      const nudge = NUDGE * (surface.domain[1] - surface.domain[0]);
      const start = surface.start.map((x) => x + nudge * (draws.uniform() - 0.5));
      const trajectory: RaceRecord[] = [];
      const began = performance.now();
      const { steps, reason } = minimizeSync(
        noisy?.(seed) ?? surface,
        start,
        descent(optimizer, { engine }),
        {
          maxSteps,
          onStep({ step, point, value: measured }) {
            const value = noisy ? surface.value(point) : measured;
            const seconds = (performance.now() - began) / 1000;
            trajectory.push(points ? { step, value, seconds, point } : { step, value, seconds });
            return reaches(target, value) ? "stop" : undefined;
          },
        },
      );
      if (reason === "non-finite")
        trajectory.push({ step: steps + 1, value: NaN, seconds: (performance.now() - began) / 1000 });
      return trajectory;
    },
  };
}

/** Options of {@link surfaceTasks}. */
export interface SurfaceTasksOptions {
  /** Default: 2000. */
  readonly maxSteps?: number;
}

/** Seven classic surfaces of two dimensions, one of them with noisy gradients. */
export function surfaceTasks(options: SurfaceTasksOptions = {}): RaceTask[] {
  const { maxSteps = 2000 } = checkOptions("surfaceTasks", options, { maxSteps: 0 });
  const near = (surface: Surface, tolerance: number) =>
    surfaceTask(surface, { target: surface.minimum.value + tolerance, maxSteps });
  const valley = { dimensions: 2, condition: 100 };
  return [
    near(rosenbrock(), 1e-4),
    near(beale(), 1e-4),
    near(himmelblau(), 1e-4),
    // Any of the lowest hollows, from one farther out.
    near(rastrigin(), 5),
    near(ackley(), 0.1),
    near(styblinskiTang(), 1e-3),
    // From the usual (1, 1), one step of the same length along each axis would hit the minimum by chance.
    surfaceTask(
      { ...quadratic(valley), start: [-3, 1] },
      {
        target: 0.005,
        maxSteps,
        noisy: (seed) => noisyQuadratic({ ...valley, noise: 0.1, seed }),
      },
    ),
  ];
}
