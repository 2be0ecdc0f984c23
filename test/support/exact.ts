// Elementary functions in fixed point, far beyond 64 bits: what the error of a 64-bit one is measured against.

/** Bits behind the point: e⁻⁷⁴⁵ keeps more than a hundred. */
const BITS = 1200n;
/** A double whose exponent's bits are e is a multiple of 2^(e − 1075). */
const OFFSET = BITS - 1075n;
export const ONE = 1n << BITS;
const PI_DIGITS = BigInt(
  "31415926535897932384626433832795028841971693993751058209749445923078164062862089986",
);
const PI_SCALE = 10n ** 82n;

const times = (a: bigint, b: bigint) => (a * b) >> BITS;

/** A finite double as it is: a whole number of 2⁻¹²⁰⁰. */
export function fixed(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  const exponent = view.getUint16(0) >> 4;
  const mantissa = (view.getBigUint64(0) & (2n ** 52n - 1n)) | (exponent > 0 ? 2n ** 52n : 0n);
  const size = mantissa << (OFFSET + BigInt(Math.max(exponent, 1)));
  return x < 0 ? -size : size;
}

/** eˣ by Taylor's series of x / 2¹², squared twelve times. */
export function exactExp(x: bigint): bigint {
  const size = x < 0n ? -x : x;
  const small = size >> 12n;
  let sum = ONE;
  for (let term = ONE, k = 1n; (term = times(term, small) / k) > 0n; k++) sum += term;
  for (let i = 0; i < 12; i++) sum = times(sum, sum);
  return x < 0n ? (ONE * ONE) / sum : sum;
}

/** ln x by one step of Halley's method from a double's guess: its error is the guess's to the third. */
export function exactLog(x: number): bigint {
  const guess = fixed(Math.log(x));
  const y = exactExp(guess);
  const value = fixed(x);
  return guess + (2n * ONE * (value - y)) / (value + y);
}

/** cos πx by Taylor's series, for |x| ≤ 2. */
export function exactCosPi(x: number): bigint {
  const angle = (fixed(x) * PI_DIGITS) / PI_SCALE;
  const square = times(angle, angle);
  let sum = ONE;
  for (let term = ONE, k = 1n; (term = times(term, square) / (k * (k + 1n))) > 0n; k += 2n)
    sum += (k - 1n) % 4n === 0n ? -term : term;
  return sum;
}

/** How far a double is from the truth, in units of its last place. */
export function ulps(got: number, truth: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(got));
  const unit = 1n << (OFFSET + BigInt(Math.max(view.getUint16(0) >> 4, 1)));
  const apart = fixed(got) - truth;
  return Number(((apart < 0n ? -apart : apart) * 1000n) / unit) / 1000;
}
