// Who races: an optimizer with the ranges of its hyperparameters, and the draws from them.

import { Draws } from "../core/draws.ts";
import { OptionError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import type { Transform } from "../optim/transform.ts";

/** Where a hyperparameter is searched: an interval, evenly in its numbers or in their logarithms, or some choices. */
export type HyperRange =
  | { readonly low: number; readonly high: number; readonly scale: "log" | "linear" }
  | readonly number[];

/** Hyperparameters by name. */
export type Hyper = Readonly<Record<string, number>>;

/** An optimizer with the ranges in which it is tuned. */
export interface RaceEntrant {
  readonly name: string;
  readonly ranges: Readonly<Record<string, HyperRange>>;
  make(hyper: Hyper): Transform;
}

/**
 * An entrant whose ranges fit what makes it.
 * @throws OptionError for an interval without numbers, one in logarithms that is not above 0, and no choices.
 * @example
 * const mine = entrant("adam", { learningRate: { low: 1e-4, high: 1, scale: "log" }, beta2: [0.99, 0.999] }, adam);
 */
export function entrant<Name extends string>(
  name: string,
  ranges: Readonly<Record<Name, HyperRange>>,
  make: (hyper: Readonly<Record<Name, number>>) => Transform,
): RaceEntrant {
  const made: RaceEntrant = { name, ranges, make };
  checkRanges(made);
  return made;
}

/** @throws OptionError naming the entrant and its range. */
export function checkRanges({ name, ranges }: RaceEntrant): void {
  for (const [key, range] of Object.entries<HyperRange>(ranges)) {
    const refuse = (wanted: string): never => {
      throw new OptionError(`race: ${name}: ${key}: wanted ${wanted}, got ${JSON.stringify(range)}`);
    };
    if (!("scale" in range)) {
      if (!(Array.isArray(range) && range.length > 0 && range.every(Number.isFinite)))
        refuse("{ low, high, scale } or at least one finite number");
      continue;
    }
    const { low, high, scale } = range;
    if (scale !== "log" && scale !== "linear") refuse('the scale "log" or "linear"');
    if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) refuse("finite low ≤ high");
    if (scale === "log" && !(low > 0)) refuse('low > 0 for the scale "log"');
  }
}

/** n sets of hyperparameters: the same for the same seed and stream, and the first ones of any larger n. */
export function drawHyper({ ranges }: RaceEntrant, n: number, seed: number, stream: string): Hyper[] {
  const draws = new Draws(seed, `race ${stream}`);
  const draw = (range: HyperRange): number => {
    const u = draws.uniform();
    if (!("scale" in range)) return range[Math.floor(u * range.length)]!;
    const { low, high, scale } = range;
    const value = scale === "log" ? low * exp(u * log(high / low)) : low + u * (high - low);
    return Math.min(Math.max(value, low), high);
  };
  return Array.from({ length: n }, () =>
    Object.fromEntries(Object.entries(ranges).map(([key, range]) => [key, draw(range)])),
  );
}
