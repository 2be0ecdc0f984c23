// The optimizers that the page offers, each with its knobs. Learning rates are schedules, so that they can be changed
// while a training runs.
import type { Schedule, Transform } from "downhill";
import { adadelta, adagrad, adam, adamW, lion, nadam, radam, rmsprop, sgd } from "downhill/optim";

export interface Knob {
  /** As the library calls it. */
  readonly name: string;
  readonly initial: number;
  readonly low: number;
  readonly high: number;
  readonly step: number;
}

interface Entry {
  /** The learning rate at first. */
  readonly rate: number;
  readonly knobs: readonly Knob[];
  readonly make: (learningRate: Schedule, knobs: Readonly<Record<string, number>>) => Transform;
}

const knob = (name: string, initial: number, high = 0.999999, step = 0.01): Knob => ({
  name,
  initial,
  low: 0,
  high,
  step,
});
const momentum = (initial: number) => knob("momentum", initial, 0.99);
const decay = (initial = 0) => knob("weightDecay", initial, 1, 0.001);
const betas = [knob("beta1", 0.9), knob("beta2", 0.999, 0.999999, 0.001)];
const [beta1] = betas as [Knob];

const OPTIMIZERS = {
  sgd: {
    rate: 0.1,
    knobs: [momentum(0), decay()],
    make: (learningRate, knobs) => sgd({ learningRate, ...knobs }),
  },
  nesterov: {
    rate: 0.1,
    knobs: [{ ...momentum(0.9), low: 0.01 }, decay()],
    make: (learningRate, knobs) => sgd({ learningRate, nesterov: true, ...knobs }),
  },
  adam: {
    rate: 0.01,
    knobs: [...betas, decay()],
    make: (learningRate, knobs) => adam({ learningRate, ...knobs }),
  },
  adamW: {
    rate: 0.01,
    knobs: [...betas, decay(0.01)],
    make: (learningRate, knobs) => adamW({ learningRate, ...knobs }),
  },
  nadam: {
    rate: 0.01,
    knobs: [...betas, decay()],
    make: (learningRate, knobs) => nadam({ learningRate, ...knobs }),
  },
  radam: {
    rate: 0.01,
    knobs: [...betas, decay()],
    make: (learningRate, knobs) => radam({ learningRate, ...knobs }),
  },
  rmsprop: {
    rate: 0.003,
    knobs: [knob("alpha", 0.99), momentum(0), decay()],
    make: (learningRate, knobs) => rmsprop({ learningRate, ...knobs }),
  },
  adagrad: {
    rate: 0.05,
    knobs: [decay()],
    make: (learningRate, knobs) => adagrad({ learningRate, ...knobs }),
  },
  adadelta: {
    rate: 1,
    knobs: [knob("rho", 0.9), decay()],
    make: (learningRate, knobs) => adadelta({ learningRate, ...knobs }),
  },
  lion: {
    rate: 0.001,
    knobs: [beta1, { ...knob("beta2", 0.99), step: 0.001 }, decay()],
    make: (learningRate, knobs) => lion({ learningRate, ...knobs }),
  },
} as const satisfies Record<string, Entry>;

export type OptimizerName = keyof typeof OPTIMIZERS;
export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as OptimizerName[];
export const entryOf = (name: OptimizerName): Entry => OPTIMIZERS[name];

/** The knobs of an optimizer as they are at first. */
export const initialKnobs = (name: OptimizerName): Record<string, number> =>
  Object.fromEntries(entryOf(name).knobs.map(({ name, initial }) => [name, initial]));
