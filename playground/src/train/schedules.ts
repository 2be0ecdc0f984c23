// Learning-rate schedules as shapes: what the rate is multiplied by at each step, 1 at its highest.
import {
  cosineDecay,
  cosineRestarts,
  exponentialDecay,
  linear,
  oneCycle,
  stepDecay,
  warmup,
  warmupCosine,
} from "downhill/optim";

/** By the steps that the training is to have in all. */
export const SCHEDULES = {
  constant: () => () => 1,
  warmup: (steps: number) => warmup(1, { steps: part(steps, 0.1) }),
  linear: (steps: number) => linear({ from: 1, to: 0, steps }),
  cosine: (steps: number) => cosineDecay({ from: 1, to: 0, steps }),
  warmupCosine: (steps: number) => warmupCosine({ peak: 1, warmup: part(steps, 0.1), total: steps }),
  cosineRestarts: (steps: number) => cosineRestarts({ from: 1, to: 0, period: part(steps, 0.2) }),
  stepDecay: (steps: number) => stepDecay({ from: 1, factor: 0.3, every: part(steps, 0.25) }),
  exponential: (steps: number) => exponentialDecay({ from: 1, factor: 0.01, every: steps }),
  oneCycle: (steps: number) => oneCycle({ peak: 1, steps }),
} as const satisfies Record<string, (steps: number) => (step: number) => number>;

export type ScheduleName = keyof typeof SCHEDULES;
export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as ScheduleName[];

const part = (steps: number, share: number) => Math.max(1, Math.round(steps * share));
