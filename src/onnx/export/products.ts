// Products: of matrices, of stacks of them, and convolutions in both directions.
import type { Tensor } from "../../graph/tensor.ts";
import type { Windows } from "../../ops/patches.ts";
import type { GraphNode, Value } from "./graph.ts";
import { fixed, type Sizes } from "./sizes.ts";
import type { Exporter, Translation } from "./translation.ts";

interface Convolution {
  readonly windows: Windows;
  readonly size: readonly [number, number];
}
type Attributes = GraphNode["attributes"];

/** What a reshape was of, if its rows are those of the tensor. */
function beforeRows(x: Tensor): Tensor {
  const { op, inputs } = x.node;
  const from = op?.name === "reshape" ? inputs[0]! : x;
  return from.rank > 1 && from.shape.at(-1) === x.shape.at(-1) ? from : x;
}

/** [batch, channels, …] from [batch, …, channels]. */
const channelsFirst = (sizes: Sizes) => [sizes[0]!, sizes.at(-1)!, ...sizes.slice(1, -1)];

/** Rows of any rank times a matrix, and a bias added. */
function rowsTimes({ graph }: Translation, rows: Value, weight: Value, bias: Value | undefined): Value {
  const sizes = [...rows.sizes.slice(0, -1), weight.sizes[1]!];
  if (rows.sizes.length === 2 && bias) return graph.add("Gemm", [rows, weight, bias], sizes);
  const y = graph.add("MatMul", [rows, weight], sizes);
  return bias ? graph.add("Add", [y, bias], sizes) : y;
}

/** The rows of a product under the shape that they had, or undefined where it is not one of rows. */
export const rowsOf = (x: Tensor, layout: unknown): Tensor => (layout === "NN" ? beforeRows(x) : x);

/** How a kernel lies on an image: the padding behind follows from how many windows there are. */
function placed(
  { windows, size }: Convolution,
  image: readonly number[],
  kernel: readonly number[],
  sign: 1 | -1,
): { attributes: Attributes; rest: number[] } {
  const { stride, dilation, before, groups } = windows;
  const [grid, pixels] = sign > 0 ? [size, image] : [image, size];
  const rest = grid.map(
    (n, k) => (n - 1) * stride[k]! + (kernel[k]! - 1) * dilation[k]! + 1 - pixels[k]! - before[k]!,
  );
  const pads = [...before, ...rest.map((n) => Math.max(0, n))];
  const attributes = { kernel_shape: kernel, strides: stride, dilations: dilation, pads, group: groups };
  return { attributes, rest };
}

/** Where each channel of x is there several times, one after the other: x, and how often. */
function beforeRepeat(x: Tensor): { from: Tensor; times: number } {
  const nodes = [x.node, x.node.inputs[0]?.node, x.node.inputs[0]?.node.inputs[0]?.node];
  const from = nodes[2]?.inputs[0];
  const isRepeat = nodes.map((node) => node?.op?.name).join(" ") === "reshape broadcastTo reshape";
  const times = isRepeat ? x.shape.at(-1)! / from!.shape.at(-1)! : 1;
  const spread = nodes[1]?.outputs[0]?.shape;
  const fits =
    times > 1 && from!.rank === x.rank && spread!.length === x.rank + 1 && spread!.at(-1) === times;
  return fits ? { from: from!, times } : { from: x, times: 1 };
}

export const products: Readonly<Record<string, Exporter>> = {
  matmul(to, { inputs: [a, b, bias], outputs: [y], attributes: layout }) {
    const { graph } = to;
    const from = rowsOf(a!, layout);
    const last = (x: Tensor, turned: boolean) => graph.transpose(to.last(x), turned ? [1, 0] : [0, 1]);
    const weight = last(b!, layout === "NT");
    const added = bias && to.last(bias);
    if (layout === "TN") {
      const sizes = to.sizes(y!);
      to.set(y!, graph.add("MatMul", [last(a!, true), weight], sizes));
      return;
    }
    if (!to.isFirst(from) || !weight.numbers) {
      to.set(y!, graph.reshape(rowsTimes(to, to.last(from), weight, added), to.sizes(y!)));
      return;
    }
    // Between convolutions it is one, with a kernel of one pixel.
    const sizes = [...to.sizes(from).slice(0, -1), weight.sizes[1]!];
    const ones = new Array<number>(from.rank - 2).fill(1);
    const kernel = graph.reshape(graph.transpose(weight, [1, 0]), [
      ...[1, 0].map((axis) => weight.sizes[axis]!),
      ...ones.map(fixed),
    ]);
    const inputs = [to.first(from), kernel, added];
    to.setUnder(y!, sizes, graph.add("Conv", inputs, channelsFirst(sizes), { kernel_shape: ones }));
  },

  batchMatmul(to, { inputs: [a, b], outputs: [y], attributes: layout }) {
    const { graph } = to;
    const turned = (x: Tensor, is: boolean) => graph.transpose(to.last(x), is ? [0, 2, 1] : [0, 1, 2]);
    const operands = [turned(a!, layout === "TN"), turned(b!, layout === "NT")];
    to.set(y!, graph.add("MatMul", operands, to.sizes(y!)));
  },

  convolution(to, { inputs: [x, weight, bias], outputs: [y], attributes }) {
    const { graph } = to;
    const { from, times } = beforeRepeat(x!);
    const { attributes: given } = placed(attributes, x!.shape.slice(1, 3), weight!.shape.slice(0, 2), 1);
    const group = attributes.windows.groups / times;
    // [height, width, in / groups, out] → [out, in / groups, height, width]
    const kernel = graph.transpose(to.last(weight!), [3, 2, 0, 1]);
    const inputs = [to.first(from), kernel, bias && to.last(bias)];
    to.setFirst(y!, graph.add("Conv", inputs, channelsFirst(to.sizes(y!)), { ...given, group }));
  },

  convolutionTransposed(to, { inputs: [x, weight, bias], outputs: [y], attributes }) {
    const { graph } = to;
    const kernelSize = weight!.shape.slice(0, 2);
    const { attributes: given, rest } = placed(attributes, x!.shape.slice(1, 3), kernelSize, -1);
    // [height, width, out / groups, in] → [in, out / groups, height, width]
    const kernel = graph.transpose(to.last(weight!), [3, 2, 0, 1]);
    const inputs = [to.first(x!), kernel, bias && to.last(bias)];
    const output_padding = rest.map((n) => Math.max(0, -n));
    to.setFirst(
      y!,
      graph.add("ConvTranspose", inputs, channelsFirst(to.sizes(y!)), { ...given, output_padding }),
    );
  },
};
