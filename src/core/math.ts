// Elementary functions of 64-bit numbers by additions, multiplications, divisions and square roots alone: the same bits
// on every runtime, where those of Math differ. For what reaches a parameter: schedules and hyper-parameters.

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** 2ⁿ for a whole n; 0 or ∞ beyond the range. */
function powerOfTwo(n: number): number {
  return n < 0 ? 1 / power(2, -n) : power(2, n);
}

/** base to a whole power ≥ 0, by products: within half an ulp for each of `exponent`. */
export function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}

/** eˣ, within 2 ulp. */
export function exp(x: number): number {
  if (x > 709.8) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  if (Number.isNaN(x)) return x;
  const n = Math.round(x / Math.LN2);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  // Taylor's series for |r| ≤ ln 2 / 2: its fifteenth term is below 1e-17.
  let sum = 1;
  for (let k = 14; k > 0; k--) sum = 1 + (r / k) * sum;
  // In two halves, so that neither leaves the range before their product does.
  const half = Math.trunc(n / 2);
  return sum * powerOfTwo(half) * powerOfTwo(n - half);
}

/** The natural logarithm, within 2 ulp; NaN below 0. */
export function log(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x > 0 ? x : Number.NaN;
  let m = x;
  let n = 0;
  for (; m >= 2 ** 32; m /= 2 ** 32) n += 32;
  for (; m < 2 ** -32; m *= 2 ** 32) n -= 32;
  for (; m > Math.SQRT2; m /= 2) n++;
  for (; m < Math.SQRT1_2; m *= 2) n--;
  // ln m = 2 artanh s = 2s + s (2z/3 + 2z²/5 + …) with |s| < 0.172; and 2s = f − sf, where f has no error.
  const f = m - 1;
  const s = f / (m + 1);
  const z = s * s;
  let sum = 0;
  for (let k = 23; k > 1; k -= 2) sum = z * (1 / k + sum);
  return n * LN2_HIGH + (n * LN2_LOW + (f - s * (f - 2 * sum)));
}

/** x to a power, for x ≥ 0; within 1e-13 of its size for results from 1e-100 to 1e100. */
export function pow(x: number, exponent: number): number {
  if (exponent === 0) return 1;
  // Products lose half an ulp each: beyond some hundreds of them the logarithm is nearer.
  if (Number.isInteger(exponent) && Math.abs(exponent) <= 256) {
    return exponent > 0 ? power(x, exponent) : 1 / power(x, -exponent);
  }
  return exp(exponent * log(x));
}

/** cos πx, within 1e-15. */
export function cosPi(x: number): number {
  const turn = Math.abs(x % 2);
  const half = turn > 1 ? 2 - turn : turn;
  if (half > 0.5) return -cosPi(1 - half);
  const angle = Math.PI * half;
  const z = angle * angle;
  let sum = 1;
  for (let k = 22; k > 0; k -= 2) sum = 1 - (z / (k * (k - 1))) * sum;
  return sum;
}
