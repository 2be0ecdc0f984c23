// What a callback watches: one number of the epochs, by its name, and whether less or more of it is better.
import { OptionError } from "../core/errors.ts";
import { oneOf } from "../optim/transform.ts";
import type { EpochRecord, TrainingControl } from "./callbacks.ts";

/** Which number of an epoch counts, and in which direction. */
export interface MonitorOptions {
  /** What counts: "loss", a metric's name, or either after "validation.". Default: "validation.loss" where there is validation, else "loss". */
  readonly monitor?: string;
  /** Whether less or more is better. Default: "min" for losses, "max" for metrics. */
  readonly mode?: "min" | "max";
}

/** One number of the epochs and the best that it has been. */
export class Monitor {
  name = "";
  best = Number.NaN;
  #sign = 1;
  readonly #where: string;
  readonly #options: MonitorOptions;

  /** @throws OptionError for an unknown mode. */
  constructor(where: string, options: MonitorOptions) {
    const { mode = "min" } = options;
    oneOf(`${where}: mode`, mode, ["min", "max"]);
    this.#where = where;
    this.#options = options;
  }

  /** Begins anew. @throws OptionError for a number that is not there to watch. */
  begin({ monitors }: TrainingControl): void {
    const { monitor = monitors.includes("validation.loss") ? "validation.loss" : "loss", mode } =
      this.#options;
    if (!monitors.includes(monitor)) {
      throw new OptionError(
        `${this.#where}: monitor: there is no ${monitor}; there are ${monitors.join(", ")}`,
      );
    }
    this.name = monitor;
    this.#sign = (mode ?? (monitor.endsWith("loss") ? "min" : "max")) === "min" ? -1 : 1;
    this.best = this.#sign * Number.NEGATIVE_INFINITY;
  }

  value(record: EpochRecord): number {
    return numbersOf(record)[this.name]!;
  }

  /** Whether a value is better than another by more than some change; NaN never is. */
  better(value: number, other: number, change = 0): boolean {
    return (value - other) * this.#sign > change;
  }

  /** Takes the record's number as the best if it is better by more than some change. */
  improves(record: EpochRecord, change = 0): boolean {
    const value = this.value(record);
    if (!this.better(value, this.best, change)) return false;
    this.best = value;
    return true;
  }
}

/** The numbers of an epoch that can be watched, by name. */
export function numbersOf({ loss, metrics, validation }: EpochRecord): Record<string, number> {
  const held = Object.entries(validation ? { loss: validation.loss, ...validation.metrics } : {});
  return {
    loss,
    ...metrics,
    ...Object.fromEntries(held.map(([name, value]) => [`validation.${name}`, value])),
  };
}
