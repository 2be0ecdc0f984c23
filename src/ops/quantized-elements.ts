// What lies between products of bytes, on bytes: sums of branches, functions as tables, means, and normalizations of rows.
import { OptionError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { defineOp, float, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sixteens } from "./quantized.ts";
import {
  checkOutput,
  checkQuantization,
  MAGIC,
  MOST,
  type Quantization,
  type QuantizedOutput,
} from "./quantized-panels.ts";
import { reshape } from "./reshape.ts";

/** @throws ShapeError */
function checkBytes(where: string, ...operands: readonly Tensor[]): void {
  for (const { dtype } of operands)
    if (dtype !== "i8") throw new ShapeError(`${where}: wanted i8, got ${dtype}`);
}

/** What quantizedAdd is. */
export interface QuantizedAdd {
  /** What the bytes of both summands stand for. */
  readonly inputs: readonly [Quantization, Quantization];
  readonly output: QuantizedOutput;
}

/** Numbers of 15 bits, and a shift that leaves room for zero points in 32. */
const FACTOR_BITS = 15;
const LARGEST_SHIFT = 22;

/** The words of assembly/quantized/sums.ts, Add: both factors and a start, counted in steps of the result by 2^shift. */
function sumOf({ inputs, output }: QuantizedAdd) {
  const factors = inputs.map(({ scale }) => scale / output.scale);
  const bits = Math.floor(Math.log2(Math.max(...factors))) + 1;
  const shift = Math.max(0, Math.min(LARGEST_SHIFT, FACTOR_BITS - bits));
  const [a, b] = factors.map((factor) => Math.min(2 ** FACTOR_BITS - 1, Math.round(factor * 2 ** shift))) as [
    number,
    number,
  ];
  const half = shift > 0 ? 2 ** (shift - 1) : 0;
  const start = output.zeroPoint * 2 ** shift + half - inputs[0].zeroPoint * a - inputs[1].zeroPoint * b;
  const { least = 0, most = MOST } = output;
  return [a | (b << 16), start, shift, least, most];
}

const addOp = defineOp<QuantizedAdd>({
  name: "quantizedAdd",
  bytes: true,
  shape: ([a]) => ({ shape: a!.shape, dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [a, b], outputs: [y], attributes }) {
    const { size } = y!;
    const cut = sixteens(size, 1);
    const from = [a!, b!].map((each) => read(emitter.buffer(each), cut));
    const to = write(emitter.buffer(y!), cut);
    emitter.call("addBytes", [size, ...from, to, ...sumOf(attributes)], { work: size });
  },
});

/**
 * Sum of two tensors of bytes of one shape, each with its own scale, as bytes of a third. It is computed in integers: the
 * ratios of the scales have 15 bits, halves go up. `least` and `most` make a ReLU behind it free.
 * Jacob et al. 2018, appendix A.2.
 * @throws ShapeError for other bytes or shapes that differ; OptionError for scales, zero points or bounds out of range.
 * @example quantizedAdd(q, q, { inputs: [unit, unit], output: { scale: 2 / 127, zeroPoint: 0 } })
 */
export function quantizedAdd(a: Tensor, b: Tensor, { inputs, output }: QuantizedAdd): Tensor {
  checkBytes("quantizedAdd", a, b);
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(
      `quantizedAdd: shapes differ: got ${showShape(a.shape)} and ${showShape(b.shape)}, wanted one`,
    );
  for (const input of inputs) checkQuantization("quantizedAdd: inputs", input);
  checkOutput("quantizedAdd", output);
  return a.graph.apply(addOp, [a, b], { inputs, output })[0]!;
}

/** What quantizedLookup is. */
export interface QuantizedLookup {
  /** The result for each byte of 0 to 127. */
  readonly table: Uint8Array;
}

/** The table as assembly/quantized/elements.ts, Lookup, has it. */
function wordsOf(table: Uint8Array): Int32Array {
  const bytes = new Uint8Array(MOST + 1 + 16).fill(16);
  bytes.set(table);
  return new Int32Array(bytes.buffer);
}

const lookupOp = defineOp<QuantizedLookup>({
  name: "quantizedLookup",
  bytes: true,
  shape: ([q]) => ({ shape: q!.shape, dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes: { table } }) {
    const { size } = q!;
    const from = read(emitter.buffer(q!), sixteens(size, 1));
    const to = write(emitter.buffer(y!), sixteens(size, 1));
    emitter.call("lookupBytes", [size, from, to, read(emitter.table("table", wordsOf(table)))], {
      work: size,
    });
  },
});

/**
 * Any function of one number, on bytes: a table of its 128 results, table[q].
 * @throws ShapeError for other bytes; OptionError for a table that is not 128 bytes of 0 to 127.
 * @example quantizedLookup(q, Uint8Array.from({ length: 128 }, (_, byte) => 127 - byte))
 */
export function quantizedLookup(q: Tensor, table: Uint8Array): Tensor {
  checkBytes("quantizedLookup", q);
  if (table.length !== MOST + 1 || table.some((byte) => byte > MOST))
    throw new OptionError(
      `quantizedLookup: table: got ${table.length} bytes up to ${Math.max(...table)}, wanted ${MOST + 1} of 0 to ${MOST}`,
    );
  return q.graph.apply(lookupOp, [q], { table })[0]!;
}

/** What quantizedMean is. */
export interface QuantizedMean {
  readonly input: Quantization;
  readonly output: QuantizedOutput;
}

const meanOp = defineOp<QuantizedMean>({
  name: "quantizedMean",
  bytes: true,
  shape: ([q]) => ({ shape: [q!.shape[0]!, q!.shape[2]!], dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes: { input, output } }) {
    const [outer, size, inner] = q!.shape as [number, number, number];
    const ratio = input.scale / output.scale;
    const from = read(emitter.buffer(q!), rows(outer, size * inner));
    const to = write(emitter.buffer(y!), rows(outer, inner));
    const { least = 0, most = MOST } = output;
    const ending = [ratio / size, output.zeroPoint - ratio * input.zeroPoint, least, most, MAGIC];
    emitter.call("meanBytes", [outer, size, inner, from, to, ...ending.map(float)], { work: q!.size });
  },
});

/**
 * Means of bytes over all but the first and the last axis: [batch, …, channels] → [batch, channels], as bytes of another
 * scale: a global average pool. Sums are integers; in f32 they meet a scale and an offset, in two roundings, ties to even.
 * @throws ShapeError for other bytes or fewer than three axes; OptionError for scales, zero points or bounds out of range.
 * @example quantizedMean(q, { input: unit, output: unit }) // [8, 28, 28, 1] → [8, 1]
 */
export function quantizedMean(q: Tensor, { input, output }: QuantizedMean): Tensor {
  checkBytes("quantizedMean", q);
  if (q.rank < 3)
    throw new ShapeError(`quantizedMean: wanted [batch, ..., channels], got ${showShape(q.shape)}`);
  checkQuantization("quantizedMean: input", input);
  checkOutput("quantizedMean", output);
  const [batch, channels] = [q.shape[0]!, q.shape.at(-1)!];
  const flat = q.rank === 3 ? q : reshape(q, [batch, q.size / batch / channels, channels]);
  return q.graph.apply(meanOp, [flat], { input, output })[0]!;
}

/** What quantizedRowNorm is. */
export interface QuantizedRowNorm {
  /** Of each column. */
  readonly scale: Float32Array;
  readonly offset?: Float32Array | undefined;
  /** Whether the mean is taken away. */
  readonly centered: boolean;
  readonly epsilon: number;
  readonly output: QuantizedOutput;
}

/** Numbers as words, and zeros up to the eight that a kernel loads. */
function padded(values: ArrayLike<number>): Int32Array {
  const floats = new Float32Array((values.length + 7) & ~7);
  floats.set(values);
  return new Int32Array(floats.buffer);
}

const rowNormOp = defineOp<QuantizedRowNorm>({
  name: "quantizedRowNorm",
  shape: ([x]) => ({ shape: x!.shape, dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [x], outputs: [y], attributes: { scale, offset, centered, epsilon, output } }) {
    const [count, columns] = x!.shape as [number, number];
    const factors = padded(scale.map((value) => value / output.scale));
    const shifts = padded(
      scale.map((_, column) => (offset?.[column] ?? 0) / output.scale + output.zeroPoint),
    );
    const { least = 0, most = MOST } = output;
    emitter.call(
      "normalizeBytes",
      [
        count,
        columns,
        Number(centered),
        float(epsilon),
        read(emitter.buffer(x!), rows(count, columns * 4)),
        read(emitter.table("scale", factors)),
        read(emitter.table("offset", shifts)),
        write(emitter.buffer(y!), rows(count, columns)),
        ...[least, most, MAGIC].map(float),
      ],
      { work: 3 * x!.size },
    );
  },
});

/**
 * Layer normalization of floats to bytes: (x − mean) / √(variance + ε) · scale + offset over the last axes, as many numbers
 * as scale has; without `centered` the mean is left in, as RMS normalization has it. Both instruction sets give the same bits.
 * @throws ShapeError where x is not f32 or its rows are not as long as scale; OptionError for an output out of range.
 * @example
 * // [8, 12, 64]
 * quantizedRowNorm(passage, { scale: new Float32Array(64).fill(1), centered: true, epsilon: 1e-5, output: unit });
 */
export function quantizedRowNorm(x: Tensor, options: QuantizedRowNorm): Tensor {
  const { scale, offset, centered, epsilon, output } = options;
  const { length } = scale;
  if (x.dtype !== "f32" || length === 0 || x.size % length !== 0 || (offset && offset.length !== length))
    throw new ShapeError(
      `quantizedRowNorm: wanted f32 in rows of ${length} and as many offsets, got ${x.dtype} ${showShape(x.shape)} and ${offset?.length ?? "none"}`,
    );
  checkOutput("quantizedRowNorm", output);
  const flat = reshape(x, [x.size / length, length]);
  const [y] = x.graph.apply(rowNormOp, [flat], { scale, offset, centered, epsilon, output });
  return reshape(y!, x.shape);
}
