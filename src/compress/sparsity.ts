// How many weights are 0 when: schedules of sparsity over the epochs, or the steps, of a training.
import { OptionError } from "../core/errors.ts";
import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";

/** The share of zeros behind an epoch, or a step where it is `every` so many that prune; 0 is the start. */
export type SparsitySchedule = (time: number) => number;

/** Options of {@link gradualSparsity} and {@link iterativeSparsity}; epochs are steps where steps are what prunes. */
export interface SparsityOptions {
  /** The share at the end, 0 < to < 1. */
  readonly to: number;
  /** The last epoch that prunes. */
  readonly end: number;
  /** The share at the beginning. Default: 0. */
  readonly from?: number;
  /** The epoch behind which the share is `from`. Default: 0. */
  readonly begin?: number;
  /** Epochs from one pruning to the next. Default: 1. */
  readonly every?: number;
}

function scheduled(
  name: string,
  options: SparsityOptions,
  share: (progress: number, from: number, to: number) => number,
): SparsitySchedule {
  const known = { to: 0, end: 0, from: 0, begin: 0, every: 0 } as const;
  const { to, end, from = 0, begin = 0, every = 1 } = checkOptions(name, options, known);
  if (!(from >= 0 && from <= to && to < 1))
    throw new OptionError(`${name}: wanted 0 ≤ from ≤ to < 1, got ${from} and ${to}`);
  if (!(begin >= 0 && end > begin && every >= 1 && [begin, end, every].every(Number.isInteger)))
    throw new OptionError(
      `${name}: wanted integers 0 ≤ begin < end and every ≥ 1, got ${begin}, ${end} and ${every}`,
    );
  return (time) => {
    if (time < begin) return 0;
    if (time >= end) return to;
    const last = time - ((time - begin) % every);
    return share((last - begin) / (end - begin), from, to);
  };
}

/**
 * Much at first and less and less: to + (from − to) (1 − t)³, t the share of the way from begin to end. Zhu and Gupta 2017.
 * @throws OptionError for shares or epochs out of order.
 * @example gradualSparsity({ to: 0.9, end: 6 })
 */
export function gradualSparsity(options: SparsityOptions): SparsitySchedule {
  return scheduled("gradualSparsity", options, (t, from, to) => to + (from - to) * (1 - t) ** 3);
}

/**
 * The same share of what is left each time: 1 − (1 − from) ((1 − to) / (1 − from))ᵗ. Han et al. 2015; Frankle and Carbin 2019.
 * @throws OptionError for shares or epochs out of order.
 * @example iterativeSparsity({ to: 0.9, end: 10, every: 2 })
 */
export function iterativeSparsity(options: SparsityOptions): SparsitySchedule {
  return scheduled(
    "iterativeSparsity",
    options,
    (t, from, to) => 1 - (1 - from) * pow((1 - to) / (1 - from), t),
  );
}

/**
 * All at once, behind an epoch or a step.
 * @throws OptionError for a share out of 0 ≤ to < 1, or a time that is no integer ≥ 0.
 * @example oneShotSparsity({ to: 0.8, at: 3 })
 */
export function oneShotSparsity(options: { readonly to: number; readonly at: number }): SparsitySchedule {
  const { to, at } = checkOptions("oneShotSparsity", options, { to: 0, at: 0 });
  if (!(to >= 0 && to < 1 && Number.isInteger(at) && at >= 0))
    throw new OptionError(`oneShotSparsity: wanted 0 ≤ to < 1 and an integer at ≥ 0, got ${to} and ${at}`);
  return (time) => (time < at ? 0 : to);
}
