// Walks down a surface by an optimizer, as data: what a page draws. Runs where an engine of one thread may wait.
import { createTrainer, type Engine } from "downhill";
import { descent, minimizeSync } from "downhill/minimize";
import { makeOptimizer } from "./optimizers.ts";
import type { Options } from "./options.ts";
import { type Ground, type Point, type SurfaceName, surfaceOf } from "./surfaces.ts";

export interface Walk {
  readonly surface: SurfaceName;
  readonly optimizer: string;
  readonly options: Options;
  readonly start: Point;
  readonly steps: number;
}

export interface Path {
  /** The start and every step; as long as the walk went. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly value: readonly number[];
  /** The numbers stopped being finite. */
  readonly diverged: boolean;
  /** Steps to the surface's tolerance, where it came so near. */
  readonly arrived?: number | undefined;
}

function pathOf(surface: SurfaceName, points: readonly ArrayLike<number>[], diverged: boolean): Path {
  const { value: valueAt, minimum, tolerance } = surfaceOf(surface);
  const value = points.map((point) => valueAt(point));
  const arrived = value.findIndex((each) => each <= minimum.value + tolerance);
  return {
    x: points.map((point) => point[0] ?? Number.NaN),
    y: points.map((point) => point[1] ?? Number.NaN),
    value,
    diverged,
    arrived: arrived < 0 ? undefined : arrived,
  };
}

/**
 * Walks. The points are those of 32-bit floats, and the same on every machine where the engine's numerics are exact.
 * @throws OptionError of the optimizer.
 */
export async function walk(
  engine: Engine,
  { surface, optimizer, options, start, steps }: Walk,
): Promise<Path> {
  const made = makeOptimizer(optimizer, options);
  const { surface: formula, lesson } = surfaceOf(surface);
  if (lesson) return learn(engine, { surface, optimizer, options, start, steps });
  const result = minimizeSync(formula!(1), [...start], descent(made, { engine, gradientTolerance: 0 }), {
    maxSteps: steps,
    trajectory: true,
  });
  const points = result.trajectory?.map(({ point }) => point) ?? [];
  return pathOf(surface, points, result.reason === "non-finite");
}

/** The same with a model of two weights. */
async function learn(engine: Engine, { surface, optimizer, options, start, steps }: Walk): Promise<Path> {
  const { lesson } = surfaceOf(surface);
  const model = lesson!.model();
  const trainer = await createTrainer(model, {
    engine,
    loss: lesson!.loss,
    optimizer: makeOptimizer(optimizer, options),
    onNonFinite: "ignore",
  });
  const names = [...model.parameters()];
  const put = (from: number, [name, { shape, values }]: (typeof names)[number]) =>
    [name, { shape, values: Float32Array.from(start.slice(from, from + values.length)) }] as const;
  let from = 0;
  model.setParameters(
    new Map(
      names.map((each) => {
        const placed = put(from, each);
        from += each[1].values.length;
        return placed;
      }),
    ),
  );
  const here = () => [...model.parameters().values()].flatMap(({ values }) => [...values]);
  const points = [here()];
  try {
    for (let step = 0; step < steps; step++) {
      await trainer.step(lesson!.batch);
      const point = here();
      if (!point.every(Number.isFinite)) return pathOf(surface, points, true);
      points.push(point);
    }
  } finally {
    trainer.close();
  }
  return pathOf(surface, points, false);
}

/** Learning rates that are tried, from small to large: 1, 2 and 5 times powers of ten. */
const RATES = [-4, -3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));

/**
 * The mean of the logarithm of what is left above the minimum: low for a walk that comes down soon and stays there. A walk
 * that leaves what is drawn teaches little, however well it ends.
 */
function scoreOf({ x, y, value, diverged }: Path, { minimum, tolerance, corner, side }: Ground): number {
  if (diverged) return Infinity;
  const left = value.map((each) => Math.log10(Math.max(each - minimum.value, tolerance)));
  const within = (at: number, axis: 0 | 1) => at >= corner[axis] && at <= corner[axis] + side;
  const outside = x.filter((each, i) => !(within(each, 0) && within(y[i]!, 1))).length;
  return (left.reduce((sum, each) => sum + each, 0) + (outside > 0 ? 5 * x.length : 0)) / left.length;
}

/** The learning rate of the best of some walks, from small ones to large ones. */
export async function findRate(engine: Engine, given: Walk, key: string): Promise<number> {
  let best = { rate: RATES[0]!, score: Infinity };
  for (const rate of RATES) {
    const path = await walk(engine, { ...given, options: { ...given.options, [key]: rate } });
    const score = scoreOf(path, surfaceOf(given.surface));
    if (score < best.score) best = { rate, score };
  }
  return best.rate;
}
