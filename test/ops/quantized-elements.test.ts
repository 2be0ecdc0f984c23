// Ops between products of bytes against integers reckoned one by one, sizes that fit no vector, the ends of every range.
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Random } from "#src/core/random";
import type { Shape } from "#src/core/shape";
import { Graph } from "#src/graph/tensor";
import {
  type QuantizedAdd,
  type QuantizedMean,
  type QuantizedRowNorm,
  quantizedAdd,
  quantizedLookup,
  quantizedMean,
  quantizedRowNorm,
} from "#src/ops/quantized-elements";
import { type BytesCase, checkBytes } from "../support/check-bytes.ts";
import type { Drawn } from "../support/draw.ts";

const round = Math.fround;
const count = (n: number) => Array.from({ length: n }, (_, k) => k);
const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);
const clamp = (x: number, least = 0, most = 127) => Math.min(Math.max(x, least), most);

/** To the nearest integer, ties to even. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Bytes of 0 to 127, with many at both ends. */
function bytes(shape: Shape, stream: string): Drawn {
  const random = new Random(7, stream);
  const one = () => [0, 127, random.below(128), random.below(128)][random.below(4)]!;
  return { shape, dtype: "i8", values: count(sizeOf(shape)).map(one) };
}
const LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 257];

describe("quantizedAdd", () => {
  const at = (scale: number, zeroPoint: number) => ({ scale, zeroPoint });
  const options: QuantizedAdd[] = [
    { inputs: [at(0.02, 40), at(0.05, 0)], output: { scale: 0.06, zeroPoint: 20 } },
    { inputs: [at(0.02, 0), at(0.02, 0)], output: { scale: 0.02, zeroPoint: 0 } },
    { inputs: [at(0.5, 64), at(0.25, 127)], output: { scale: 0.01, zeroPoint: 50, least: 50, most: 100 } },
    { inputs: [at(1e-6, 3), at(3, 127)], output: { scale: 3, zeroPoint: 127 } },
    { inputs: [at(1e-9, 127), at(1e-12, 127)], output: { scale: 1, zeroPoint: 127 } },
    { inputs: [at(1e9, 127), at(1e9, 0)], output: { scale: 1e-3, zeroPoint: 64 } },
  ];
  /** Factors of 15 bits: the larger ratio has them all, if the shift is no more than 22. */
  function sums({ inputs, output }: QuantizedAdd, a: ArrayLike<number>, b: ArrayLike<number>): number[] {
    const ratios = inputs.map(({ scale }) => scale / output.scale);
    let shift = 0;
    while (shift < 22 && Math.max(...ratios) * 2 ** (shift + 1) < 2 ** 15) shift++;
    const [p, q] = ratios.map((ratio) => Math.min(32_767, Math.round(ratio * 2 ** shift)));
    return count(a.length).map((k) => {
      const sum = (a[k]! - inputs[0].zeroPoint) * p! + (b[k]! - inputs[1].zeroPoint) * q!;
      return clamp(
        Math.floor(sum / 2 ** shift + output.zeroPoint + (shift > 0 ? 0.5 : 0)),
        output.least,
        output.most,
      );
    });
  }

  test("every size and scales far apart", async () => {
    const cases = LENGTHS.flatMap((n) =>
      options.map(
        (given, k): BytesCase => ({
          label: `${n} by scales ${k}`,
          inputs: [bytes([n], `a ${n}`), bytes([n], `b ${n}`)],
          build: (a, b) => quantizedAdd(a!, b!, given),
          want: (a, b) => sums(given, a!, b!),
        }),
      ),
    );
    await checkBytes(cases);
  });

  test("a sum is within half a step, and what the factors are off", () => {
    const [given] = options as [QuantizedAdd];
    const { inputs, output } = given;
    for (let a = 0; a < 128; a += 3)
      for (let b = 0; b < 128; b += 5) {
        const [x, y] = [
          (a - inputs[0].zeroPoint) * inputs[0].scale,
          (b - inputs[1].zeroPoint) * inputs[1].scale,
        ];
        const exact = clamp((x + y) / output.scale + output.zeroPoint);
        // 127 · 2 factors, each off by half of 2⁻¹⁴ at most.
        expect(Math.abs(sums(given, [a], [b])[0]! - exact)).toBeLessThan(0.5 + 127 * 2 ** -14);
      }
  });
});

test("quantizedLookup: every byte, every size", async () => {
  const table = Uint8Array.from(count(128), (byte) => (byte * 37 + 11) % 128);
  await checkBytes(
    [...LENGTHS, 128 * 3].map((n) => {
      const drawn = bytes([n], `lookup ${n}`);
      const values = n === 384 ? count(n).map((k) => k % 128) : drawn.values;
      return {
        label: `${n}`,
        inputs: [{ ...drawn, values }],
        build: (q) => quantizedLookup(q!, table),
        want: (q) => Array.from(q!, (byte) => table[byte]!),
      };
    }),
  );
});

test("quantizedMean: channels that fit no vector, more bytes than 16 bits have room for", async () => {
  const kinds: QuantizedMean[] = [
    { input: { scale: 0.02, zeroPoint: 40 }, output: { scale: 0.007, zeroPoint: 30 } },
    { input: { scale: 0.02, zeroPoint: 0 }, output: { scale: 0.02, zeroPoint: 0, least: 20, most: 80 } },
  ];
  const shapes = [
    [1, 1, 1],
    [2, 7, 3],
    [3, 5, 16],
    [1, 49, 33],
    [2, 255, 17],
    [1, 256, 16],
    [1, 257, 31],
    [2, 1030, 16],
    [3, 4, 5, 9],
  ];
  await checkBytes(
    shapes.flatMap((shape) =>
      kinds.map(({ input, output }, kind): BytesCase => {
        const [batch, inner] = [shape[0]!, shape.at(-1)!];
        const size = sizeOf(shape) / batch / inner;
        const all = { ...bytes(shape, `mean ${shape}`) };
        return {
          label: `[${shape}], kind ${kind}`,
          // Of some all are the largest.
          inputs: [
            size > 1000 ? { ...all, values: all.values.map((value, k) => (k % 2 ? 127 : value)) } : all,
          ],
          build: (q) => quantizedMean(q!, { input, output }),
          want: (q) =>
            count(batch * inner).map((at) => {
              const [o, c] = [Math.floor(at / inner), at % inner];
              const sum = count(size).reduce((total, k) => total + q![(o * size + k) * inner + c]!, 0);
              const ratio = input.scale / output.scale;
              const offset = round(output.zeroPoint - ratio * input.zeroPoint);
              const x = round(round(sum * round(ratio / size)) + offset);
              return nearest(clamp(x, output.least, output.most));
            }),
        };
      }),
    ),
  );
});

describe("quantizedRowNorm", () => {
  const random = new Random(11, "rows");
  const uniform = () => random.next() / 2 ** 32;
  const optionsOf = (columns: number, kind: number): QuantizedRowNorm => ({
    scale: Float32Array.from(count(columns), () => 0.5 + uniform()),
    offset: kind === 1 ? undefined : Float32Array.from(count(columns), () => uniform() - 0.5),
    centered: kind !== 1,
    epsilon: 1e-5,
    output: { scale: 0.04, zeroPoint: 64, ...(kind === 2 && { least: 64, most: 110 }) },
  });
  /** In 64 bits: the kernel's roundings may carry a number on the edge of a step to its other side. */
  function exact(
    x: ArrayLike<number>,
    { scale, offset, centered, epsilon, output }: QuantizedRowNorm,
  ): number[] {
    const n = scale.length;
    return count(x.length).map((at) => {
      const row = Array.from({ length: n }, (_, k) => x[at - (at % n) + k]!);
      const mean = centered ? row.reduce((a, b) => a + b, 0) / n : 0;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
      const y = ((x[at]! - mean) / Math.sqrt(variance + epsilon)) * scale[at % n]! + (offset?.[at % n] ?? 0);
      return clamp(y / output.scale + output.zeroPoint, output.least, output.most);
    });
  }

  test("rows of every length, with and without a mean", async () => {
    const cases: BytesCase[] = [];
    for (const columns of LENGTHS)
      for (const [kind, rows] of [3, 2, 5].entries()) {
        const options = optionsOf(columns, kind);
        const values = count(rows * columns).map(() => round(4 * uniform() - 1));
        cases.push({
          label: `[${rows}, ${columns}], kind ${kind}`,
          inputs: [{ shape: [rows, columns], dtype: "f32", values }],
          build: (x) => quantizedRowNorm(x!, options),
          want: (x) => exact(x!, options).map(nearest),
          // One step, only where the number lies within 10⁻³ of the edge between two.
          allowed: (x) => exact(x!, options).map((y) => (Math.abs(y - Math.floor(y) - 0.5) < 1e-3 ? 1 : 0)),
        });
      }
    await checkBytes(cases);
  });
});

test("what does not fit is refused", () => {
  const graph = new Graph("predict");
  const q = graph.input("q", [2, 3, 4], "i8");
  const x = graph.input("x", [2, 3, 4]);
  const unit = { scale: 1, zeroPoint: 0 };
  const add = { inputs: [unit, unit], output: unit } as const;
  expect(() => quantizedAdd(q, x, add)).toThrow(new ShapeError("quantizedAdd: wanted i8, got f32"));
  expect(() => quantizedAdd(q, graph.input("r", [3, 4], "i8"), add)).toThrow(/shapes differ/);
  expect(() => quantizedAdd(q, q, { ...add, inputs: [unit, { scale: 0, zeroPoint: 0 }] })).toThrow(
    OptionError,
  );
  expect(() => quantizedAdd(q, q, { ...add, output: { ...unit, least: 9, most: 3 } })).toThrow(
    /least and most/,
  );
  expect(() => quantizedLookup(x, new Uint8Array(128))).toThrow(/wanted i8/);
  expect(() => quantizedLookup(q, new Uint8Array(127))).toThrow(/got 127 bytes/);
  expect(() => quantizedLookup(q, new Uint8Array(128).fill(128))).toThrow(/up to 128/);
  expect(() => quantizedMean(x, { input: unit, output: unit })).toThrow(ShapeError);
  expect(() => quantizedMean(graph.input("s", [3, 4], "i8"), { input: unit, output: unit })).toThrow(
    /wanted \[batch, ..., channels\]/,
  );
  const norm = { scale: new Float32Array(4).fill(1), centered: true, epsilon: 1e-5, output: unit };
  expect(() => quantizedRowNorm(q, norm)).toThrow(ShapeError);
  expect(() => quantizedRowNorm(x, { ...norm, scale: new Float32Array(5) })).toThrow(/rows of 5/);
  expect(() => quantizedRowNorm(x, { ...norm, offset: new Float32Array(3) })).toThrow(/and 3/);
});
