// Where the learning rates of a walk and of a small network begin: found by trying, so that something is to be seen. The
// defaults of the library are for larger networks.
import type { Options } from "./options.ts";
import type { SurfaceName } from "./surfaces.ts";

/** On Rosenbrock's valley, or on the surface that an optimizer needs. */
const ON_SURFACES: Readonly<Record<string, number>> = {
  sgd: 0.002,
  asgd: 0.002,
  adagrad: 0.5,
  adadelta: 5,
  rmsprop: 0.02,
  adam: 0.1,
  adamW: 0.1,
  adamax: 0.2,
  nadam: 0.1,
  nadamW: 0.1,
  radam: 0.0002,
  adabelief: 0.1,
  yogi: 0.1,
  ademamix: 0.05,
  adopt: 0.1,
  adan: 0.1,
  lion: 0.02,
  signSgd: 0.01,
  rprop: 0.05,
  lars: 2,
  lamb: 0.05,
  novograd: 0.005,
  adafactor: 1,
  sm3: 0.5,
  ftrl: 1,
  muon: 0.1,
  shampoo: 0.05,
  soap: 0.1,
  sophiaG: 0.05,
  scheduleFreeSgd: 0.005,
  scheduleFreeAdamW: 0.5,
};

/** On the two spirals and on the digits. */
const ON_NETWORKS: Readonly<Record<string, readonly [spirals: number, digits: number]>> = {
  // With the momentum below.
  sgd: [0.1, 0.05],
  asgd: [0.1, 0.3],
  adagrad: [0.3, 0.03],
  adadelta: [1, 3],
  rmsprop: [0.03, 0.003],
  adam: [0.1, 0.01],
  adamW: [0.1, 0.01],
  adamax: [0.3, 0.03],
  nadam: [0.1, 0.01],
  nadamW: [0.1, 0.01],
  radam: [0.3, 0.03],
  adabelief: [0.1, 0.01],
  yogi: [0.1, 0.01],
  ademamix: [0.1, 0.01],
  adopt: [0.1, 0.003],
  adan: [0.1, 0.01],
  lion: [0.03, 0.003],
  signSgd: [0.1, 0.003],
  rprop: [0.3, 0.003],
  lars: [10, 3],
  lamb: [0.003, 0.01],
  novograd: [0.1, 0.03],
  adafactor: [1, 0.1],
  sm3: [1, 0.1],
  ftrl: [0.3, 0.3],
  shampoo: [0.1, 0.03],
  soap: [0.3, 0.01],
  sophiaG: [0.03, 0.003],
  scheduleFreeSgd: [0.3, 1],
  scheduleFreeAdamW: [0.3, 0.01],
};

/** What an optimizer needs to do anything here at all. */
const BESIDES: Readonly<Record<string, Options>> = {
  // Keras's sum at the start has the first step forget where it began.
  ftrl: { initialSum: 1e-10 },
};

const rate = (learningRate: number | undefined): Options =>
  learningRate === undefined ? {} : { learningRate };
const both = (learningRate: number): Options => ({
  "muon.learningRate": learningRate,
  "adamW.learningRate": learningRate,
});

export function walkOptions(optimizer: string): Options {
  if (optimizer === "muonWithAdamW") return both(0.1);
  return { ...rate(ON_SURFACES[optimizer]), ...BESIDES[optimizer] };
}

/** Plain gradient descent would be no match for the others. */
export const withMomentum = (optimizer: string, options: Options): Options =>
  optimizer === "sgd" ? { ...options, momentum: 0.9 } : options;

export function networkOptions(optimizer: string, task: "spirals" | "digits"): Options {
  const index = task === "spirals" ? 0 : 1;
  if (optimizer === "muonWithAdamW") return both([0.3, 0.03][index]!);
  return { ...rate(ON_NETWORKS[optimizer]?.[index]), ...BESIDES[optimizer] };
}

/** The surface of an optimizer that cannot walk on the others, for want of a matrix or of a model. */
const NEEDED: Readonly<Record<string, SurfaceName>> = {
  muon: "plane",
  shampoo: "plane",
  soap: "plane",
  muonWithAdamW: "line",
  sophiaG: "logistic",
};
export const neededSurface = (optimizer: string): SurfaceName | undefined => NEEDED[optimizer];
