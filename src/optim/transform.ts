// An optimizer is a transform: hyper-parameters that are words in memory, state that outlives the step, and what it
// does with the gradients: it makes others of them, as tensors, or has a kernel change the parameters by them.
// Transforms chain.
import { OptionError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { add, sub } from "../ops/arithmetic.ts";

/** A number, or a function of the step, counted from 1, that is asked before each step. */
export type Schedule = number | ((step: number) => number);

/** One parameter in an optimizer's hands. */
export interface TrainedParameter {
  readonly name: string;
  /** Its value: what the transforms so far have made of it. Ask anew behind whatever changes it. */
  readonly tensor: Tensor;
  /** What the transforms so far have made of the gradient. @throws OptionError set after a transform has updated by it. */
  gradient: Tensor;
}

/** A state vector as long as its parameter: its name, and what it holds before the first step. Default: zeros. */
export type Slot = string | { readonly name: string; readonly initial: number | "parameters" };

/** What a transform is given while a step is compiled. */
export interface TransformContext {
  readonly graph: Graph;
  readonly parameters: readonly TrainedParameter[];
  /** The loss of the batch, a scalar. */
  readonly loss: Tensor;
  /** The same for a transform inside this one: its place in the list, its first hyper-parameter, its parameters. */
  within(name: string, firstWord: number, parameters?: readonly TrainedParameter[]): TransformContext;
  /** A hyper-parameter of this step, by its index in `hyper`, as a scalar. */
  hyper(index: number): Tensor;
  /** A tensor that outlives the step, filled with a number before the first. */
  state(name: string, shape: Shape, initial?: number): Tensor;
  /** A slot of a parameter as a tensor, for transforms that work on the graph. */
  slot(parameter: TrainedParameter, slot: Slot): Tensor;
  /** Sets such a tensor when the rest of the step is done, or ends by a guard. */
  assign(state: Tensor, value: Tensor): void;
  /** A vector that an update kernel makes of a parameter's gradient and its slots, in place of changing the parameter. */
  direction(kernel: string, parameter: TrainedParameter, slots?: readonly Slot[]): Tensor;
  /** Has an update kernel change every parameter, with its slots, by its gradient. */
  update(kernel: string, slots?: readonly Slot[]): void;
  /** Says that models are to be evaluated at θ + weight · (slot − θ), not at what is trained. */
  evaluateAt(slot: string, weight: number): void;
  /** Puts a value in place of a parameter, at this point of the step. */
  change(parameter: TrainedParameter, value: Tensor): void;
  /**
   * Ends the step here where a scalar is not finite: nothing said behind this happens, whoever says it.
   * @throws OptionError in a parameter group.
   */
  guard(scalar: Tensor): void;
  /** @throws OptionError naming a transform that works on all parameters at once, in a parameter group. */
  wantAll(name: string): void;
  /**
   * Gradients of the same batch's loss at other values of the parameters, given and answered in their order. The model
   * is traced once more, so that dropout draws another mask.
   */
  gradientsAt(values: readonly Tensor[]): readonly Tensor[];
  /**
   * Gradients of another loss, made of the model's output for the same batch, at what has been made of the parameters so
   * far; in the order of the parameters. The model is traced once more, too.
   */
  gradientsOf(measure: (output: Tensor) => Tensor): readonly Tensor[];
  /**
   * Has something done at the end of the step, behind all that any transform says: what it ends by its guards is itself
   * alone, so that they may stand in a parameter group.
   * @throws OptionError where another transform has asked for it.
   */
  last(work: LastWork): void;
}

/** What is done at the end of the step; it is given what ends it where a scalar is not finite. */
export type LastWork = (guard: (scalar: Tensor) => void) => void;

/** One piece of an optimizer, or several in a chain. */
export interface Transform {
  readonly name: string;
  /** Words that `hyper` gives. */
  readonly hyperWords: number;
  /** Values of the hyper-parameter words at a step, counted from 1. @throws OptionError where a schedule gives a number out of range. */
  hyper(step: number): readonly number[];
  /** Says what is to be done, in order. */
  apply(context: TransformContext): void;
}

/**
 * Transforms one after the other: what changes the gradient first, what updates the parameters last.
 * @throws OptionError without a transform.
 * @example chain(clipByGlobalNorm(1), adamW({ learningRate: 3e-4 }))
 */
export function chain(...transforms: readonly Transform[]): Transform {
  if (transforms.length === 0) throw new OptionError("chain: wanted at least one transform, got none");
  return {
    name: transforms.map(({ name }) => name).join(", "),
    hyperWords: transforms.reduce((sum, { hyperWords }) => sum + hyperWords, 0),
    hyper: (step) => transforms.flatMap((transform) => transform.hyper(step)),
    apply(context) {
      let word = 0;
      for (const [index, transform] of transforms.entries()) {
        transform.apply(context.within(`${index} ${transform.name}`, word));
        word += transform.hyperWords;
      }
    },
  };
}

/** A schedule's value at a step. @throws OptionError where it is not a finite number or below a least value. */
export function valueAt(where: string, schedule: Schedule, step: number, least = 0): number {
  const value = typeof schedule === "number" ? schedule : schedule(step);
  if (!(Number.isFinite(value) && value >= least)) {
    const at = typeof schedule === "number" ? "" : ` at step ${step}`;
    throw new OptionError(`${where}: wanted a finite number ≥ ${least}, got ${value}${at}`);
  }
  return value;
}

/** A schedule whose values are checked, a number at once. @throws OptionError as `valueAt` */
export function checkSchedule(where: string, schedule: Schedule): (step: number) => number {
  const at = (step: number) => valueAt(where, schedule, step);
  if (typeof schedule === "number") at(1);
  return at;
}

/** Checks a number that must lie in low ≤ x < high. */
export function checkRange(where: string, value: number, low: number, high: number): number {
  if (!(value >= low && value < high))
    throw new OptionError(`${where}: wanted ${low} ≤ x < ${high}, got ${value}`);
  return value;
}

/** Checks a positive number. @throws OptionError */
export function checkPositive(where: string, value: number): number {
  if (!(value > 0 && Number.isFinite(value)))
    throw new OptionError(`${where}: wanted a finite number > 0, got ${value}`);
  return value;
}

/** Checks a positive integer. @throws OptionError */
export function checkCount(where: string, value: number): number {
  if (!(Number.isInteger(value) && value >= 1))
    throw new OptionError(`${where}: wanted a positive integer, got ${value}`);
  return value;
}

/**
 * A mean without subnormal numbers, which would stay in it and are slow: rounded to multiples of 2⁻¹⁰³, as the update
 * kernels round theirs. Numbers above 1e-17 keep their bits.
 */
export const rounded = (x: Tensor): Tensor => sub(add(x, FLOOR), FLOOR);
const FLOOR = 2 ** -80;

/** The axes of a parameter along which one output's inputs lie: all but the last, and of a vector all. */
export const inputAxes = ({ shape }: Tensor): number[] =>
  shape.map((_, axis) => axis).slice(0, Math.max(1, shape.length - 1));

/** Checks a choice. @throws OptionError that lists the known ones. */
export function oneOf<T>(where: string, value: T, known: readonly T[]): T {
  if (!known.includes(value)) {
    const list = known.map((each) => JSON.stringify(each)).join(", ");
    throw new OptionError(`${where}: wanted one of ${list}, got ${JSON.stringify(value)}`);
  }
  return value;
}
