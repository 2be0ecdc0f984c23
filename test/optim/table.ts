// Every optimizer: how it is made, what proves it, and at what rate it descends. A row with a reference is proved by
// that, one without by PyTorch's golden run of its name.
import {
  adabelief,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamW,
  adan,
  ademamix,
  adopt,
  asgd,
  chain,
  clipByGlobalNorm,
  lamb,
  lars,
  lion,
  nadam,
  nadamW,
  novograd,
  radam,
  rmsprop,
  rprop,
  type Schedule,
  sgd,
  signSgd,
  type Transform,
  yogi,
} from "#src/optim/index";
import * as reference from "./reference.ts";

export interface Row {
  readonly name: string;
  readonly make: (learningRate: Schedule) => Transform;
  /** Of the proof. */
  readonly rate: Schedule;
  readonly reference?: (rate: (step: number) => number) => reference.Reference;
  /**
   * Learning rates for the other checks; a row without them is an option of one with them.
   * `bowl`: on parabolas of curvature near 1, from a distance of 1; `valley`: on Rosenbrock's function.
   */
  readonly descent?: { readonly bowl: number; readonly valley: number };
}

/** As `falling` in test/golden/optimizers.py. */
const falling = (from: number) => (step: number) => from / (1 + step / 10);

const adams = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

const golden: Row[] = [
  {
    name: "sgd",
    rate: 0.1,
    make: (learningRate) => sgd({ learningRate }),
    descent: { bowl: 0.5, valley: 1e-3 },
  },
  { name: "sgd, schedule", rate: falling(0.1), make: (learningRate) => sgd({ learningRate }) },
  {
    name: "sgd, weight decay",
    rate: 0.1,
    make: (learningRate) => sgd({ learningRate, weightDecay: 0.1 }),
  },
  {
    name: "sgd, momentum",
    rate: 0.05,
    make: (learningRate) => sgd({ learningRate, momentum: 0.9 }),
    descent: { bowl: 0.1, valley: 3e-4 },
  },
  {
    name: "sgd, momentum, weight decay, schedule",
    rate: falling(0.1),
    make: (learningRate) => sgd({ learningRate, momentum: 0.8, weightDecay: 0.01 }),
  },
  {
    name: "sgd, dampening",
    rate: 0.1,
    make: (learningRate) => sgd({ learningRate, momentum: 0.9, dampening: 0.4 }),
  },
  {
    name: "sgd, Nesterov",
    rate: 0.05,
    make: (learningRate) => sgd({ learningRate, momentum: 0.9, nesterov: true }),
    descent: { bowl: 0.1, valley: 3e-4 },
  },
  {
    name: "sgd, Nesterov, weight decay, schedule",
    rate: falling(0.1),
    make: (learningRate) => sgd({ learningRate, momentum: 0.8, nesterov: true, weightDecay: 0.01 }),
  },
  {
    name: "clipByGlobalNorm, sgd",
    rate: 0.1,
    make: (learningRate) => chain(clipByGlobalNorm(0.2), sgd({ learningRate, momentum: 0.9 })),
  },
  {
    name: "clipByGlobalNorm above every norm",
    rate: 0.1,
    make: (learningRate) => chain(clipByGlobalNorm(1e6), sgd({ learningRate })),
  },
  {
    name: "asgd",
    rate: 0.05,
    make: (learningRate) => asgd({ learningRate }),
    descent: { bowl: 0.5, valley: 1e-3 },
  },
  {
    name: "asgd, averaging",
    rate: 0.05,
    make: (learningRate) => asgd({ learningRate, lambda: 0.01, alpha: 0.6, start: 10, weightDecay: 0.05 }),
  },
  {
    name: "adagrad",
    rate: 0.1,
    make: (learningRate) => adagrad({ learningRate }),
    descent: { bowl: 0.5, valley: 0.5 },
  },
  {
    name: "adagrad, decays",
    rate: 0.1,
    make: (learningRate) =>
      adagrad({
        learningRate,
        learningRateDecay: 0.02,
        weightDecay: 0.1,
        initialAccumulator: 0.1,
        epsilon: 1e-3,
      }),
  },
  {
    name: "adadelta",
    rate: 1,
    make: (learningRate) => adadelta({ learningRate }),
    descent: { bowl: 10, valley: 5 },
  },
  {
    name: "adadelta, weight decay",
    rate: 0.7,
    make: (learningRate) => adadelta({ learningRate, rho: 0.95, epsilon: 1e-4, weightDecay: 0.1 }),
  },
  {
    name: "rmsprop",
    rate: 0.003,
    make: (learningRate) => rmsprop({ learningRate }),
    descent: { bowl: 0.02, valley: 0.01 },
  },
  {
    name: "rmsprop, weight decay",
    rate: 0.003,
    make: (learningRate) => rmsprop({ learningRate, alpha: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
  },
  {
    name: "rmsprop, momentum",
    rate: 0.002,
    make: (learningRate) => rmsprop({ learningRate, alpha: 0.95, momentum: 0.8 }),
    descent: { bowl: 0.01, valley: 0.003 },
  },
  {
    name: "rmsprop, momentum, schedule",
    rate: falling(0.005),
    make: (learningRate) => rmsprop({ learningRate, alpha: 0.95, momentum: 0.8, epsilon: 1e-3 }),
  },
  {
    name: "rmsprop, centered",
    rate: 0.003,
    make: (learningRate) => rmsprop({ learningRate, centered: true, epsilon: 1e-2 }),
    descent: { bowl: 0.02, valley: 0.01 },
  },
  {
    name: "rmsprop, centered, momentum",
    rate: 0.002,
    make: (learningRate) =>
      rmsprop({ learningRate, centered: true, momentum: 0.8, epsilon: 1e-2, weightDecay: 0.05 }),
  },
  {
    name: "adam",
    rate: 0.02,
    make: (learningRate) => adam({ learningRate }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  { name: "adam, schedule", rate: falling(0.05), make: (learningRate) => adam({ learningRate }) },
  {
    name: "adam, other betas",
    rate: 0.01,
    make: (learningRate) => adam({ learningRate, beta1: 0, beta2: 0.95, epsilon: 1e-3 }),
  },
  {
    name: "adam, weight decay",
    rate: 0.02,
    make: (learningRate) => adam({ learningRate, weightDecay: 0.1 }),
  },
  {
    name: "adam, AMSGrad",
    rate: 0.02,
    make: (learningRate) => adam({ learningRate, beta2: 0.95, amsgrad: "raw" }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "adamW",
    rate: 0.02,
    make: (learningRate) => adamW({ learningRate }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "adamW, weight decay",
    rate: 0.02,
    make: (learningRate) => adamW({ learningRate, beta1: 0.8, beta2: 0.99, weightDecay: 0.3 }),
  },
  {
    name: "adamW, AMSGrad",
    rate: 0.02,
    make: (learningRate) => adamW({ learningRate, beta2: 0.95, weightDecay: 0.1, amsgrad: "raw" }),
  },
  {
    name: "clipByGlobalNorm, adamW",
    rate: 0.02,
    make: (learningRate) => chain(clipByGlobalNorm(0.2), adamW({ learningRate, weightDecay: 0.1 })),
  },
  {
    name: "adamax",
    rate: 0.02,
    make: (learningRate) => adamax({ learningRate }),
    descent: { bowl: 0.05, valley: 0.1 },
  },
  {
    name: "adamax, weight decay",
    rate: 0.02,
    make: (learningRate) =>
      adamax({ learningRate, beta1: 0.8, beta2: 0.95, epsilon: 1e-2, weightDecay: 0.1 }),
  },
  {
    name: "nadam",
    rate: 0.02,
    make: (learningRate) => nadam({ learningRate }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "nadam, momentum decay",
    rate: 0.02,
    make: (learningRate) =>
      nadam({ learningRate, beta1: 0.8, beta2: 0.99, momentumDecay: 0.1, weightDecay: 0.1 }),
  },
  {
    name: "radam",
    rate: 0.02,
    make: (learningRate) => radam({ learningRate }),
    descent: { bowl: 0.2, valley: 0.0012 },
  },
  {
    name: "radam, weight decay",
    rate: 0.02,
    make: (learningRate) => radam({ learningRate, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 }),
  },
  {
    name: "rprop",
    rate: 0.01,
    make: (learningRate) => rprop({ learningRate: learningRate as number }),
    descent: { bowl: 0.1, valley: 0.05 },
  },
  {
    name: "rprop, factors",
    rate: 0.003,
    make: (learningRate) =>
      rprop({ learningRate: learningRate as number, factors: [0.6, 1.1], limits: [1e-4, 0.02] }),
  },
];

const references = { difference: reference.difference, averaging: reference.averaging };

/** Momentum in the conventions that are not PyTorch's, at a constant rate and at a falling one, where they differ. */
const conventions: Row[] = (["difference", "averaging"] as const).flatMap((convention) =>
  [false, true].flatMap((nesterov) =>
    [0.05, falling(0.1)].map((rate): Row => {
      const options = { momentum: 0.8, nesterov };
      const name = `sgd, ${convention}${nesterov ? ", Nesterov" : ""}`;
      return {
        name: typeof rate === "number" ? name : `${name}, schedule`,
        rate,
        make: (learningRate) => sgd({ learningRate, convention, weightDecay: 0.01, ...options }),
        reference: (rate) => references[convention]({ rate, decay: 0.01, ...options }),
        ...(typeof rate === "number" ? { descent: { bowl: 0.2, valley: 5e-4 } } : {}),
      };
    }),
  ),
);

const keras: Row[] = [
  {
    name: "adagrad, epsilon inside",
    rate: 0.1,
    make: (learningRate) =>
      adagrad({ learningRate, initialAccumulator: 0.1, epsilon: 1e-2, epsilonAt: "inside" }),
    reference: (rate) => reference.adagradInside(rate, 0.1, 1e-2),
  },
  ...[false, true].flatMap((centered) =>
    [0, 0.8].map((momentum): Row => {
      const epsilon = 1e-3;
      return {
        name: `rmsprop, epsilon inside${centered ? ", centered" : ""}${momentum > 0 ? ", difference" : ""}`,
        rate: falling(0.01),
        make: (learningRate) =>
          rmsprop({
            learningRate,
            alpha: 0.9,
            epsilon,
            epsilonAt: "inside",
            convention: "difference",
            centered,
            momentum,
          }),
        reference: (rate) => reference.rmspropKeras({ rate, rho: 0.9, epsilon, centered, momentum }),
        ...(centered && momentum > 0 ? { descent: { bowl: 0.01, valley: 0.003 } } : {}),
      };
    }),
  ),
  ...[false, true].map((amsgrad): Row => {
    const options = { beta1: 0.9, beta2: 0.95, epsilon: 1e-3 };
    return {
      name: `adam, Keras${amsgrad ? ", AMSGrad" : ""}`,
      rate: 0.02,
      make: (learningRate) =>
        adam({ learningRate, ...options, convention: "keras", amsgrad: amsgrad ? "raw" : false }),
      reference: (rate) => reference.adamKeras({ rate, ...options, amsgrad }),
    };
  }),
  {
    name: "adam, AMSGrad, corrected",
    rate: 0.02,
    make: (learningRate) => adam({ learningRate, beta2: 0.95, amsgrad: "corrected" }),
    reference: (rate) => reference.amsgradOptax({ ...adams, rate, beta2: 0.95 }),
  },
  {
    name: "adamax, Keras",
    rate: 0.02,
    make: (learningRate) => adamax({ learningRate, epsilon: 1e-2, convention: "keras" }),
    reference: (rate) => reference.adamaxKeras({ ...adams, rate, epsilon: 1e-2 }),
  },
  {
    name: "nadam, Keras",
    rate: 0.02,
    make: (learningRate) => nadam({ learningRate, momentumDecay: 1 }),
    reference: (rate) => reference.nadamKeras({ ...adams, rate }),
  },
  {
    name: "yogi, Keras",
    rate: 0.02,
    make: (learningRate) => yogi({ learningRate, initialAccumulator: 1e-3, convention: "keras" }),
    reference: (rate) => reference.yogi({ ...adams, rate, epsilon: 1e-3, initial: 1e-3, as: "keras" }),
  },
];

const others: Row[] = [
  {
    name: "nadam, optax",
    rate: 0.02,
    make: (learningRate) => nadam({ learningRate, momentumDecay: 1e6 }),
    reference: (rate) => reference.nadamOptax({ ...adams, rate }),
  },
  {
    name: "nadamW, optax",
    rate: 0.02,
    make: (learningRate) => nadamW({ learningRate, momentumDecay: 1e6, weightDecay: 0.1 }),
    reference: (rate) => reference.nadamOptax({ ...adams, rate, decoupled: 0.1 }),
  },
  {
    name: "nadamW",
    rate: 0.02,
    make: (learningRate) => nadamW({ learningRate, weightDecay: 0.1 }),
    reference: (rate) => reference.nadamWTorch({ ...adams, rate, decoupled: 0.1, momentumDecay: 4e-3 }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "radam, decoupled",
    rate: 0.02,
    make: (learningRate) => radam({ learningRate, weightDecay: 0.1, decoupled: true }),
    reference: (rate) => reference.radam({ ...adams, rate, decoupled: 0.1, epsilonAt: "torch" }),
  },
  {
    name: "radam, optax",
    rate: 0.02,
    make: (learningRate) => radam({ learningRate, epsilon: 1e-2, convention: "optax" }),
    reference: (rate) => reference.radam({ ...adams, rate, epsilon: 1e-2, epsilonAt: "optax" }),
  },
  {
    name: "adabelief",
    rate: 0.01,
    make: (learningRate) => adabelief({ learningRate }),
    reference: (rate) => reference.adabelief({ ...adams, rate, epsilon: 1e-16, inside: 1e-16 }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "adabelief, epsilons, weight decay",
    rate: 0.02,
    make: (learningRate) => adabelief({ learningRate, epsilon: 1e-2, epsilonInside: 1e-4, weightDecay: 0.1 }),
    reference: (rate) => reference.adabelief({ ...adams, rate, epsilon: 1e-2, inside: 1e-4, joined: 0.1 }),
  },
  {
    name: "adabelief, decoupled",
    rate: 0.02,
    make: (learningRate) => adabelief({ learningRate, epsilon: 1e-5, weightDecay: 0.1, decoupled: true }),
    reference: (rate) => reference.adabelief({ ...adams, rate, epsilon: 1e-5, inside: 1e-5, decoupled: 0.1 }),
  },
  {
    name: "yogi",
    rate: 0.02,
    make: (learningRate) => yogi({ learningRate }),
    reference: (rate) => reference.yogi({ ...adams, rate, epsilon: 1e-3, initial: 1e-6, as: "optax" }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "yogi, initial accumulator",
    rate: 0.02,
    make: (learningRate) => yogi({ learningRate, initialAccumulator: 0.01, beta2: 0.9 }),
    reference: (rate) =>
      reference.yogi({ rate, beta1: 0.9, beta2: 0.9, epsilon: 1e-3, initial: 0.01, as: "optax" }),
  },
  {
    name: "ademamix",
    rate: 0.01,
    make: (learningRate) => ademamix({ learningRate }),
    reference: (rate) => reference.ademamix({ ...adams, rate, alpha: () => 5, beta3: () => 0.9999 }),
    descent: { bowl: 0.05, valley: 0.05 },
  },
  {
    name: "ademamix, schedules, weight decay",
    rate: falling(0.02),
    make: (learningRate) =>
      ademamix({
        learningRate,
        alpha: (t) => Math.min(8, t / 5),
        beta3: (t) => 1 - 0.2 / t,
        weightDecay: 0.1,
      }),
    reference: (rate) =>
      reference.ademamix({
        ...adams,
        rate,
        alpha: (t) => Math.min(8, t / 5),
        beta3: (t) => 1 - 0.2 / t,
        decoupled: 0.1,
      }),
  },
  {
    name: "adopt",
    rate: 0.02,
    make: (learningRate) => adopt({ learningRate }),
    reference: (rate) => reference.adopt({ ...adams, rate, beta2: 0.9999, epsilon: 1e-6 }),
    descent: { bowl: 0.05, valley: 0.1 },
  },
  {
    name: "adopt, clip, weight decay",
    rate: 0.02,
    make: (learningRate) => adopt({ learningRate, beta2: 0.95, clip: 0.7, weightDecay: 0.1 }),
    reference: (rate) =>
      reference.adopt({ ...adams, rate, beta2: 0.95, epsilon: 1e-6, clip: () => 0.7, joined: 0.1 }),
  },
  {
    name: "adopt, decoupled",
    rate: 0.02,
    make: (learningRate) =>
      adopt({ learningRate, beta2: 0.95, epsilon: 0.1, weightDecay: 0.1, decoupled: true }),
    reference: (rate) => reference.adopt({ ...adams, rate, beta2: 0.95, epsilon: 0.1, decoupled: 0.1 }),
  },
  ...[0, 0.5].map(
    (decay): Row => ({
      name: decay > 0 ? "adan, weight decay" : "adan",
      rate: 0.02,
      make: (learningRate) => adan({ learningRate, weightDecay: decay }),
      reference: (rate) =>
        reference.adanAuthors({ rate, beta1: 0.98, beta2: 0.92, beta3: 0.99, epsilon: 1e-8, decay }),
      ...(decay > 0 ? {} : { descent: { bowl: 0.1, valley: 0.05 } }),
    }),
  ),
  {
    name: "adan, optax",
    rate: 0.02,
    make: (learningRate) =>
      adan({ learningRate, beta2: 0.8, epsilonInside: 1e-3, weightDecay: 0.1, convention: "optax" }),
    reference: (rate) =>
      reference.adanOptax({
        rate,
        beta1: 0.98,
        beta2: 0.8,
        beta3: 0.99,
        epsilon: 1e-8,
        epsilonRoot: 1e-3,
        decay: 0.1,
      }),
  },
  {
    name: "lion",
    rate: 0.003,
    make: (learningRate) => lion({ learningRate }),
    reference: (rate) => reference.lion({ rate, beta1: 0.9, beta2: 0.99 }),
    descent: { bowl: 0.03, valley: 0.01 },
  },
  {
    name: "lion, weight decay",
    rate: 0.003,
    make: (learningRate) => lion({ learningRate, beta1: 0.95, beta2: 0.9, weightDecay: 0.3 }),
    reference: (rate) => reference.lion({ rate, beta1: 0.95, beta2: 0.9, decoupled: 0.3 }),
  },
  ...[0, 0.3].map(
    (weightDecay): Row => ({
      name: weightDecay > 0 ? "signSgd, weight decay" : "signSgd",
      rate: 0.003,
      make: (learningRate) => signSgd({ learningRate, weightDecay }),
      reference: (rate) => reference.signSgd(rate, weightDecay),
      ...(weightDecay > 0 ? {} : { descent: { bowl: 0.02, valley: 0.01 } }),
    }),
  ),
  ...[false, true].map((nesterov): Row => {
    const options = { momentum: 0.9, nesterov, epsilon: 0.01 };
    return {
      name: `lars${nesterov ? ", Nesterov" : ""}`,
      rate: falling(0.5),
      make: (learningRate) => lars({ learningRate, trustCoefficient: 0.01, weightDecay: 0.02, ...options }),
      reference: (rate) => reference.lars({ rate, trust: 0.01, decay: 0.02, ratio: "optax", ...options }),
      descent: { bowl: 1, valley: 0.03 },
    };
  }),
  {
    name: "lars, paper",
    rate: 0.5,
    make: (learningRate) =>
      lars({ learningRate, trustCoefficient: 0.01, weightDecay: 0.3, convention: "paper" }),
    reference: (rate) =>
      reference.lars({
        rate,
        momentum: 0.9,
        nesterov: false,
        trust: 0.01,
        decay: 0.3,
        epsilon: 0,
        ratio: "paper",
      }),
  },
  ...[0, 0.1].map(
    (weightDecay): Row => ({
      name: weightDecay > 0 ? "lamb, weight decay" : "lamb",
      rate: 0.02,
      make: (learningRate) => lamb({ learningRate, weightDecay }),
      reference: (rate) => reference.lamb({ ...adams, rate, epsilon: 1e-6, decoupled: weightDecay }),
      ...(weightDecay > 0 ? {} : { descent: { bowl: 0.05, valley: 0.05 } }),
    }),
  ),
  ...[0, 0.1].map(
    (weightDecay): Row => ({
      name: weightDecay > 0 ? "novograd, weight decay" : "novograd",
      rate: 0.01,
      make: (learningRate) => novograd({ learningRate, weightDecay }),
      reference: (rate) =>
        reference.novograd({ rate, beta1: 0.9, beta2: 0.25, epsilon: 1e-6, decoupled: weightDecay }),
      ...(weightDecay > 0 ? {} : { descent: { bowl: 0.02, valley: 0.005 } }),
    }),
  ),
];

export const table: readonly Row[] = [...golden, ...conventions, ...keras, ...others];
