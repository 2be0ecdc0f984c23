// The simplex method: n + 1 points that crawl downhill by their values alone. Nelder & Mead 1965, in the steps of SciPy.
import { checkOptions } from "../core/options.ts";
import { checkPositive, oneOf } from "../optim/transform.ts";
import { type EvaluatedPoint, evaluate, type Method } from "./method.ts";
import { notNegative } from "./range.ts";
import { order } from "./vector.ts";

/** Options of {@link nelderMead}. */
export interface NelderMeadOptions {
  /**
   * Of reflection, expansion, contraction and shrinkage: "standard" is 1, 2, ½, ½; "adaptive" depends on n and goes
   * further in many dimensions. Gao & Han 2012. Up to two dimensions they are the same. Default: "standard".
   */
  readonly coefficients?: "standard" | "adaptive";
  /** Edge of the first simplex along each axis. Default: 5 % of the coordinate, 0.00025 where it is 0. */
  readonly edge?: number;
  /** Converged when no corner is further than this from the best in any coordinate … Default: 1e-4. */
  readonly pointTolerance?: number;
  /** … and no value is further than this from the best. Default: 1e-4. */
  readonly valueTolerance?: number;
}

/**
 * Nelder and Mead's simplex method, for a few variables and functions without a gradient. Bounds are kept by clipping.
 * @throws OptionError for an option out of range.
 * @example minimizeSync(([x, y]) => Math.abs(x) + Math.abs(y - 1), [1, 3], nelderMead({ valueTolerance: 1e-8 }))
 */
export function nelderMead(options: NelderMeadOptions = {}): Method {
  const {
    coefficients = "standard",
    edge,
    pointTolerance = 1e-4,
    valueTolerance = 1e-4,
  } = checkOptions("nelderMead", options, {
    coefficients: 0,
    edge: 0,
    pointTolerance: 0,
    valueTolerance: 0,
  });
  oneOf("nelderMead: coefficients", coefficients, ["standard", "adaptive"]);
  if (edge !== undefined) checkPositive("nelderMead: edge", edge);
  notNegative("nelderMead: pointTolerance", pointTolerance);
  notNegative("nelderMead: valueTolerance", valueTolerance);
  return {
    name: "nelderMead",
    needs: "value",
    *search(start, { clamp }) {
      const n = start.point.length;
      // In one dimension Gao & Han's shrinkage would be 0.
      const m = coefficients === "standard" ? 2 : Math.max(n, 2);
      const expansion = 1 + 2 / m;
      const contraction = 0.75 - 1 / (2 * m);
      const shrinkage = 1 - 1 / m;

      let simplex: EvaluatedPoint[] = [start];
      for (let i = 0; i < n; i++) {
        const corner = start.point.slice();
        const x = corner[i]!;
        const moved = edge !== undefined ? x + edge : x === 0 ? 0.00025 : (1 + 0.05) * x;
        corner[i] = moved;
        // On a bound the corner would fall onto the start: there is room on the other side.
        if (clamp(corner)[i] === x) corner[i] = 2 * x - moved;
        simplex.push(yield* evaluate(clamp(corner)));
      }
      for (let step = 0; ; step++) {
        simplex = order(simplex.map(({ value }) => value)).map((i) => simplex[i]!);
        const best = simplex[0]!;
        const worst = simplex[n]!;
        if (step > 0) yield { want: "step", point: best.point, value: best.value };
        if (
          worst.value - best.value <= valueTolerance &&
          simplex.every(({ point }) => point.every((x, i) => Math.abs(x - best.point[i]!) <= pointTolerance))
        ) {
          return "converged";
        }
        const center = best.point.map((_, i) => {
          let sum = 0;
          for (let corner = 0; corner < n; corner++) sum += simplex[corner]!.point[i]!;
          return sum / n;
        });
        /** On the line from the worst corner through the center of the others, that far beyond it. */
        const beyond = (t: number) =>
          evaluate(clamp(center.map((x, i) => (1 + t) * x - t * worst.point[i]!)));

        const reflected = yield* beyond(1);
        if (reflected.value < best.value) {
          const expanded = yield* beyond(expansion);
          simplex[n] = expanded.value < reflected.value ? expanded : reflected;
        } else if (reflected.value < simplex[n - 1]!.value) {
          simplex[n] = reflected;
        } else {
          const outside = reflected.value < worst.value;
          const contracted = yield* beyond(outside ? contraction : -contraction);
          if (outside ? contracted.value <= reflected.value : contracted.value < worst.value) {
            simplex[n] = contracted;
          } else {
            for (let corner = 1; corner <= n; corner++) {
              const { point } = simplex[corner]!;
              simplex[corner] = yield* evaluate(
                clamp(point.map((x, i) => best.point[i]! + shrinkage * (x - best.point[i]!))),
              );
            }
          }
        }
      }
    },
  };
}
