// Performance profiles against an example worked out by hand.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { performanceProfile } from "#src/race/profile";

describe("a performance profile", () => {
  // The best take 10, 20, 5 and nobody solves the last.
  const measures = new Map([
    ["a", [10, 40, Infinity, Infinity]],
    ["b", [20, 20, 5, Infinity]],
    ["c", [100, Infinity, 5, Infinity]],
  ]);
  test("as by hand", () => {
    const [a, b, c] = performanceProfile(measures);
    expect(a!.ratios).toEqual([1, 2, Infinity, Infinity]);
    expect(a!.curve).toEqual([
      { tau: 1, share: 1 / 4 },
      { tau: 2, share: 2 / 4 },
    ]);
    // From 1 to 4: one quarter over 3, one more over the last 2.
    expect(a!.area).toBeCloseTo((3 / 4 + 2 / 4) / 3, 15);
    expect(b!.ratios).toEqual([2, 1, 1, Infinity]);
    expect(b!.curve).toEqual([
      { tau: 1, share: 2 / 4 },
      { tau: 2, share: 3 / 4 },
    ]);
    expect(b!.area).toBeCloseTo((6 / 4 + 2 / 4) / 3, 15);
    // Its tenfold lies beyond τ max, but on the curve.
    expect(c!.area).toBeCloseTo(1 / 4, 15);
    expect(c!.curve.at(-1)).toEqual({ tau: 10, share: 2 / 4 });
  });
  test("to another τ max", () => {
    const [, , c] = performanceProfile(measures, { tauMax: 11 });
    expect(c!.area).toBeCloseTo((10 / 4 + 1 / 4) / 10, 15);
  });
  test("where the best one needs nothing at all", () => {
    const [a, b] = performanceProfile(
      new Map([
        ["a", [0]],
        ["b", [3]],
      ]),
    );
    expect([a!.area, b!.area]).toEqual([1, 0]);
  });
  test.each([
    ["x: wanted a number for each of 2 tasks, got 1", { a: [1, 2], x: [1] }],
    ["x: wanted a number for each of one or more tasks, got 0", { x: [] }],
    ["x: wanted numbers ≥ 0, got -1", { x: [-1] }],
    ["x: wanted numbers ≥ 0, got NaN", { x: [Number.NaN] }],
  ])("%s", (message, lists) => {
    const make = () => performanceProfile(new Map(Object.entries<number[]>(lists)));
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
