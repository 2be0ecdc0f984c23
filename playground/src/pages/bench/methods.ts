// How long and how often is timed: told by the page, done by the worker.

export interface Method {
  /** Milliseconds of work before anything is timed. */
  readonly warm: number;
  /** Milliseconds of a sample, at least. */
  readonly sample: number;
  /** Samples of each case. */
  readonly rounds: number;
}

export const METHODS = {
  full: { warm: 400, sample: 25, rounds: 9 },
  quick: { warm: 100, sample: 8, rounds: 5 },
} satisfies Record<string, Method>;
