// Vectors of 64-bit numbers. Sums run from the first element to the last, so that results are the same bits everywhere.

export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

/** The Euclidean norm. */
export function norm(x: Float64Array): number {
  return Math.sqrt(dot(x, x));
}

/** The largest magnitude. */
export function maxNorm(x: Float64Array): number {
  let largest = 0;
  for (const value of x) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** x + t d, a new vector. */
export function along(x: Float64Array, t: number, d: Float64Array): Float64Array {
  return x.map((value, i) => value + t * d[i]!);
}

/** y ← y + a x. */
export function addScaled(a: number, x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < y.length; i++) y[i]! += a * x[i]!;
}

/** Positions of the values from the smallest to the largest; of equal ones, the earlier first. */
export function order(values: readonly number[]): number[] {
  return values.map((_, i) => i).sort((i, j) => values[i]! - values[j]! || i - j);
}
