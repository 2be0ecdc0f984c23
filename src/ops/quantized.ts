// Ops of quantized models: activations are bytes of 0 to 127, weights bytes with a scale for each channel. Their kernels
// are a module of their own, which an engine has to have before it loads a program of them: see engine/extend.ts.
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import {
  type Buffer,
  type Cut,
  defineOp,
  type Emitter,
  float,
  read,
  rows,
  scratch,
  write,
} from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  checkProduct,
  checkQuantization,
  endingOf,
  MAGIC,
  MOST,
  panelsOf,
  productScratch,
  type Quantization,
  type QuantizedOptions,
} from "./quantized-panels.ts";
import { reshape } from "./reshape.ts";

/** Elements of so many bytes, shared as the kernels share floats. */
export const sixteens = (n: number, size: number): Cut => rows(Math.ceil(n / 16), 16 * size);

const linearOperands = ({ scale, zeroPoint }: Quantization) => [
  float(scale),
  float(zeroPoint),
  float(0),
  float(MOST),
  float(MAGIC),
];

const quantizeOp = defineOp<Quantization>({
  name: "quantizeLinear",
  shape: ([x]) => ({ shape: x!.shape, dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [x], outputs: [q], attributes }) {
    const { size } = x!;
    const from = read(emitter.buffer(x!), sixteens(size, 4));
    const to = write(emitter.buffer(q!), sixteens(size, 1));
    emitter.call("quantizeBytes", [size, from, to, ...linearOperands(attributes)], { work: size });
  },
});

/**
 * Floats as bytes: clamp(round(x / scale) + zeroPoint, 0, 127), ties to even, as ONNX's QuantizeLinear of seven bits.
 * NaN becomes 0.
 * @throws ShapeError where x is not f32; OptionError for a scale or zero point out of range.
 * @example quantizeLinear(images, { scale: 1 / 127, zeroPoint: 0 })
 */
export function quantizeLinear(x: Tensor, { scale, zeroPoint }: Quantization): Tensor {
  if (x.dtype !== "f32") throw new ShapeError(`quantizeLinear: wanted f32, got ${x.dtype}`);
  checkQuantization("quantizeLinear", { scale, zeroPoint });
  return x.graph.apply(quantizeOp, [x], { scale, zeroPoint })[0]!;
}

const dequantizeOp = defineOp<Quantization>({
  name: "dequantizeLinear",
  bytes: true,
  shape: ([q]) => ({ shape: q!.shape, dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [x], attributes }) {
    const { size } = q!;
    const from = read(emitter.buffer(q!), sixteens(size, 1));
    const to = write(emitter.buffer(x!), sixteens(size, 4));
    emitter.call("dequantizeBytes", [size, from, to, ...linearOperands(attributes)], { work: size });
  },
});

/**
 * Bytes as floats: (q − zeroPoint) · scale.
 * @throws ShapeError where q is not i8; OptionError for a scale or zero point out of range.
 * @example dequantizeLinear(quantizeLinear(images, { scale: 1 / 127, zeroPoint: 0 }), { scale: 1 / 127, zeroPoint: 0 })
 */
export function dequantizeLinear(q: Tensor, { scale, zeroPoint }: Quantization): Tensor {
  if (q.dtype !== "i8") throw new ShapeError(`dequantizeLinear: wanted i8, got ${q.dtype}`);
  checkQuantization("dequantizeLinear", { scale, zeroPoint });
  return q.graph.apply(dequantizeOp, [q], { scale, zeroPoint })[0]!;
}

/** What quantizedMatmul is. */
export interface QuantizedMatmul extends QuantizedOptions {
  /** [k, n] */
  readonly weight: Int8Array;
}

/** The call that multiplies [m, k] bytes by a weight [k, n]. */
export function emitProduct(
  emitter: Emitter,
  product: QuantizedMatmul,
  [m, n, k]: readonly [m: number, n: number, k: number],
  [from, to]: readonly [from: Buffer, to: Buffer],
): void {
  const { weight } = product;
  const steps = Math.ceil(k / 4);
  const panels = panelsOf(
    {
      n,
      steps,
      weight: (step, term, column) => (4 * step + term < k ? weight[(4 * step + term) * n + column]! : 0),
    },
    endingOf(product),
  );
  emitter.call(
    "matmulBytes",
    [
      m,
      n,
      k,
      steps,
      read(from),
      read(emitter.table("panels", panels)),
      write(to),
      product.output ? 1 : 4,
      scratch(productScratch(steps)),
    ],
    { work: (m * n * k) / 2 },
  );
}

const matmulOp = defineOp<QuantizedMatmul>({
  name: "quantizedMatmul",
  bytes: true,
  shape: ([q], { weight, output }) => ({
    shape: [q!.shape[0]!, weight.length / q!.shape[1]!],
    dtype: output ? "i8" : "f32",
  }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes }) {
    const [m, k] = q!.shape as [number, number];
    emitProduct(emitter, attributes, [m, y!.shape[1]!, k], [emitter.buffer(q!), emitter.buffer(y!)]);
  },
});

/**
 * Product of bytes: q [..., k] by a weight [k, n] → [..., n], Σ (q − zeroPoint) · weight in integers, then in f32 times
 * input.scale · weightScales[n], plus the bias; with `output` divided by its scale, plus its zero point, rounded (ties to
 * even) and clamped to bytes. Both instruction sets give the same bits.
 * @throws ShapeError where sizes do not fit; OptionError for scales, zero points or bounds out of range.
 * @example
 * const input = { scale: 1 / 127, zeroPoint: 0 };
 * // [8, 28, 28, 1] → [8, 28, 28, 3]
 * quantizedMatmul(q, Int8Array.of(1, 2, 3), { input, weightScales: Float32Array.of(0.1) });
 */
export function quantizedMatmul(q: Tensor, weight: Int8Array, options: QuantizedOptions): Tensor {
  const k = q.shape.at(-1) ?? 0;
  const n = weight.length / k;
  if (!(Number.isInteger(n) && n > 0)) {
    throw new ShapeError(
      `quantizedMatmul: got ${weight.length} weights for ${showShape(q.shape)}, wanted a multiple of ${k}`,
    );
  }
  checkProduct("quantizedMatmul", q, n, options);
  const { input, weightScales, bias, output } = options;
  const flat = q.rank === 2 ? q : reshape(q, [q.size / k, k]);
  const [y] = q.graph.apply(matmulOp, [flat], { weight, input, weightScales, bias, output });
  return reshape(y!, [...q.shape.slice(0, -1), n]);
}
