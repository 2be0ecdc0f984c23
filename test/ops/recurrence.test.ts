// Recurrences over time against loops in 64 bits, their gradients against differences, on any number of threads.
import { describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { gradients } from "#src/ops/gradients";
import { type Cell, gatesOf, type Recurrence, recurrence } from "#src/ops/recurrence";
import { sum, sumSquares } from "#src/ops/reduce";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { type Drawn, given, uniform } from "../support/draw.ts";

interface Setting {
  readonly time: number;
  readonly batch: number;
  readonly units: number;
  readonly state?: boolean;
  readonly mask?: Drawn;
  readonly bias?: boolean;
  readonly reverse?: boolean;
  readonly sequences?: boolean;
  readonly withCell?: boolean;
}

function operands(cell: Cell, { time, batch, units, state, mask, bias }: Setting): Drawn[] {
  const columns = gatesOf(cell) * units;
  const size = 1 / Math.sqrt(units);
  return [
    uniform([time, batch, columns], -1.5, 1.5, 1),
    uniform([units, columns], -size, size, 2),
    ...(bias ? [uniform([columns], -0.5, 0.5, 3)] : []),
    ...(state ? [uniform([(cell === "lstm" ? 2 : 1) * batch, units], -1, 1, 4)] : []),
    ...(mask ? [mask] : []),
  ];
}

function build(cell: Cell, setting: Setting, [x, weight, ...rest]: readonly Tensor[]): Tensor {
  const left = [...rest];
  const {
    state: hasState,
    mask: hasMask,
    bias: hasBias,
    reverse = false,
    sequences = true,
    withCell = false,
  } = setting;
  const [bias, state, mask] = [hasBias, hasState, hasMask].map((has) => (has ? left.shift() : undefined));
  return recurrence({ x: x!, weight: weight!, bias, state, mask }, { cell, reverse, sequences, withCell });
}

/** A mask that ends rows at different lengths, some at once, and one with a hole. */
const lengths = (batch: number, time: number): Drawn =>
  given(
    [batch, time],
    Array.from({ length: batch * time }, (_, i) => {
      const [row, t] = [Math.floor(i / time), i % time];
      return Number(row % 4 === 3 ? t % 2 === 1 : t < (row * 2 + 1) % (time + 1));
    }),
  );

const sizes: readonly Setting[] = [
  { time: 1, batch: 1, units: 1 },
  { time: 3, batch: 1, units: 5 },
  { time: 4, batch: 3, units: 4, sequences: false },
  { time: 2, batch: 4, units: 3 },
  { time: 3, batch: 7, units: 8, sequences: false },
  { time: 2, batch: 13, units: 17 },
  { time: 3, batch: 9, units: 16, reverse: true },
  { time: 1, batch: 5, units: 7, state: true },
  { time: 3, batch: 8, units: 9, state: true, reverse: true, sequences: false },
  { time: 3, batch: 2, units: 6, state: true, mask: lengths(2, 3) },
  { time: 4, batch: 9, units: 5, mask: lengths(9, 4) },
  { time: 5, batch: 6, units: 4, state: true, mask: lengths(6, 5), reverse: true, sequences: false },
];

/** An LSTM's cell after the last step comes out too, and its gradient goes in. */
const withCells: readonly Setting[] = [
  { time: 1, batch: 1, units: 1, withCell: true },
  { time: 3, batch: 7, units: 5, withCell: true, sequences: false },
  { time: 3, batch: 2, units: 17, withCell: true, reverse: true },
  { time: 4, batch: 9, units: 6, withCell: true, state: true, mask: lengths(9, 4) },
  { time: 5, batch: 6, units: 4, withCell: true, mask: lengths(6, 5), reverse: true, sequences: false },
];

for (const cell of ["lstm", "gru", "rnnTanh"] as const) {
  const ofGru = (setting: Setting): Setting[] => [
    setting,
    ...(setting.state || setting.batch === 7 ? [{ ...setting, bias: true }] : []),
  ];
  checkOp(
    cell,
    (cell === "gru" ? sizes.flatMap(ofGru) : cell === "lstm" ? [...sizes, ...withCells] : sizes).map(
      (setting): OpCase => ({
        label: JSON.stringify({ ...setting, mask: setting.mask !== undefined }),
        inputs: operands(cell, setting),
        build: (...inputs) => build(cell, setting, inputs),
      }),
    ),
  );
}
// Where relu turns off, differences tell nothing: inputs are above 0, weights small.
checkOp(
  "rnnRelu",
  [sizes[1]!, sizes[4]!, sizes[9]!, sizes[10]!].map(
    (setting): OpCase => ({
      label: JSON.stringify({ ...setting, mask: setting.mask !== undefined }),
      inputs: [
        uniform([setting.time, setting.batch, setting.units], 1, 2, 1),
        uniform([setting.units, setting.units], -0.05, 0.05, 2),
        ...(setting.state ? [uniform([setting.batch, setting.units], -1, 1, 4)] : []),
        ...(setting.mask ? [setting.mask] : []),
      ],
      build: (...inputs) => build("rnnRelu", setting, inputs),
    }),
  ),
);
checkOp("rnnRelu below zero", [
  {
    inputs: [uniform([3, 5, 6], -2, 2, 1), uniform([6, 6], -0.5, 0.5, 2)],
    build: (...inputs) => build("rnnRelu", { time: 3, batch: 5, units: 6 }, inputs),
    gradient: false,
  },
]);

describe("the program", () => {
  const program = (time: number, change: Partial<Recurrence & { batch: number; trained: boolean }> = {}) => {
    const { batch = 8, trained = true, ...rest } = change;
    const graph = new Graph();
    const x = graph.input("x", [time, batch, 16]);
    const weight = graph.input("weight", [4, 16]);
    const y = recurrence({ x, weight }, { cell: "lstm", reverse: false, sequences: false, ...rest });
    const loss = sum(y);
    const asked = trained ? [loss, gradients(loss, [weight])[0]!] : [loss];
    const place = (region: string) => ({ region, offset: 0 });
    const placements = new Map(
      [x, weight, ...asked].map((tensor, k) => [tensor, place(`place ${k}`)] as const),
    );
    return compile({ graph, placements });
  };

  test("is as long for a hundred steps as for two", () => {
    const length = (time: number) => program(time).words.length;
    expect(length(100)).toBe(length(2));
  });
  test("keeps nothing for a gradient that nobody wants", () => {
    expect(program(50, { trained: false }).memory.activations).toBeLessThan(4096);
    expect(program(50).memory.activations).toBeGreaterThan(50 * 8 * 6 * 4 * 4);
  });
  test("packs no panels for a few rows", () => {
    expect(
      program(5)
        .listing()
        .match(/packRecurrent/g),
    ).toHaveLength(2);
    expect(program(5, { batch: 3 }).listing()).not.toContain("packRecurrent");
  });
});

test("gradients that fade end at zero, not in subnormal numbers", async () => {
  const { Trial } = await import("../support/run.ts");
  const { engineOf } = await import("../support/engines.ts");
  const [time, batch, units] = [200, 4, 4];
  for (const cell of ["lstm", "gru", "rnnTanh"] as const) {
    const graph = new Graph();
    const columns = gatesOf(cell) * units;
    const x = graph.input("x", [time, batch, columns]);
    const weight = graph.input("weight", [units, columns]);
    const y = recurrence({ x, weight }, { cell, reverse: false, sequences: false });
    const [dx] = gradients(sum(y), [x]);
    const inputs = new Map([
      [x, uniform(x.shape, -0.5, 0.5).values],
      [weight, uniform(weight.shape, -0.1, 0.1).values],
    ]);
    const [words] = await new Trial(inputs, [dx!]).run(await engineOf(1));
    const numbers = new Float32Array(words!.buffer, words!.byteOffset, words!.length);
    expect(numbers.slice(0, batch * columns).every((each) => each === 0)).toBe(true);
    expect(numbers.every((each) => each === 0 || Math.abs(each) > 1e-20)).toBe(true);
    expect(numbers.some((each) => each !== 0)).toBe(true);
  }
});

describe("what does not fit", () => {
  const graph = new Graph();
  const x = graph.input("x", [5, 2, 12]);
  const weight = graph.input("weight", [3, 12]);
  const how: Recurrence = { cell: "lstm", reverse: false, sequences: true };

  test.each([
    ["x: got [5, 24], wanted [time, batch, gates · units]", { x: graph.input("flat", [5, 24]), weight }],
    ["weight: got [12, 3], wanted [3, 12]", { x, weight: graph.input("turned", [12, 3]) }],
    ["state: got [2, 3], wanted [4, 3]", { x, weight, state: graph.input("state", [2, 3]) }],
    ["mask: got [5, 2], wanted [2, 5]", { x, weight, mask: graph.input("mask", [5, 2]) }],
    ["mask: got i32, wanted f32", { x, weight, mask: graph.input("integers", [2, 5], "i32") }],
    ["bias: lstm has that of x alone, wanted none", { x, weight, bias: graph.input("bias", [12]) }],
  ])("%s", (message, inputs) => {
    expect(() => recurrence(inputs, how)).toThrow(new ShapeError(`recurrence: ${message}`));
  });
  test("a cell of what has none", () => {
    const flat = graph.input("flat gates", [5, 2, 3]);
    const square = graph.input("square", [3, 3]);
    expect(() =>
      recurrence({ x: flat, weight: square }, { ...how, cell: "rnnTanh", withCell: true }),
    ).toThrow(new OptionError("recurrence: withCell: wanted an lstm, got rnnTanh"));
  });
  test("a second derivative", () => {
    const y = recurrence({ x, weight }, how);
    const [dx] = gradients(sum(y), [x]);
    expect(() => gradients(sumSquares(dx!), [weight])).toThrow(OptionError);
    expect(() => gradients(sumSquares(dx!), [weight])).toThrow("recurrence");
  });
});
