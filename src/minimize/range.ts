// Checks of options: each error names the option, its value and what it may be.
import { OptionError } from "../core/errors.ts";

function refuse(where: string, wanted: string, value: unknown): never {
  throw new OptionError(
    `${where}: wanted ${wanted}, got ${typeof value === "string" ? `"${value}"` : value}`,
  );
}

/** A finite number > 0. */
export function positive(where: string, value: number): number {
  return value > 0 && Number.isFinite(value) ? value : refuse(where, "a finite number > 0", value);
}

/** A number ≥ 0; ∞ is one. */
export function notNegative(where: string, value: number): number {
  return typeof value === "number" && value >= 0 ? value : refuse(where, "a number ≥ 0", value);
}

/** A number in 0 ≤ x < 1. */
export function share(where: string, value: number): number {
  return value >= 0 && value < 1 ? value : refuse(where, "0 ≤ x < 1", value);
}

/** An integer ≥ least. */
export function whole(where: string, value: number, least: number): number {
  return Number.isSafeInteger(value) && value >= least
    ? value
    : refuse(where, `an integer ≥ ${least}`, value);
}

/** One of some names. */
export function oneOf<T extends string>(where: string, value: T, names: readonly T[]): T {
  return names.includes(value) ? value : refuse(where, names.map((name) => `"${name}"`).join(" or "), value);
}
