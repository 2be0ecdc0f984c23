// The drivers: they answer what a method asks, count, look at the limits, and keep the best point.
import { NonFiniteError, OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Ask, EndReason, EvaluatedPoint, Method } from "./method.ts";
import type {
  AsyncObjective,
  AsyncObjectiveFunction,
  Evaluation,
  Objective,
  ObjectiveFunction,
} from "./objective.ts";
import { notNegative, whole } from "./range.ts";

/** Options of {@link minimize} and {@link minimizeSync}. */
export interface MinimizeOptions {
  /** Steps of the method at most. Default: 10 000. */
  readonly maxSteps?: number;
  /** Calls of the objective at most, Hessian-vector products included; at least one is made. Default: no limit. */
  readonly maxEvaluations?: number;
  /** Seconds after which nothing more is evaluated. Default: no limit. */
  readonly seconds?: number;
  /** A value that is low enough: the search ends at the first evaluation that reaches it. Default: none. */
  readonly target?: number;
  /** Keeps every step in the result. Default: false. */
  readonly trajectory?: boolean;
  /** Of all that a method draws at random. Default: 0. */
  readonly seed?: number;
  /** A box that no evaluated point leaves, by coordinate or one number for all; not for methods with gradients. */
  readonly bounds?: Bounds;
  /** Told of each step; "stop" ends the search. */
  readonly onStep?: (step: MinimizeStep) => "stop" | undefined;
}

/** Where the point must stay, both ends included; a number holds for every coordinate. */
export interface Bounds {
  readonly lower: number | ArrayLike<number>;
  readonly upper: number | ArrayLike<number>;
}

/** Where a method stood after a step. */
export interface MinimizeStep {
  /** Counted from 1; 0 is the start. */
  readonly step: number;
  /** Calls of the objective so far. */
  readonly evaluations: number;
  /** The method's current point: of a simplex or a generation, the best. */
  readonly point: Float64Array;
  readonly value: number;
}

/** What a minimization came to. */
export interface Minimum {
  /** The point with the lowest value of all that were evaluated. */
  readonly point: Float64Array;
  readonly value: number;
  /** Steps that were finished. */
  readonly steps: number;
  readonly evaluations: number;
  readonly reason: EndReason;
  /** The start and every step, with the option `trajectory`. */
  readonly trajectory?: readonly MinimizeStep[];
}

/** Milliseconds of work between two looks at the rest of the world. */
const SLICE = 25;

/**
 * Searches the lowest value of a function of n numbers. Timers and input get their turn now and then.
 * @param objective a function of a `Float64Array` that gives a number, or `{ value, gradient }` where the method needs
 * a gradient; or a record, see `Objective`. It may answer by a promise.
 * @param x0 where to start; it stays as it is.
 * @throws OptionError for options out of range, and an objective that lacks what the method needs.
 * @throws ShapeError for a start without numbers, and bounds or gradients of another length.
 * @throws NonFiniteError where the value or the gradient at x0 is not finite. Later on, a method without gradients takes
 * such a value for ∞, a line search goes back, and a fixed step ends the search: "non-finite".
 * @example
 * const { point, value, reason } = await minimize(([x, y]) => (x - 1) ** 2 + y ** 2, [3, 4], nelderMead());
 */
export async function minimize(
  objective: AsyncObjective | AsyncObjectiveFunction,
  x0: ArrayLike<number>,
  method: Method,
  options: MinimizeOptions = {},
): Promise<Minimum> {
  const run = drive(objective, x0, method, options);
  let pause = performance.now() + SLICE;
  for (let next = run.next(); ; ) {
    if (next.done) return next.value;
    const answer = isPromise(next.value) ? await next.value : next.value;
    if (performance.now() > pause) {
      await new Promise((resolve) => setTimeout(resolve));
      pause = performance.now() + SLICE;
    }
    next = run.next(answer);
  }
}

/**
 * `minimize` without a promise.
 * @throws what `minimize` does, and OptionError for an objective that answers by a promise.
 * @example const { point } = minimizeSync(rosenbrock(), [-1.2, 1], lbfgs({ lineSearch: "strong-wolfe" }));
 */
export function minimizeSync(
  objective: Objective | ObjectiveFunction,
  x0: ArrayLike<number>,
  method: Method,
  options: MinimizeOptions = {},
): Minimum {
  const run = drive(objective, x0, method, options);
  for (let next = run.next(); ; next = run.next(next.value)) {
    if (next.done) return next.value;
    if (isPromise(next.value)) {
      throw new OptionError("minimizeSync: objective: wanted numbers, got a promise: use minimize");
    }
  }
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as PromiseLike<unknown> | undefined)?.then === "function";
}

/** Yields what the objective answers and is given it back settled. */
function* drive(
  objective: AsyncObjective | AsyncObjectiveFunction,
  x0: ArrayLike<number>,
  method: Method,
  options: MinimizeOptions,
): Generator<unknown, Minimum, unknown> {
  const {
    maxSteps = 10_000,
    maxEvaluations = Infinity,
    seconds = Infinity,
    target = Number.NEGATIVE_INFINITY,
    seed = 0,
    onStep,
  } = checkOptions("minimize", options, {
    maxSteps: 0,
    maxEvaluations: 0,
    seconds: 0,
    target: 0,
    trajectory: 0,
    seed: 0,
    bounds: 0,
    onStep: 0,
  });
  notNegative("minimize: maxSteps", maxSteps);
  notNegative("minimize: maxEvaluations", maxEvaluations);
  notNegative("minimize: seconds", seconds);
  whole("minimize: seed", seed, Number.MIN_SAFE_INTEGER);
  if (typeof target !== "number" || Number.isNaN(target)) {
    throw new OptionError(`minimize: target: wanted a number, got ${target}`);
  }
  const start = Float64Array.from(x0);
  if (start.length === 0) throw new ShapeError("minimize: x0: wanted at least one number, got none");
  if (!start.every(Number.isFinite)) {
    throw new OptionError(`minimize: x0: wanted finite numbers, got [${start.join(", ")}]`);
  }
  const clamp = clampOf(options.bounds, method, start);
  const answers = asked(objective, method);

  const deadline = performance.now() + 1000 * seconds;
  const trajectory: MinimizeStep[] = [];
  let steps = 0;
  let evaluations = 0;
  let stopped = false;
  let best: EvaluatedPoint | undefined;

  function note(point: Float64Array, value: number): void {
    if (!options.trajectory && !onStep) return;
    const step = { step: steps, evaluations, point: point.slice(), value };
    if (options.trajectory) trajectory.push(step);
    if (onStep?.(step) === "stop") stopped = true;
  }
  function minimum(reason: EndReason): Minimum {
    const { point, value } = best!;
    const result = { point, value, steps, evaluations, reason };
    return options.trajectory ? { ...result, trajectory } : result;
  }
  function* evaluation(point: Float64Array): Generator<unknown, EvaluatedPoint, unknown> {
    evaluations++;
    // A copy each way: the callee may keep its point and fill the same gradient again.
    const answer = read(yield answers.evaluation(point.slice()), method, point.length);
    const evaluated = { ...answer, point };
    if (best === undefined || evaluated.value < best.value) best = { ...evaluated, point: point.slice() };
    return evaluated;
  }

  const first = yield* evaluation(start);
  if (first.value === Infinity) {
    throw new NonFiniteError(`minimize: ${method.name}: the objective is not finite at x0`, 0, first.value);
  }
  note(start, first.value);
  const search = method.search(first, { seed, clamp });
  let answer: EvaluatedPoint | Float64Array | undefined;
  try {
    for (;;) {
      // Before the method goes on: the first evaluation may be low enough.
      if (best!.value <= target) return minimum("target");
      const next: IteratorResult<Ask, EndReason> = search.next(answer);
      if (next.done) return minimum(next.value);
      const ask = next.value;
      if (ask.want === "step") {
        steps++;
        note(ask.point, ask.value);
        answer = undefined;
        continue;
      }
      // Limits end a search only if it wants more: one that has just converged may say so.
      if (stopped) return minimum("stopped");
      if (steps >= maxSteps) return minimum("steps");
      if (evaluations >= maxEvaluations) return minimum("evaluations");
      if (performance.now() >= deadline) return minimum("time");
      if (ask.want === "evaluation") {
        answer = yield* evaluation(ask.point);
      } else {
        evaluations++;
        const product = yield answers.product(ask.point.slice(), ask.vector.slice());
        answer = vectorOf(product, `${method.name}: hessianVector`, start.length);
      }
    }
  } finally {
    // A method that a limit ends gives back what it holds.
    search.return("stopped");
  }
}

interface Answers {
  evaluation(point: Float64Array): unknown;
  product(point: Float64Array, vector: Float64Array): unknown;
}

/** Where a method's questions go. */
function asked(objective: AsyncObjective | AsyncObjectiveFunction, { name, needs }: Method): Answers {
  const known: AsyncObjective = typeof objective === "function" ? {} : objective;
  const lacks = (what: string): never => {
    throw new OptionError(`minimize: objective: ${name} needs ${what}, and there is none`);
  };
  if (needs === "hessianVector" && !known.hessianVector) lacks("hessianVector(point, vector)");
  const product = (point: Float64Array, vector: Float64Array) => known.hessianVector?.(point, vector);
  if (typeof objective === "function") return { evaluation: objective, product };
  if (needs === "value" && known.value) return { evaluation: (point) => known.value?.(point), product };
  if (!known.valueAndGradient) lacks(needs === "value" ? "value(point)" : "valueAndGradient(point)");
  return { evaluation: (point) => known.valueAndGradient?.(point), product };
}

/** An answer of the objective as a method gets it: what is not finite is ∞. */
function read(answer: unknown, { name, needs }: Method, length: number) {
  const { value, gradient } = (
    typeof answer === "number" ? { value: answer } : (answer ?? {})
  ) as Partial<Evaluation>;
  if (typeof value !== "number") {
    throw new OptionError(`minimize: objective: wanted a number or { value, gradient }, got ${answer}`);
  }
  if (needs === "value")
    return { value: Number.isFinite(value) ? value : Infinity, gradient: new Float64Array() };
  if (!gradient)
    throw new OptionError(`minimize: objective: ${name} needs { value, gradient }, got ${value}`);
  const copy = vectorOf(gradient, "gradient", length);
  return { value: Number.isFinite(value) && copy.every(Number.isFinite) ? value : Infinity, gradient: copy };
}

function vectorOf(answer: unknown, what: string, length: number): Float64Array {
  const vector = Float64Array.from(answer as ArrayLike<number>);
  if (vector.length === length) return vector;
  throw new ShapeError(`minimize: ${what}: wanted ${length} numbers, got ${vector.length}`);
}

/** Moves points into the bounds. */
function clampOf(bounds: Bounds | undefined, method: Method, start: Float64Array) {
  if (bounds === undefined) return (point: Float64Array) => point;
  if (method.needs !== "value") {
    throw new OptionError(`minimize: bounds: ${method.name} has none; the methods without gradients have`);
  }
  const [lower, upper] = [bounds.lower, bounds.upper].map((bound) =>
    typeof bound === "number" ? start.map(() => bound) : vectorOf(bound, "bounds", start.length),
  ) as [Float64Array, Float64Array];
  start.forEach((x, i) => {
    if (!(lower[i]! <= x && x <= upper[i]!)) {
      throw new OptionError(`minimize: bounds: wanted ${lower[i]} ≤ x0[${i}] ≤ ${upper[i]}, got ${x}`);
    }
  });
  return (point: Float64Array) => {
    for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i]!, lower[i]!), upper[i]!);
    return point;
  };
}
