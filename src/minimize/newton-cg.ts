// Newton's method whose equation is solved by conjugate gradients, as far as is worth it: products with the Hessian
// alone, no matrix. Nocedal & Wright, algorithm 7.1, with the line search of L-BFGS.
import { checkOptions } from "../core/options.ts";
import { type EvaluatedPoint, type Method, product, type Search } from "./method.ts";
import { notNegative, whole } from "./range.ts";
import { strongWolfe } from "./strong-wolfe.ts";
import { addScaled, dot, maxNorm, norm } from "./vector.ts";

/** Options of {@link newtonCg}. */
export interface NewtonCgOptions {
  /** Products with the Hessian a step at most. Default: 10n. */
  readonly maxProducts?: number;
  /** Converged when no element of the gradient is larger … Default: 1e-7. */
  readonly gradientTolerance?: number;
  /** … or a step changed every coordinate by less. Default: 1e-9. */
  readonly changeTolerance?: number;
}

/**
 * Newton-CG, truncated Newton: for smooth functions with `hessianVector`. Where the curvature is negative it follows
 * what was found before, at first the gradient.
 * @throws OptionError for an option out of range.
 * @example minimizeSync(rosenbrock({ dimensions: 100 }), new Float64Array(100), newtonCg())
 */
export function newtonCg(options: NewtonCgOptions = {}): Method {
  const {
    maxProducts,
    gradientTolerance = 1e-7,
    changeTolerance = 1e-9,
  } = checkOptions("newtonCg", options, { maxProducts: 0, gradientTolerance: 0, changeTolerance: 0 });
  if (maxProducts !== undefined) whole("newtonCg: maxProducts", maxProducts, 1);
  notNegative("newtonCg: gradientTolerance", gradientTolerance);
  notNegative("newtonCg: changeTolerance", changeTolerance);
  return {
    name: "newtonCg",
    needs: "hessianVector",
    *search(start) {
      if (maxNorm(start.gradient) <= gradientTolerance) return "converged";
      for (let current = start; ; ) {
        const direction = yield* newtonDirection(current, maxProducts ?? 10 * start.point.length);
        const next = yield* strongWolfe(current, direction, 1, changeTolerance);
        if (next.t === 0) return "stuck";
        yield { want: "step", point: next.point, value: next.value };
        if (maxNorm(next.gradient) <= gradientTolerance || next.t * maxNorm(direction) <= changeTolerance) {
          return "converged";
        }
        current = next;
      }
    },
  };
}

/** Conjugate gradients for B z = −g until the residual is small against g, or a direction of negative curvature. */
function* newtonDirection({ point, gradient }: EvaluatedPoint, maxProducts: number): Search<Float64Array> {
  const size = norm(gradient);
  const tolerance = Math.min(0.5, Math.sqrt(size)) * size;
  const z = new Float64Array(point.length);
  const r = gradient.slice();
  let d = r.map((x) => -x);
  let square = dot(r, r);
  for (let j = 0; j < maxProducts; j++) {
    const bd = yield* product(point, d);
    const curvature = dot(d, bd);
    // Not finite counts as negative: the search along the line will see.
    if (!(curvature > 0 && curvature < Infinity)) return j === 0 ? d : z;
    const alpha = square / curvature;
    addScaled(alpha, d, z);
    addScaled(alpha, bd, r);
    const before = square;
    square = dot(r, r);
    if (Math.sqrt(square) < tolerance) break;
    const beta = square / before;
    d = r.map((x, i) => -x + beta * d[i]!);
  }
  return z;
}
