// What can be done while a training runs: a callback is a record of functions, all optional.
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";

/** The numbers of one epoch. Validation numbers are there where validation data was given. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Whether all of the epoch's steps were done; a callback may have cut it short. */
  readonly complete: boolean;
  /** Steps over the whole training so far. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly validation:
    | { readonly loss: number; readonly metrics: Readonly<Record<string, number>> }
    | undefined;
  /** Steps of this epoch whose update was left out, the loss not being finite. */
  readonly skipped: number;
  readonly seconds: number;
  /** Training examples a second, validation not counted. */
  readonly examplesPerSecond: number;
}

/** How far the epoch under way is. */
export interface ProgressRecord {
  readonly epoch: number;
  readonly step: number;
  /** Examples of this epoch so far. */
  readonly examples: number;
  /** Means over the epoch so far. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** What callbacks may see and do. */
export interface TrainingControl {
  readonly model: Model;
  readonly epochs: number;
  /** Examples of an epoch, where it is known beforehand. */
  readonly examples: number | undefined;
  /** Names of the numbers that epochs have: loss, the metrics, and the same after "validation." where there is validation. */
  readonly monitors: readonly string[];
  /**
   * Ends the training; the first reason stands in the result. By default the epoch is finished; "now" cuts it short, and
   * what was done of it is measured, recorded and told like an epoch.
   */
  stop(reason: string, when?: "after-epoch" | "now"): void;
  /** Numbers of the optimizer's state, as Trainer.state. */
  state(name: string): Float32Array;
  /** The average of the weights, as Trainer.average. */
  average(): Map<string, ParameterValues>;
  /** Lends the average to the model while some work is done, as Trainer.withAverage. */
  withAverage<T>(work: () => T | Promise<T>): Promise<T>;
}

/** Why the training ends, from a callback that takes the error upon itself; undefined leaves it to others. */
export type ErrorAnswer = string | undefined;

/** What a training tells of itself; every part may be left out. */
export interface Callback {
  /** onProgress comes behind each step whose number is a multiple of this, beside other times. Default: none is promised. */
  readonly every?: number;
  onBegin?(control: TrainingControl): void | Promise<void>;
  /** Some steps were done; how many depends on the clock, but for `every`. */
  onProgress?(record: ProgressRecord, control: TrainingControl): void | Promise<void>;
  onEpoch?(record: EpochRecord, control: TrainingControl): void | Promise<void>;
  /** An error is about to end the training: a reason given back makes it an end like any other, and nothing is thrown. */
  onError?(error: unknown, control: TrainingControl): ErrorAnswer | Promise<ErrorAnswer>;
  /** The training ended, by itself, by stop or by an error. */
  onEnd?(control: TrainingControl): void | Promise<void>;
}
