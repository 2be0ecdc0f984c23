// Adam and AdamW.
import { checkRange, defineTransform, power, type Schedule, type Transform, valueAt } from "./transform.ts";

export interface AdamOptions {
  /** Step size γ > 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the gradient, 0 ≤ β₁ < 1. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of its square, 0 ≤ β₂ < 1. Default: 0.999. */
  readonly beta2?: number;
  /** Added to the root, after bias correction as in PyTorch. Default: 1e-8. */
  readonly epsilon?: number;
  /** λ ≥ 0: adam adds λθ to the gradient (default 0), adamW shrinks θ by γλ apart from it (default 0.01). */
  readonly weightDecay?: number;
}

function adamLike(name: string, decoupled: boolean, options: AdamOptions): Transform {
  const { learningRate = 1e-3 } = options;
  if (typeof learningRate === "number") valueAt(`${name}: learningRate`, learningRate, 1);
  const beta1 = checkRange(`${name}: beta1`, options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange(`${name}: beta2`, options.beta2 ?? 0.999, 0, 1);
  const epsilon = valueAt(`${name}: epsilon`, options.epsilon ?? 1e-8, 1);
  const decay = valueAt(`${name}: weightDecay`, options.weightDecay ?? (decoupled ? 0.01 : 0), 1);
  return defineTransform({
    name,
    hyperWords: 9,
    hyper: (step) => {
      const rate = valueAt(`${name}: learningRate`, learningRate, step);
      return [
        -rate / (1 - power(beta1, step)),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        1 / Math.sqrt(1 - power(beta2, step)),
        epsilon,
        decoupled ? 0 : decay,
        decoupled ? 1 - rate * decay : 1,
      ];
    },
    emit: ({ emitter, slot, ...context }) =>
      emitter.update("adam", { ...context, states: [slot("m"), slot("v")] }),
  });
}

/**
 * Adam: steps by the running mean of the gradient over the root of the running mean of its square.
 * Kingma and Ba 2015; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example adam({ learningRate: 1e-3 })
 */
export function adam(options: AdamOptions = {}): Transform {
  return adamLike("adam", false, options);
}

/**
 * Adam with decoupled weight decay: θ shrinks by γλ beside the step. Loshchilov and Hutter 2019; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example adamW({ learningRate: 3e-4, weightDecay: 0.01 })
 */
export function adamW(options: AdamOptions = {}): Transform {
  return adamLike("adamW", true, options);
}
