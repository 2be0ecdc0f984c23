// How each knob is turned: what of it a slider covers, and in which scale. What it does, the facts of the sources say.
import type { OptimizerFacts } from "../../facts.ts";

type OptionFacts = OptimizerFacts["options"][number];

/**
 * - "linear": evenly
 * - "log": evenly in powers of ten; with `zero`, the left end is 0
 * - "decay": evenly in powers of ten of the distance from 1, as the decay of a mean is felt
 */
export interface SliderRange {
  readonly kind: "slider";
  readonly scale: "linear" | "log" | "decay";
  readonly low: number;
  readonly high: number;
  readonly zero?: boolean;
  readonly whole?: boolean;
}

type Control =
  | SliderRange
  | { readonly kind: "switch" }
  | { readonly kind: "choice"; readonly values: readonly (string | false)[] }
  | { readonly kind: "list"; readonly length: number };

export interface Knob extends OptionFacts {
  readonly control: Control;
}

const log = (low: number, high: number): SliderRange => ({ kind: "slider", scale: "log", low, high });
const logOrZero = (low: number, high: number): SliderRange => ({ ...log(low, high), zero: true });
const linear = (low: number, high: number): SliderRange => ({ kind: "slider", scale: "linear", low, high });
const whole = (low: number, high: number): SliderRange => ({ ...linear(low, high), whole: true });
const decay: SliderRange = { kind: "slider", scale: "decay", low: 0, high: 0.9999 };
const epsilon = logOrZero(1e-18, 1);
const penalty = logOrZero(1e-5, 1);
const distance = log(1e-8, 1);
const multiplier = log(0.01, 100);

/** By the name of the knob; where an optimizer means another thing by it, by its own name first. */
const RANGES: Readonly<Record<string, SliderRange>> = {
  learningRate: log(1e-5, 10),
  "adadelta.learningRate": log(1e-2, 1e3),
  "dog.learningRate": multiplier,
  "dowg.learningRate": multiplier,
  "dAdaptSgd.learningRate": multiplier,
  "dAdaptAdam.learningRate": multiplier,
  "prodigy.learningRate": multiplier,
  "polyakSgd.learningRate": multiplier,
  alpha: decay,
  "asgd.alpha": linear(0, 1.5),
  "ademamix.alpha": linear(0, 20),
  beta1: decay,
  "scheduleFreeSgd.beta1": { ...decay, low: 0.01 },
  "scheduleFreeAdamW.beta1": { ...decay, low: 0.01 },
  beta2: decay,
  beta3: decay,
  beta2Decay: linear(-1.5, 0),
  "ftrl.beta": linear(0, 10),
  "shampoo.beta": linear(0.5, 1),
  clip: log(0.01, 100),
  clipThreshold: log(1, 100),
  coefficient: multiplier,
  dampening: linear(0, 1),
  epsilon,
  epsilonInside: epsilon,
  every: whole(1, 50),
  growth: log(1, 100),
  initialAccumulator: logOrZero(1e-8, 10),
  initialDistance: distance,
  initialSum: logOrZero(1e-10, 10),
  iterations: whole(1, 40),
  l1: penalty,
  l2: penalty,
  lambda: penalty,
  largestRate: log(1e-3, 100),
  largestSize: whole(1, 512),
  learningRateDecay: logOrZero(1e-4, 10),
  leastFactoredSize: whole(1, 256),
  leastLoss: linear(-10, 10),
  leastScale: logOrZero(1e-4, 10),
  momentum: decay,
  momentumDecay: logOrZero(1e-4, 10),
  power: linear(0, 1.5),
  ratePower: linear(0, 4),
  relativeDistance: distance,
  rho: decay,
  "sophiaG.rho": log(1e-3, 100),
  ridge: log(1e-7, 1e-2),
  shampooBeta: decay,
  shrinkage: penalty,
  squaredDistance: distance,
  start: { ...log(1, 1e6), whole: true },
  stepPower: linear(0, 4),
  trustCoefficient: log(1e-4, 1),
  warmupSteps: whole(0, 200),
  weightDecay: penalty,
};

function controlOf(optimizer: string, { name, type }: OptionFacts): Control | undefined {
  if (type === "boolean") return { kind: "switch" };
  const strings = [...type.matchAll(/"([^"]+)"/g)].map(([, value = ""]) => value);
  if (strings.length > 0)
    return { kind: "choice", values: type.startsWith("false") ? [false, ...strings] : strings };
  if (type.startsWith("readonly [")) return { kind: "list", length: type.split(",").length };
  if (type !== "number" && type !== "Schedule") return undefined;
  return RANGES[`${optimizer}.${name}`] ?? RANGES[name.replace(/^.*\./, "")];
}

/** The knobs of an optimizer. Records in its options are opened up; what is neither number, switch nor choice is left out. */
export function knobsOf(facts: OptimizerFacts, all: readonly OptimizerFacts[]): Knob[] {
  return facts.options.flatMap((option) => {
    const inner = all.find(({ name }) => name.toLowerCase() === option.name.toLowerCase());
    if (inner) {
      return knobsOf(inner, all).map((knob) => ({ ...knob, name: `${option.name}.${knob.name}` }));
    }
    const control = controlOf(facts.name, option);
    return control ? [{ ...option, control }] : [];
  });
}

/** Marks of a slider. */
export const MARKS = 240;

const digits = (value: number, count: number) => Number(value.toPrecision(count));
const powerOf = ({ scale }: SliderRange, value: number) =>
  scale === "log" ? Math.log10(value) : scale === "decay" ? -Math.log10(1 - value) : value;

/** The value at a mark. */
export function valueAtMark(range: SliderRange, mark: number): number {
  if (range.zero && mark === 0) return 0;
  const [low, high] = [powerOf(range, range.low), powerOf(range, range.high)];
  const at = low + ((high - low) * mark) / MARKS;
  const value =
    range.scale === "log" ? digits(10 ** at, 2) : range.scale === "decay" ? 1 - 10 ** -at : digits(at, 3);
  if (range.whole) return Math.round(value);
  return range.scale === "decay"
    ? Math.max(range.low, Number(value.toFixed(at < 1 ? 2 : at < 2 ? 3 : 4)))
    : value;
}

/** The nearest mark to a value, which may lie beyond the slider. */
export function markAtValue(range: SliderRange, value: number): number {
  if (range.zero && value <= 0) return 0;
  const [low, high] = [powerOf(range, range.low), powerOf(range, range.high)];
  const within = Math.min(Math.max(value, range.low), range.high);
  return Math.round((MARKS * (powerOf(range, within) - low)) / (high - low));
}
