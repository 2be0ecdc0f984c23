// Who races here: the entrants of downhill/race, and the optimizers that it leaves out to stay small on a page.
import {
  adafactor,
  asgd,
  dAdaptAdam,
  dAdaptSgd,
  dog,
  dowg,
  ftrl,
  muonWithAdamW,
  nadamW,
  polyakSgd,
  prodigy,
  scheduleFreeAdamW,
  scheduleFreeSgd,
  sm3,
} from "../build/src/optim/index.js";
import { entrant, entrants } from "../build/src/race/index.js";

const log = (/** @type {number} */ low, /** @type {number} */ high) =>
  /** @type {const} */ ({ low, high, scale: "log" });

/** Every first-order optimizer of docs/optimizers.md. */
export function everyEntrant() {
  const adaptive = { learningRate: log(1e-4, 1), beta2: [0.99, 0.999] };
  // These find their step size; what is drawn is where they begin to look for it.
  const initialDistance = log(1e-6, 1e-1);
  return [
    ...entrants(),
    entrant("asgd", { learningRate: log(1e-5, 1) }, asgd),
    entrant("nadamW", adaptive, nadamW),
    entrant("adafactor", { learningRate: log(1e-3, 1), beta2Decay: [-0.8, -0.5] }, adafactor),
    entrant("sm3", { learningRate: log(1e-3, 10), momentum: [0, 0.9] }, sm3),
    // Keras's sum of 0.1 at the start has the first step forget the initial weights, without which a network learns nothing.
    entrant("ftrl", { learningRate: log(1e-3, 10) }, (hyper) => ftrl({ ...hyper, initialSum: 1e-10 })),
    // The scale that lets one learning rate fit the matrices and what AdamW has.
    entrant("muonWithAdamW", { learningRate: log(1e-4, 1), momentum: [0.9, 0.95] }, (hyper) =>
      muonWithAdamW({
        muon: { ...hyper, adjust: "matchRmsAdamW" },
        adamW: { learningRate: hyper.learningRate },
      }),
    ),
    entrant("scheduleFreeSgd", { learningRate: log(1e-3, 10), beta1: [0.9, 0.98] }, scheduleFreeSgd),
    entrant("scheduleFreeAdamW", adaptive, scheduleFreeAdamW),
    entrant("dog", { relativeDistance: log(1e-6, 1e-1) }, dog),
    entrant("dowg", { squaredDistance: log(1e-8, 1e-1) }, dowg),
    entrant("dAdaptSgd", { initialDistance, momentum: [0, 0.9] }, dAdaptSgd),
    entrant("dAdaptAdam", { initialDistance }, dAdaptAdam),
    entrant("prodigy", { initialDistance }, prodigy),
    entrant("polyakSgd", { largestRate: log(1e-3, 10) }, polyakSgd),
  ];
}
