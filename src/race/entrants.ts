// The optimizers of the house that step by one gradient, each with the ranges in which it is tuned.
import * as optim from "../optim/index.ts";
import { entrant, type HyperRange, type RaceEntrant } from "./entrant.ts";

const log = (low: number, high: number): HyperRange => ({ low, high, scale: "log" });

/**
 * The first-order optimizers of "downhill/optim". Each has its learning rate over some powers of ten and at most one choice
 * more, so that a budget buys all of them as much; what is not named stays at its default.
 * @example const adams = entrants().filter(({ name }) => name.startsWith("ada"));
 */
export function entrants(): RaceEntrant[] {
  const plain = { learningRate: log(1e-5, 1) };
  const heavy = { learningRate: log(1e-5, 1), momentum: [0.8, 0.9, 0.95] };
  const adaptive = { learningRate: log(1e-4, 1), beta2: [0.99, 0.999] };
  return [
    entrant("sgd", plain, optim.sgd),
    entrant("momentum", heavy, optim.sgd),
    entrant("nesterov", heavy, (hyper) => optim.sgd({ ...hyper, nesterov: true })),
    entrant("adagrad", { learningRate: log(1e-3, 10) }, optim.adagrad),
    entrant("adadelta", { learningRate: log(1e-1, 1e3), rho: [0.9, 0.95, 0.99] }, optim.adadelta),
    entrant("rmsprop", { learningRate: log(1e-4, 1), alpha: [0.9, 0.99] }, optim.rmsprop),
    entrant("adam", adaptive, optim.adam),
    entrant("adamW", adaptive, optim.adamW),
    entrant("amsgrad", adaptive, (hyper) => optim.adam({ ...hyper, amsgrad: "raw" })),
    entrant("adamax", adaptive, optim.adamax),
    entrant("nadam", adaptive, optim.nadam),
    entrant("radam", adaptive, optim.radam),
    entrant("adabelief", adaptive, optim.adabelief),
    entrant("yogi", adaptive, optim.yogi),
    entrant("ademamix", { learningRate: log(1e-4, 1), alpha: [2, 5] }, optim.ademamix),
    // Its β₂ is meant to be nearer to 1 than others'.
    entrant("adopt", { learningRate: log(1e-4, 1), beta2: [0.99, 0.9999] }, optim.adopt),
    entrant("adan", { learningRate: log(1e-4, 1), beta1: [0.9, 0.98] }, optim.adan),
    entrant("lion", { learningRate: log(1e-5, 1), beta2: [0.9, 0.99] }, optim.lion),
    // Each weight moves by all of it at every step, so that it has to be small where the others' steps become it.
    entrant("signSgd", { learningRate: log(1e-5, 1e-2) }, optim.signSgd),
    // Steps may grow to a largest one, 50 unless it is told.
    entrant("rprop", { learningRate: log(1e-4, 1e-1), largest: log(1e-3, 1) }, ({ learningRate, largest }) =>
      optim.rprop({ learningRate, limits: [1e-6, largest] }),
    ),
    // Times the trust coefficient of 0.001.
    entrant("lars", { learningRate: log(1e-2, 1e2), momentum: [0, 0.9] }, optim.lars),
    entrant("lamb", adaptive, optim.lamb),
    entrant("novograd", { learningRate: log(1e-4, 1), beta2: [0.25, 0.95] }, optim.novograd),
  ];
}
