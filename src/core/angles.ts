// The angles of positions: pair i of `size` numbers turns by time / base^(2i / size).
// Vaswani et al., "Attention is all you need" (2017), section 3.5; Su et al. 2021 take the same.
import { cosPi, pow } from "./math.ts";

/** Cosine and sine of the angle of number k, of the pair k − k % 2, at a time. */
export function angleOf(
  time: number,
  k: number,
  { size, base }: { readonly size: number; readonly base: number },
): { readonly cos: number; readonly sin: number } {
  const halfTurns = time / pow(base, (k - (k % 2)) / size) / Math.PI;
  return { cos: cosPi(halfTurns), sin: cosPi(halfTurns - 0.5) };
}
