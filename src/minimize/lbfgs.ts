// Limited-memory BFGS: Newton's direction from the last few changes of the gradient. Nocedal & Wright, algorithm 7.4;
// scaling, first step and tests are those of PyTorch 1.13's torch.optim.LBFGS.
import { checkOptions } from "../core/options.ts";
import { checkPositive, oneOf } from "../optim/transform.ts";
import { evaluate, type Method } from "./method.ts";
import { notNegative, whole } from "./range.ts";
import { strongWolfe } from "./strong-wolfe.ts";
import { addScaled, along, dot, maxNorm } from "./vector.ts";

/** Options of {@link lbfgs}. */
export interface LbfgsOptions {
  /**
   * "none": each step is `learningRate` directions long, one evaluation. "strong-wolfe": it is where a search begins
   * that keeps the value falling. Default: "none", as in PyTorch; the search is the better choice where it can be paid.
   */
  readonly lineSearch?: "none" | "strong-wolfe";
  /** Length of a step, the first one's over the gradient's sum of magnitudes where that is above 1. Default: 1. */
  readonly learningRate?: number;
  /** Pairs of changes that are remembered, 2n numbers each. Default: 100. */
  readonly historySize?: number;
  /** Converged when no element of the gradient is larger … Default: 1e-7. */
  readonly gradientTolerance?: number;
  /** … or a step changed the value or every coordinate by less, or the slope is flatter. Default: 1e-9. */
  readonly changeTolerance?: number;
}

/** yᵀs from which on a pair is remembered: the curvature must be positive. */
const LEAST_CURVATURE = 1e-10;

/**
 * L-BFGS, for smooth functions with a gradient.
 * @throws OptionError for an option out of range.
 * @example minimizeSync(rosenbrock(), [-1.2, 1], lbfgs({ lineSearch: "strong-wolfe" }))
 */
export function lbfgs(options: LbfgsOptions = {}): Method {
  const {
    lineSearch = "none",
    learningRate = 1,
    historySize = 100,
  } = checkOptions("lbfgs", options, {
    lineSearch: 0,
    learningRate: 0,
    historySize: 0,
    gradientTolerance: 0,
    changeTolerance: 0,
  });
  const { gradientTolerance = 1e-7, changeTolerance = 1e-9 } = options;
  oneOf("lbfgs: lineSearch", lineSearch, ["none", "strong-wolfe"]);
  checkPositive("lbfgs: learningRate", learningRate);
  whole("lbfgs: historySize", historySize, 1);
  notNegative("lbfgs: gradientTolerance", gradientTolerance);
  notNegative("lbfgs: changeTolerance", changeTolerance);
  return {
    name: "lbfgs",
    needs: "gradient",
    *search(start) {
      if (maxNorm(start.gradient) <= gradientTolerance) return "converged";
      const history = new History(historySize);
      let current = start;
      let direction: Float64Array = current.gradient.map((g) => -g);
      let sum = 0;
      for (const g of current.gradient) sum += Math.abs(g);
      let t = Math.min(1, 1 / sum) * learningRate;
      for (;;) {
        if (dot(current.gradient, direction) > -changeTolerance) return "converged";
        const next =
          lineSearch === "none"
            ? { ...(yield* evaluate(along(current.point, t, direction))), t }
            : yield* strongWolfe(current, direction, t, changeTolerance);
        if (next.value === Infinity) return "non-finite";
        if (next.t === 0) return "stuck";
        yield { want: "step", point: next.point, value: next.value };
        if (
          maxNorm(next.gradient) <= gradientTolerance ||
          next.t * maxNorm(direction) <= changeTolerance ||
          Math.abs(next.value - current.value) < changeTolerance
        ) {
          return "converged";
        }
        history.add(
          direction.map((d) => d * next.t),
          along(next.gradient, -1, current.gradient),
        );
        direction = history.direction(next.gradient);
        current = next;
        t = learningRate;
      }
    },
  };
}

interface Pair {
  /** Change of the point. */
  readonly s: Float64Array;
  /** Change of the gradient. */
  readonly y: Float64Array;
  /** 1 / yᵀs. */
  readonly rho: number;
}

class History {
  readonly #size: number;
  readonly #pairs: Pair[] = [];
  /** γ: the inverse Hessian that the recursion starts from, times the identity. */
  #scale = 1;

  constructor(size: number) {
    this.#size = size;
  }

  add(s: Float64Array, y: Float64Array): void {
    const curvature = dot(y, s);
    if (!(curvature > LEAST_CURVATURE)) return;
    if (this.#pairs.length === this.#size) this.#pairs.shift();
    this.#pairs.push({ s, y, rho: 1 / curvature });
    this.#scale = curvature / dot(y, y);
  }

  /** −H g by the two loops. */
  direction(gradient: Float64Array): Float64Array {
    const q = gradient.map((g) => -g);
    const alphas: number[] = [];
    for (let i = this.#pairs.length - 1; i >= 0; i--) {
      const { s, y, rho } = this.#pairs[i]!;
      alphas[i] = dot(s, q) * rho;
      addScaled(-alphas[i]!, y, q);
    }
    const r = q.map((x) => x * this.#scale);
    this.#pairs.forEach(({ s, y, rho }, i) => {
      addScaled(alphas[i]! - dot(y, r) * rho, s, r);
    });
    return r;
  }
}
