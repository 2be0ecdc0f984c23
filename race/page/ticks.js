// Numbers along an axis, short and with a real minus.

export const minus = (/** @type {number | string} */ value) => String(value).replace("-", "−");

/** 10⁻⁴ for 0.0001: a formatter of few digits would call it 0. */
export function tick(/** @type {number | null} */ value) {
  if (value === null) return "";
  if (value === 0 || (Math.abs(value) >= 0.01 && Math.abs(value) < 1e5))
    return minus(Number(value.toPrecision(3)));
  const power = Math.round(Math.log10(Math.abs(value)));
  const digits = String(power).replaceAll(/[-\d]/g, (digit) =>
    "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".charAt("-0123456789".indexOf(digit)),
  );
  return `10${digits}`;
}

/** Where a logarithmic axis has ticks: at 1, 2 and 5 times powers of ten, or at these alone where it is long. */
export function decades(
  /** @type {unknown} */ _,
  /** @type {unknown} */ __,
  /** @type {number} */ low,
  /** @type {number} */ high,
) {
  const steps = high / low > 1000 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: 24 }, (_, i) => 10 ** (i - 14));
  return powers
    .flatMap((power) => steps.map((step) => step * power))
    .filter((at) => at >= 0.999 * low && at <= 1.001 * high);
}
