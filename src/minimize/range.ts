// Checks of options beside those that optimizers have: each error names the option, its value and what it may be.
import { OptionError } from "../core/errors.ts";

/** A number ≥ 0; ∞ is one. */
export function notNegative(where: string, value: number): number {
  if (!(typeof value === "number" && value >= 0))
    throw new OptionError(`${where}: wanted a number ≥ 0, got ${value}`);
  return value;
}

/** An integer ≥ least. */
export function whole(where: string, value: number, least: number): number {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new OptionError(`${where}: wanted an integer ≥ ${least}, got ${value}`);
  return value;
}
