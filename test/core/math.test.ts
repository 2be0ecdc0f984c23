// The elementary functions against fixed-point references: their stated errors, and the ends of their ranges.
import { describe, expect, test } from "vitest";
import { cosPi, exp, log, pow, power } from "#src/core/math";
import { Random } from "#src/core/random";
import { exactCosPi, exactExp, exactLog, fixed, ONE, ulps } from "../support/exact.ts";

const { MIN_VALUE: TINY, MAX_VALUE: HUGE, EPSILON, POSITIVE_INFINITY: INF } = Number;
const LEAST_NORMAL = 2 ** -1022;

/** Evenly spread numbers, the same at every run. */
function spread(count: number, low: number, high: number, stream: string): number[] {
  const random = new Random(1, stream);
  return Array.from({ length: count }, () => low + ((high - low) * random.next()) / 2 ** 32);
}
/** The largest of some errors, and where it is. */
function worst<T>(points: readonly T[], error: (point: T) => number): { error: number; at: T | undefined } {
  let most: { error: number; at: T | undefined } = { error: 0, at: undefined };
  for (const at of points) {
    const here = error(at);
    // What is not a number must not pass for small.
    if (!(here <= most.error)) most = { error: here, at };
  }
  return most;
}
const around = (x: number) => [x * (1 - EPSILON), x, x * (1 + EPSILON)];

describe("exp", () => {
  const points = [
    ...spread(1500, -745, 709.7, "exp, wide"),
    ...spread(1500, -2, 2, "exp, narrow"),
    ...spread(300, -745.13, -708, "exp, subnormal"),
    // Where the argument's reduction turns to the next power of two.
    ...Array.from({ length: 40 }, (_, n) => around((n - 20.5) * Math.LN2)).flat(),
    ...[TINY, -TINY, 1e-17, -1e-17, EPSILON, -EPSILON, 709.782712893384, -745.1332191019411],
  ];
  test("is within 2 ulp", () => {
    const { error, at } = worst(points, (x) => ulps(exp(x), exactExp(fixed(x))));
    expect(error, `at ${at}`).toBeLessThan(2);
  });
  test.each([
    [0, 1],
    [-0, 1],
    [INF, INF],
    [-INF, 0],
    [NaN, NaN],
    [709.79, INF],
    [1e300, INF],
    [-745.13, TINY],
    [-745.14, 0],
    [-1e300, 0],
  ])("of %s is %s", (x, wanted) => expect(exp(x)).toBe(wanted));
});

describe("log", () => {
  const points = [
    ...spread(1000, -1074, 1023, "log, wide").map((exponent) => 2 ** exponent),
    ...spread(1000, 0, 4, "log, narrow"),
    ...spread(500, 0.999, 1.001, "log, at one"),
    ...[0.5, 1, 2, Math.SQRT1_2, Math.SQRT2, Math.E, 2 ** 32, 2 ** -32, 2 ** 64].flatMap(around),
    ...[TINY, LEAST_NORMAL, LEAST_NORMAL - TINY, HUGE, 10, 0.1],
  ];
  test("is within 2 ulp", () => {
    const { error, at } = worst(points, (x) => ulps(log(x), exactLog(x)));
    expect(error, `at ${at}`).toBeLessThan(2);
  });
  test.each([
    [1, 0],
    [0, -INF],
    [-0, -INF],
    [INF, INF],
    [-INF, NaN],
    [-TINY, NaN],
    [-1, NaN],
    [NaN, NaN],
  ])("of %s is %s", (x, wanted) => expect(log(x)).toBe(wanted));
});

describe("power", () => {
  test.each([
    [2, 10, 1024],
    [2, 1023, 2 ** 1023],
    [2, 1024, INF],
    [-3, 3, -27],
    [-3, 4, 81],
    [0, 0, 1],
    [NaN, 0, 1],
    [0, 5, 0],
    [0.5, 1074, TINY],
    [0.5, 2 ** 40, 0],
    [10, 15, 1e15],
    [INF, 2, INF],
    [NaN, 1, NaN],
  ])("%s to the %s is %s", (base, exponent, wanted) => expect(power(base, exponent)).toBe(wanted));
});

describe("pow", () => {
  /** The relative error; the truth is exp(exponent · ln x). */
  const error = ([x, exponent]: readonly [number, number]) => {
    const truth = exactExp((fixed(exponent) * exactLog(x)) / ONE);
    const apart = fixed(pow(x, exponent)) - truth;
    return Number(((apart < 0n ? -apart : apart) * 10n ** 20n) / truth) / 1e20;
  };
  /** Exponents that bring a base to 10^target. */
  const targets = spread(400, -100, 100, "pow, results");
  const bases = spread(400, -300, 300, "pow, bases").map((exponent) => 10 ** exponent);
  const near = spread(400, -16, -1, "pow, near one").map((digits) => 1 - 2 ** (3 * digits));
  const cases: [string, (readonly [number, number])[]][] = [
    ["any base", bases.map((x, i) => [x, (targets[i]! * Math.LN10) / Math.log(x)])],
    ["a whole exponent", bases.map((x, i) => [x, Math.trunc((targets[i]! * Math.LN10) / Math.log(x))])],
    ["a base near 1", near.map((x, i) => [x, (-Math.abs(targets[i]!) * Math.LN10) / Math.log(x)])],
    [
      "a base near 1 and a whole exponent",
      near.map((x, i) => [x, Math.trunc((targets[i]! * Math.LN10) / Math.log(x))]),
    ],
    ["the bases of schedules", Array.from({ length: 200 }, (_, i) => [0.97, i * 37])],
  ];
  test.each(cases)("of %s is within 1e-13 of its size", (_, points) => {
    const finite = points.filter(([x]) => x !== 1);
    expect(finite.length).toBeGreaterThan(100);
    const most = worst(finite, error);
    expect(most.error, `at ${most.at}`).toBeLessThan(1e-13);
  });
  test.each([
    [2, 10, 1024],
    [2, -2, 0.25],
    [0, 0, 1],
    [INF, 0, 1],
    [NaN, 0, 1],
    [0, 2, 0],
    [0, 0.5, 0],
    [0, -1, INF],
    [0, -0.5, INF],
    [INF, 0.5, INF],
    [INF, -0.5, 0],
    [1, 0.5, 1],
    [1, 2 ** 40, 1],
    [2, INF, INF],
    [2, -INF, 0],
    [0.5, INF, 0],
    [0.5, 1e9, 0],
    [0.5, 2 ** 40, 0],
    [10, 400, INF],
    [10, -400, 0],
    [NaN, 1, NaN],
    [2, NaN, NaN],
    [-2, 0.5, NaN],
  ])("%s to the %s is %s", (x, exponent, wanted) => expect(pow(x, exponent)).toBe(wanted));
});

describe("cosPi", () => {
  const points = [
    ...spread(1500, -2, 2, "cosPi, wide"),
    ...spread(500, 0.499, 0.501, "cosPi, at its root"),
    ...[0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75].flatMap(around),
  ];
  test("is within 1e-15", () => {
    const apart = (x: number) =>
      Math.abs(Number(((fixed(cosPi(x)) - exactCosPi(x)) * 10n ** 20n) / ONE)) / 1e20;
    const { error, at } = worst(points, apart);
    expect(error, `at ${at}`).toBeLessThan(1e-15);
  });
  test("never leaves −1 … 1, is even and has period 2", () => {
    for (const x of points) {
      expect(Math.abs(cosPi(x))).toBeLessThanOrEqual(1);
      expect(cosPi(-x)).toBe(cosPi(x));
    }
    // Both sums are exact.
    for (let x = 0; x < 2; x += 2 ** -9) expect(cosPi(x + 2 ** 20)).toBe(cosPi(x));
  });
  test.each([
    [0, 1],
    [-0, 1],
    [1, -1],
    [-1, -1],
    [2, 1],
    [1e300, 1],
    [TINY, 1],
    [INF, NaN],
    [-INF, NaN],
    [NaN, NaN],
  ])("of %s is %s", (x, wanted) => expect(cosPi(x)).toBe(wanted));
});
