// Recurrences whose state is bytes where it is multiplied, against the same steps reckoned one number at a time in floats of 32
// bits: to the bit, on any number of threads, from both instruction sets.
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Random } from "#src/core/random";
import { Graph } from "#src/graph/tensor";
import { quantizedMatmul } from "#src/ops/quantized";
import { type BoundedCell, quantizedRecurrence } from "#src/ops/quantized-recurrence";
import { gatesOf } from "#src/ops/recurrence";
import { reshape } from "#src/ops/reshape";
import { type BytesCase, checkBytes } from "../support/check-bytes.ts";
import { type Drawn, given, uniform } from "../support/draw.ts";

const f = Math.fround;
const count = (n: number) => Array.from({ length: n }, (_, k) => k);

interface Setting {
  readonly time: number;
  readonly batch: number;
  readonly units: number;
  /** Bytes of an input, whose product makes the gates. */
  readonly k?: number;
  readonly state?: boolean;
  readonly mask?: boolean;
  readonly reverse?: boolean;
  readonly sequences?: boolean;
  readonly withCell?: boolean;
  readonly oneScale?: boolean;
}

const integers = (n: number, low: number, high: number, stream: string): number[] => {
  const random = new Random(11, stream);
  return count(n).map(() => low + random.below(high - low + 1));
};

/** To the nearest integer, ties to even. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
const clamp = (x: number, least: number, most: number) => Math.min(Math.max(x, least), most);

/** x (p₀ + p₁x² + p₂x⁴) / (q₀ + q₁x² + x⁴), each step rounded. */
function rational(value: number, bound: number, [p0, p1, p2]: number[], [q0, q1]: number[]): number {
  const x = clamp(value, -f(bound), f(bound));
  const z = f(x * x);
  const p = f(x * f(f(f(f(f(p2!) * z) + f(p1!)) * z) + f(p0!)));
  return f(p / f(f(f(z + f(q1!)) * z) + f(q0!)));
}
const P = [80.32840728759766, 8.11996841430664, 0.051126088947057724];
const Q = [80.34741973876953, 34.84891891479492];
const tanh = (x: number) => rational(x, 5.2, P, Q);
const sigmoid = (x: number) =>
  f(rational(x, 10.4, [4 * P[0]!, P[1]!, P[2]! / 4], [16 * Q[0]!, 4 * Q[1]!]) + 0.5);

/** The byte of a state. */
const byteOf = (h: number) => nearest(f(clamp(h, -1, 1) * 63)) + 64;

const settings: readonly Setting[] = [
  { time: 1, batch: 1, units: 1 },
  { time: 3, batch: 1, units: 9, sequences: true },
  { time: 4, batch: 1, units: 33, reverse: true },
  { time: 3, batch: 4, units: 8, mask: true, sequences: true },
  { time: 2, batch: 5, units: 17, state: true, oneScale: true },
  { time: 3, batch: 23, units: 3, reverse: true, sequences: true },
  { time: 2, batch: 6, units: 16, k: 4 },
  { time: 3, batch: 11, units: 10, k: 7, mask: true },
  { time: 2, batch: 64, units: 24, k: 28, sequences: true },
  { time: 3, batch: 3, units: 5, k: 5, state: true, sequences: true },
  { time: 4, batch: 7, units: 31, k: 9, state: true, mask: true, reverse: true },
];
const withCells: readonly Setting[] = [
  { time: 2, batch: 1, units: 4, withCell: true },
  { time: 3, batch: 7, units: 9, k: 3, mask: true, sequences: true, withCell: true },
];

/** One setting of a cell as a program, and what comes of it. */
function caseOf(cell: BoundedCell, setting: Setting): BytesCase {
  const { time, batch, units, k, reverse = false, sequences = false, withCell = false } = setting;
  const columns = gatesOf(cell) * units;
  const label = `${cell} ${JSON.stringify(setting)}`;
  const weight = Int8Array.from(integers(units * columns, -127, 127, `${label} u`));
  const scalesOf = (n: number, size: number) =>
    Float32Array.from(integers(n, 50, 150, `${label} ${size}`), (each) => (each / 100) * size);
  const weightScales = scalesOf(setting.oneScale ? 1 : columns, 0.03 / Math.sqrt(units));
  const numbers = (n: number, stream: string) =>
    Float32Array.from(integers(n, -64, 64, label + stream), (each) => each / 100);
  const bias = cell === "gru" && batch !== 4 ? numbers(columns, "b") : undefined;
  const product = k !== undefined && {
    weight: Int8Array.from(integers(k * columns, -127, 127, `${label} w`)),
    input: { scale: 0.02, zeroPoint: 30 },
    weightScales: scalesOf(columns, 0.01 / Math.sqrt(k)),
    bias: numbers(columns, "c"),
  };
  const x: Drawn = product
    ? { shape: [time * batch, k!], dtype: "i8", values: integers(time * batch * k!, 0, 127, `${label} x`) }
    : uniform([time, batch, columns], -7, 7, 1);
  const stateRows = (cell === "lstm" ? 2 : 1) * batch;
  const heard = count(batch * time).map((at) => Number((at * 5) % 7 < 4));
  const inputs = [
    x,
    ...(setting.state ? [uniform([stateRows, units], -1.5, 1.5, 4)] : []),
    ...(setting.mask ? [given([batch, time], heard)] : []),
  ];
  return {
    label,
    inputs,
    build(from, ...rest) {
      const left = [...rest];
      const state = setting.state ? left.shift() : undefined;
      const made = product
        ? reshape(quantizedMatmul(from!, product.weight, product), [time, batch, columns])
        : from!;
      const how = { cell, reverse, sequences, withCell, weight, weightScales, bias };
      return quantizedRecurrence({ x: made, state, mask: left[0] }, how);
    },
    want(from, ...rest) {
      const state = setting.state ? rest[0]! : new Float32Array(stateRows * units);
      const gateOf = (row: number, column: number) => {
        if (!product) return f(from![row * columns + column]!);
        let sum = 0;
        for (let term = 0; term < k!; term++)
          sum += (from![row * k! + term]! - 30) * product.weight[term * columns + column]!;
        return f(f(sum * f(0.02 * product.weightScales[column]!)) + product.bias[column]!);
      };
      const result = new Float32Array(((sequences ? time : 1) + (withCell ? 1 : 0)) * batch * units);
      for (let b = 0; b < batch; b++) {
        let h = count(units).map((j) => f(state[b * units + j]!));
        let c = count(units).map((j) => f(cell === "lstm" ? state[(batch + b) * units + j]! : 0));
        for (let s = 0; s < time; s++) {
          const t = reverse ? time - 1 - s : s;
          const bytes = h.map(byteOf);
          const own = (gate: number, j: number) => {
            const column = gate * units + j;
            const sum = bytes.reduce((all, q, term) => all + (q - 64) * weight[term * columns + column]!, 0);
            const scale = weightScales[setting.oneScale ? 0 : column]!;
            return f(f(sum * f((1 / 63) * scale)) + (bias?.[column] ?? 0));
          };
          const at = (gate: number, j: number) => gateOf(t * batch + b, gate * units + j);
          const whole = (gate: number, j: number) => f(own(gate, j) + at(gate, j));
          if (!setting.mask || heard[b * time + t] !== 0) {
            const before = h;
            const cells = [...c];
            h = h.map((_, j) => {
              if (cell === "rnnTanh") return tanh(whole(0, j));
              if (cell === "gru") {
                const [r, u] = [sigmoid(whole(0, j)), sigmoid(whole(1, j))];
                const n = tanh(f(f(r * own(2, j)) + at(2, j)));
                return f(f(u * f(before[j]! - n)) + n);
              }
              const [i, forget, o] = [0, 1, 3].map((gate) => sigmoid(whole(gate, j))) as [
                number,
                number,
                number,
              ];
              cells[j] = f(f(forget * c[j]!) + f(i * tanh(whole(2, j))));
              return f(o * tanh(cells[j]!));
            });
            c = cells;
          }
          if (sequences) result.set(h, (t * batch + b) * units);
        }
        if (!sequences) result.set(h, b * units);
        if (withCell) result.set(c, ((sequences ? time : 1) * batch + b) * units);
      }
      return result;
    },
  };
}

describe("quantizedRecurrence", () => {
  test.each(["lstm", "gru", "rnnTanh"] as const)(
    "%s: awkward sizes, each option, to the bit",
    async (cell) => {
      const all = cell === "lstm" ? [...settings, ...withCells] : settings;
      await checkBytes(all.map((setting) => caseOf(cell, setting)));
    },
  );

  test("the functions of the gates are within 6.1e-5, and 1 far out", () => {
    for (const at of count(4000)) {
      const x = (at - 2000) / 150;
      expect(Math.abs(tanh(f(x)) - Math.tanh(x))).toBeLessThan(6.2e-5);
      expect(Math.abs(sigmoid(f(x)) - 1 / (1 + Math.exp(-x)))).toBeLessThan(3.2e-5);
    }
    expect([tanh(100), tanh(-100), sigmoid(100), sigmoid(-100)].map((y) => Math.round(y * 1e6))).toEqual([
      1e6, -1e6, 1e6, 0,
    ]);
  });

  test("refuses what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", [3, 2, 16]);
    const how = { cell: "lstm", reverse: false, sequences: true } as const;
    const weight = new Int8Array(64);
    const weightScales = Float32Array.of(1);
    const make = (change: object, inputs: object = {}) =>
      quantizedRecurrence({ x, ...inputs }, { ...how, weight, weightScales, ...change });
    expect(make({}).shape).toEqual([3, 2, 4]);
    expect(() => make({ weight: new Int8Array(63) })).toThrow(
      new ShapeError("quantizedRecurrence: weight: got 63 weights, wanted 64"),
    );
    expect(() => make({ weight: new Int8Array(64).fill(-128) })).toThrow(OptionError);
    expect(() => make({ weightScales: new Float32Array(3) })).toThrow(ShapeError);
    expect(() => make({ weightScales: Float32Array.of(0) })).toThrow(OptionError);
    expect(() => make({ cell: "gru" })).toThrow(
      "quantizedRecurrence: x: got [3, 2, 16], wanted a multiple of 3 columns",
    );
    expect(() => make({ bias: new Float32Array(16) })).toThrow(ShapeError);
    expect(() => make({ cell: "rnnTanh", weight: new Int8Array(256), withCell: true })).toThrow(OptionError);
    expect(() => make({}, { state: graph.input("state", [2, 4]) })).toThrow(
      new ShapeError("quantizedRecurrence: state: got f32 [2, 4], wanted f32 [4, 4]"),
    );
    expect(() => make({}, { mask: graph.input("mask", [2, 3], "i32") })).toThrow(ShapeError);
    expect(() => make({}, { x: graph.input("flat", [6, 16]) })).toThrow(ShapeError);
  });
});
