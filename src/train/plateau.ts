// Tells a schedule that waits for a plateau what each epoch came to.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Callback } from "./callbacks.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** What wants to know; whether less or more is better it knows itself. */
export interface Plateau {
  observe(value: number): void;
}

/** Options of {@link onPlateau}. */
export type PlateauOptions = Pick<MonitorOptions, "monitor">;

/**
 * Gives a number of each epoch to what adapts to it, such as a learning rate that falls when the loss no longer does.
 * @throws OptionError for something that cannot observe, or a number that is not there to watch.
 * @example onPlateau({ observe: (value) => console.log(value) }, { monitor: "validation.loss" })
 */
export function onPlateau(plateau: Plateau, options: PlateauOptions = {}): Callback {
  if (typeof plateau?.observe !== "function") {
    throw new OptionError(`onPlateau: plateau: wanted something with a method observe, got ${plateau}`);
  }
  const monitor = new Monitor("onPlateau", checkOptions("onPlateau", options, { monitor: 0 }));
  return {
    onBegin: (control) => monitor.begin(control),
    onEpoch: (record) => plateau.observe(monitor.value(record)),
  };
}
