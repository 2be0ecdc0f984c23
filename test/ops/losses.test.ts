// The losses of downhill/losses: PyTorch's numbers (see test/golden/losses.py), the checks of every op, and the edges.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { type DType, Graph, type Tensor } from "#src/graph/tensor";
import * as losses from "#src/losses";
import { gradients } from "#src/ops/gradients";
import { checkOp, expectClose, type OpCase, runEverywhere } from "../support/check-op.ts";
import { type Drawn, distinct, given, labels, uniform } from "../support/draw.ts";
import { Trial } from "../support/run.ts";

type Loss = (output: Tensor, target: Tensor) => Tensor;

interface Run {
  readonly name: string;
  readonly options?: unknown;
  readonly output: { readonly shape: readonly number[]; readonly values: readonly number[] };
  readonly target: {
    readonly shape: readonly number[];
    readonly dtype: DType;
    readonly values: readonly number[];
  };
  readonly loss: number;
  readonly gradient: readonly number[];
  readonly targetGradient?: readonly number[];
}
const { runs }: { runs: Run[] } = JSON.parse(
  readFileSync(new URL("../golden/losses.json", import.meta.url), "utf8"),
);
const all = losses as unknown as Record<string, Loss & ((options: unknown) => Loss)>;
const lossOf = ({ name, options }: Run): Loss => (options === undefined ? all[name]! : all[name]!(options));
const inputsOf = ({ output, target }: Run): [Drawn, Drawn] => [
  given(output.shape, output.values),
  given(target.shape, target.values, target.dtype),
];

test("the golden runs are of every loss", () => {
  const names = Object.keys(losses).filter((name) => runs.some((run) => run.name === name));
  expect(names.length).toBe(17);
  expect(runs.length).toBe(60);
});

describe.each([...new Set(runs.map(({ name }) => name))])("PyTorch's numbers: %s", (name) => {
  const own = runs.filter((run) => run.name === name);
  // Differences are taken in 64 bits, where the loss is smooth for all but labels that are ignored.
  checkOp(
    name,
    own.map((run) => ({
      label: `${JSON.stringify(run.options ?? {})}`,
      inputs: inputsOf(run),
      build: (x, target) => lossOf(run)(x!, target!),
      want: () => [run.loss],
      gradient: false,
    })),
  );
  test("gradients", async () => {
    const graph = new Graph();
    const values = new Map<Tensor, readonly number[]>();
    const wanted: number[][] = [];
    const outputs = own.flatMap((run, k) => {
      const [x, target] = inputsOf(run).map(({ shape, dtype, values: numbers }, i) => {
        const tensor = graph.input(`${k} ${i}`, shape, dtype);
        values.set(tensor, numbers);
        return tensor;
      }) as [Tensor, Tensor];
      const of = run.targetGradient ? [x, target] : [x];
      return gradients(lossOf(run)(x, target), of).map((tensor, i) => {
        wanted.push([...(i === 0 ? run.gradient : run.targetGradient!)]);
        return { name: `${JSON.stringify(run.options)} ${run.output.shape} input ${i}`, tensor: tensor! };
      });
    });
    const trial = new Trial(
      values,
      outputs.map(({ tensor }) => tensor),
    );
    await runEverywhere(trial, outputs, (where, k, got) => {
      const want = Float64Array.from(wanted[k]!);
      // Some sixteen units in the last place of the largest: each passes through a dozen roundings.
      const allowed = 2 ** -20 * want.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      expectClose(where, got, want, new Float64Array(want.length).fill(allowed));
    });
  });
});

const shapes: readonly (readonly number[])[] = [[1], [3], [17], [1, 1], [5, 3], [7, 16], [65, 2], [2, 3, 4]];
const paired = (loss: Loss, low = -3, high = 3): OpCase[] =>
  shapes.map((shape) => ({
    inputs: [uniform(shape, low, high, 1), uniform(shape, low, high, 2)],
    build: (x, target) => loss(x!, target!),
  }));
const labelled = (loss: Loss): OpCase[] =>
  [
    [1, 1],
    [1, 2],
    [5, 3],
    [7, 16],
    [65, 4],
    [2, 3, 4],
  ].map((shape) => ({
    inputs: [distinct(shape, -3, 3), labels(shape.slice(0, -1), shape.at(-1)!)],
    build: (x, target) => loss(x!, target!),
  }));

checkOp("smoothL1", paired(losses.smoothL1({ beta: 0.7 })));
checkOp("logCosh", paired(losses.logCosh));
checkOp("quantile", paired(losses.quantile(0.3)));
checkOp("poisson", paired(losses.poisson()));
checkOp("poisson of rates", paired(losses.poisson({ logInput: false }), 0.5, 4));
checkOp("hinge", paired(losses.hinge));
checkOp("squaredHinge", paired(losses.squaredHinge));
checkOp("categoricalHinge", labelled(losses.categoricalHinge));
checkOp("cosineDistance", paired(losses.cosineDistance));
checkOp("binaryFocal", paired(losses.binaryFocal({ gamma: 1.5 }), 0.1, 0.9));
checkOp("focal", labelled(losses.focal({ gamma: 1.5 })));
checkOp("klDivergence", paired(losses.klDivergence, 0.1, 0.9));
checkOp("crossEntropy", labelled(losses.crossEntropy({ smoothing: 0.1, ignoreIndex: 1 })));
checkOp("dice", [...paired(losses.dice(), 0.1, 0.9), ...labelled(losses.dice({ squared: true }))]);
checkOp(
  "infoNce",
  [
    [1, 1],
    [2, 3],
    [9, 16],
    [33, 4],
  ].map((shape) => ({
    inputs: [uniform(shape, -2, 2, 1), uniform(shape, -2, 2, 2)],
    build: (x, target) => losses.infoNce({ temperature: 0.5, symmetric: true })(x!, target!),
  })),
);
checkOp(
  "ntXent",
  [1, 2, 9, 17].map((n) => ({
    inputs: [uniform([n, 2, 5])],
    build: (x) => losses.ntXent()(x!, x!),
  })),
);
checkOp(
  "tripletMargin",
  [
    [1, 3, 1],
    [4, 3, 7],
    [5, 3, 2, 2],
  ].map((shape) => ({
    inputs: [uniform(shape)],
    build: (x) => losses.tripletMargin({ margin: 3, swap: true })(x!, x!),
  })),
);

describe("ctc", () => {
  const cases = [
    [1, 1, 2, 1],
    [1, 5, 3, 2],
    [3, 9, 4, 4],
    [5, 17, 5, 7],
    [9, 8, 33, 3],
    [2, 65, 6, 20],
  ] as const;
  checkOp(
    "ctc",
    cases.map(([batch, frames, classes, columns]) => ({
      inputs: [uniform([batch, frames, classes], -3, 3), labels([batch, columns], classes)],
      build: (x, target) => losses.ctc({ zeroInfinity: true })(x!, target!),
    })),
  );
  const alone = (
    frames: number,
    target: readonly number[],
    zeroInfinity: boolean,
    logits?: number[],
  ): OpCase => ({
    label: `${frames} frames for ${target}, zeroInfinity ${zeroInfinity}`,
    inputs: [
      logits ? given([1, frames, 3], logits) : uniform([1, frames, 3]),
      given([1, target.length], target, "i32"),
    ],
    build: (x, at) => losses.ctc({ zeroInfinity })(x!, at!),
  });
  checkOp("ctc at its edges", [
    { ...alone(2, [1, 2, 1], false), want: () => [Number.POSITIVE_INFINITY], gradient: false },
    { ...alone(2, [1, 2, 1], true), want: () => [0] },
    // Between equal labels a blank must stand.
    { ...alone(2, [1, 1], false), want: () => [Number.POSITIVE_INFINITY], gradient: false },
    // Paths that are all but impossible: e⁻³⁰⁰⁰ has no place in 32 bits.
    { ...alone(3, [1, 2, 1], false, [1000, 0, 0, 1000, 0, 0, 1000, 0, 0]), want: () => [1000] },
  ]);
  test("the gradient of what cannot be is 0, not NaN", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 2, 3]);
    const target = graph.input("target", [2, 3], "i32");
    const values = new Map([
      [x, uniform([2, 2, 3]).values],
      [target, [1, 2, 1, 2, 0, 0]],
    ]);
    for (const zeroInfinity of [true, false]) {
      const [slope] = gradients(losses.ctc({ zeroInfinity })(x, target), [x]);
      await runEverywhere(new Trial(values, [slope!]), [{ name: "slope", tensor: slope! }], (_, __, got) => {
        const numbers = Array.from(got);
        expect(numbers.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0]);
        expect(numbers.slice(6).every((each) => Number.isFinite(each) && each !== 0)).toBe(true);
      });
    }
  });
  test("NaN among the logits is not taken for a loss of 0", async () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 3, 2]);
    const target = graph.input("target", [1, 2], "i32");
    const loss = losses.ctc({ zeroInfinity: true })(x, target);
    const values = new Map([
      [x, [0, 1, Number.NaN, 0, 1, 1]],
      [target, [1, 0]],
    ]);
    await runEverywhere(new Trial(values, [loss]), [{ name: "loss", tensor: loss }], (_, __, got) =>
      expect(got[0]).toBeNaN(),
    );
  });
});

// Losses and gradients that are finite, where a formula taken at its word would divide 0 by 0.
const certain = [200, -200, 0, -200, 200, 0];
const edges: [string, Loss, Drawn, Drawn][] = [
  [
    "crossEntropy, all ignored",
    losses.crossEntropy({ ignoreIndex: 9 }),
    given([2, 3], certain),
    given([2], [9, 9], "i32"),
  ],
  [
    "crossEntropy, no weight",
    losses.crossEntropy({ weights: [0, 0, 1] }),
    given([2, 3], certain),
    given([2], [0, 1], "i32"),
  ],
  ...[0, 0.5, 1, 2].flatMap((gamma): [string, Loss, Drawn, Drawn][] => [
    [`focal, γ ${gamma}`, losses.focal({ gamma }), given([2, 3], certain), given([2], [0, 0], "i32")],
    [
      `binaryFocal, γ ${gamma}`,
      losses.binaryFocal({ gamma }),
      given([6], certain),
      given([6], [1, 1, 1, 0, 0, 0]),
    ],
  ]),
  ["klDivergence", losses.klDivergence, given([2, 3], certain), given([2, 3], [1, 0, 0, 0, 0.5, 0.5])],
  ["poisson", losses.poisson({ logInput: false }), given([4], [0, 0, -1, 1e30]), given([4], [0, 3, 2, 1])],
  ["poisson, full", losses.poisson({ full: true }), given([3], [0, -80, 80]), given([3], [0, 1, 1e30])],
  [
    "cosineDistance",
    losses.cosineDistance,
    given([3, 2], [0, 0, 0, 0, 1e-20, 0]),
    given([3, 2], [0, 0, 1, 1, 1, 1]),
  ],
  ["logCosh", losses.logCosh, given([4], [0, 1e38, -1e38, 1e-30]), given([4], [0, 0, 0, 0])],
  ["tripletMargin", losses.tripletMargin(), given([1, 3, 2], [1, 1, 1, 1, 1, 1]), given([1], [0])],
  ["tripletMargin at −ε", losses.tripletMargin(), given([1, 3, 1], [0, 1e-6, 1e-6]), given([1], [0])],
  ["infoNce", losses.infoNce(), given([2, 2], [0, 0, 1, 0]), given([2, 2], [0, 0, 0, 0])],
  ["ntXent", losses.ntXent({ temperature: 0.01 }), given([1, 2, 2], [0, 0, 1, 0]), given([1], [0])],
  [
    "dice, nothing to mark",
    losses.dice({ smooth: 1e-6 }),
    given([1, 3], [-200, -200, -200]),
    given([1, 3], [0, 0, 0]),
  ],
  ["categoricalHinge, one class", losses.categoricalHinge, given([2, 1], [5, -5]), given([2], [0, 0], "i32")],
];
test.each(edges)("no NaN: %s", async (name, loss, output, target) => {
  const graph = new Graph();
  const x = graph.input("x", output.shape);
  const t = graph.input("t", target.shape, target.dtype);
  const value = loss(x, t);
  const [slope] = gradients(value, [x]);
  const outputs = [value, slope!].map((tensor) => ({ name, tensor }));
  const values = new Map([
    [x, output.values],
    [t, target.values],
  ]);
  await runEverywhere(new Trial(values, [value, slope!]), outputs, (where, _, numbers) => {
    expect(
      Array.from(numbers).filter((each) => !Number.isFinite(each)),
      where,
    ).toEqual([]);
  });
});

describe("what is refused", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const y = graph.input("y", [4, 3]);
  const at = graph.input("at", [4], "i32");
  const cube = graph.input("cube", [4, 5, 3]);
  const refused: [string, () => unknown, new (message: string) => Error, string][] = [
    [
      "weights",
      () => losses.crossEntropy({ weights: [1, 1] })(x, at),
      ShapeError,
      "crossEntropy: weights: got 2, wanted 3, one a class",
    ],
    [
      "weights below 0",
      () => losses.crossEntropy({ weights: [1, -1, 1] }),
      OptionError,
      "crossEntropy: weights: wanted finite numbers ≥ 0, one of them > 0, got 1, -1, 1",
    ],
    [
      "weights of 0",
      () => losses.focal({ weights: [0, 0] }),
      OptionError,
      "focal: weights: wanted finite numbers ≥ 0, one of them > 0, got 0, 0",
    ],
    [
      "smoothing",
      () => losses.crossEntropy({ smoothing: 1.5 }),
      OptionError,
      "crossEntropy: smoothing: wanted 0 ≤ smoothing ≤ 1, got 1.5",
    ],
    [
      "a label that is ignored",
      () => losses.crossEntropy({ ignoreIndex: 0.5 }),
      OptionError,
      "crossEntropy: ignoreIndex: wanted an integer, got 0.5",
    ],
    [
      "shares beside it",
      () => losses.crossEntropy({ ignoreIndex: 1 })(x, y),
      OptionError,
      "crossEntropy: ignoreIndex: wanted integer labels beside it, got shares of classes",
    ],
    [
      "labels of another size",
      () => losses.focal()(cube, at),
      ShapeError,
      "focal: wanted 20 integer labels or f32 [4, 5, 3] for outputs of that shape, got i32 [4]",
    ],
    ["γ", () => losses.focal({ gamma: -1 }), OptionError, "focal: gamma: wanted a finite number ≥ 0, got -1"],
    [
      "α",
      () => losses.binaryFocal({ alpha: 2 }),
      OptionError,
      'binaryFocal: alpha: wanted 0 ≤ alpha ≤ 1 or "none", got 2',
    ],
    ["q", () => losses.quantile([0.5, 1]), OptionError, "quantile: wanted numbers in 0 < q < 1, got 1"],
    ["no q", () => losses.quantile([]), OptionError, "quantile: wanted numbers in 0 < q < 1, got none"],
    [
      "other quantiles",
      () => losses.quantile([0.1, 0.9])(x, y),
      ShapeError,
      "quantile: wanted outputs and f32 targets of one shape [..., 2], got [4, 3] and f32 [4, 3]",
    ],
    [
      "β",
      () => losses.smoothL1({ beta: Number.NaN }),
      OptionError,
      "smoothL1: beta: wanted a finite number ≥ 0, got NaN",
    ],
    [
      "ε",
      () => losses.poisson({ epsilon: 0 }),
      OptionError,
      "poisson: epsilon: wanted a finite number > 0, got 0",
    ],
    ["s", () => losses.dice({ smooth: 0 }), OptionError, "dice: smooth: wanted a finite number > 0, got 0"],
    [
      "a margin",
      () => losses.tripletMargin({ margin: 0 }),
      OptionError,
      "tripletMargin: margin: wanted a finite number > 0, got 0",
    ],
    [
      "no triplets",
      () => losses.tripletMargin()(x, y),
      ShapeError,
      "tripletMargin: wanted outputs [batch, 3, ...], got [4, 3]",
    ],
    [
      "no pairs",
      () => losses.ntXent()(cube, y),
      ShapeError,
      "ntXent: wanted outputs [batch, 2, size], got [4, 5, 3]",
    ],
    [
      "no matrices",
      () => losses.infoNce()(cube, cube),
      ShapeError,
      "infoNce: wanted outputs [batch, size], got [4, 5, 3]",
    ],
    [
      "a temperature",
      () => losses.infoNce({ temperature: 0 }),
      OptionError,
      "infoNce: temperature: wanted a finite number > 0, got 0",
    ],
    [
      "a blank",
      () => losses.ctc({ blank: 3 })(cube, at),
      OptionError,
      "ctc: blank: wanted 0 to 2 for 3 classes, got 3",
    ],
    [
      "no frames",
      () => losses.ctc()(x, at),
      ShapeError,
      "ctc: wanted f32 logits [batch, frames, classes], got f32 [4, 3]",
    ],
    [
      "floats",
      () => losses.ctc()(cube, y),
      ShapeError,
      "ctc: wanted integer labels [4, most labels], got f32 [4, 3]",
    ],
    [
      "other frames",
      () => losses.ctc({ frames: "some" as "all" }),
      OptionError,
      'ctc: frames: wanted "all" or "first-label", got "some"',
    ],
  ];
  test.each(refused)("%s", (_, make, type, message) => {
    expect(make).toThrow(new type(message));
    expect(make).toThrow(type);
  });
});
