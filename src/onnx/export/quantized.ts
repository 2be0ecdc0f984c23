// Quantized models as the format has them: bytes between QuantizeLinear and DequantizeLinear, which runtimes join with the
// product between into one of integers. Bytes are unsigned there, and held to 127 as they are here.
import type { Node } from "../../graph/tensor.ts";
import type { QuantizedMatmul } from "../../ops/quantized.ts";
import type {
  QuantizedAdd,
  QuantizedLookup,
  QuantizedMean,
  QuantizedRowNorm,
} from "../../ops/quantized-elements.ts";
import type { DynamicQuantizedMatmul, Int4Matmul } from "../../ops/quantized-floats.ts";
import type { Quantization, QuantizedOptions, QuantizedOutput } from "../../ops/quantized-panels.ts";
import type { QuantizedConvolution } from "../../ops/quantized-windows.ts";
import { FLOAT, INT32, UINT8, type Value } from "./graph.ts";
import { channelsFirst, placed, rowsOf, rowsTimes } from "./products.ts";
import { normalizedRows } from "./reductions.ts";
import { fixed } from "./sizes.ts";
import type { Exporter, Translation } from "./translation.ts";
import { windows } from "./windows.ts";

const MOST = 127;
/** Terms that share a scale. */
const BLOCK = 32;

function quantized(
  { graph }: Translation,
  x: Value,
  { scale, zeroPoint, least = 0, most = MOST }: QuantizedOutput,
) {
  const bound = (byte: number) => graph.number((byte - zeroPoint) * scale);
  const held = graph.add("Clip", [x, bound(least), bound(most)], x.sizes);
  const inputs = [held, graph.number(scale), graph.constant(Uint8Array.of(zeroPoint), [])];
  return graph.add("QuantizeLinear", inputs, x.sizes, {}, { type: UINT8 });
}

/** The floats that bytes stand for. */
export function dequantized({ graph }: Translation, q: Value, { scale, zeroPoint }: Quantization): Value {
  const inputs = [q, graph.number(scale), graph.constant(Uint8Array.of(zeroPoint), [])];
  return graph.add("DequantizeLinear", inputs, q.sizes);
}

/** Weights of bytes, each channel of an axis, or all, with a scale. */
function weights({ graph }: Translation, bytes: Value, scales: Float32Array, axis: number): Value {
  const shape = scales.length === 1 ? [] : [scales.length];
  const inputs = [bytes, graph.constant(scales, shape), graph.constant(new Int8Array(scales.length), shape)];
  return graph.add("DequantizeLinear", inputs, bytes.sizes, { axis });
}

/** A bias counted in what a product of bytes is worth, as runtimes want it: 32 bits, rounded there. */
function biasOf(
  { graph }: Translation,
  { bias, input, weightScales }: Pick<QuantizedOptions, "bias" | "input" | "weightScales">,
): Value | undefined {
  if (!bias) return undefined;
  const steps = Float32Array.from(
    bias,
    (_, k) => input.scale * weightScales[weightScales.length === 1 ? 0 : k]!,
  );
  const counts = bias.map((value, k) => Math.round(value / steps[k]!));
  // Where it is beyond them, as itself.
  if (counts.some((count) => Math.abs(count) >= 2 ** 31)) return graph.constant(bias, [bias.length]);
  const inputs = [
    graph.constant(Int32Array.from(counts), [bias.length]),
    graph.constant(steps, [bias.length]),
  ];
  return graph.add("DequantizeLinear", inputs, [fixed(bias.length)], { axis: 0 });
}

/** Rows of x times a weight, and a bias added: under the shape in which the rows were, and as the op has it. */
function product(to: Translation, { inputs: [x], outputs: [y] }: Node, of: (rows: Value) => Value): void {
  to.set(y!, to.graph.reshape(of(to.last(rowsOf(x!, "NN"))), to.sizes(y!)));
}

export const quantizedOps: Readonly<Record<string, Exporter>> = {
  quantizeLinear: (to, node) => to.inOrder(node, (x) => quantized(to, x, node.attributes as Quantization)),
  dequantizeLinear: (to, node) =>
    to.inOrder(node, (q) => dequantized(to, q, node.attributes as Quantization)),

  quantizedMatmul(to, node: Node<QuantizedMatmul>) {
    const { weight, input, weightScales, output } = node.attributes;
    const shape = [node.inputs[0]!.shape[1]!, node.outputs[0]!.shape[1]!];
    const matrix = weights(to, to.graph.constant(weight, shape), weightScales, 1);
    product(to, node, (rows) => {
      const y = rowsTimes(to, dequantized(to, rows, input), matrix, biasOf(to, node.attributes));
      return output ? quantized(to, y, output) : y;
    });
  },

  quantizedConvolution(to, { inputs: [q], outputs: [y], attributes }: Node<QuantizedConvolution>) {
    const { graph } = to;
    const { weight, shape, input, weightScales, output, size } = attributes;
    const { attributes: given } = placed(
      { windows: attributes, size },
      q!.shape.slice(1, 3),
      shape.slice(0, 2),
      1,
    );
    // [height, width, in / groups, out] → [out, in / groups, height, width]
    const kernel = weights(to, graph.transpose(graph.constant(weight, shape), [3, 2, 0, 1]), weightScales, 0);
    const inputs = [dequantized(to, to.first(q!), input), kernel, biasOf(to, attributes)];
    const value = graph.add("Conv", inputs, channelsFirst(to.sizes(y!)), given);
    to.setFirst(y!, output ? quantized(to, value, output) : value);
  },

  quantizedMaxPool: windows.maxPool!,

  quantizedAdd(to, { inputs, outputs: [y], attributes }: Node<QuantizedAdd>) {
    const isFirst = to.wantsFirst(inputs, y!.rank);
    const [a, b] = inputs.map((input, k) =>
      dequantized(to, to.along(input, y!.rank, isFirst), attributes.inputs[k]!),
    ) as [Value, Value];
    const sum = quantized(to, to.graph.add("Add", [a, b], a.sizes), attributes.output);
    if (isFirst) to.setFirst(y!, sum);
    else to.set(y!, sum);
  },

  quantizedLookup(to, node: Node<QuantizedLookup>) {
    const { graph } = to;
    const { table } = node.attributes;
    to.inOrder(node, (q) => {
      const inputs = [graph.constant(table, [table.length]), graph.cast(q, INT32)];
      return graph.add("Gather", inputs, q.sizes, { axis: 0 }, { type: UINT8 });
    });
  },

  quantizedMean(to, { inputs: [q], outputs: [y], attributes: { input, output } }: Node<QuantizedMean>) {
    const isFirst = to.isFirst(q!);
    const from = dequantized(to, isFirst ? to.first(q!) : to.last(q!), input);
    to.set(y!, quantized(to, to.graph.reduce("ReduceMean", from, [isFirst ? 2 : 1]), output));
  },

  quantizedRowNorm(to, { inputs: [x], outputs: [y], attributes }: Node<QuantizedRowNorm>) {
    const { scale, offset, centered, epsilon, output } = attributes;
    const row = (values: Float32Array) => to.graph.constant(values, [values.length]);
    const factors = { scale: row(scale), offset: offset && row(offset) };
    const normalized = normalizedRows(to, to.last(x!), { ...factors, centered, epsilon });
    to.set(y!, quantized(to, normalized, output));
  },

  // The format has no rows that are quantized while it runs: they stay floats, which is what they are rounded from here.
  dynamicQuantizedMatmul(to, node: Node<DynamicQuantizedMatmul>) {
    const { weight, weightScales, bias } = node.attributes;
    const [k, n] = [node.inputs[0]!.shape[1]!, node.outputs[0]!.shape[1]!];
    const matrix = weights(to, to.graph.constant(weight, [k, n]), weightScales, 1);
    product(to, node, (rows) => rowsTimes(to, rows, matrix, bias && to.graph.constant(bias, [n])));
  },

  // Half bytes are bytes in sets of operators that have none; each block of terms has its scale.
  int4Matmul(to, node: Node<Int4Matmul>) {
    const { graph } = to;
    const { weights: packed, bias } = node.attributes;
    const [k, n] = packed.shape;
    const blocks = Math.ceil(k / BLOCK);
    const bytes = Int8Array.from({ length: blocks * BLOCK * n }, (_, at) => {
      const [term, column] = [Math.floor(at / n), at % n];
      if (term >= k) return 0;
      const pair = packed.bytes[(term >> 1) * n + column]!;
      return (term % 2 === 0 ? pair & 15 : pair >> 4) - 8;
    });
    const sizes = [blocks, BLOCK, n].map(fixed);
    const halves = graph.constant(bytes, [blocks, BLOCK, n]);
    const scales = graph.constant(Float32Array.from(packed.scales, numberOfHalf), [blocks, 1, n]);
    const scaled = graph.add("Mul", [graph.cast(halves, FLOAT), scales], sizes);
    const whole = graph.reshape(scaled, [fixed(blocks * BLOCK), fixed(n)]);
    const matrix = blocks * BLOCK === k ? whole : graph.slice(whole, 0, fixed(0), fixed(k));
    product(to, node, (rows) => rowsTimes(to, rows, matrix, bias && graph.constant(bias, [n])));
  },
};

/** The number of which these are the bits in half precision. */
function numberOfHalf(bits: number): number {
  const [exponent, rest] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? rest * 2 ** -24 : (1024 + rest) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}
