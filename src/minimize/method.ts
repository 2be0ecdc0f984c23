// A method is a generator: it asks for values, gradients and products, and tells of its steps. Who answers, the driver,
// counts, sets limits and waits for promises; so each method is written once, for both drivers.

/**
 * Why a minimization ended:
 * - "converged": the method's own tolerances are met
 * - "target": a value at or below `target` was found
 * - "steps", "evaluations", "time": the limit of that name was reached
 * - "stopped": `onStep` said so
 * - "stuck": no further progress is possible in these numbers: a line search found no lower point, or a distribution
 *   has degenerated
 * - "non-finite": a fixed step left the finite numbers
 */
export type EndReason =
  | "converged"
  | "target"
  | "steps"
  | "evaluations"
  | "time"
  | "stopped"
  | "stuck"
  | "non-finite";

/** A point of which value and gradient are known; the gradient is empty for a method that needs none. */
export interface EvaluatedPoint {
  readonly point: Float64Array;
  /** ∞ where the value or part of the gradient is not finite. */
  readonly value: number;
  readonly gradient: Float64Array;
}

/** What a method asks of the driver, or tells it. */
export type Ask =
  /** Answered by an `EvaluatedPoint`. */
  | { readonly want: "evaluation"; readonly point: Float64Array }
  /** Answered by the Hessian at the point times the vector. */
  | { readonly want: "product"; readonly point: Float64Array; readonly vector: Float64Array }
  /** A step has ended here; no answer. */
  | { readonly want: "step"; readonly point: Float64Array; readonly value: number };

/** A search in the making, that gives T in the end. */
export type Search<T> = Generator<Ask, T, EvaluatedPoint | Float64Array | undefined>;

/** What a method is told before it starts. */
export interface SearchSetting {
  readonly seed: number;
  /** Whether there are bounds; only methods that need no gradient are given any. */
  readonly bounded: boolean;
  /** Moves a point into the bounds, in place. */
  clamp(point: Float64Array): Float64Array;
}

/** A way to minimize, with its options. */
export interface Method {
  readonly name: string;
  /** What it asks of the objective; Hessian-vector products come with gradients. */
  readonly needs: "value" | "gradient" | "hessianVector";
  /** Searches from a point whose value is finite. The driver ends it when a limit is reached. */
  search(start: EvaluatedPoint, setting: SearchSetting): Search<EndReason>;
}

export function* evaluate(point: Float64Array): Search<EvaluatedPoint> {
  return (yield { want: "evaluation", point }) as EvaluatedPoint;
}

export function* product(point: Float64Array, vector: Float64Array): Search<Float64Array> {
  return (yield { want: "product", point, vector }) as Float64Array;
}
