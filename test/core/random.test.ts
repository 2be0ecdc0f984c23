import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { integers, keys, permutation, philox, Random, shuffle } from "#src/core/random";

// Known answers of Philox4x32-10 from the paper's Random123 distribution (kat_vectors).
describe("philox", () => {
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])("of %j with key %j", (counter, key, wanted) => {
    const block = Uint32Array.from(counter);
    philox(key as [number, number], block);
    expect([...block]).toEqual(wanted);
  });
});

describe("keys", () => {
  test("differ by seed, stream and kind of stream", () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER];
    const streams = [
      0,
      1,
      -1,
      2 ** 32,
      "",
      "0",
      "1",
      "a",
      "b",
      "ab",
      "ba",
      "a\0",
      "\0",
      "dense1/kernel",
      "𝛽",
      "\ud835",
    ];
    const all = seeds.flatMap((seed) => streams.map((stream) => keys(seed, stream).join()));
    expect(new Set(all).size).toBe(seeds.length * streams.length);
  });

  test("never change: saved runs depend on them", () => {
    expect([keys(0, 0), keys(1, "dropout"), keys(-5, 2 ** 40)]).toMatchInlineSnapshot(`
      [
        [
          1534179184,
          3061058016,
        ],
        [
          3892203740,
          1790583513,
        ],
        [
          2225814619,
          3908898628,
        ],
      ]
    `);
  });

  test.each([0.5, Number.NaN, Infinity, 2 ** 53])("refuse the seed %s", (seed) => {
    expect(() => keys(seed, 0)).toThrow(new OptionError(`seed: got ${seed}, wanted a safe integer`));
    expect(() => keys(0, seed)).toThrow(OptionError);
  });
});

describe("Random", () => {
  test("draws the blocks of its key in order", () => {
    const random = new Random(7, "x");
    const key = keys(7, "x");
    const wanted = [0, 1, 2].flatMap((counter) => {
      const block = Uint32Array.of(counter, 0, 0, 0);
      philox(key, block);
      return [...block];
    });
    expect(wanted.map(() => random.next())).toEqual(wanted);
  });

  test("below has no bias, even where a remainder would have one", () => {
    // A plain remainder of 3·2^30 draws the lower third twice as often: 1/2 of all instead of 1/3.
    const random = new Random(3);
    const n = 3 * 2 ** 30;
    const draws = 30_000;
    let low = 0;
    let most = 0;
    for (let i = 0; i < draws; i++) {
      const value = random.below(n);
      most = Math.max(most, value);
      if (value < 2 ** 30) low++;
    }
    expect(most).toBeLessThan(n);
    // Five standard deviations of a binomial.
    expect(Math.abs(low - draws / 3)).toBeLessThan(5 * Math.sqrt(draws * (1 / 3) * (2 / 3)));
    expect(random.below(1)).toBe(0);
  });
});

describe("permutation", () => {
  test.each([0, 1, 2, 3, 17, 1000])("of %i holds every index once", (n) => {
    const sorted = [...permutation(n, 1, "rows")].sort((a, b) => a - b);
    expect(sorted).toEqual([...Array(n).keys()]);
  });

  test("never changes: saved runs depend on it", () => {
    expect([...permutation(8, 1)]).toMatchInlineSnapshot(`
      [
        4,
        5,
        0,
        6,
        3,
        1,
        7,
        2,
      ]
    `);
    expect([...permutation(8, 1, 1)]).toMatchInlineSnapshot(`
      [
        2,
        7,
        5,
        1,
        6,
        0,
        4,
        3,
      ]
    `);
    expect([...permutation(8, 2)]).toMatchInlineSnapshot(`
      [
        4,
        5,
        2,
        0,
        1,
        6,
        7,
        3,
      ]
    `);
  });

  test("makes every order equally likely", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 6000; epoch++) {
      const order = permutation(3, 5, epoch).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // χ² with 5 degrees of freedom is above 25.7 once in ten thousand.
    const squares = [...counts.values()].map((count) => (count - 1000) ** 2 / 1000);
    expect(squares.reduce((sum, square) => sum + square)).toBeLessThan(25.7);
  });

  test("is what shuffle does to 0 … n − 1", () => {
    const values = Int32Array.from({ length: 9 }, (_, i) => i);
    shuffle(values, 4, "s");
    expect(values).toEqual(permutation(9, 4, "s"));
  });
});

describe("integers", () => {
  test("lie below the end and repeat for the same stream", () => {
    const draw = (stream: number) => integers(500, { below: 7, seed: 1, stream });
    expect(new Set(draw(0))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
    expect(draw(0)).toEqual(draw(0));
    expect(draw(0)).not.toEqual(draw(1));
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 32])("refuse an end of %s", (below) => {
    expect(() => integers(1, { below, seed: 1 })).toThrow(OptionError);
  });
});
