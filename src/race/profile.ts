// Performance profiles: how often each entrant is within a factor τ of the best. Dolan & Moré 2002, "Benchmarking
// optimization software with performance profiles"; the area as in Dahl et al. 2023, "Benchmarking neural network
// training algorithms" (AlgoPerf), section 4.3.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";

/** Options of {@link performanceProfile}. */
export interface ProfileOptions {
  /** The largest factor τ of the area, > 1. Default: 4, as AlgoPerf. */
  readonly tauMax?: number;
}

/** One entrant's curve. */
export interface Profile {
  readonly name: string;
  /** By task: its measure over the best one; ∞ where it has none. */
  readonly ratios: readonly number[];
  /** The steps of the curve, τ rising: from each τ on, the share of all tasks within that factor of the best. */
  readonly curve: readonly { readonly tau: number; readonly share: number }[];
  /** Mean share over 1 ≤ τ ≤ τ max: 1 for whoever is best at everything. */
  readonly area: number;
}

/**
 * Profiles of some entrants over the same tasks.
 * @param measures by entrant, for each task what it took, such as steps; ∞ where it did not get there. A task that nobody
 * solved counts for nobody.
 * @throws OptionError for lists of different lengths or none, measures that are no numbers ≥ 0, and τ max ≤ 1.
 * @example
 * const [first] = performanceProfile(new Map([["adam", [100, 80]], ["sgd", [50, Infinity]]]));
 * first.area; // (1 + 2 / 3) / 2: best at the second task, and within a factor 2 of 4 at the first
 */
export function performanceProfile(
  measures: ReadonlyMap<string, readonly number[]>,
  options: ProfileOptions = {},
): Profile[] {
  const { tauMax = 4 } = checkOptions("performanceProfile", options, { tauMax: 0 });
  if (!(tauMax > 1 && Number.isFinite(tauMax)))
    throw new OptionError(`performanceProfile: tauMax: wanted a finite number > 1, got ${tauMax}`);
  const tasks = [...measures.values()][0]?.length ?? 0;
  for (const [name, list] of measures) {
    if (list.length === 0 || list.length !== tasks)
      throw new OptionError(
        `performanceProfile: ${name}: wanted a number for each of ${tasks || "one or more"} tasks, got ${list.length}`,
      );
    const wrong = list.find((each) => !(each >= 0));
    if (wrong !== undefined)
      throw new OptionError(`performanceProfile: ${name}: wanted numbers ≥ 0, got ${wrong}`);
  }
  const best = Array.from({ length: tasks }, (_, task) =>
    [...measures.values()].reduce((least, list) => Math.min(least, list[task]!), Infinity),
  );
  return [...measures].map(([name, list]) => {
    const ratios = list.map((each, task) =>
      each === Infinity ? Infinity : each === best[task] ? 1 : each / best[task]!,
    );
    const within = (tau: number) => ratios.filter((ratio) => ratio <= tau).length / tasks;
    const taus = [...new Set([1, ...ratios.filter(Number.isFinite)])].sort((a, b) => a - b);
    const area = ratios.reduce((sum, ratio) => sum + Math.max(0, tauMax - ratio), 0) / ((tauMax - 1) * tasks);
    return { name, ratios, curve: taus.map((tau) => ({ tau, share: within(tau) })), area };
  });
}
