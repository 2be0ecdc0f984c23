// An optimizer is a transform: state beside the flat parameter vector, hyper-parameters that are words in memory,
// and instructions that turn the gradient into an update. Transforms chain.
import { OptionError } from "../core/errors.ts";
import type { Buffer, Emitter } from "../graph/op.ts";

/** A number, or a function of the step, counted from 1, that is asked before each step. */
export type Schedule = number | ((step: number) => number);

/** What a transform finds when it writes its instructions; a transform before it may have changed it. */
export interface UpdateContext {
  readonly emitter: Emitter;
  /** One parameter, or for a transform that takes all at once the flat vector of them, whose gaps hold zeros. */
  readonly parameters: Buffer;
  readonly gradients: Buffer;
  /** A word that multiplies the gradient, once a transform has set one. */
  scale: Buffer | undefined;
  /** A state vector as long as the parameters, zero at first. */
  slot(name: string): Buffer;
  /** This transform's hyper-parameters, in the order of `hyper`. */
  readonly hyper: Buffer;
}

/** One piece of an optimizer. */
export interface Transform {
  readonly name: string;
  /** Words that `hyper` gives. */
  readonly hyperWords: number;
  /** Values of the hyper-parameter words at a step, counted from 1. @throws OptionError where a schedule gives a number out of range. */
  hyper(step: number): readonly number[];
  /** The pieces of a chain; of a single transform, itself. */
  readonly pieces: readonly Transform[];
  /** Whether it needs the whole gradient at once, as a norm over all of it does; else it is asked for each parameter by itself. */
  readonly whole: boolean;
  emit(context: UpdateContext): void;
}

/** Declares a transform. */
export function defineTransform(piece: Omit<Transform, "pieces" | "whole"> & { whole?: boolean }): Transform {
  const transform: Transform = { whole: false, ...piece, pieces: [] };
  return { ...transform, pieces: [transform] };
}

/**
 * Transforms one after the other: what changes the gradient first, what updates the parameters last.
 * @example chain(clipByGlobalNorm(1), adamW({ learningRate: 3e-4 }))
 */
export function chain(...transforms: readonly Transform[]): Transform {
  const pieces = transforms.flatMap((transform) => transform.pieces);
  if (pieces.length === 0) throw new OptionError("chain: wanted at least one transform, got none");
  return {
    name: pieces.map((piece) => piece.name).join(", "),
    hyperWords: pieces.reduce((sum, piece) => sum + piece.hyperWords, 0),
    hyper: (step) => pieces.flatMap((piece) => piece.hyper(step)),
    pieces,
    whole: pieces.some((piece) => piece.whole),
    emit: (context) => {
      for (const piece of pieces) piece.emit(context);
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

/** Checks a number that must lie in low ≤ x < high. */
export function checkRange(where: string, value: number, low: number, high: number): number {
  if (!(value >= low && value < high))
    throw new OptionError(`${where}: wanted ${low} ≤ x < ${high}, got ${value}`);
  return value;
}

/** base to a whole power by multiplications alone: the same bits on every runtime, where Math.pow is not. */
export function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}
