// Products of floats by small weights: bytes, with activations quantized row by row while running, and half bytes.
import { BYTES_ROWS, BYTES_SUMS, HALF_BLOCK, HALF_ROWS, PANEL_COLUMNS } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, float, nothing, read, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { checkChannels, panelsOf } from "./quantized-panels.ts";
import { reshape } from "./reshape.ts";

/** Weights [k, n] of bytes, and what a step of them is worth. */
export interface DynamicWeights {
  /** One number a channel of the result, or one for all. */
  readonly weightScales: Float32Array;
  /** Added: one number a channel. Default: none. */
  readonly bias?: Float32Array | undefined;
}

/** What dynamicQuantizedMatmul is. */
export interface DynamicQuantizedMatmul extends DynamicWeights {
  readonly weight: Int8Array;
}

const dynamicOp = defineOp<DynamicQuantizedMatmul>({
  name: "dynamicQuantizedMatmul",
  shape: ([x], { weight }) => ({ shape: [x!.shape[0]!, weight.length / x!.shape[1]!], dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [x], outputs: [y], attributes: { weight, weightScales, bias } }) {
    const [m, k] = x!.shape as [number, number];
    const n = y!.shape[1]!;
    const steps = Math.ceil(k / 4);
    const one = weightScales.length === 1;
    const panels = panelsOf(
      {
        n,
        steps,
        weight: (step, term, column) => (4 * step + term < k ? weight[(4 * step + term) * n + column]! : 0),
      },
      {
        scale: (column) => weightScales[one ? 0 : column]!,
        offset: (column) => bias?.[column] ?? 0,
        // It is known only while running: the kernel takes it off by the sums of the weights.
        zeroPoint: 0,
      },
    );
    emitter.call(
      "matmulDynamic",
      [
        m,
        n,
        k,
        steps,
        read(emitter.buffer(x!)),
        read(emitter.table("panels", panels)),
        write(emitter.buffer(y!)),
        scratch(BYTES_SUMS + 128 + BYTES_ROWS * steps * 4),
      ],
      { work: (m * n * k) / 2 },
    );
  },
});

/** Rows of x, and the columns of a weight that fits them. @throws ShapeError */
function flatRows(what: string, x: Tensor, k: number): Tensor {
  if (x.dtype !== "f32" || x.rank < 1 || x.shape.at(-1) !== k)
    throw new ShapeError(`${what}: wanted f32 [..., ${k}], got ${x.dtype} ${showShape(x.shape)}`);
  return x.rank === 2 ? x : reshape(x, [x.size / k, k]);
}

/**
 * Product of floats by a weight [k, n] of bytes: x [..., k] → [..., n]. Each row is quantized to 0…127 while the program runs,
 * from its least number (0 if that is above) to its largest (0 if that is below), as ONNX's DynamicQuantizeLinear of seven
 * bits, and multiplied in integers. Both instruction sets give the same bits.
 * @throws ShapeError where sizes do not fit; OptionError for scales that are not above 0.
 * @example dynamicQuantizedMatmul(hidden, weight, { weightScales })
 */
export function dynamicQuantizedMatmul(
  x: Tensor,
  weight: Int8Array,
  { weightScales, bias }: DynamicWeights,
): Tensor {
  const what = "dynamicQuantizedMatmul";
  const k = x.shape.at(-1) ?? 0;
  const n = weight.length / k;
  if (!(Number.isInteger(n) && n > 0)) {
    throw new ShapeError(
      `${what}: got ${weight.length} weights for ${showShape(x.shape)}, wanted a multiple of ${k}`,
    );
  }
  checkChannels(what, n, weightScales, bias);
  const [y] = x.graph.apply(dynamicOp, [flatRows(what, x, k)], { weight, weightScales, bias });
  return reshape(y!, [...x.shape.slice(0, -1), n]);
}

/** Weights [k, n] of half bytes: each stands for (half byte − 8) · scale of its block of 32 terms and its column. */
export interface Int4Weights {
  readonly shape: readonly [number, number];
  /** [⌈k / 2⌉, n]: the term of even index in the low half. */
  readonly bytes: Uint8Array;
  /** [⌈k / 32⌉, n], the bits of half-precision floats. */
  readonly scales: Uint16Array;
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The bits of the nearest half-precision float, ties to even; what is beyond the largest becomes the largest. */
function halfOf(value: number): number {
  const size = Math.min(Math.abs(value), 65_504);
  const sign = value < 0 ? 0x8000 : 0;
  // Below 2⁻¹⁴ steps are 2⁻²⁴ wide; elsewhere 2¹⁰ of them make an octave.
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 1)));
  const steps = size * 2 ** (10 - exponent);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const nearest = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return sign | (nearest + (exponent + 14) * 1024 * (nearest >= 1024 || exponent > -14 ? 1 : 0));
}

/** The number of which these are the bits. */
function ofHalf(half: number): number {
  bits[0] = (half & 0x7fff) << 13;
  return (half & 0x8000 ? -1 : 1) * single[0]! * 2 ** 112;
}

/**
 * Quantizes a weight [k, n] to half bytes, by blocks of 32 terms of a column: the number farthest from 0 becomes −8, the
 * scale is rounded to half precision first, and the rest goes to the nearest step.
 * @throws ShapeError where the numbers are not k · n.
 * @example int4Weights(new Float32Array(64), [32, 2]).scales.length // 2
 */
export function int4Weights(values: ArrayLike<number>, shape: readonly [number, number]): Int4Weights {
  const [k, n] = shape;
  if (values.length !== k * n)
    throw new ShapeError(
      `int4Weights: got ${values.length} numbers, wanted ${k * n} for ${showShape(shape)}`,
    );
  const blocks = Math.ceil(k / HALF_BLOCK);
  const bytes = new Uint8Array(Math.ceil(k / 2) * n).fill(0x88);
  const scales = new Uint16Array(blocks * n);
  for (let block = 0; block < blocks; block++) {
    for (let column = 0; column < n; column++) {
      const to = Math.min(k, (block + 1) * HALF_BLOCK);
      let farthest = 0;
      for (let term = block * HALF_BLOCK; term < to; term++) {
        const value = values[term * n + column]!;
        if (Math.abs(value) > Math.abs(farthest)) farthest = value;
      }
      const half = halfOf(farthest / -8);
      const scale = ofHalf(half);
      scales[block * n + column] = half;
      if (scale === 0) continue;
      for (let term = block * HALF_BLOCK; term < to; term++) {
        const step = Math.min(15, Math.max(0, Math.round(values[term * n + column]! / scale) + 8));
        const at = (term >> 1) * n + column;
        bytes[at] = term % 2 === 0 ? (bytes[at]! & 0xf0) | step : (bytes[at]! & 0x0f) | (step << 4);
      }
    }
  }
  return { shape, bytes, scales };
}

/** What int4Matmul is. */
export interface Int4Matmul {
  readonly weights: Int4Weights;
  readonly bias?: Float32Array | undefined;
}

/** As assembly/quantized/half-bytes.ts has it: by panels and blocks the scales, then bytes of [2 pairs, 8 columns]. */
function halfPanels({ shape: [k, n], bytes, scales }: Int4Weights): Int32Array {
  const blocks = Math.ceil(k / HALF_BLOCK);
  const blockBytes = 16 + HALF_BLOCK * 4;
  const panels = new Uint8Array(Math.ceil(n / PANEL_COLUMNS) * blocks * blockBytes).fill(0x88);
  const pairs = Math.ceil(k / 2);
  for (let column = 0; column < n; column++) {
    const j = column % PANEL_COLUMNS;
    for (let block = 0; block < blocks; block++) {
      const at = ((column - j) / PANEL_COLUMNS) * blocks * blockBytes + block * blockBytes;
      const half = scales[block * n + column]!;
      panels[at + 2 * j] = half & 255;
      panels[at + 2 * j + 1] = half >> 8;
      for (let pair = 0; pair < HALF_BLOCK / 2 && block * (HALF_BLOCK / 2) + pair < pairs; pair++)
        panels[at + 16 + pair * PANEL_COLUMNS + j] = bytes[(block * (HALF_BLOCK / 2) + pair) * n + column]!;
    }
    // Columns that are only there to make eight have a scale of 0.
  }
  const spare = (PANEL_COLUMNS - (n % PANEL_COLUMNS)) % PANEL_COLUMNS;
  const last = (Math.ceil(n / PANEL_COLUMNS) - 1) * blocks * blockBytes;
  for (let block = 0; block < blocks; block++)
    for (let j = PANEL_COLUMNS - spare; j < PANEL_COLUMNS; j++)
      panels.fill(0, last + block * blockBytes + 2 * j, last + block * blockBytes + 2 * j + 2);
  return new Int32Array(panels.buffer);
}

const int4Op = defineOp<Int4Matmul>({
  name: "int4Matmul",
  shape: ([x], { weights }) => ({ shape: [x!.shape[0]!, weights.shape[1]], dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [x], outputs: [y], attributes: { weights, bias } }) {
    const [m, k] = x!.shape as [number, number];
    const n = weights.shape[1];
    const blocks = Math.ceil(k / HALF_BLOCK);
    const padded = new Float32Array(Math.ceil(n / PANEL_COLUMNS) * PANEL_COLUMNS);
    if (bias) padded.set(bias);
    emitter.call(
      "matmulHalfBytes",
      [
        m,
        n,
        k,
        blocks,
        read(emitter.buffer(x!)),
        read(emitter.table("panels", halfPanels(weights))),
        bias ? read(emitter.table("bias", new Int32Array(padded.buffer))) : nothing,
        write(emitter.buffer(y!)),
        scratch(blocks * 16 + HALF_ROWS * blocks * HALF_BLOCK * 4),
        float(2 ** 112),
        float(8),
      ],
      { work: m * n * k },
    );
  },
});

/**
 * Product of floats by a weight [k, n] of half bytes, see `int4Weights`: x [..., k] → [..., n]. The weights become floats in
 * registers; a column's sum is added up block by block.
 * @throws ShapeError where sizes do not fit.
 * @example int4Matmul(hidden, int4Weights(numbers, [32, 2]))
 */
export function int4Matmul(x: Tensor, weights: Int4Weights, bias?: Float32Array): Tensor {
  const [k, n] = weights.shape;
  const [pairs, blocks] = [Math.ceil(k / 2), Math.ceil(k / HALF_BLOCK)];
  if (weights.bytes.length !== pairs * n || weights.scales.length !== blocks * n) {
    throw new ShapeError(
      `int4Matmul: got ${weights.bytes.length} bytes and ${weights.scales.length} scales for ${showShape(weights.shape)}, wanted ${pairs * n} and ${blocks * n}`,
    );
  }
  if (bias && bias.length !== n)
    throw new ShapeError(`int4Matmul: bias: got ${bias.length} numbers, wanted ${n}`);
  const [y] = x.graph.apply(int4Op, [flatRows("int4Matmul", x, k)], { weights, bias });
  return reshape(y!, [...x.shape.slice(0, -1), n]);
}
