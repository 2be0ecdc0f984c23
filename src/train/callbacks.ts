// What can be done while a training runs: a callback is a record of functions, all optional.
import { OptionError } from "../core/errors.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";

/** The numbers of one epoch. Validation numbers are there where validation data was given. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
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
  /** Ends the training after this epoch; the reason stands in the result. */
  stop(reason: string): void;
  /** The average of the weights, as Trainer.average. */
  average(): Map<string, ParameterValues>;
  /** Lends the average to the model while some work is done, as Trainer.withAverage. */
  withAverage<T>(work: () => T | Promise<T>): Promise<T>;
}

export interface Callback {
  onBegin?(control: TrainingControl): void | Promise<void>;
  /** Some steps were done. */
  onProgress?(record: ProgressRecord, control: TrainingControl): void | Promise<void>;
  onEpoch?(record: EpochRecord, control: TrainingControl): void | Promise<void>;
  /** The training ended, by itself, by stop or by an error. */
  onEnd?(control: TrainingControl): void | Promise<void>;
}

export interface EarlyStoppingOptions {
  /** Epochs without improvement before the end. Default: 0. */
  readonly patience?: number;
  /** What counts: "loss", a metric's name, or either after "validation.". Default: "validation.loss" where there is validation, else "loss". */
  readonly monitor?: string;
  /** Whether less or more is better. Default: "min" for losses, "max" for metrics. */
  readonly mode?: "min" | "max";
  /** Least change that counts as improvement. Default: 0. */
  readonly minDelta?: number;
  /** Whether the weights of the best epoch are put back at the end. Default: true. */
  readonly restoreBest?: boolean;
}

/**
 * Ends the training when a number has not improved for some epochs, and puts the best weights back.
 * @throws OptionError for a patience that is not an integer ≥ 0, or a number that is not there to watch.
 * @example earlyStopping({ patience: 2 })
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { patience = 0, minDelta = 0, restoreBest = true } = options;
  if (!Number.isInteger(patience) || patience < 0) {
    throw new OptionError(`earlyStopping: patience: wanted an integer ≥ 0, got ${patience}`);
  }
  let best: number | undefined;
  let weights: Float32Array | undefined;
  let waited = 0;
  return {
    onBegin() {
      best = undefined;
      weights = undefined;
      waited = 0;
    },
    onEpoch(record, control) {
      const monitor = options.monitor ?? (record.validation ? "validation.loss" : "loss");
      const value = monitored(monitor, record);
      const sign = (options.mode ?? (monitor.endsWith("loss") ? "min" : "max")) === "min" ? -1 : 1;
      if (best === undefined || (value - best) * sign > minDelta) {
        best = value;
        waited = 0;
        if (restoreBest) weights = control.model.weights.snapshot();
      } else if (waited++ >= patience) {
        control.stop(`${monitor} has not improved on ${best} for ${waited} epochs`);
      }
    },
    onEnd({ model }) {
      if (weights) model.weights.restore(weights);
    },
  };
}

/** The number of a record by its name. */
function monitored(name: string, record: EpochRecord): number {
  const [from, key] = name.startsWith("validation.") ? [record.validation, name.slice(11)] : [record, name];
  const value = key === "loss" ? from?.loss : from?.metrics[key];
  if (value === undefined) {
    const known = Object.keys(record.metrics).flatMap((metric) =>
      record.validation ? [metric, `validation.${metric}`] : [metric],
    );
    throw new OptionError(
      `earlyStopping: monitor: there is no ${name}; there are ${["loss", ...known].join(", ")}`,
    );
  }
  return value;
}
