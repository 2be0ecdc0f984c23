// What is minimized: a function of a point, or a record of what is known of it. A graph of tensors can stand behind it.

/** A value and the gradient at the same point. */
export interface Evaluation {
  readonly value: number;
  /** As long as the point. */
  readonly gradient: ArrayLike<number>;
}

/** Maps a point to its value, or to value and gradient for the methods that need one. */
export type ObjectiveFunction = (point: Float64Array) => number | Evaluation;

/** What is known of a function; a method asks for the least that it needs. The point is the callee's to keep. */
export interface Objective {
  value?(point: Float64Array): number;
  /** Also serves for the value where there is no `value`. */
  valueAndGradient?(point: Float64Array): Evaluation;
  /** The Hessian at the point times the vector. */
  hessianVector?(point: Float64Array, vector: Float64Array): ArrayLike<number>;
}

/** A value, or the promise of one. */
export type Eventually<T> = T | PromiseLike<T>;

/** An objective function whose answers may be promises. */
export type AsyncObjectiveFunction = (point: Float64Array) => Eventually<number | Evaluation>;

/** An objective whose answers may be promises. */
export interface AsyncObjective {
  value?(point: Float64Array): Eventually<number>;
  valueAndGradient?(point: Float64Array): Eventually<Evaluation>;
  hessianVector?(point: Float64Array, vector: Float64Array): Eventually<ArrayLike<number>>;
}
