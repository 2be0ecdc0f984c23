// What is raced on: a task runs an optimizer from a seed and tells what the watched number was, step by step.
import type { Surface } from "../minimize/surfaces.ts";
import type { Transform } from "../optim/transform.ts";

/** The number that a run has to reach. */
export interface RaceTarget {
  /** What is watched: "loss", "value", "accuracy". */
  readonly of: string;
  readonly value: number;
  /** Which way it improves. */
  readonly better: "lower" | "higher";
}

/** Where a run stood. */
export interface RaceRecord {
  /** Counted from 1; 0 is the start. */
  readonly step: number;
  /** The watched number; one that is not finite ends a run that diverged. */
  readonly value: number;
  /** Of work so far, measurements of the watched number left out where they cost any. */
  readonly seconds: number;
  /** Of a surface, with the option `points`. */
  readonly point?: Float64Array;
}

/** The course of a run, record by record. */
export type Trajectory = readonly RaceRecord[];

/** How long a task runs, and what it keeps. */
export interface RaceRunOptions {
  /** Steps at most: the task's, or fewer where a trial has already lost by then. */
  readonly maxSteps: number;
  /** Keeps the points of a surface, for a drawing. */
  readonly points: boolean;
}

/**
 * Something to optimize. A run ends at the target, at its last step or where the numbers stop being finite; its start and
 * its batches depend on the seed alone, never on the optimizer.
 */
export interface RaceTask {
  readonly name: string;
  readonly target: RaceTarget;
  /** Of a run with the best hyperparameters. */
  readonly maxSteps: number;
  /** What is descended on, where that can be drawn. */
  readonly surface?: Surface;
  run(optimizer: Transform, seed: number, options: RaceRunOptions): Trajectory | Promise<Trajectory>;
}

/** Whether a value is as good as the target. */
export function reaches({ value, better }: RaceTarget, measured: number): boolean {
  return better === "lower" ? measured <= value : measured >= value;
}
