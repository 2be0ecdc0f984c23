// Gradients of a multiple of the loss, so that small ones do not vanish on the way back, and their scale.
import { checkOptions } from "../core/options.ts";
import { add, equal, greaterEqual, maximum, minimum, mul, reciprocal, where } from "../ops/arithmetic.ts";
import { gradients } from "../ops/gradients.ts";
import { countSkipped, finiteness } from "./gradients.ts";
import { checkCount, checkPositive, checkRange, type Transform } from "./transform.ts";

/** Options of {@link lossScaling}. */
export interface LossScalingOptions {
  /** The factor of the first step, > 0; powers of 2 change no bit of a gradient that is neither too small nor too large. Default: 65536. */
  readonly scale?: number;
  /** Good steps after which the scale grows; "never" holds it where it is, whatever happens. Default: 2000. */
  readonly every?: number | "never";
  /** What it grows by, ≥ 1. Default: 2. */
  readonly growth?: number;
  /** What it is multiplied by after a step that is left out, 0 < x < 1. Default: 0.5. */
  readonly backoff?: number;
}

/** Where the scale stays, so that it comes back from wherever it was driven. */
const LEAST = 2 ** -100;
const MOST = 2 ** 100;

/**
 * Loss scaling: the inner optimizer takes the gradient of the scaled loss, divided by the scale. A step whose gradient is not
 * finite is left out, for the optimizer's state too, and halves the scale; after a number of good steps it doubles.
 * Micikevicius et al. 2018; the rule and its defaults are those of PyTorch's GradScaler, between 2⁻¹⁰⁰ and 2¹⁰⁰. It stands
 * around all the rest: what changes the gradient before it has no effect. Penalties and clipping stand inside.
 * `trainer.state("scale")` is the scale, and `trainer.state("skipped")` how many steps have been left out.
 * @throws OptionError for a number out of range, and while a step is compiled in a parameter group.
 * @example lossScaling(chain(clipByGlobalNorm(1), adamW({ learningRate: 3e-4 })), { scale: 1024 })
 */
export function lossScaling(inner: Transform, options: LossScalingOptions = {}): Transform {
  const { every = 2000 } = checkOptions("lossScaling", options, {
    scale: 0,
    every: 0,
    growth: 0,
    backoff: 0,
  });
  const initial = checkRange(
    "lossScaling: scale",
    checkPositive("lossScaling: scale", options.scale ?? 65_536),
    LEAST,
    MOST,
  );
  const growth = checkRange("lossScaling: growth", options.growth ?? 2, 1, Number.POSITIVE_INFINITY);
  const backoff = checkRange(
    "lossScaling: backoff",
    checkPositive("lossScaling: backoff", options.backoff ?? 0.5),
    0,
    1,
  );
  if (every !== "never") checkCount("lossScaling: every", every);
  return {
    name: "lossScaling",
    hyperWords: inner.hyperWords,
    hyper: (step) => inner.hyper(step),
    apply(context) {
      const { parameters, loss, state, assign } = context;
      context.wantAll("lossScaling");
      const scale = state("scale", [], initial);
      const scaled = gradients(
        mul(loss, scale),
        parameters.map(({ tensor }) => tensor),
      ).map((slope, index) => slope ?? mul(parameters[index]!.gradient, scale));
      const zero = finiteness(scaled);
      if (zero) {
        countSkipped(context, zero);
        if (every !== "never") {
          const good = equal(zero, 0);
          const since = state("since", []);
          const next = add(since, 1);
          const full = greaterEqual(next, every);
          const grown = where(full, minimum(mul(scale, growth), MOST), scale);
          assign(scale, where(good, grown, maximum(mul(scale, backoff), LEAST)));
          assign(since, where(good, where(full, 0, next), 0));
        }
        const share = reciprocal(scale);
        context.guard(zero);
        for (const [index, parameter] of parameters.entries())
          parameter.gradient = mul(scaled[index]!, share);
      }
      inner.apply(context.within(inner.name, 0));
    },
  };
}
