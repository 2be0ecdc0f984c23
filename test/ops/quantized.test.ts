// Ops on bytes against integers reckoned one by one, sizes that fit no vector, the ends of every range.
import { describe, expect, test } from "vitest";
import { Random } from "#src/core/random";
import type { Shape } from "#src/core/shape";
import { Graph } from "#src/graph/tensor";
import { concatenate, pad, permute, slice } from "#src/ops/movement";
import { dequantizeLinear, quantizedMatmul, quantizeLinear } from "#src/ops/quantized";
import { type QuantizedConvolutionOptions, quantizedConvolution } from "#src/ops/quantized-convolution";
import { dynamicQuantizedMatmul, int4Matmul } from "#src/ops/quantized-floats";
import { quantizedMaxPool } from "#src/ops/quantized-max-pool";
import type { QuantizedOptions } from "#src/ops/quantized-panels";
import { reshape } from "#src/ops/reshape";
import { toInt4 } from "#src/quantize/int4";
import { type BytesCase, checkBytes } from "../support/check-bytes.ts";
import type { Drawn } from "../support/draw.ts";

const round = Math.fround;
const count = (n: number) => Array.from({ length: n }, (_, k) => k);
const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);

/** Numbers in 0 ≤ x < 1, and around 0 with a deviation of about 1. */
const uniform = (random: Random) => random.next() / 2 ** 32;
const normal = (random: Random) => 2 * (uniform(random) + uniform(random) + uniform(random)) - 3;

/** Bytes of 0 to 127, with many at both ends. */
function bytes(shape: Shape, stream: string): Drawn {
  const random = new Random(7, stream);
  const one = () => [0, 127, random.below(128), random.below(128)][random.below(4)]!;
  return { shape, dtype: "i8", values: count(sizeOf(shape)).map(one) };
}
function weights(n: number, stream: string): Int8Array {
  const random = new Random(8, stream);
  const one = () => [-128, 127, random.below(256) - 128, random.below(256) - 128][random.below(4)]!;
  return Int8Array.from(count(n), one);
}
function floats(shape: Shape, stream: string, scale = 3): Drawn {
  const random = new Random(9, stream);
  return { shape, dtype: "f32", values: count(sizeOf(shape)).map(() => round(normal(random) * scale)) };
}

/** To the nearest integer, ties to even. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
const clamp = (x: number, least: number, most: number) => Math.min(Math.max(x, least), most);

/** What an integer sum of a channel becomes: the two roundings of the kernels, and one to a byte. */
function ended(
  sum: number,
  channel: number,
  { input, weightScales, bias, output }: QuantizedOptions,
): number {
  const scale = weightScales[weightScales.length === 1 ? 0 : channel]!;
  const unit = output?.scale ?? 1;
  const factor = round((input.scale * scale) / unit);
  const offset = round((bias?.[channel] ?? 0) / unit + (output?.zeroPoint ?? 0));
  const x = round(round(round(sum) * factor) + offset);
  return output ? nearest(clamp(x, output.least ?? 0, output.most ?? 127)) : x;
}

/** Options whose results spread over all bytes. */
function optionsFor(terms: number, n: number, stream: string, kind: string): QuantizedOptions {
  const random = new Random(10, stream);
  const perChannel = kind !== "one scale";
  const zeroPoint = kind === "zero point 0" ? 0 : kind === "zero point 127" ? 127 : 40;
  return {
    input: { scale: 0.02, zeroPoint },
    weightScales: Float32Array.from(count(perChannel ? n : 1), () => 0.001 + uniform(random) / 200),
    bias: kind === "no bias" ? undefined : Float32Array.from(count(n), () => normal(random)),
    output:
      kind === "floats"
        ? undefined
        : {
            scale: kind === "far" ? 1e-12 : 0.02 * 0.004 * Math.sqrt(terms) * 60,
            zeroPoint: 50,
            ...(kind === "relu" && { least: 50, most: 100 }),
          },
  };
}
/** "far": of scales so small that what is clamped lies beyond where floats have integers. */
const KINDS = ["relu", "floats", "one scale", "no bias", "zero point 0", "zero point 127", "far"] as const;

describe("quantizeLinear and dequantizeLinear", () => {
  test("every size, ties, both ends, what is no number", async () => {
    const cases: BytesCase[] = [];
    for (const n of [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 257]) {
      for (const [scale, zeroPoint] of [
        [0.05, 0],
        [0.1, 127],
        [1 / 3, 64],
      ] as const) {
        const x = floats([n], `${n} ${scale}`);
        const ties = [0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NaN, -0];
        const values = x.values.map((value, k) => (k % 3 === 0 ? round(ties[(k / 3) % 10]! * scale) : value));
        cases.push({
          label: `quantize ${n} by ${scale}`,
          inputs: [{ ...x, values }],
          build: (input) => quantizeLinear(input!, { scale, zeroPoint }),
          want: (input) =>
            Array.from(input!, (value) =>
              Number.isNaN(value) ? 0 : clamp(nearest(round(value / round(scale))) + zeroPoint, 0, 127),
            ),
        });
        cases.push({
          label: `dequantize ${n} by ${scale}`,
          inputs: [bytes([n], `${n} ${scale}`)],
          build: (q) => dequantizeLinear(q!, { scale, zeroPoint }),
          want: (q) => Array.from(q!, (value) => round((value - zeroPoint) * round(scale))),
        });
      }
    }
    await checkBytes(cases);
  });
});

describe("quantizedMatmul", () => {
  test("awkward sizes, each way to end", async () => {
    const cases: BytesCase[] = [];
    for (const [at, [m, k, n]] of (
      [
        [1, 1, 1],
        [1, 3, 9],
        [1, 784, 64],
        [1, 65, 257],
        [2, 4, 8],
        [3, 5, 7],
        [4, 16, 16],
        [5, 17, 8],
        [6, 31, 15],
        [7, 64, 33],
        [16, 9, 10],
        [64, 63, 3],
        [129, 20, 17],
        [33, 1300, 5],
      ] as const
    ).entries()) {
      for (const kind of at < 8 ? KINDS : [KINDS[at % KINDS.length]!]) {
        const weight = weights(k * n, `${k} ${n}`);
        const options = optionsFor(k, n, `${k} ${n}`, kind);
        cases.push({
          label: `[${m}, ${k}] × [${k}, ${n}], ${kind}`,
          inputs: [bytes([m, k], `${m} ${k}`)],
          build: (q) => quantizedMatmul(q!, weight, options),
          want: (q) =>
            count(m * n).map((at) => {
              const [row, column] = [Math.floor(at / n), at % n];
              let sum = 0;
              for (let t = 0; t < k; t++)
                sum += (q![row * k + t]! - options.input.zeroPoint) * weight[t * n + column]!;
              return ended(sum, column, options);
            }),
        });
      }
    }
    await checkBytes(cases);
  });
  test("the largest sums there are", async () => {
    const k = 4096;
    const options: QuantizedOptions = {
      input: { scale: 1, zeroPoint: 0 },
      weightScales: Float32Array.of(1),
    };
    const q: Drawn = { shape: [2, k], dtype: "i8", values: new Array(2 * k).fill(127) };
    await checkBytes(
      [127, -128].map((value) => ({
        label: `${value}`,
        inputs: [q],
        build: (x) => quantizedMatmul(x!, new Int8Array(k * 3).fill(value), options),
        want: () => new Array(6).fill(k * 127 * value),
      })),
    );
  });
});

/** A convolution pixel by pixel. */
function convolved(
  q: ArrayLike<number>,
  [batch, height, width, channels]: readonly [number, number, number, number],
  weight: Int8Array,
  options: QuantizedConvolutionOptions,
  {
    stride,
    dilation,
    before,
    size,
  }: Record<"stride" | "dilation" | "before" | "size", readonly [number, number]>,
): number[] {
  const [kernelHeight, kernelWidth, groupChannels, n] = options.shape;
  const groups = options.groups ?? 1;
  const result: number[] = [];
  for (let image = 0; image < batch; image++)
    for (let y = 0; y < size[0]; y++)
      for (let x = 0; x < size[1]; x++)
        for (let column = 0; column < n; column++) {
          const first = Math.floor(column / (n / groups)) * groupChannels;
          let sum = 0;
          for (let ky = 0; ky < kernelHeight; ky++)
            for (let kx = 0; kx < kernelWidth; kx++) {
              const [sy, sx] = [
                y * stride[0] - before[0] + ky * dilation[0],
                x * stride[1] - before[1] + kx * dilation[1],
              ];
              if (sy < 0 || sy >= height || sx < 0 || sx >= width) continue;
              for (let c = 0; c < groupChannels; c++) {
                const at = ((image * height + sy) * width + sx) * channels + first + c;
                const w = ((ky * kernelWidth + kx) * groupChannels + c) * n + column;
                sum += (q[at]! - options.input.zeroPoint) * weight[w]!;
              }
            }
          result.push(ended(sum, column, options));
        }
  return result;
}

interface Setting {
  readonly input: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly n: number;
  readonly groups?: number;
  readonly stride?: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly padding?: readonly [readonly [number, number], readonly [number, number]];
}

const SETTINGS: readonly Setting[] = [
  { input: [1, 1, 1, 1], kernel: [1, 1], n: 1 },
  {
    input: [2, 7, 9, 1],
    kernel: [3, 3],
    n: 8,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    input: [1, 8, 8, 3],
    kernel: [3, 3],
    n: 17,
    stride: [2, 2],
    padding: [
      [0, 1],
      [0, 1],
    ],
  },
  {
    input: [2, 6, 5, 16],
    kernel: [3, 3],
    n: 16,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    input: [1, 9, 11, 5],
    kernel: [5, 3],
    n: 7,
    dilation: [2, 2],
    padding: [
      [3, 4],
      [2, 2],
    ],
  },
  { input: [1, 6, 7, 8], kernel: [1, 1], n: 9 },
  { input: [1, 6, 7, 8], kernel: [1, 1], n: 9, stride: [2, 3] },
  {
    input: [1, 5, 5, 6],
    kernel: [1, 1],
    n: 3,
    padding: [
      [1, 0],
      [0, 2],
    ],
  },
  {
    input: [1, 5, 6, 12],
    kernel: [3, 3],
    n: 18,
    groups: 3,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  { input: [1, 5, 6, 4], kernel: [2, 2], n: 8, groups: 4 },
  {
    input: [1, 3, 3, 2],
    kernel: [3, 3],
    n: 3,
    padding: [
      [2, 2],
      [5, 5],
    ],
  },
  { input: [1, 4, 4, 40], kernel: [4, 4], n: 6 },
  {
    input: [1, 16, 16, 16],
    kernel: [3, 3],
    n: 24,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  // Lines of more tiles than are made at a time, images of one pixel more than tiles, most of it padding.
  { input: [1, 5, 161, 24], kernel: [3, 3], n: 8 },
  {
    input: [3, 7, 9, 32],
    kernel: [3, 3],
    n: 40,
    padding: [
      [2, 1],
      [0, 3],
    ],
  },
  {
    input: [2, 1, 2, 16],
    kernel: [3, 3],
    n: 8,
    padding: [
      [4, 3],
      [3, 2],
    ],
  },
  {
    input: [2, 7, 5, 24],
    kernel: [3, 3],
    n: 20,
    padding: [
      [1, 0],
      [0, 1],
    ],
  },
];
const DEPTHWISE: readonly Setting[] = [
  { input: [1, 4, 4, 2], kernel: [3, 3], n: 2, groups: 2 },
  {
    input: [2, 7, 9, 8],
    kernel: [3, 3],
    n: 8,
    groups: 8,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    input: [1, 8, 8, 17],
    kernel: [3, 3],
    n: 17,
    groups: 17,
    stride: [2, 2],
    padding: [
      [0, 1],
      [0, 1],
    ],
  },
  {
    input: [1, 9, 10, 35],
    kernel: [5, 5],
    n: 35,
    groups: 35,
    padding: [
      [2, 2],
      [2, 2],
    ],
  },
  {
    input: [1, 9, 10, 16],
    kernel: [3, 2],
    n: 16,
    groups: 16,
    dilation: [2, 3],
    padding: [
      [2, 2],
      [1, 3],
    ],
  },
  {
    input: [1, 3, 3, 5],
    kernel: [1, 1],
    n: 5,
    groups: 5,
    padding: [
      [1, 1],
      [4, 4],
    ],
  },
];

const conversionOf = (
  {
    input,
    kernel,
    n,
    groups = 1,
    stride = [1, 1],
    dilation = [1, 1],
    padding = [
      [0, 0],
      [0, 0],
    ],
  }: Setting,
  kind: string,
  number: number,
): BytesCase => {
  const shape = [...kernel, input[3] / groups, n] as const;
  const terms = shape[0] * shape[1] * shape[2];
  const weight = weights(terms * n, `${number}`);
  const options = { ...optionsFor(terms, n, `${number}`, kind), shape, groups, stride, dilation, padding };
  const size = [0, 1].map((axis) => {
    const span = (kernel[axis]! - 1) * dilation[axis]! + 1;
    const padded = input[axis + 1]! + padding[axis]![0] + padding[axis]![1];
    return Math.floor((padded - span) / stride[axis]!) + 1;
  }) as [number, number];
  const before = [padding[0][0], padding[1][0]] as const;
  return {
    label: `convolution ${number}: [${input.join(", ")}] by [${shape.join(", ")}], ${kind}`,
    inputs: [bytes(input, `${number}`)],
    build: (q) => quantizedConvolution(q!, weight, options),
    want: (q) => convolved(q!, input, weight, options, { stride, dilation, before, size }),
  };
};

describe("quantizedConvolution", () => {
  test("windows of every kind", async () => {
    await checkBytes(
      SETTINGS.flatMap((setting, at) => [
        conversionOf(setting, KINDS[at % KINDS.length]!, at),
        conversionOf(setting, KINDS[(at + 1) % KINDS.length]!, at),
      ]),
    );
  });
  test("every channel by itself", async () => {
    await checkBytes(
      DEPTHWISE.flatMap((setting, at) => [
        conversionOf(setting, KINDS[at % KINDS.length]!, 100 + at),
        conversionOf(setting, KINDS[(at + 1) % KINDS.length]!, 100 + at),
      ]),
    );
  });
});

describe("what moves bytes", () => {
  const q = bytes([3, 5, 7], "moved");
  const at = (x: ArrayLike<number>, i: number, j: number, k: number) => x[(i * 5 + j) * 7 + k]!;
  test("permute, slice, pad, concatenate, reshape, max pooling", async () => {
    const images = bytes([2, 7, 9, 19], "pooled");
    await checkBytes([
      {
        label: "permute",
        inputs: [q],
        build: (x) => permute(x!, [2, 0, 1]),
        want: (x) => count(105).map((n) => at(x!, Math.floor(n / 5) % 3, n % 5, Math.floor(n / 15))),
      },
      {
        label: "slice",
        inputs: [q],
        build: (x) => slice(x!, [1, 2, 3], [2, 3, 3]),
        want: (x) =>
          count(18).map((n) => at(x!, 1 + Math.floor(n / 9), 2 + (Math.floor(n / 3) % 3), 3 + (n % 3))),
      },
      {
        label: "pad",
        inputs: [bytes([2, 3], "padded")],
        build: (x) =>
          pad(
            x!,
            [
              [1, 0],
              [2, 1],
            ],
            77,
          ),
        want: (x) => [
          77,
          77,
          77,
          77,
          77,
          77,
          77,
          77,
          x![0]!,
          x![1]!,
          x![2]!,
          77,
          77,
          77,
          x![3]!,
          x![4]!,
          x![5]!,
          77,
        ],
      },
      {
        label: "concatenate",
        inputs: [bytes([2, 3], "a"), bytes([2, 18], "b")],
        build: (a, b) => concatenate([a!, b!], 1),
        want: (a, b) =>
          [0, 1].flatMap((row) => [
            ...Array.from(a!).slice(row * 3, row * 3 + 3),
            ...Array.from(b!).slice(row * 18, row * 18 + 18),
          ]),
      },
      {
        label: "reshape",
        inputs: [q],
        build: (x) => quantizedMaxPool(reshape(x!, [1, 35, 3]), 1),
        want: (x) => x!,
      },
      ...(
        [
          [2, {}],
          [3, { stride: 2, padding: "same" }],
          [[2, 3], { stride: 1, dilation: 2 }],
        ] as const
      ).map(
        ([window, options]): BytesCase => ({
          label: `maxPool ${window}`,
          inputs: [images],
          build: (x) => quantizedMaxPool(x!, window, options),
          want: (x) => pooled(x!, window, options),
        }),
      ),
    ]);
  });
});

/** Largest elements of windows of [2, 7, 9, 19]. */
function pooled(
  x: ArrayLike<number>,
  window: number | readonly number[],
  options: { stride?: number; dilation?: number; padding?: string },
): number[] {
  const windows = typeof window === "number" ? [window, window] : window;
  const { dilation = 1 } = options;
  const result: number[] = [];
  const sizes = [7, 9];
  const stride = windows.map((each) => options.stride ?? each);
  const span = windows.map((each) => (each - 1) * dilation + 1);
  const positions = sizes.map((size, axis) =>
    options.padding === "same"
      ? Math.ceil(size / stride[axis]!)
      : Math.floor((size - span[axis]!) / stride[axis]!) + 1,
  );
  const before = sizes.map((size, axis) =>
    options.padding === "same"
      ? Math.floor(Math.max(0, (positions[axis]! - 1) * stride[axis]! + span[axis]! - size) / 2)
      : 0,
  );
  for (let image = 0; image < 2; image++)
    for (let i = 0; i < positions[0]!; i++)
      for (let j = 0; j < positions[1]!; j++)
        for (let c = 0; c < 19; c++) {
          let most = 0;
          for (let ky = 0; ky < windows[0]!; ky++)
            for (let kx = 0; kx < windows[1]!; kx++) {
              const y = i * stride[0]! - before[0]! + ky * dilation;
              const z = j * stride[1]! - before[1]! + kx * dilation;
              if (y >= 0 && y < 7 && z >= 0 && z < 9)
                most = Math.max(most, x[((image * 7 + y) * 9 + z) * 19 + c]!);
            }
          result.push(most);
        }
  return result;
}

describe("floats by small weights", () => {
  test("dynamicQuantizedMatmul is what it says, to the bit", async () => {
    const cases: BytesCase[] = [];
    for (const [m, k, n] of [
      [1, 1, 1],
      [1, 65, 9],
      [2, 16, 8],
      [5, 7, 17],
      [7, 33, 40],
      [12, 130, 3],
    ] as const) {
      const weight = weights(k * n, `dynamic ${k} ${n}`);
      const { weightScales, bias } = optionsFor(k, n, `${k}`, m === 2 ? "one scale" : "");
      cases.push({
        label: `[${m}, ${k}] × [${k}, ${n}]`,
        inputs: [floats([m, k], `${m} ${k}`)],
        build: (x) => dynamicQuantizedMatmul(x!, weight, { weightScales, bias }),
        want: (x) =>
          count(m).flatMap((row) => {
            const own = Array.from(x!).slice(row * k, row * k + k);
            const least = Math.min(0, ...own);
            const scale = round(round(Math.max(0, ...own) - least) / 127) || 1;
            const zeroPoint = nearest(round(-least / scale));
            const q = own.map((value) => clamp(nearest(round(value / scale)) + zeroPoint, 0, 127));
            return count(n).map((column) => {
              const sum = q.reduce(
                (sofar, value, t) => sofar + (value - zeroPoint) * weight[t * n + column]!,
                0,
              );
              const factor = round(scale * weightScales[weightScales.length === 1 ? 0 : column]!);
              return round(round(round(sum) * factor) + bias![column]!);
            });
          }),
      });
    }
    await checkBytes(cases);
  });
  test("dynamicQuantizedMatmul of zeros is the bias", async () => {
    await checkBytes([
      {
        label: "zeros",
        inputs: [{ shape: [1, 5], dtype: "f32", values: [0, 0, 0, 0, 0] }],
        build: (x) =>
          dynamicQuantizedMatmul(x!, weights(10, "zeros"), {
            weightScales: Float32Array.of(1),
            bias: Float32Array.of(3, -4),
          }),
        want: () => [3, -4],
      },
    ]);
  });
  test("int4Matmul is near the product by its weights", async () => {
    const cases: BytesCase[] = [];
    for (const [m, k, n] of [
      [1, 1, 1],
      [1, 32, 8],
      [1, 100, 19],
      [3, 64, 9],
      [4, 33, 16],
      [9, 95, 3],
    ] as const) {
      const numbers = floats([k, n], `int4 ${k} ${n}`).values;
      const { packed: bytes, scales } = toInt4(Float32Array.from(numbers), { k, n, blockSize: 32 });
      const bias = m === 3 ? undefined : Float32Array.from(count(n), (j) => j - 3);
      // (half byte − 8) · scale, where the scale has the bits of a half-precision float.
      const weight = (term: number, column: number) => {
        const byte = bytes[(term >> 1) * n + column]!;
        const half = scales[(term >> 5) * n + column]!;
        const exponent = (half >> 10) & 31;
        const scale =
          exponent === 0 ? (half & 1023) * 2 ** -24 : (1024 + (half & 1023)) * 2 ** (exponent - 25);
        return ((term % 2 === 0 ? byte & 15 : byte >> 4) - 8) * (half >> 15 ? -scale : scale);
      };
      const sums = (
        x: ArrayLike<number>,
        term: (x: number, w: number) => number,
        start: (j: number) => number,
      ) =>
        count(m * n).map((at) => {
          const [row, column] = [Math.floor(at / n), at % n];
          return count(k).reduce((sum, t) => sum + term(x[row * k + t]!, weight(t, column)), start(column));
        });
      cases.push({
        label: `[${m}, ${k}] × [${k}, ${n}]`,
        inputs: [floats([m, k], `int4 ${m} ${k}`)],
        build: (x) => int4Matmul(x!, { shape: [k, n], bytes, scales }, bias),
        want: (x) =>
          sums(
            x!,
            (a, w) => a * w,
            (j) => bias?.[j] ?? 0,
          ),
        // The sums in a block are of half bytes up to 15, 15 / 7 of what stays; some k + 10 roundings of 2⁻²⁴.
        allowed: (x) =>
          sums(
            x!,
            (a, w) => 4 * (k + 10) * 2 ** -24 * Math.abs(a) * Math.max(Math.abs(w), 1),
            (j) => Math.abs(bias?.[j] ?? 0) * 2 ** -22,
          ),
      });
    }
    await checkBytes(cases);
  });
});

test("an op of floats refuses bytes", () => {
  const graph = new Graph("predict");
  const q = graph.input("q", [2, 3], "i8");
  expect(() => quantizeLinear(q, { scale: 1, zeroPoint: 0 })).toThrow(/wanted f32, got i8/);
});
