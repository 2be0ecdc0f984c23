// The units that bounds of rounding are counted in, and what sums of many terms come to.
import type { Values } from "./elements.ts";

/** Half a unit in the last place of 1. */
export const UNIT = 2 ** -24;

/** Results near the end of the normal range may be zero: e⁻ˣ is flushed there before it is multiplied by x. */
export const TINY = 2 ** -119;

/** Roundings of most functions: each goes through a few operations, or a function that is off by up to 2 units in the last place. */
export const ROUNDINGS = 8;

/** Roundings that meet in a sum of n terms: at worst each, likely √n of them (Higham and Mary 2019, λ = 8). */
export const summed = (n: number) => UNIT * (Math.min(n, 8 * Math.sqrt(n)) + 2);

export const magnitudes = (x: Values) => x.map(Math.abs);
