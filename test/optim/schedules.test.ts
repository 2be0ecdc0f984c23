// Every schedule: the rates of PyTorch's schedulers step by step (see test/golden/schedules.py), what the rest of each
// does, and the errors of its options.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import {
  cosineDecay,
  cosineRestarts,
  cyclic,
  exponentialDecay,
  inverseTimeDecay,
  linear,
  multiply,
  multiStepDecay,
  oneCycle,
  type Plateau,
  piecewise,
  polynomialDecay,
  reduceOnPlateau,
  sequence,
  sgd,
  stepDecay,
  warmup,
  warmupCosine,
} from "#src/optim/index";

type Curve = (step: number) => number;
/** Arguments under PyTorch's names. */
// biome-ignore lint/suspicious/noExplicitAny: each scheduler has its own
type Arguments = any;
interface Run {
  readonly name: string;
  readonly scheduler: string;
  readonly arguments: Arguments;
  readonly rates: readonly number[];
  readonly observed?: readonly (number | null)[];
}
const golden = JSON.parse(readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8"));
const runs: readonly Run[] = golden.runs;
const RATE: number = golden.rate;

const first = (curve: Curve, steps: number) => Array.from({ length: steps }, (_, i) => curve(i + 1));

/** Formulas of the runs with LambdaLR and MultiplicativeLR. */
const formulas: Record<string, Curve> = {
  "1 / (1 + 0.5 t / 10)": inverseTimeDecay({ from: RATE, rate: 0.5, every: 10 }),
  "1 / (1 + 0.5 floor(t / 10))": inverseTimeDecay({ from: RATE, rate: 0.5, every: 10, staircase: true }),
  "0.5 ** (t / 10)": exponentialDecay({ from: RATE, factor: 0.5, every: 10 }),
  "0.5 ** floor(t / 10)": exponentialDecay({ from: RATE, factor: 0.5, every: 10, staircase: true }),
  "0.95": exponentialDecay({ from: RATE, factor: 0.95 }),
  "t < 10: t / 10, else (1 + cos(pi min(1, (t - 10) / 40))) / 2": warmupCosine({
    peak: RATE,
    warmup: 10,
    total: 50,
  }),
};

/** A scheduler of PyTorch's as a schedule that begins at a rate. */
const schedulers: Record<string, (options: Arguments, from: number) => Curve> = {
  StepLR: ({ step_size: every, gamma: factor }, from) => stepDecay({ from, factor, every }),
  MultiStepLR: ({ milestones, gamma: factor }, from) => multiStepDecay({ from, factor, milestones }),
  ConstantLR: ({ factor = 1 / 3, total_iters = 5 }, from) =>
    piecewise([
      { from: 1, value: from * factor },
      { from: total_iters + 1, value: from },
    ]),
  LinearLR: ({ start_factor = 1 / 3, end_factor = 1, total_iters: steps = 5 }, from) =>
    linear({ from: from * start_factor, to: from * end_factor, steps }),
  ExponentialLR: ({ gamma: factor }, from) => exponentialDecay({ from, factor }),
  PolynomialLR: ({ total_iters: steps, power }, from) => polynomialDecay({ from, steps, power }),
  CosineAnnealingLR: ({ T_max: steps, eta_min: to }, from) => cosineDecay({ from, to, steps }),
  CosineAnnealingWarmRestarts: ({ T_0: period, T_mult: multiplier, eta_min: to }, from) =>
    cosineRestarts({ from, to, period, multiplier }),
  OneCycleLR: (options) =>
    oneCycle({
      peak: options.max_lr,
      steps: options.total_steps,
      rise: options.pct_start,
      anneal: options.anneal_strategy === "cos" ? "cosine" : "linear",
      phases: options.three_phase ? 3 : 2,
      startDivisor: options.div_factor,
      endDivisor: options.final_div_factor,
    }),
  CyclicLR: ({ base_lr: low, max_lr: high, step_size_up: up, step_size_down: down, mode, gamma: factor }) =>
    cyclic({ low, high, up, down, mode: mode === "exp_range" ? "exponential" : mode, factor }),
  LambdaLR: ({ formula }) => formulas[formula]!,
  MultiplicativeLR: ({ formula }) => formulas[formula]!,
  SequentialLR: ({ schedulers: parts, milestones }, from) =>
    sequence(
      parts.map(([name, options]: [string, Arguments], i: number) => ({
        schedule: schedulers[name]!(options, from),
        steps: milestones[i] - (milestones[i - 1] ?? 0),
      })),
    ),
  ChainedScheduler: ({ schedulers: parts }, from) =>
    multiply(from, ...parts.map(([name, options]: [string, Arguments]) => schedulers[name]!(options, 1))),
};

/** Some of PyTorch's go from rate to rate by products, up to 200 of them, each off by 1.1e-16 at most. */
const RELATIVE = 1e-12;
/** OneCycleLR reaches its last rate as (last − peak) + peak, whose rounding is relative to the peak. */
const OF_PEAK: Record<string, number> = { OneCycleLR: 2 ** -53 };

describe(`as PyTorch ${golden.torch}`, () => {
  test("there are runs of everything that is compared, and nothing else", () => {
    const names = [...Object.keys(schedulers), "ReduceLROnPlateau"];
    expect(new Set(runs.map(({ scheduler }) => scheduler))).toEqual(new Set(names));
  });
  test.each(runs.filter(({ observed }) => !observed))("$name: $arguments", (run) => {
    const curve = schedulers[run.scheduler]!(run.arguments, RATE);
    const peak = Math.max(...run.rates);
    const slack = peak * (OF_PEAK[run.scheduler] ?? 0);
    first(curve, run.rates.length).forEach((rate, i) => {
      const wanted = run.rates[i]!;
      expect(Math.abs(rate - wanted), `step ${i + 1}: ${rate}, PyTorch ${wanted}`).toBeLessThanOrEqual(
        RELATIVE * wanted + slack,
      );
    });
  });
  test.each(runs.filter(({ observed }) => observed))("$name: $arguments", (run) => {
    const { factor, patience, threshold, threshold_mode, cooldown, min_lr, eps, mode }: Arguments =
      run.arguments;
    const plateau = reduceOnPlateau({
      learningRate: RATE,
      factor,
      patience,
      threshold,
      thresholdMode: threshold_mode === "abs" ? "absolute" : "relative",
      cooldown,
      minimum: min_lr,
      epsilon: eps,
      mode,
    });
    expect(plateau.schedule(1)).toBe(RATE);
    run.observed!.forEach((value, i) => {
      plateau.observe(value ?? Number.NaN);
      // The same operations in the same order.
      expect(plateau.schedule(i + 2), `observation ${i + 1}`).toBe(run.rates[i]);
    });
  });
});

describe("what PyTorch does otherwise or has not", () => {
  test.each<[string, Curve, number, number]>([
    ["linear", linear({ from: 0.3, to: 0.1, steps: 7 }), 7, 0.1],
    ["linear, up", linear({ from: 0, to: 0.3, steps: 7 }), 7, 0.3],
    ["cosineDecay", cosineDecay({ from: 0.3, to: 0.1, steps: 7 }), 7, 0.1],
    ["cosineDecay, up", cosineDecay({ from: 0.1, to: 0.7, steps: 3 }), 3, 0.7],
    ["polynomialDecay", polynomialDecay({ from: 0.3, to: 0.1, steps: 7, power: 0.5 }), 7, 0.1],
    ["polynomialDecay to the power 0", polynomialDecay({ from: 0.3, to: 0.1, steps: 7, power: 0 }), 7, 0.1],
    ["oneCycle", oneCycle({ peak: 0.3, steps: 8, startDivisor: 3, endDivisor: 4 }), 7, 0.3 / 3 / 4],
    ["oneCycle of one step", oneCycle({ peak: 8, steps: 1, startDivisor: 2, endDivisor: 2 }), 0, 2],
    ["warmupCosine", warmupCosine({ peak: 0.3, warmup: 3, total: 7, floor: 0.1 }), 7, 0.1],
  ])("%s stays exactly at its end", (_, curve, steps, end) => {
    expect(steps === 0 || curve(steps) !== end).toBe(true);
    for (const step of [steps + 1, steps + 2, 2 * steps + 1, 10 * steps + 1, 1e9])
      expect(curve(step)).toBe(end);
  });
  test("oneCycle reaches its peak where PyTorch divides by the length of a phase without steps", () => {
    expect(first(oneCycle({ peak: 1, steps: 10, rise: 0.1 }), 2)[0]).toBe(1);
    expect(first(oneCycle({ peak: 1, steps: 10, rise: 1 }), 10)[9]).toBe(1);
    expect(oneCycle({ peak: 1, steps: 10, rise: 1, startDivisor: 2, endDivisor: 2 })(11)).toBe(0.25);
  });
  test("polynomialDecay goes to its end", () => {
    expect(first(polynomialDecay({ from: 5, to: 1, steps: 4, power: 2 }), 6)).toEqual([
      5, 3.25, 2, 1.25, 1, 1,
    ]);
  });
  test("piecewise holds each value from its step on", () => {
    const pieces = [
      { from: 1, value: 3 },
      { from: 3, value: 2 },
      { from: 4, value: 0 },
    ];
    const curve = piecewise(pieces);
    pieces[2]!.value = 9;
    pieces.pop();
    expect(first(curve, 6)).toEqual([3, 3, 2, 0, 0, 0]);
  });
  test("sequence lets each stage count from 1, and the last go on", () => {
    const own: Curve = (step) => step;
    expect(first(sequence([{ schedule: own }]), 3)).toEqual([1, 2, 3]);
    const curve = sequence([
      { schedule: own, steps: 3 },
      { schedule: 0.5, steps: 1 },
      { schedule: own, steps: 1 },
    ]);
    expect(first(curve, 8)).toEqual([1, 2, 3, 0.5, 1, 2, 3, 4]);
  });
  test("multiply multiplies", () => {
    expect(
      first(
        multiply(2, (step) => step, stepDecay({ from: 1, factor: 0.5, every: 2 })),
        4,
      ),
    ).toEqual([2, 4, 3, 4]);
  });
  test("warmup goes up to the schedule's first value, then gives it its own steps", () => {
    expect(first(warmup(8, { steps: 4 }), 6)).toEqual([0, 2, 4, 6, 8, 8]);
    const curve = warmup((step) => 10 + step, { steps: 2, from: 7 });
    expect(first(curve, 5)).toEqual([7, 9, 11, 12, 13]);
  });
  test("cyclic has its peaks and valleys exactly", () => {
    const curve = cyclic({ low: 1, high: 3, up: 2, down: 4, mode: "triangular2" });
    expect(first(curve, 13)).toEqual([1, 2, 3, 2.5, 2, 1.5, 1, 1.5, 2, 1.75, 1.5, 1.25, 1]);
    expect(first(cyclic({ low: 0, high: 1, up: 1, mode: "exponential", factor: 0.5 }), 4)).toEqual([
      0, 0.5, 0, 0.125,
    ]);
    expect(cyclic({ low: 0, high: 1 })(2001)).toBe(1);
  });
  test("a plateau's numbers are its own", () => {
    const options = { learningRate: 1, patience: 0 };
    const [one, other] = [reduceOnPlateau(options), reduceOnPlateau(options)];
    for (let i = 0; i < 2; i++) one.observe(1);
    expect([one.schedule(7), other.schedule(7)]).toEqual([0.1, 1]);
  });
  test("an optimizer takes any of them", () => {
    const { hyper } = sgd({ learningRate: warmupCosine({ peak: 0.5, warmup: 5, total: 10 }) });
    expect([1, 2, 6, 11].map((step) => hyper(step)[0])).toEqual([0, 0.1, 0.5, 0]);
  });
});

describe("over 10,000 steps, whatever the options,", () => {
  const STEPS = 10_000;
  const rate = fc.oneof(
    fc.double({ min: 0, max: 10, noNaN: true }),
    fc.constantFrom(0, 5e-324, 1e-300, 1e100),
  );
  const share = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 0.5, 5e-324));
  const count = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 12_000 }));
  const staircase = fc.boolean();
  const divisor = fc.double({ min: 1, max: 1e6, noNaN: true });
  const rising = fc
    .uniqueArray(fc.integer({ min: 2, max: 12_000 }), { minLength: 1, maxLength: 6 })
    .map((values) => values.sort((a, b) => a - b));
  const up = fc.tuple(rate, rate).map((pair) => pair.sort((a, b) => a - b));

  const curves: Record<string, fc.Arbitrary<Curve>> = {
    stepDecay: fc.record({ from: rate, factor: share, every: count }).map(stepDecay),
    multiStepDecay: fc.record({ from: rate, factor: share, milestones: rising }).map(multiStepDecay),
    exponentialDecay: fc.record({ from: rate, factor: share, every: count, staircase }).map(exponentialDecay),
    inverseTimeDecay: fc.record({ from: rate, rate, every: count, staircase }).map(inverseTimeDecay),
    linear: fc.record({ from: rate, to: rate, steps: count }).map(linear),
    cosineDecay: fc.record({ from: rate, to: rate, steps: count }).map(cosineDecay),
    polynomialDecay: fc.record({ from: rate, to: rate, steps: count, power: rate }).map(polynomialDecay),
    cosineRestarts: fc
      .record({ from: rate, to: rate, period: count, multiplier: fc.integer({ min: 1, max: 4 }) })
      .map(cosineRestarts),
    oneCycle: fc
      .record({
        peak: rate,
        steps: count,
        rise: share.map((all) => all / 2),
        anneal: fc.constantFrom("cosine", "linear"),
        phases: fc.constantFrom(2, 3),
        startDivisor: divisor,
        endDivisor: divisor,
      })
      .map(oneCycle),
    cyclic: fc
      .record({ bounds: up, up: count, down: count, mode: fc.constantFrom("triangular", "triangular2") })
      .map(({ bounds: [low, high], ...rest }) => cyclic({ low: low!, high: high!, ...rest })),
    "cyclic, exponential": fc
      .record({ bounds: up, up: count, factor: share })
      .map(({ bounds: [low, high], ...rest }) =>
        cyclic({ low: low!, high: high!, mode: "exponential", ...rest }),
      ),
    piecewise: fc
      .tuple(rising, rate)
      .map(([starts, value]) => piecewise([1, ...starts].map((from) => ({ from, value: value / from })))),
    warmupCosine: fc
      .record({ peak: rate, warmup: count, more: count, floor: rate })
      .map(({ warmup: steps, more, ...rest }) =>
        warmupCosine({ ...rest, warmup: steps, total: steps + more }),
      ),
    reduceOnPlateau: fc
      .record({ learningRate: rate, factor: fc.double({ min: 0, max: 0.999, noNaN: true }), patience: count })
      .map((options) => {
        const plateau: Plateau = reduceOnPlateau(options);
        return (step) => {
          plateau.observe(step % 7);
          return plateau.schedule(step);
        };
      }),
  };
  const any = fc.oneof(...Object.values(curves));
  curves.warmup = fc
    .tuple(any, count, rate)
    .map(([schedule, steps, from]) => warmup(schedule, { steps, from }));
  curves.sequence = fc
    .array(fc.record({ schedule: fc.oneof(any, rate), steps: count }), { minLength: 1, maxLength: 4 })
    .map(sequence);
  curves.multiply = fc
    .array(fc.oneof(any, share), { minLength: 1, maxLength: 3 })
    .map((schedules) => multiply(...schedules));

  test.each(Object.entries(curves))("%s gives finite numbers ≥ 0", (_, curve) => {
    fc.assert(
      fc.property(curve, (schedule) => {
        for (let step = 1; step <= STEPS; step++) {
          const value = schedule(step);
          if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new Error(`step ${step}: ${value}`);
        }
      }),
      { seed: 1, numRuns: 40 },
    );
  });
});

describe("options out of range", () => {
  const two = { from: 0.1, to: 0 };
  const cycle = { peak: 0.1, steps: 10 };
  const plateau = { learningRate: 0.1 };
  /** What comes from JavaScript without its types. */
  // biome-ignore lint/suspicious/noExplicitAny: so that it may be wrong
  const wrong = (value: unknown): any => value;
  const { POSITIVE_INFINITY: INF } = Number;

  const finite = "wanted a finite number ≥ 0, got";
  const share = "wanted 0 ≤ x ≤ 1, got";
  const whole = "wanted an integer ≥ 1, got";
  test.each<[string, () => unknown]>([
    [`stepDecay: from: ${finite} -1`, () => stepDecay({ from: -1, every: 1 })],
    [`stepDecay: from: ${finite} undefined`, () => stepDecay(wrong({ every: 1 }))],
    [`stepDecay: from: ${finite} 0.1`, () => stepDecay({ from: wrong("0.1"), every: 1 })],
    [`stepDecay: factor: ${share} 1.5`, () => stepDecay({ from: 1, factor: 1.5, every: 1 })],
    [`stepDecay: factor: ${share} -0.5`, () => stepDecay({ from: 1, factor: -0.5, every: 1 })],
    [`stepDecay: every: ${whole} 0`, () => stepDecay({ from: 1, every: 0 })],
    [`stepDecay: every: ${whole} 1.5`, () => stepDecay({ from: 1, every: 1.5 })],
    [`multiStepDecay: from: ${finite} NaN`, () => multiStepDecay({ from: NaN, milestones: [1] })],
    [`multiStepDecay: factor: ${share} NaN`, () => multiStepDecay({ from: 1, factor: NaN, milestones: [1] })],
    [
      "multiStepDecay: milestones: wanted at least one, got none",
      () => multiStepDecay({ from: 1, milestones: [] }),
    ],
    [
      "multiStepDecay: milestones: wanted at least one, got undefined",
      () => multiStepDecay(wrong({ from: 1 })),
    ],
    [`multiStepDecay: milestones[0]: ${whole} 0`, () => multiStepDecay({ from: 1, milestones: [0] })],
    [
      "multiStepDecay: milestones[1]: wanted an integer ≥ 6, got 3",
      () => multiStepDecay({ from: 1, milestones: [5, 3] }),
    ],
    [
      "multiStepDecay: milestones[2]: wanted an integer ≥ 6, got 5",
      () => multiStepDecay({ from: 1, milestones: [3, 5, 5] }),
    ],
    [`exponentialDecay: from: ${finite} Infinity`, () => exponentialDecay({ from: INF, factor: 1 })],
    [`exponentialDecay: factor: ${share} 1.01`, () => exponentialDecay({ from: 1, factor: 1.01 })],
    [`exponentialDecay: factor: ${share} undefined`, () => exponentialDecay(wrong({ from: 1 }))],
    [`exponentialDecay: every: ${whole} -1`, () => exponentialDecay({ from: 1, factor: 1, every: -1 })],
    [`inverseTimeDecay: from: ${finite} -1`, () => inverseTimeDecay({ from: -1, rate: 1 })],
    [`inverseTimeDecay: rate: ${finite} -1`, () => inverseTimeDecay({ from: 1, rate: -1 })],
    [`inverseTimeDecay: every: ${whole} NaN`, () => inverseTimeDecay({ from: 1, rate: 1, every: NaN })],
    [`linear: from: ${finite} -0.1`, () => linear({ from: -0.1, to: 0, steps: 1 })],
    [`linear: to: ${finite} -0.1`, () => linear({ from: 0, to: -0.1, steps: 1 })],
    [`linear: steps: ${whole} 0`, () => linear({ ...two, steps: 0 })],
    [`cosineDecay: from: ${finite} NaN`, () => cosineDecay({ from: NaN, steps: 1 })],
    [`cosineDecay: to: ${finite} -1`, () => cosineDecay({ from: 1, to: -1, steps: 1 })],
    [`cosineDecay: steps: ${whole} Infinity`, () => cosineDecay({ ...two, steps: INF })],
    [`polynomialDecay: from: ${finite} -1`, () => polynomialDecay({ from: -1, steps: 1 })],
    [`polynomialDecay: to: ${finite} NaN`, () => polynomialDecay({ from: 1, to: NaN, steps: 1 })],
    [`polynomialDecay: steps: ${whole} 2.5`, () => polynomialDecay({ ...two, steps: 2.5 })],
    [`polynomialDecay: power: ${finite} -1`, () => polynomialDecay({ ...two, steps: 1, power: -1 })],
    [`cosineRestarts: from: ${finite} -1`, () => cosineRestarts({ from: -1, period: 1 })],
    [`cosineRestarts: to: ${finite} Infinity`, () => cosineRestarts({ from: 1, to: INF, period: 1 })],
    [`cosineRestarts: period: ${whole} 0`, () => cosineRestarts({ from: 1, period: 0 })],
    [
      `cosineRestarts: multiplier: ${whole} 0.5`,
      () => cosineRestarts({ from: 1, period: 1, multiplier: 0.5 }),
    ],
    [`oneCycle: peak: ${finite} -1`, () => oneCycle({ peak: -1, steps: 1 })],
    [`oneCycle: steps: ${whole} 0`, () => oneCycle({ peak: 1, steps: 0 })],
    [`oneCycle: rise: ${share} 1.1`, () => oneCycle({ ...cycle, rise: 1.1 })],
    ["oneCycle: rise: wanted 0 ≤ x ≤ 0.5, got 0.6", () => oneCycle({ ...cycle, rise: 0.6, phases: 3 })],
    [
      'oneCycle: anneal: wanted one of "cosine", "linear", got "cos"',
      () => oneCycle({ ...cycle, anneal: wrong("cos") }),
    ],
    ["oneCycle: phases: wanted one of 2, 3, got 4", () => oneCycle({ ...cycle, phases: wrong(4) })],
    [
      "oneCycle: startDivisor: wanted a finite number ≥ 1, got 0",
      () => oneCycle({ ...cycle, startDivisor: 0 }),
    ],
    [
      "oneCycle: endDivisor: wanted a finite number ≥ 1, got NaN",
      () => oneCycle({ ...cycle, endDivisor: NaN }),
    ],
    [`cyclic: low: ${finite} -1`, () => cyclic({ low: -1, high: 1 })],
    ["cyclic: high: wanted a finite number ≥ 2, got 1", () => cyclic({ low: 2, high: 1 })],
    [`cyclic: up: ${whole} 0`, () => cyclic({ low: 0, high: 1, up: 0 })],
    [`cyclic: down: ${whole} 0`, () => cyclic({ low: 0, high: 1, down: 0 })],
    [
      'cyclic: mode: wanted one of "triangular", "triangular2", "exponential", got "exp_range"',
      () => cyclic({ low: 0, high: 1, mode: wrong("exp_range") }),
    ],
    [`cyclic: factor: ${share} 2`, () => cyclic({ low: 0, high: 1, mode: "exponential", factor: 2 })],
    [
      "cyclic: factor: only the exponential mode has it, got triangular",
      () => cyclic({ low: 0, high: 1, factor: 0.9 }),
    ],
    ["piecewise: wanted at least one, got none", () => piecewise([])],
    ["piecewise: from[0]: wanted 1, the first step, got 2", () => piecewise([{ from: 2, value: 1 }])],
    [
      "piecewise: from[1]: wanted an integer ≥ 2, got 1",
      () =>
        piecewise([
          { from: 1, value: 1 },
          { from: 1, value: 2 },
        ]),
    ],
    [`piecewise: value[0]: ${finite} -1`, () => piecewise([{ from: 1, value: -1 }])],
    ["sequence: wanted at least one, got none", () => sequence([])],
    [
      "sequence: stage 1: schedule: wanted a function or a finite number ≥ 0, got undefined",
      () => sequence([wrong({ steps: 1 })]),
    ],
    [`sequence: stage 1: steps: ${whole} undefined`, () => sequence([{ schedule: 1 }, { schedule: 1 }])],
    [`sequence: stage 1: steps: ${whole} 0`, () => sequence([{ schedule: 1, steps: 0 }, { schedule: 1 }])],
    ["multiply: schedules: wanted at least one, got none", () => multiply()],
    ["multiply: schedules[1]: wanted a function or a finite number ≥ 0, got -1", () => multiply(1, -1)],
    [`warmup: steps: ${whole} 0`, () => warmup(1, { steps: 0 })],
    [`warmup: from: ${finite} -1`, () => warmup(1, { steps: 1, from: -1 })],
    ["warmup: schedule: wanted a function or a finite number ≥ 0, got NaN", () => warmup(NaN, { steps: 1 })],
    [`warmup: schedule: ${finite} -1 at step 1`, () => warmup(() => -1, { steps: 1 })],
    [`warmupCosine: peak: ${finite} -1`, () => warmupCosine({ peak: -1, warmup: 1, total: 2 })],
    [`warmupCosine: warmup: ${whole} 0`, () => warmupCosine({ peak: 1, warmup: 0, total: 2 })],
    [
      "warmupCosine: total: wanted an integer ≥ 6, got 5",
      () => warmupCosine({ peak: 1, warmup: 5, total: 5 }),
    ],
    [`warmupCosine: floor: ${finite} -1`, () => warmupCosine({ peak: 1, warmup: 1, total: 2, floor: -1 })],
    [`reduceOnPlateau: learningRate: ${finite} -1`, () => reduceOnPlateau({ learningRate: -1 })],
    ["reduceOnPlateau: factor: wanted 0 ≤ x < 1, got 1", () => reduceOnPlateau({ ...plateau, factor: 1 })],
    [
      "reduceOnPlateau: patience: wanted an integer ≥ 0, got -1",
      () => reduceOnPlateau({ ...plateau, patience: -1 }),
    ],
    [`reduceOnPlateau: threshold: ${finite} NaN`, () => reduceOnPlateau({ ...plateau, threshold: NaN })],
    [
      'reduceOnPlateau: thresholdMode: wanted one of "relative", "absolute", got "rel"',
      () => reduceOnPlateau({ ...plateau, thresholdMode: wrong("rel") }),
    ],
    [
      "reduceOnPlateau: cooldown: wanted an integer ≥ 0, got 0.5",
      () => reduceOnPlateau({ ...plateau, cooldown: 0.5 }),
    ],
    [`reduceOnPlateau: minimum: ${finite} -1`, () => reduceOnPlateau({ ...plateau, minimum: -1 })],
    [
      "reduceOnPlateau: minimum: wanted at most the learningRate, 0.1, got 0.2",
      () => reduceOnPlateau({ ...plateau, minimum: 0.2 }),
    ],
    [`reduceOnPlateau: epsilon: ${finite} -1`, () => reduceOnPlateau({ ...plateau, epsilon: -1 })],
    [
      'reduceOnPlateau: mode: wanted one of "min", "max", got "less"',
      () => reduceOnPlateau({ ...plateau, mode: wrong("less") }),
    ],
    [
      "reduceOnPlateau: observe: wanted a number, got undefined",
      () => reduceOnPlateau(plateau).observe(wrong(undefined)),
    ],
    // Schedules inside others are looked at whenever they are asked.
    [
      `sequence: stage 2: ${finite} NaN at step 2`,
      () => sequence([{ schedule: 1, steps: 3 }, { schedule: (step) => 1 / (2 - step) - 1 / (2 - step) }])(5),
    ],
    [`multiply: schedules[1]: ${finite} -2 at step 3`, () => multiply(1, (step) => 1 - step)(3)],
  ])("%s", (message, make) => {
    expect(make).toThrow(new OptionError(message));
  });
});
