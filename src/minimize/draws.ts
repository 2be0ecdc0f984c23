// Uniform and normal random numbers of 64 bits, in order, the same bits on every runtime.
import { cosPi, log } from "../core/math.ts";
import { Random } from "../core/random.ts";

export class Draws {
  readonly #random: Random;
  #spare: number | undefined;

  constructor(seed: number, stream: string) {
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
