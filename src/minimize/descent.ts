// An optimizer of training as a method: the driver gives the gradient, an engine the update.
import { compile } from "../compile/program.ts";
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { createEngineSync, type Engine } from "../engine/engine.ts";
import { Graph } from "../graph/tensor.ts";
import type { Transform } from "../optim/transform.ts";
import { type Initial, Update } from "../train/update.ts";
import { type EvaluatedPoint, evaluate, type Method } from "./method.ts";
import { notNegative } from "./range.ts";

/** Options of {@link descent}. */
export interface DescentOptions {
  /** Ends the search when no part of the gradient is larger. Default: 1e-6. */
  readonly gradientTolerance?: number;
  /** Where to compute: an engine of one thread. Default: a new one. */
  readonly engine?: Engine;
}

/** The update of n numbers in an engine's memory. */
function load(engine: Engine, optimizer: Transform, n: number) {
  const graph = new Graph();
  const parameter = graph.input("point", [n]);
  const slope = graph.input("gradient", [n]);
  const loss = graph.input("value", []);
  const slopes = [{ name: "point", parameter, slope, offset: 0 }];
  const length = Math.ceil(n / 16) * 16;
  const update = new Update(optimizer, {
    graph,
    loss,
    slopes,
    length,
    hyper: { region: "hyper", offset: 0 },
    slopesAt: () => {
      throw new OptionError(`descent: ${optimizer.name}: wanted an optimizer of one gradient a step`);
    },
  });
  const placements = new Map([
    [parameter, { region: "point", offset: 0 }],
    [slope, { region: "gradient", offset: 0 }],
    [loss, { region: "value", offset: 0 }],
    ...update.placements,
  ]);
  const loaded = engine.load(
    compile({ graph, placements, done: [...update.done], before: (emitter) => update.reserve(emitter) }),
  );
  return { loaded, initial: update.initial };
}

/**
 * Descends by an optimizer of training, such as `adam()`, in 32-bit floats; the gradient is the objective's.
 * @throws OptionError for a tolerance out of range.
 * @example const { point } = await minimize(rosenbrock(), [-1.2, 1], descent(adam({ learningRate: 0.05 })));
 */
export function descent(optimizer: Transform, options: DescentOptions = {}): Method {
  checkOptions("descent", options, { gradientTolerance: 0, engine: 0 });
  const tolerance = notNegative("descent: gradientTolerance", options.gradientTolerance ?? 1e-6);
  return {
    name: optimizer.name,
    needs: "gradient",
    *search(start) {
      const engine = options.engine ?? createEngineSync();
      const n = start.point.length;
      const { loaded, initial } = load(engine, optimizer, n);
      try {
        loaded.floats("point", 0, n).set(start.point);
        begin(loaded, initial, start.point);
        let at: EvaluatedPoint = start;
        for (let step = 1; ; step++) {
          if (at.gradient.every((slope) => Math.abs(slope) <= tolerance)) return "converged";
          loaded.floats("gradient", 0, n).set(at.gradient);
          if (loaded.program.regions.has("value")) loaded.floats("value", 0, 1)[0] = at.value;
          if (loaded.program.regions.has("hyper"))
            loaded.floats("hyper", 0, optimizer.hyperWords).set(optimizer.hyper(step));
          engine.runSync(loaded);
          at = yield* evaluate(Float64Array.from(loaded.floats("point", 0, n)));
          if (!Number.isFinite(at.value)) return "non-finite";
          yield { want: "step", point: at.point, value: at.value };
        }
      } finally {
        loaded.release();
      }
    },
  };
}

/** Sets the state as it is before the first step. */
function begin(
  loaded: ReturnType<typeof load>["loaded"],
  initial: ReadonlyMap<string, Initial>,
  point: Float64Array,
): void {
  for (const [region, value] of initial) {
    const state = loaded.floats(region).fill(value === "parameters" ? 0 : value);
    if (value === "parameters") state.set(point);
  }
}
