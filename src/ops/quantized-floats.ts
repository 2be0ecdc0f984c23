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
 * @example dynamicQuantizedMatmul(x, new Int8Array(10 * 4).fill(1), { weightScales: Float32Array.of(0.1) })
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
 * Product of floats by a weight [k, n] of half bytes: x [..., k] → [..., n]. The weights become floats in
 * registers; a column's sum is added up block by block.
 * @throws ShapeError where sizes do not fit.
 * @example
 * const scales = new Uint16Array(2).fill(0x3c00); // 1
 * int4Matmul(x, { shape: [10, 2], bytes: new Uint8Array(5 * 2).fill(0x99), scales }); // each weight is 1
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
