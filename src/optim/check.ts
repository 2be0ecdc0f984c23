// The checks that schedules make of their options before they give a number.
import { OptionError } from "../core/errors.ts";
import type { Schedule } from "./transform.ts";

/** A finite number from a least one on: a learning rate, a speed, a threshold. */
export function checkRate(where: string, value: number, least = 0): number {
  if (!(Number.isFinite(value) && value >= least))
    throw new OptionError(`${where}: wanted a finite number ≥ ${least}, got ${value}`);
  return value;
}

/** A part of a whole: 0 ≤ x ≤ most. */
export function checkShare(where: string, value: number, most = 1): number {
  if (!(Number.isFinite(value) && value >= 0 && value <= most))
    throw new OptionError(`${where}: wanted 0 ≤ x ≤ ${most}, got ${value}`);
  return value;
}

/** A number of steps, of observations, of turns. */
export function checkInteger(where: string, value: number, least = 1): number {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new OptionError(`${where}: wanted an integer ≥ ${least}, got ${value}`);
  return value;
}

/** Integers, each above the one before, the first of them given a least value. */
export function checkRising(where: string, values: readonly number[], least: number): void {
  values.forEach((value, i) => {
    checkInteger(`${where}[${i}]`, value, i === 0 ? least : values[i - 1]! + 1);
  });
}

/** A list that must not be empty, copied: what the caller does to it afterwards changes nothing. */
export function checkList<T>(where: string, list: readonly T[]): readonly T[] {
  if (!(Array.isArray(list) && list.length > 0))
    throw new OptionError(
      `${where}: wanted at least one, got ${Array.isArray(list) ? "none" : String(list)}`,
    );
  return [...list];
}

/** A schedule inside another one: a function, or a learning rate that stays. */
export function checkSchedule(where: string, schedule: Schedule): Schedule {
  if (typeof schedule !== "function" && !(Number.isFinite(schedule) && schedule >= 0))
    throw new OptionError(`${where}: wanted a function or a finite number ≥ 0, got ${String(schedule)}`);
  return schedule;
}
