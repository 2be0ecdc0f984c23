// Uniform, normal and beta-distributed random numbers of 64 bits, in order, the same bits on every runtime.
import { cosPi, exp, log } from "./math.ts";
import { Random, type RandomStream } from "./random.ts";

export class Draws {
  readonly #random: Random;
  #spare: number | undefined;

  constructor(seed: number, stream: RandomStream) {
    this.#random = new Random(seed, stream);
  }

  /** The next number in 0 < x < 1. */
  uniform(): number {
    return (this.#random.next() + 0.5) / 2 ** 32;
  }

  /** The next number of the standard normal distribution. Box & Muller 1958. */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * log(this.uniform()));
    const angle = 2 * this.uniform();
    this.#spare = radius * cosPi(angle - 0.5);
    return radius * cosPi(angle);
  }

  /** n standard normal numbers. */
  normals(n: number): Float64Array {
    return new Float64Array(n).map(() => this.normal());
  }
}

/** The logarithm of a gamma-distributed number: small shapes give numbers too small for 64 bits. Marsaglia & Tsang 2000. */
function logGammaDraw(draws: Draws, shape: number): number {
  // Section 6: below 1 it is a number of shape + 1 times a power of a uniform one.
  if (shape < 1) return logGammaDraw(draws, shape + 1) + log(draws.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = draws.normal();
    const t = 1 + c * x;
    const v = t * t * t;
    if (v > 0 && log(draws.uniform()) < (x * x) / 2 + d * (1 - v + log(v))) return log(d) + log(v);
  }
}

/** The next number of Beta(a, b), 0 ≤ x ≤ 1, as a share of two gamma-distributed ones; a and b above 1e-300. */
export function beta(draws: Draws, a: number, b: number): number {
  const first = logGammaDraw(draws, a);
  return 1 / (1 + exp(logGammaDraw(draws, b) - first));
}
