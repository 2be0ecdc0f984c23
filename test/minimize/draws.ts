// Random numbers for these tests.
import { Random } from "#src/core/random";

/** Uniform numbers of a seed. */
export function draws(seed: number) {
  const random = new Random(seed, "test");
  return { uniform: (low: number, high: number) => low + ((high - low) * random.next()) / 2 ** 32 };
}
