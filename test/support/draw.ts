// Numbers for tests: the same at every run, and never near a kink of the functions that they go into.
import { Random } from "#src/core/random";
import type { Shape } from "#src/core/shape";
import type { DType } from "#src/graph/tensor";

/** An input of a test: its type and its numbers. */
export interface Drawn {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: readonly number[];
}

const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);

/** A number in 0 ≤ x < 1. */
const next = (random: Random) => random.next() / 2 ** 32;

/**
 * Numbers in low < x < high. They lie between the multiples of 1/64, where kinks are; those of different streams
 * never meet, so that neither operand of a comparison is near the other.
 */
export function uniform(shape: Shape, low = -2, high = 2, stream = 0): Drawn {
  const random = new Random(1, stream);
  const away = (2 * (stream % 16) + 1) / 32 / 64;
  const values = Array.from({ length: sizeOf(shape) }, () => {
    const step = Math.ceil(low * 64) + random.below(Math.floor((high - low) * 64));
    return step / 64 + away;
  });
  return { shape, dtype: "f32", values };
}

/** Numbers in low ≤ x < high, no two alike. */
export function distinct(shape: Shape, low = -2, high = 2, stream = 0): Drawn {
  const n = sizeOf(shape);
  const random = new Random(2, stream);
  const order = Array.from({ length: n }, (_, k) => ({ k, key: next(random) })).sort((a, b) => a.key - b.key);
  const values = order.map(({ k }) => Math.fround(low + ((high - low) * (k + 0.5)) / n));
  return { shape, dtype: "f32", values };
}

/** Integers from 0 to below − 1; where there are more elements than integers, some come more than once. */
export function labels(shape: Shape, below: number, stream = 0): Drawn {
  const random = new Random(3, stream);
  return { shape, dtype: "i32", values: Array.from({ length: sizeOf(shape) }, () => random.below(below)) };
}

/** Numbers as they are. */
export function given(shape: Shape, values: readonly number[], dtype: DType = "f32"): Drawn {
  return { shape, dtype, values: dtype === "f32" ? values.map(Math.fround) : values };
}
