// Elementary functions, called as kernels without a program: accuracy in units in the last place against doubles,
// and special values.
import { describe, expect, test } from "vitest";
import { erf } from "../support/erf.ts";
import { kernelModules } from "../support/kernel.ts";

const modules = kernelModules();

const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
function fromBits(bits: number): number {
  word[0] = bits;
  return float[0]!;
}

/** Distance between floats around x. */
function unit(x: number): number {
  float[0] = Math.abs(x);
  // Rounded up to a power of two, the next binade's distance would be taken.
  if (float[0]! > Math.abs(x)) word[0]! -= 1;
  return 2 ** (Math.max((word[0]! >> 23) & 255, 1) - 150);
}

/** Error of y in units in the last place of the true value. */
function error(y: number, truth: number): number {
  if (Number.isNaN(truth) || !Number.isFinite(Math.fround(truth)))
    return Object.is(y, Math.fround(truth)) ? 0 : Infinity;
  return Math.abs(y - truth) / unit(truth);
}

const SAMPLES = 1 << 15;
/** Evenly spaced numbers. */
const evenly = (low: number, high: number) =>
  Float32Array.from({ length: SAMPLES }, (_, i) => low + ((high - low) * (i + 0.37)) / SAMPLES);
/** All magnitudes between two positive numbers, and their negatives unless told. */
function magnitudes(low: number, high: number, signs = 2): Float32Array {
  float[0] = low;
  const from = word[0]!;
  float[0] = high;
  const step = (word[0]! - from) / SAMPLES;
  return Float32Array.from({ length: SAMPLES }, (_, i) => fromBits(from + i * step) * (i % signs ? -1 : 1));
}
/** Numbers spread over a range by a fixed sequence that hits no pattern. */
const scattered = (low: number, high: number, stride: number) =>
  Float32Array.from({ length: SAMPLES }, (_, i) => low + (high - low) * ((i * stride) % 1));
const TINY = 2 ** -149;
const HUGE = 3.4028234663852886e38;

interface Accuracy {
  readonly kernel: string;
  readonly reference: (x: number) => number;
  readonly samples: readonly Float32Array[];
  /** Worst error in units in the last place. */
  readonly bound: number;
  readonly alpha?: number;
}

const angles = [
  evenly(-7, 7),
  evenly(-1e5, 1e5),
  evenly(-3.2e6, 3.2e6),
  magnitudes(TINY, 1e5),
  // Next to the zeros.
  Float32Array.from({ length: 60_000 }, (_, k) => (k * Math.PI) / 2),
];
const accuracies: Accuracy[] = [
  {
    kernel: "exp",
    reference: Math.exp,
    bound: 1.25,
    samples: [evenly(-104, 89), evenly(-1, 1), magnitudes(TINY, HUGE)],
  },
  { kernel: "log", reference: Math.log, bound: 0.9, samples: [magnitudes(TINY, HUGE), evenly(0.4, 2.5)] },
  { kernel: "tanh", reference: Math.tanh, bound: 2.6, samples: [evenly(-10, 10), magnitudes(TINY, HUGE)] },
  {
    kernel: "sigmoid",
    reference: (x) => 1 / (1 + Math.exp(-x)),
    bound: 2.4,
    samples: [evenly(-87.3, 100), evenly(-5, 5), magnitudes(TINY, 80)],
  },
  { kernel: "erf", reference: erf, bound: 3.2, samples: [evenly(-4.5, 4.5), magnitudes(TINY, HUGE)] },
  { kernel: "sin", reference: Math.sin, bound: 2.1, samples: angles },
  { kernel: "cos", reference: Math.cos, bound: 2.1, samples: angles },
  {
    kernel: "softplus",
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    bound: 2,
    samples: [evenly(-87.3, 100), evenly(-5, 5)],
  },
  {
    kernel: "elu",
    reference: (x) => (x > 0 ? x : Math.expm1(x)),
    bound: 1,
    alpha: 1,
    samples: [evenly(-20, 1), magnitudes(TINY, HUGE)],
  },
];

describe.each(modules)("%s: accuracy", (_, kernels) => {
  test.each(accuracies)(
    "of $kernel: at most $bound units",
    ({ kernel, reference, samples, bound, alpha = 0 }) => {
      let worst = { error: 0, x: 0 };
      for (const x of samples) {
        const y = kernels.elementwise(kernel, [x], { alpha });
        x.forEach((value, i) => {
          const size = error(y[i]!, reference(value));
          if (!(size <= worst.error)) worst = { error: size, x: value };
        });
      }
      expect(worst.error, `at ${worst.x}`).toBeLessThanOrEqual(bound);
    },
  );

  const powers: [string, Float32Array, Float32Array][] = [
    ["every base, small exponent", magnitudes(TINY, HUGE, 1), scattered(-2, 2, 0.7548776662)],
    ["moderate base", scattered(0.01, 4, 0.7548776662), scattered(-60, 60, 0.5698402909)],
    ["base near 1", scattered(0.9, 1.1, 0.7548776662), scattered(-900, 900, 0.5698402909)],
    ["negative base", magnitudes(0.01, 100), scattered(-15, 15, 0.5698402909).map(Math.round)],
  ];
  test.each(powers)("of pow, %s: at most 1.25 units", (_, x, y) => {
    const z = kernels.elementwise("pow", [x, y]);
    let worst = 0;
    for (let i = 0; i < SAMPLES; i++) worst = Math.max(worst, error(z[i]!, x[i]! ** y[i]!));
    expect(worst).toBeLessThanOrEqual(1.25);
  });

  test.each(["sin", "cos", "tanh", "erf"])("%s stays within 1 and keeps a NaN", (kernel) => {
    const x = Float32Array.from({ length: SAMPLES }, (_, i) => fromBits(Math.imul(i, 131_071) ^ (i << 30)));
    const y = kernels.elementwise(kernel, [x]);
    x.forEach((value, i) => {
      const infinite = kernel === "sin" || kernel === "cos" ? !Number.isFinite(value) : Number.isNaN(value);
      if (infinite) expect(y[i]).toBeNaN();
      else if (!(Math.abs(y[i]!) <= 1)) throw new Error(`${kernel} ${value} = ${y[i]}`);
    });
  });
});

const INF = Infinity;
const edges: [string, [number, number][]][] = [
  [
    "exp",
    [
      [0, 1],
      [-0, 1],
      [INF, INF],
      [-INF, 0],
      [88.72284, INF],
      [-103.98, 0],
      [-103.9, TINY],
      [NaN, NaN],
    ],
  ],
  [
    "log",
    [
      [1, 0],
      [0, -INF],
      [-0, -INF],
      [-1, NaN],
      [-INF, NaN],
      [INF, INF],
      [NaN, NaN],
      [-TINY, NaN],
      [TINY, -103.27893],
    ],
  ],
  [
    "tanh",
    [
      [0, 0],
      [-0, -0],
      [20, 1],
      [-20, -1],
      [INF, 1],
      [-INF, -1],
      [TINY, TINY],
      [NaN, NaN],
    ],
  ],
  [
    "sigmoid",
    [
      [0, 0.5],
      [20, 1],
      [INF, 1],
      [-INF, 0],
      [-1000, 0],
      [NaN, NaN],
    ],
  ],
  [
    "erf",
    [
      [0, 0],
      [-0, -0],
      [5, 1],
      [-5, -1],
      [INF, 1],
      [-INF, -1],
      [NaN, NaN],
    ],
  ],
  [
    "sin",
    [
      [0, 0],

      [TINY, TINY],
      [INF, NaN],
      [-INF, NaN],
      [NaN, NaN],
    ],
  ],
  [
    "cos",
    [
      [0, 1],
      [-0, 1],
      [TINY, 1],
      [INF, NaN],
      [-INF, NaN],
      [NaN, NaN],
    ],
  ],
  [
    "softplus",
    [
      [-INF, 0],
      [INF, INF],
      [100, 100],
      [NaN, NaN],
    ],
  ],
  [
    "sign",
    [
      [0, 0],
      [-0, -0],
      [3, 1],
      [-TINY, -1],
      [INF, 1],
      [-INF, -1],
      [NaN, NaN],
    ],
  ],
  [
    "round",
    [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-1.5, -2],
      [NaN, NaN],
      [INF, INF],
    ],
  ],
  [
    "floor",
    [
      [1.7, 1],
      [-1.2, -2],
      [NaN, NaN],
    ],
  ],
  [
    "ceil",
    [
      [1.2, 2],
      [-1.7, -1],
      [NaN, NaN],
    ],
  ],
  [
    "sqrt",
    [
      [4, 2],
      [-1, NaN],
      [INF, INF],
      [0, 0],
    ],
  ],
  [
    "rsqrt",
    [
      [4, 0.5],
      [0, INF],
      [-1, NaN],
      [INF, 0],
    ],
  ],
  [
    "reciprocal",
    [
      [4, 0.25],
      [0, INF],
      [-0, -INF],
      [INF, 0],
    ],
  ],
];
const powerEdges: [number, number, number][] = [
  [NaN, 0, 1],
  [0, 0, 1],
  [INF, 0, 1],
  [-2, -0, 1],
  [1, NaN, 1],
  [1, INF, 1],
  [-1, INF, 1],
  [-1, -INF, 1],
  [NaN, 1, NaN],
  [2, NaN, NaN],
  [0, NaN, NaN],
  [-2, 0.5, NaN],
  [-TINY, 0.5, NaN],
  [-2, 3, -8],
  [-2, -3, -0.125],
  [-2, 4, 16],
  [-3, 16777215, -INF],
  [-0.5, 1e9, 0],
  [0, 3, 0],
  [-0, 3, -0],
  [-0, 2, 0],
  [0, -1, INF],
  [-0, -1, -INF],
  [-0, -2, INF],
  [0, INF, 0],
  [0, -INF, INF],
  [INF, 2, INF],
  [INF, -1, 0],
  [-INF, 3, -INF],
  [-INF, 2, INF],
  [-INF, -3, -0],
  [-INF, 0.5, INF],
  [-INF, -0.5, 0],
  [2, INF, INF],
  [2, -INF, 0],
  [0.5, INF, 0],
  [0.5, -INF, INF],
  [-2, INF, INF],
  [INF, INF, INF],
  [INF, -INF, 0],
  [2, -149, TINY],
  [2, -151, 0],
  [2, 127, 2 ** 127],
  [2, 128, INF],
  [TINY, 1, TINY],
  [TINY, -1, INF],
  [10, 2, 100],
];

describe.each(modules)("%s: special values", (_, kernels) => {
  test.each(edges)("of %s", (kernel, rows) => {
    const y = kernels.elementwise(kernel, [Float32Array.from(rows, ([x]) => x)]);
    expect([...y]).toEqual(rows.map(([, wanted]) => Math.fround(wanted)));
  });
  test("of pow", () => {
    const x = Float32Array.from(powerEdges, (row) => row[0]);
    const y = Float32Array.from(powerEdges, (row) => row[1]);
    const z = kernels.elementwise("pow", [x, y]);
    powerEdges.forEach(([a, b, wanted], i) => {
      expect(z[i], `pow(${a}, ${b})`).toBe(Math.fround(wanted));
    });
  });
});
