// Numbers of fewer bits are PyTorch's to the bit, and no further from those that they stand for than a step allows. See test/golden/quantization.py.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { fromInt4, toInt4 } from "#src/quantize/int4";
import {
  affineOf,
  channelsOf,
  fromHalves,
  fromInt8,
  halves,
  integerOf,
  roundToEven,
  signalToNoise,
  toInt8,
} from "#src/quantize/numbers";
import { asMatrix, matrixOf } from "#src/quantize/products";
import { numbers } from "../train/setting.ts";

const golden = JSON.parse(readFileSync(new URL("../golden/quantization.json", import.meta.url), "utf8"));

test("halves go to the even neighbour", () => {
  const values = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, -0.2, 7];
  expect(values.map(roundToEven)).toEqual([-2, -2, -0, 0, 2, 2, 2, -0, 7]);
});

describe("floats of 16 bits", () => {
  const x = Float32Array.from(golden.halves.x);
  test("are PyTorch's", () => {
    expect([...halves("x", x, "bf16")]).toEqual(golden.halves.bf16);
    expect([...halves("x", x, "f16")]).toEqual(golden.halves.f16);
  });
  test("come back, within half a unit of their last place", () => {
    for (const [kind, bits] of [
      ["f16", 11],
      ["bf16", 8],
    ] as const) {
      const back = fromHalves(halves("x", x, kind), kind);
      expect([...halves("x", back, kind)]).toEqual([...halves("x", x, kind)]);
      for (const [index, value] of back.entries())
        expect(Math.abs(value - x[index]!)).toBeLessThanOrEqual(
          Math.max(Math.abs(x[index]!) * 2 ** -bits, kind === "f16" ? 2 ** -25 : 0),
        );
    }
  });
  test("refuse what they cannot hold", () => {
    const large = Float32Array.of(1, 65_520);
    expect(() => halves("dense.weight", large, "f16")).toThrow(
      new OptionError("quantize: weights: f16 cannot hold 65520 of dense.weight: wanted bf16"),
    );
    expect([...halves("dense.weight", large, "bf16")]).toHaveLength(2);
  });
});

test("what has no step in 32 bits is 0, at a scale of 1", () => {
  const tiny = Float32Array.of(1e-44, -1e-44, 0.5, 1);
  const { values, scales } = toInt8(tiny, channelsOf([2, 2], 0));
  expect([...scales]).toEqual([1, Math.fround(1 / 127)]);
  expect([...values]).toEqual([0, 0, 64, 127]);
  expect(affineOf({ min: -1e-44, max: 1e-44 })).toEqual({ scale: 1, zeroPoint: 0 });
});

describe("integers of 8 bits", () => {
  test("scales and integers of channels are those of PyTorch's observer", () => {
    const { w, scale, integers } = golden.symmetric;
    const { values, scales } = toInt8(Float32Array.from(w), channelsOf([6, 4], 1));
    // Its scale of a channel of zeros is its epsilon.
    const wanted = scale.map((each: number, channel: number) => (channel === 2 ? 1 : Math.fround(each)));
    expect([...scales]).toEqual(wanted);
    expect([...values]).toEqual(integers);
  });
  test.each([0, 2, 3])("axis %i: what they stand for is within half a step, the largest exact", (axis) => {
    const shape = [3, 2, 2, 5];
    const values = numbers(60);
    const channels = channelsOf(shape, axis);
    const { values: integers, scales } = toInt8(values, channels);
    const back = fromInt8({ values: integers, scales }, channels);
    for (const [index, value] of back.entries()) {
      const scale = scales[Math.floor(index / channels.inner) % channels.count]!;
      expect(Math.abs(value - values[index]!)).toBeLessThanOrEqual(scale * 0.50001);
    }
    for (let channel = 0; channel < channels.count; channel++) {
      const own = integers.filter(
        (_, index) => Math.floor(index / channels.inner) % channels.count === channel,
      );
      expect(Math.max(...own.map(Math.abs))).toBe(127);
    }
  });
});

describe("activations on 0 to 127", () => {
  test.each<Record<string, number[]> & { zeroPoint: number }>(golden.activations)(
    "scale and zero point are PyTorch's",
    ({ x, min, max, scale, zeroPoint, y }) => {
      const affine = affineOf({ min: min![0]!, max: max![0]! });
      expect(affine.scale).toBeCloseTo(scale![0]!, 8);
      expect(affine.zeroPoint).toBe(zeroPoint);
      const got = x!.map((value) => (integerOf(Math.fround(value), affine) - zeroPoint) * affine.scale);
      for (const [index, value] of got.entries()) expect(value).toBeCloseTo(y![index]!, 5);
    },
  );
  test("0 is an integer, whatever the range", () => {
    for (const [min, max] of [
      [0, 0],
      [-3, -1],
      [1, 4],
      [-0.1, 1000],
      [-1e-3, 1e-30],
    ] as const) {
      const affine = affineOf({ min, max });
      expect(integerOf(0, affine)).toBe(affine.zeroPoint);
      expect(affine.zeroPoint).toBeGreaterThanOrEqual(0);
      expect(affine.zeroPoint).toBeLessThanOrEqual(127);
    }
    expect(affineOf({ min: 0, max: 6 }).zeroPoint).toBe(0);
  });
});

describe("integers of 4 bits", () => {
  test.each([
    [32, 5, 32],
    [70, 3, 32],
    [7, 1, 16],
  ])(
    "%i rows and %i columns in blocks of %i: within a step, and near what rounding allows",
    (k, n, blockSize) => {
      const values = numbers(k * n);
      const blocks = { k, n, blockSize };
      const stored = toInt4(values, blocks);
      expect(stored.packed.length).toBe(Math.ceil(k / 2) * n);
      expect(stored.scales.length).toBe(Math.ceil(k / blockSize) * n);
      const back = fromInt4(stored, blocks);
      const scales = fromHalves(stored.scales, "f16");
      for (const [index, value] of back.entries()) {
        const scale = Math.abs(scales[Math.floor(index / n / blockSize) * n + (index % n)]!);
        expect(Math.abs(value - values[index]!)).toBeLessThanOrEqual(scale);
      }
      // Uniform numbers in 15 steps or so: 20 log₁₀ 15 = 23.5 dB.
      expect(signalToNoise(values, back)).toBeGreaterThan(21);
    },
  );
  test("lie two rows in a byte, the first in the lower half", () => {
    const { packed } = toInt4(Float32Array.of(-8, 4, 7, -4, 3, 0), { k: 3, n: 2, blockSize: 32 });
    // The second column has steps of 4 / −8 and of no smaller error: 4 is −8, −4 is clamped to 7.
    expect([...packed].map((byte) => byte.toString(16))).toEqual(["f0", expect.any(String), "8b", "88"]);
  });
  test("zeros stay", () => {
    const stored = toInt4(new Float32Array(8), { k: 4, n: 2, blockSize: 2 });
    expect([...fromInt4(stored, { k: 4, n: 2, blockSize: 2 })]).toEqual(new Array(8).fill(0));
  });
});

test("a weight as a matrix has its channels last", () => {
  const values = Float32Array.from({ length: 24 }, (_, index) => index);
  expect([...asMatrix(values, matrixOf([6, 4], 1))]).toEqual([...values]);
  const turned = asMatrix(values, matrixOf([6, 4], 0));
  expect([...turned.slice(0, 6)]).toEqual([0, 4, 8, 12, 16, 20]);
  const middle = asMatrix(values, matrixOf([2, 3, 4], 1));
  expect([...middle.slice(0, 6)]).toEqual([0, 4, 8, 1, 5, 9]);
  expect([...middle.slice(12, 15)]).toEqual([12, 16, 20]);
});

test("a ratio of signal to noise is in decibels", () => {
  expect(signalToNoise([3, 4], [3, 4.5])).toBeCloseTo(20, 9);
  expect(signalToNoise([1, 2], [1, 2])).toBe(Number.POSITIVE_INFINITY);
});
