// Callbacks that end a training: when it no longer gets better, when it is good enough, when its time is up.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Callback, TrainingControl } from "./callbacks.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before the end. Default: 0. */
  readonly patience?: number;
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
  const {
    patience = 0,
    minDelta = 0,
    restoreBest = true,
  } = checkOptions("earlyStopping", options, {
    monitor: 0,
    mode: 0,
    patience: 0,
    minDelta: 0,
    restoreBest: 0,
  });
  if (!Number.isInteger(patience) || patience < 0) {
    throw new OptionError(`earlyStopping: patience: wanted an integer ≥ 0, got ${patience}`);
  }
  if (!(minDelta >= 0))
    throw new OptionError(`earlyStopping: minDelta: wanted a number ≥ 0, got ${minDelta}`);
  const monitor = new Monitor("earlyStopping", options);
  let weights: Float32Array | undefined;
  let waited = 0;
  return {
    onBegin(control) {
      weights = undefined;
      waited = 0;
      monitor.begin(control);
    },
    onEpoch(record, control) {
      if (monitor.improves(record, minDelta)) {
        waited = 0;
        if (restoreBest) weights = control.model.weights.snapshot();
      } else if (waited++ >= patience) {
        control.stop(`${monitor.name} has not improved on ${monitor.best} for ${waited} epochs`);
      }
    },
    onEnd({ model }) {
      if (weights) model.weights.restore(weights);
    },
  };
}

/** Options of {@link stopAtTarget}. */
export interface StopAtTargetOptions extends MonitorOptions {
  /** The value that is good enough. */
  readonly target: number;
}

/**
 * Ends the training after the first epoch in which a number has reached a target.
 * @throws OptionError for a target that is not finite, an unknown mode, or a number that is not there to watch.
 * @example stopAtTarget({ monitor: "validation.accuracy", target: 0.97 })
 */
export function stopAtTarget(options: StopAtTargetOptions): Callback {
  const { target } = checkOptions("stopAtTarget", options, { monitor: 0, mode: 0, target: 0 });
  if (!Number.isFinite(target)) {
    throw new OptionError(`stopAtTarget: target: wanted a finite number, got ${target}`);
  }
  const monitor = new Monitor("stopAtTarget", options);
  return {
    onBegin: (control) => monitor.begin(control),
    onEpoch(record, control) {
      const value = monitor.value(record);
      if (value === target || monitor.better(value, target)) {
        control.stop(`${monitor.name} has reached ${target}: ${value}`);
      }
    },
  };
}

/**
 * Ends the training at the first look after some seconds, within an epoch too: after a slice of about 25 ms for a dataset
 * in memory, after a step for a stream. Validation, where there is some, is still measured once.
 * @throws OptionError for seconds that are not a finite number > 0.
 * @example timeBudget({ seconds: 60 })
 */
export function timeBudget(options: { readonly seconds: number }): Callback {
  const { seconds } = checkOptions("timeBudget", options, { seconds: 0 });
  if (!(seconds > 0 && Number.isFinite(seconds))) {
    throw new OptionError(`timeBudget: seconds: wanted a finite number > 0, got ${seconds}`);
  }
  let end = 0;
  const look = ({ stop }: TrainingControl) => {
    if (performance.now() >= end) stop(`${seconds} seconds are over`, "now");
  };
  return {
    onBegin() {
      end = performance.now() + 1000 * seconds;
    },
    onProgress: (_, control) => look(control),
    onEpoch: (_, control) => look(control),
  };
}
