// Adam and its kin: a running mean of the gradient over a root of a running mean of its squares.

import { exp, log, pow, power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import {
  checkRange,
  checkSchedule,
  oneOf,
  type Schedule,
  type Slot,
  type Transform,
  valueAt,
} from "./transform.ts";

/** What all of them take. */
export interface AdamFamilyOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.001, where nothing else is said. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the gradient, 0 ≤ β₁ < 1. Default: 0.9, where nothing else is said. */
  readonly beta1?: number;
  /** Decay of the mean of its squares, 0 ≤ β₂ < 1. Default: 0.999, where nothing else is said. */
  readonly beta2?: number;
  /** Added to the root. Default: 1e-8, where nothing else is said. */
  readonly epsilon?: number;
  /** λ ≥ 0: joins the gradient as λθ or, decoupled, shrinks θ by γλ beside the step. Default: 0, where nothing else is said. */
  readonly weightDecay?: number;
}

const FAMILY = { learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 } as const;

/** What the numbers of one step are made from. */
interface Numbers {
  readonly step: number;
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  readonly correction1: number;
  readonly correction2: number;
}

/** Where an optimizer differs from Adam. */
interface Kin {
  readonly name: string;
  readonly kernel: string;
  readonly slots: readonly Slot[];
  readonly defaults?: AdamFamilyOptions;
  /** Weight decay shrinks the parameters by γλ, or joins the gradient as λθ. Default: false. */
  readonly decoupled?: boolean;
  /** The first word; default: γ / (1 − β₁ᵗ). */
  readonly rate?: (numbers: Numbers) => number;
  /** What the root is multiplied by; default: 1 / √(1 − β₂ᵗ). */
  readonly root?: (numbers: Numbers) => number;
  readonly epsilon?: (numbers: Numbers) => number;
  /** Words behind the common ones. */
  readonly extraWords?: number;
  readonly extra?: (numbers: Numbers) => readonly number[];
  /** Changes to the common words. */
  readonly words?: (numbers: Numbers, words: number[]) => void;
}

const COMMON_WORDS = 9;

function kin(it: Kin, given: AdamFamilyOptions): Transform {
  const { name, kernel, slots, decoupled = false, extraWords = 0 } = it;
  const options = { ...it.defaults, ...given };
  const { learningRate = 1e-3 } = options;
  const rateAt = checkSchedule(`${name}: learningRate`, learningRate);
  const beta1 = checkRange(`${name}: beta1`, options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange(`${name}: beta2`, options.beta2 ?? 0.999, 0, 1);
  const epsilon = valueAt(`${name}: epsilon`, options.epsilon ?? 1e-8, 1);
  const decay = valueAt(`${name}: weightDecay`, options.weightDecay ?? 0, 1);
  return {
    name,
    hyperWords: COMMON_WORDS + extraWords,
    hyper(step) {
      const rate = rateAt(step);
      const correction1 = 1 - power(beta1, step);
      const correction2 = 1 - power(beta2, step);
      const numbers = { step, rate, beta1, beta2, epsilon, correction1, correction2 };
      const words = [
        it.rate?.(numbers) ?? rate / correction1,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        it.root?.(numbers) ?? 1 / Math.sqrt(correction2),
        it.epsilon?.(numbers) ?? epsilon,
        decoupled ? 0 : decay,
        decoupled ? 1 - rate * decay : 1,
        ...(it.extra?.(numbers) ?? []),
      ];
      it.words?.(numbers, words);
      return words;
    },
    apply: ({ update }) => update(kernel, slots),
  };
}

/** ε behind a root that is not corrected: both corrections are in the step size. */
const kerasEpsilon: Pick<Kin, "rate" | "root"> = {
  rate: ({ rate, correction1, correction2 }) => (rate * Math.sqrt(correction2)) / correction1,
  root: () => 1,
};

/** Options of {@link adam} and {@link adamW}. */
export interface AdamOptions extends AdamFamilyOptions {
  /**
   * Where ε stands:
   * - "torch": √v̂ + ε, with v̂ bias-corrected. The default; the paper's, PyTorch's and optax's.
   * - "keras": √v + ε, with both corrections in the step size. The paper's efficient form, Keras's and TensorFlow's.
   */
  readonly convention?: "torch" | "keras";
  /**
   * AMSGrad, Reddi et al. 2018: the largest v so far in place of v. "raw": the largest uncorrected one, as PyTorch and
   * Keras; "corrected": the largest bias-corrected one, as optax. Default: false.
   */
  readonly amsgrad?: false | "raw" | "corrected";
}

function adamLike(name: string, decoupled: boolean, options: AdamOptions): Transform {
  checkOptions(name, options, { ...FAMILY, convention: 0, amsgrad: 0 });
  const keras = oneOf(`${name}: convention`, options.convention ?? "torch", ["torch", "keras"]) === "keras";
  const largest = oneOf(`${name}: amsgrad`, options.amsgrad ?? false, [false, "raw", "corrected"]);
  const corrected = largest === "corrected";
  return kin(
    {
      name,
      decoupled,
      kernel: largest ? "amsgrad" : "adam",
      slots: largest ? ["m", "v", "largest"] : ["m", "v"],
      defaults: decoupled ? { weightDecay: 0.01 } : {},
      // The largest corrected mean needs no correction any more.
      ...(corrected ? { root: () => 1 } : keras ? kerasEpsilon : {}),
      ...(largest ? { extraWords: 1, extra: ({ correction2 }) => [corrected ? 1 / correction2 : 1] } : {}),
    },
    options,
  );
}

/**
 * Adam: steps by the running mean of the gradient over the root of the running mean of its square.
 * Kingma and Ba 2015; numbers as PyTorch's. Weight decay joins the gradient.
 * @throws OptionError for a number out of range.
 * @example adam({ learningRate: 1e-3 })
 */
export function adam(options: AdamOptions = {}): Transform {
  return adamLike("adam", false, options);
}

/**
 * Adam with decoupled weight decay, by default 0.01: θ shrinks by γλ beside the step. Loshchilov and Hutter 2019;
 * numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example adamW({ learningRate: 3e-4, weightDecay: 0.01 })
 */
export function adamW(options: AdamOptions = {}): Transform {
  return adamLike("adamW", true, options);
}

/** Options of {@link adamax}. */
export interface AdamaxOptions extends AdamFamilyOptions {
  /** "torch": u = max(β₂u, |g| + ε). "keras": u = max(β₂u, |g|), and a division by u + ε. Default: "torch". */
  readonly convention?: "torch" | "keras";
}

/**
 * Adamax: Adam with the largest gradient in place of the root of squares. Kingma and Ba 2015, section 7.
 * Default learning rate: 0.002.
 * @throws OptionError for a number out of range.
 * @example adamax({ learningRate: 2e-3 })
 */
export function adamax(options: AdamaxOptions = {}): Transform {
  checkOptions("adamax", options, { ...FAMILY, convention: 0 });
  const keras = oneOf("adamax: convention", options.convention ?? "torch", ["torch", "keras"]) === "keras";
  return kin(
    {
      name: "adamax",
      kernel: "adamax",
      slots: ["m", "u"],
      defaults: { learningRate: 2e-3 },
      epsilon: ({ epsilon }) => (keras ? epsilon : 0),
      extraWords: 1,
      extra: ({ epsilon }) => [keras ? 0 : epsilon],
    },
    options,
  );
}

/** Options of {@link nadam} and {@link nadamW}. */
export interface NadamOptions extends AdamFamilyOptions {
  /** ψ ≥ 0: how fast the momentum nears β₁. Default: 0.004. */
  readonly momentumDecay?: number;
}

function nadamLike(name: string, decoupled: boolean, options: NadamOptions): Transform {
  const decay = valueAt(`${name}: momentumDecay`, options.momentumDecay ?? 4e-3, 1);
  const beta1 = checkRange(`${name}: beta1`, options.beta1 ?? 0.9, 0, 1);
  const momentum = (step: number) => beta1 * (1 - 0.5 * exp(step * decay * log(0.96)));
  // Steps are asked for in order, for the most part: the product goes on from the last.
  let known = { step: 0, product: 1 };
  const productTo = (step: number) => {
    if (step < known.step) known = { step: 0, product: 1 };
    let { product } = known;
    for (let t = known.step + 1; t <= step; t++) product *= momentum(t);
    known = { step, product };
    return product;
  };
  return kin(
    {
      name,
      decoupled,
      kernel: "nadam",
      slots: ["m", "v"],
      defaults: { learningRate: 2e-3, weightDecay: decoupled ? 0.01 : 0 },
      rate: ({ step, rate }) => {
        const next = momentum(step + 1);
        return (rate * next) / (1 - productTo(step) * next);
      },
      extraWords: 1,
      extra: ({ step, rate }) => [(rate * (1 - momentum(step))) / (1 - productTo(step))],
    },
    options,
  );
}

/**
 * NAdam: Adam that looks ahead along its mean, as Nesterov. Dozat 2016; numbers as PyTorch's. Keras's: momentumDecay 1;
 * optax's, whose momentum is β₁ from the first step: any very large one, such as 1e6. Default learning rate: 0.002.
 * @throws OptionError for a number out of range.
 * @example nadam({ learningRate: 2e-3 })
 */
export function nadam(options: NadamOptions = {}): Transform {
  checkOptions("nadam", options, { ...FAMILY, momentumDecay: 0 });
  return nadamLike("nadam", false, options);
}

/**
 * NAdam with decoupled weight decay, by default 0.01; PyTorch's with decoupled_weight_decay. Default learning rate: 0.002.
 * @throws OptionError for a number out of range.
 * @example nadamW({ weightDecay: 0.05 })
 */
export function nadamW(options: NadamOptions = {}): Transform {
  checkOptions("nadamW", options, { ...FAMILY, momentumDecay: 0 });
  return nadamLike("nadamW", true, options);
}

/** Options of {@link radam}. */
export interface RadamOptions extends AdamFamilyOptions {
  /** Weight decay shrinks the parameters instead of joining the gradient. Default: false. */
  readonly decoupled?: boolean;
  /** Where ε stands: √v + ε, as the authors' code and PyTorch, or √v̂ + ε, as optax. Default: "torch". */
  readonly convention?: "torch" | "optax";
}

/**
 * RAdam: Adam that steps by the mean alone until the root has settled. Liu et al. 2020; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example radam({ learningRate: 1e-3 })
 */
export function radam(options: RadamOptions = {}): Transform {
  checkOptions("radam", options, { ...FAMILY, decoupled: 0, convention: 0 });
  const convention = oneOf("radam: convention", options.convention ?? "torch", ["torch", "optax"]);
  const settled = ({ step, beta2, correction2 }: Numbers) => {
    const limit = 2 / (1 - beta2) - 1;
    const rho = limit - (2 * step * (1 - correction2)) / correction2;
    if (rho <= 5) return 0;
    return Math.sqrt(((rho - 4) * (rho - 2) * limit) / ((limit - 4) * (limit - 2) * rho));
  };
  return kin(
    {
      name: "radam",
      kernel: "radam",
      slots: ["m", "v"],
      decoupled: options.decoupled ?? false,
      rate: (numbers) => {
        const { rate, correction1, correction2 } = numbers;
        const root = convention === "torch" ? Math.sqrt(correction2) : 1;
        return (rate * settled(numbers) * root) / correction1;
      },
      root: ({ correction2 }) => (convention === "torch" ? 1 : 1 / Math.sqrt(correction2)),
      extraWords: 1,
      extra: (numbers) => [settled(numbers) === 0 ? numbers.rate / numbers.correction1 : 0],
    },
    options,
  );
}

/** Options of {@link adabelief}. */
export interface AdabeliefOptions extends AdamFamilyOptions {
  /** Added to the mean of squares at each step, and stays in it. Default: ε. */
  readonly epsilonInside?: number;
  /** Weight decay shrinks the parameters instead of joining the gradient. Default: false. */
  readonly decoupled?: boolean;
}

/**
 * AdaBelief: Adam with the gradient's distance from its mean in place of the gradient under the root.
 * Zhuang et al. 2020, without the rectification that the authors' code has beside; numbers as theirs and optax's. Default
 * ε: 1e-16.
 * @throws OptionError for a number out of range.
 * @example adabelief({ learningRate: 1e-3 })
 */
export function adabelief(options: AdabeliefOptions = {}): Transform {
  checkOptions("adabelief", options, { ...FAMILY, epsilonInside: 0, decoupled: 0 });
  const inside = options.epsilonInside;
  if (inside !== undefined) valueAt("adabelief: epsilonInside", inside, 1);
  return kin(
    {
      name: "adabelief",
      kernel: "adabelief",
      slots: ["m", "s"],
      decoupled: options.decoupled ?? false,
      defaults: { epsilon: 1e-16 },
      extraWords: 1,
      extra: ({ epsilon }) => [inside ?? epsilon],
    },
    options,
  );
}

/** Options of {@link yogi}. */
export interface YogiOptions extends AdamFamilyOptions {
  /** What the mean of squares holds before the first step. Default: 1e-6. */
  readonly initialAccumulator?: number;
  /**
   * - "optax": √v̂ + ε, with v̂ bias-corrected, and the mean of the gradient begins where that of squares does. The
   *   default.
   * - "keras": √v + ε, with both corrections in the step size, and the mean of the gradient begins at 0. TensorFlow
   *   Addons'.
   */
  readonly convention?: "optax" | "keras";
}

/**
 * Yogi: Adam whose mean of squares moves by (1 − β₂)g² whatever its distance. Zaheer et al. 2018. Defaults: learning
 * rate 0.01, ε 0.001.
 * @throws OptionError for a number out of range.
 * @example yogi({ learningRate: 0.01 })
 */
export function yogi(options: YogiOptions = {}): Transform {
  checkOptions("yogi", options, { ...FAMILY, initialAccumulator: 0, convention: 0 });
  const initial = valueAt("yogi: initialAccumulator", options.initialAccumulator ?? 1e-6, 1);
  const keras = oneOf("yogi: convention", options.convention ?? "optax", ["optax", "keras"]) === "keras";
  return kin(
    {
      name: "yogi",
      kernel: "yogi",
      slots: [
        { name: "m", initial: keras ? 0 : initial },
        { name: "v", initial },
      ],
      defaults: { learningRate: 0.01, epsilon: 1e-3 },
      ...(keras ? kerasEpsilon : {}),
    },
    options,
  );
}

/** Options of {@link ademamix}. */
export interface AdemamixOptions extends AdamFamilyOptions {
  /** Decay of the slow mean, 0 ≤ β₃ < 1, or a function of the step. Default: 0.9999. */
  readonly beta3?: Schedule;
  /** Weight of the slow mean, or a function of the step. Default: 5. */
  readonly alpha?: Schedule;
}

/**
 * AdEMAMix: AdamW with a second, slow mean that is not bias-corrected. Pagliardini et al. 2024; its schedules of α and β₃
 * are functions of the step. Weight decay is decoupled.
 * @throws OptionError for a number out of range.
 * @example ademamix({ learningRate: 1e-3, alpha: (step) => Math.min(5, step / 1000) })
 */
export function ademamix(options: AdemamixOptions = {}): Transform {
  const { beta3 = 0.9999, alpha = 5 } = checkOptions("ademamix", options, { ...FAMILY, beta3: 0, alpha: 0 });
  return kin(
    {
      name: "ademamix",
      kernel: "ademamix",
      slots: ["m", "slow", "v"],
      decoupled: true,
      rate: ({ rate }) => rate,
      extraWords: 4,
      extra: ({ step, correction1 }) => {
        const slow = checkRange("ademamix: beta3", valueAt("ademamix: beta3", beta3, step), 0, 1);
        return [1 / correction1, valueAt("ademamix: alpha", alpha, step), slow, 1 - slow];
      },
    },
    options,
  );
}

/** Options of {@link adopt}. */
export interface AdoptOptions extends AdamFamilyOptions {
  /** Limit of the scaled gradient, or a function of the step. Default: the step's fourth root, as the authors. */
  readonly clip?: Schedule;
  /** Weight decay shrinks the parameters instead of joining the gradient. Default: false. */
  readonly decoupled?: boolean;
}

/**
 * ADOPT: Adam that scales the gradient by the squares before it, and takes its mean after scaling; it converges with any
 * β₂. Taniguchi et al. 2024. The first step only learns the squares. Defaults: β₂ 0.9999, ε 1e-6.
 * @throws OptionError for a number out of range.
 * @example adopt({ learningRate: 1e-3 })
 */
export function adopt(options: AdoptOptions = {}): Transform {
  const { clip = (step: number) => pow(step, 0.25) } = checkOptions("adopt", options, {
    ...FAMILY,
    clip: 0,
    decoupled: 0,
  });
  return kin(
    {
      name: "adopt",
      kernel: "adopt",
      slots: ["m", "v"],
      decoupled: options.decoupled ?? false,
      defaults: { beta2: 0.9999, epsilon: 1e-6 },
      rate: ({ step, rate }) => (step === 1 ? 0 : rate),
      extraWords: 1,
      extra: ({ step }) => [valueAt("adopt: clip", clip, Math.max(1, step - 1))],
      words: ({ step }, words) => {
        if (step > 1) return;
        words[2] = 0;
        words[3] = 0;
        words[4] = 1;
        words[8] = 1;
      },
    },
    options,
  );
}

/** Options of {@link adan}. */
export interface AdanOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the gradient. Default: 0.98. */
  readonly beta1?: number;
  /** Decay of the mean of its change. Default: 0.92. */
  readonly beta2?: number;
  /** Decay of the mean of squares. Default: 0.99. */
  readonly beta3?: number;
  /** Added to the root. Default: 1e-8. */
  readonly epsilon?: number;
  /** Added to the mean of squares under the root. Default: 0; optax has 1e-8. */
  readonly epsilonInside?: number;
  /** λ ≥ 0, see `convention`. Default: 0. */
  readonly weightDecay?: number;
  /**
   * How far it looks ahead along the gradient's change, and how weights decay:
   * - "authors": by β₂ of it; after the step θ is divided by 1 + γλ. The default: the paper and its authors' code.
   * - "optax": by 1 − β₂ of it; θ shrinks by γλ beside the step.
   */
  readonly convention?: "authors" | "optax";
}

/**
 * Adan: Adam with a mean of the gradient's change, looking ahead as Nesterov. Xie et al. 2022, with decays as the authors'
 * code and optax write them: 1 minus those of the paper.
 * @throws OptionError for a number out of range.
 * @example adan({ learningRate: 1e-3 })
 */
export function adan(options: AdanOptions = {}): Transform {
  const {
    beta2 = 0.92,
    beta3 = 0.99,
    weightDecay = 0,
    epsilonInside = 0,
    ...rest
  } = checkOptions("adan", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    beta3: 0,
    epsilon: 0,
    epsilonInside: 0,
    weightDecay: 0,
    convention: 0,
  });
  const convention = oneOf("adan: convention", options.convention ?? "authors", ["authors", "optax"]);
  const ahead = convention === "authors" ? beta2 : 1 - beta2;
  checkRange("adan: beta2", beta2, 0, 1);
  checkRange("adan: beta3", beta3, 0, 1);
  valueAt("adan: weightDecay", weightDecay, 1);
  valueAt("adan: epsilonInside", epsilonInside, 1);
  return kin(
    {
      name: "adan",
      kernel: "adan",
      slots: ["m", "d", "n", "before"],
      defaults: { beta1: 0.98 },
      decoupled: true,
      rate: ({ rate }) => rate,
      extraWords: 8,
      extra: ({ step, rate, correction1, correction2 }) => [
        1 / correction1,
        ahead / (1 - power(beta2, step)),
        ahead,
        beta2,
        1 - beta2,
        convention === "authors" ? 1 / (1 + rate * weightDecay) : 1,
        step === 1 ? 0 : 1,
        epsilonInside * correction2,
      ],
    },
    { ...rest, beta2: beta3, weightDecay: convention === "optax" ? weightDecay : 0 },
  );
}
