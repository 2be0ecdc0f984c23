import { describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError, ShapeError } from "#src/core/errors";
import { createEngine } from "#src/engine/engine";
import { Graph, type Tensor } from "#src/graph/tensor";
import { mul } from "#src/ops/arithmetic";
import { type AttentionOptions, attention, packedAttention } from "#src/ops/attention";
import { batchMatmul } from "#src/ops/batch-matmul";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { rotary } from "#src/ops/rotary";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { type Drawn, given, uniform } from "../support/draw.ts";
import { enginesWith } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

interface Sizes extends Omit<AttentionOptions, "mask"> {
  readonly batch?: number;
  readonly heads?: number;
  readonly queries: number;
  readonly keys?: number;
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly mask?: Drawn;
  /** False where differences of the reference take too long. */
  readonly gradient?: boolean;
}

/** Softmax by its definition, in plain loops. */
function wanted(
  { batch = 1, heads = 1, queries, keys = queries, keySize = 4, valueSize = keySize, causal, scale }: Sizes,
  [q = [], k = [], v = [], mask]: readonly (readonly number[])[],
  dtype: string,
): number[] {
  const y = new Array<number>(batch * queries * heads * valueSize).fill(0);
  for (let b = 0; b < batch; b++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < queries; i++) {
        const scores = Array.from({ length: causal ? i + 1 : keys }, (_, j) => {
          let s = 0;
          for (let c = 0; c < keySize; c++)
            s +=
              q[(b * queries + i) * heads * keySize + h * keySize + c]! *
              k[(b * keys + j) * heads * keySize + h * keySize + c]!;
          const m = mask?.[b * keys + j] ?? 1;
          const added = !mask ? 0 : dtype === "i32" ? (m === 0 ? Number.NEGATIVE_INFINITY : 0) : m;
          return s * Math.fround(scale ?? 1 / Math.sqrt(keySize)) + added;
        });
        const exps = scores.map((s) => Math.exp(s));
        const total = exps.reduce((a, e) => a + e, 0);
        for (let c = 0; c < valueSize; c++) {
          const column = h * valueSize + c;
          const mean = exps.reduce((a, e, j) => a + e * v[(b * keys + j) * heads * valueSize + column]!, 0);
          y[(b * queries + i) * heads * valueSize + column] = total === 0 ? 0 : mean / total;
        }
      }
  return y;
}

function attentionCase(sizes: Sizes): OpCase {
  const {
    batch = 1,
    heads = 1,
    queries,
    keys = queries,
    keySize = 4,
    valueSize = keySize,
    mask,
    gradient = true,
    ...rest
  } = sizes;
  return {
    label: JSON.stringify({ heads, ...rest }),
    inputs: [
      uniform([batch, queries, heads * keySize], -2, 2, 1),
      uniform([batch, keys, heads * keySize], -2, 2, 2),
      uniform([batch, keys, heads * valueSize], -2, 2, 3),
      ...(mask ? [mask] : []),
    ],
    build: (q, k, v, m) => attention(q!, k!, v!, { heads, mask: m, ...rest }),
    want: (...inputs) => wanted(sizes, inputs, mask?.dtype ?? ""),
    // What is added to the scores is given, not trained.
    gradient: gradient && mask?.dtype !== "f32",
  };
}

const INF = Number.NEGATIVE_INFINITY;
checkOp("attention", [
  ...[1, 2, 3, 5, 8, 17].map((queries) => attentionCase({ queries })),
  ...[1, 3, 4, 7, 9].map((keySize) =>
    attentionCase({ queries: 5, keys: 6, keySize, valueSize: 10 - keySize, heads: 2 }),
  ),
  attentionCase({ batch: 2, heads: 3, queries: 7, keys: 11 }),
  attentionCase({ queries: 9, scale: 0.25 }),
  attentionCase({ queries: 70, keys: 3, keySize: 2 }),
  attentionCase({ queries: 3, keys: 67, keySize: 2 }),
  attentionCase({ queries: 67, keys: 131, keySize: 3, gradient: false }),
  attentionCase({ queries: 66, keys: 67, keySize: 2 }),
  attentionCase({ batch: 2, heads: 2, queries: 65, keySize: 16, gradient: false }),
]);
checkOp("causal attention", [
  ...[1, 2, 5, 13, 63, 64, 66, 130].map((queries) => attentionCase({ queries, causal: true, keySize: 3 })),
  attentionCase({ batch: 2, heads: 2, queries: 19, keySize: 8, causal: true }),
]);
checkOp("attention with hidden keys", [
  attentionCase({ queries: 5, keys: 4, batch: 2, mask: given([2, 4], [1, 7, 0, 3, 0, 0, -1, 1], "i32") }),
  // The first row sees nothing; nor does the first of the causal ones.
  attentionCase({ queries: 3, keys: 4, batch: 2, mask: given([2, 4], [0, 0, 0, 0, 1, 1, 1, 0], "i32") }),
  attentionCase({ queries: 6, causal: true, mask: given([1, 6], [0, 0, 1, 1, 0, 1], "i32") }),
  // A whole block is hidden, and there are blocks before and behind it.
  attentionCase({
    queries: 5,
    keys: 140,
    keySize: 3,
    mask: given(
      [1, 140],
      Array.from({ length: 140 }, (_, j) => Number(j > 130 || j < 3)),
      "i32",
    ),
  }),
  attentionCase({
    queries: 5,
    keys: 140,
    keySize: 3,
    mask: given(
      [1, 140],
      Array.from({ length: 140 }, (_, j) => Number(j > 70)),
      "i32",
    ),
  }),
  attentionCase({
    queries: 4,
    keys: 5,
    batch: 2,
    mask: given([2, 5], [0.5, INF, -1, 2, 0, INF, INF, INF, INF, INF]),
  }),
]);
checkOp("attention within one tensor", [
  {
    label: "queries, keys and values",
    inputs: [uniform([2, 9, 2 * (3 + 3 + 5)])],
    build: (x) => packedAttention([x!], { keySize: 3, valueSize: 5 }, { heads: 2, causal: true }),
  },
  {
    label: "keys and values",
    inputs: [uniform([2, 9, 6]), uniform([2, 7, 16])],
    build: (q, kv) => packedAttention([q!, kv!], { keySize: 3, valueSize: 5 }, { heads: 2 }),
  },
]);

checkOp("rotary", [
  ...[2, 4, 6, 8, 10].map(
    (size): OpCase => ({
      label: `${size}`,
      inputs: [uniform([2, 3, 2 * size])],
      build: (x) => rotary(x!, { size, start: 2, base: 50 }),
      want: (x = []) =>
        x.map((each, i) => {
          const column = (i % (2 * size)) % size;
          const pair = column - (column % 2);
          const angle = (2 + (Math.floor(i / (2 * size)) % 3)) / 50 ** (pair / size);
          const [cos, sin] = [Math.fround(Math.cos(angle)), Math.fround(Math.sin(angle))];
          return column % 2 === 0 ? each * cos - x[i + 1]! * sin : x[i - 1]! * sin + each * cos;
        }),
    }),
  ),
  { label: "some", inputs: [uniform([2, 5, 11])], build: (x) => rotary(x!, { size: 4, columns: 8 }) },
]);

/** Runs some outputs for inputs of a graph; the words of each. */
async function results(
  outputs: readonly Tensor[],
  inputs: readonly (readonly [Tensor, readonly number[]])[],
  step = 1,
) {
  const trial = new Trial(new Map(inputs), outputs);
  trial.step = step;
  const [first, ...others] = await enginesWith("exact");
  const one = await trial.run(first!);
  for (const engine of others)
    for (const [k, words] of (await trial.run(engine)).entries()) expect(words).toEqual(one[k]);
  return one.map((words) => [...new Float32Array(words.buffer)]);
}

describe("dropout of weights", () => {
  const [time, width] = [70, 70];
  const setting = (seed: number) => {
    const graph = new Graph("train", seed);
    const q = graph.input("q", [1, time, 4]);
    const v = graph.input("v", [1, time, width]);
    const dy = graph.input("dy", [1, time, width]);
    const y = attention(q, q, v, { dropout: 0.25 });
    const zero = new Array<number>(time * 4).fill(0);
    const one = Array.from({ length: time * width }, (_, i) => Number(i % (width + 1) === 0));
    return { q, v, dy, y, zero, one };
  };
  test("sets that share to 0, scales the others, and is drawn again by the gradient", async () => {
    const { q, v, dy, y, zero, one } = setting(1);
    // Equal scores and the identity as values: the output is the weights; as dy: dv is the weights transposed.
    const [dv] = gradients(sum(mul(y, dy)), [v]);
    const [weights, turned] = await results(
      [y, dv!],
      [
        [q, zero],
        [v, one],
        [dy, one],
      ],
    );
    const kept = weights!.filter((each) => each !== 0);
    expect(kept.every((each) => Math.abs(each - 1 / 70 / 0.75) < 1e-8)).toBe(true);
    // Six deviations of a binomial count.
    expect(Math.abs(kept.length - 0.75 * 4900)).toBeLessThan(6 * Math.sqrt(4900 * 0.75 * 0.25));
    for (let i = 0; i < time; i++)
      for (let j = 0; j < time; j++)
        expect(Math.abs(turned![j * width + i]! - weights![i * width + j]!)).toBeLessThan(1e-8);
  });
  test("is another at each step and of each seed, and none in prediction", async () => {
    const { q, v, y, zero, one } = setting(1);
    const at = async (seed: number, step: number) => {
      const other = setting(seed);
      return (
        await results(
          [other.y],
          [
            [other.q, zero],
            [other.v, one],
          ],
          step,
        )
      )[0];
    };
    const [first] = await results(
      [y],
      [
        [q, zero],
        [v, one],
      ],
    );
    expect(await at(1, 1)).toEqual(first);
    expect(await at(1, 2)).not.toEqual(first);
    expect(await at(2, 1)).not.toEqual(first);
    const graph = new Graph("predict");
    const x = graph.input("x", [1, 3, 2]);
    const [plain, dropped] = await results(
      [attention(x, x, x), attention(x, x, x, { dropout: 0.5 })],
      [[x, [1, 2, 3, 4, 5, 6]]],
    );
    expect(dropped).toEqual(plain);
  });
  test("its gradient of the scores is that of the weights that were kept", async () => {
    const graph = new Graph("train", 3);
    const inputs = ["q", "k", "v", "dy"].map((name) => graph.input(name, [1, 5, 3]));
    const [q, k, v, dy] = inputs as [Tensor, Tensor, Tensor, Tensor];
    const loss = sum(mul(attention(q, k, v, { dropout: 0.4 }), dy));
    const [dq, dk] = gradients(loss, [q, k]);
    const values = inputs.map((_, n) => Array.from({ length: 15 }, (_, i) => Math.sin(7 * n + 3 * i)));
    const given = (moved: readonly number[][]) => inputs.map((input, n) => [input, moved[n]!] as const);
    const [slopeQ, slopeK] = await results([dq!, dk!], given(values));
    for (const [n, slopes] of [slopeQ!, slopeK!].entries()) {
      for (const element of [0, 4, 14]) {
        const at = async (by: number) =>
          (
            await results(
              [loss],
              given(values.map((row, m) => (m === n ? row.with(element, row[element]! + by) : row))),
            )
          )[0]![0]!;
        const difference = ((await at(2 ** -7)) - (await at(-(2 ** -7)))) / 2 ** -6;
        // 32-bit losses of size 3 over a step of 2⁻⁶, and the difference's own error of 2⁻¹⁴ times a third derivative.
        expect(Math.abs(slopes[element]! - difference)).toBeLessThan(3e-4);
      }
    }
  });
});

test("memory grows with the time, not with its square", () => {
  const bytes = (time: number) => {
    const graph = new Graph();
    const x = graph.input("x", [1, time, 64]);
    const y = attention(x, x, x, { heads: 4 });
    const [dx] = gradients(sum(mul(y, y)), [x]);
    const placements = new Map([x, dx!].map((tensor, k) => [tensor, { region: `${k}`, offset: 0 }]));
    return compile({ graph, placements }).memory;
  };
  const [short, long] = [bytes(512), bytes(4096)];
  expect(long.scratch).toBe(short.scratch);
  expect(long.activations!).toBeLessThan(8.1 * short.activations!);
  // One matrix of scores would take 64 MiB.
  expect(long.total!).toBeLessThan(24 * 2 ** 20);
});

test("wide tiles give the same bits", async () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 70, 2 * 37]);
  const y = packedAttention([x], { keySize: 11, valueSize: 15 }, { heads: 2, causal: true });
  const [dx] = gradients(sum(mul(y, y)), [x]);
  const product = batchMatmul(x, y, { transposeA: true });
  const drawn = uniform(x.shape).values;
  const trial = new Trial(new Map([[x, drawn]]), [y, dx!, product]);
  const engine = await createEngine({ threads: 1, numerics: "exact" });
  const narrow = await trial.run(engine);
  // Which tiles a program uses is settled when it is loaded.
  (engine as { wide: boolean }).wide = true;
  expect(await trial.run(engine)).toEqual(narrow);
  engine.close();
});

test("a number that is not finite is not hidden", async () => {
  const graph = new Graph();
  const x = graph.input("x", [1, 3, 2]);
  const [y] = await results([attention(x, x, x)], [[x, [1, Number.NaN, 3, 4, 5, 6]]]);
  expect(y!.every(Number.isNaN)).toBe(true);
});

test("attention names what does not fit", () => {
  const graph = new Graph();
  const tensor = (...shape: number[]) => graph.input(`x${graph.inputs.size}`, shape);
  const [q, k] = [tensor(2, 5, 8), tensor(2, 7, 8)];
  expect(() => attention(q, k, q)).toThrow(
    new ShapeError(
      "attention: wanted f32 [batch, queries, width], [batch, keys, width] and [batch, keys, values], got f32 [2, 5, 8], f32 [2, 7, 8], f32 [2, 5, 8]",
    ),
  );
  expect(() => attention(q, k, k, { heads: 3 })).toThrow(
    new ShapeError("attention: wanted a multiple of 3 columns for 3 heads, got 8 in q and k"),
  );
  expect(() => attention(q, k, k, { heads: 0 })).toThrow(
    new OptionError("attention: heads: wanted a positive integer, got 0"),
  );
  expect(() => attention(q, k, k, { causal: true })).toThrow(
    new ShapeError("attention: causal: wanted as many queries as keys, got 5 and 7"),
  );
  expect(() => attention(q, k, k, { mask: tensor(2, 5) })).toThrow(
    new ShapeError("attention: mask: wanted [2, 7], got [2, 5]"),
  );
  expect(() => attention(q, k, k, { dropout: 1 })).toThrow(
    new OptionError("attention: dropout: wanted 0 ≤ rate < 1, got 1"),
  );
  expect(() => attention(q, k, k, { scale: Number.NaN })).toThrow(OptionError);
  const mask = tensor(2, 7);
  expect(() => gradients(sum(attention(q, k, k, { mask })), [mask])).toThrow(
    new OptionError("attention: mask: has no gradient, but the loss depends on parameters through it"),
  );
  const [dq] = gradients(sum(attention(q, k, k)), [q]);
  expect(() => gradients(sum(mul(dq!, dq!)), [q])).toThrow(OptionError);
  expect(() => rotary(q, { size: 3 })).toThrow(
    new OptionError("rotary: size: wanted an even number ≥ 2, got 3"),
  );
  expect(() => rotary(q, { size: 6 })).toThrow(
    new ShapeError("rotary: wanted whole heads of 6 numbers, at most 8, got 8 columns"),
  );
});
