// The error function in doubles, which JavaScript lacks.

/** erf in doubles: the Taylor series, beyond 2.5 the continued fraction of erfc. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6.5) return Math.sign(x);
  if (size > 2.5) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (size + fraction);
    return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
  }
  let sum = x;
  let term = x;
  for (let k = 1; k < 60; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
