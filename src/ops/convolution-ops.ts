// Convolution and its gradients with respect to the input (which is the transposed convolution) and to the weight:
// three ops, each linear in both operands, each other's gradients.
import { CONVOLUTION_SCRATCH_BYTES } from "../../assembly/abi.ts";
import type { Shape } from "../core/shape.ts";
import {
  type CallOptions,
  defineOp,
  type Emitter,
  nothing,
  type Op,
  type Operand,
  read,
  rows,
  scratch,
  update,
  write,
} from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { backwardTables, forwardTable, type Windows } from "./patches.ts";
import { sum } from "./reduce.ts";

/** What each of the three ops is given: the windows, and height and width of what it makes. */
interface Attributes {
  readonly windows: Windows;
  readonly size: readonly [number, number];
}

type Sizes = readonly [number, number, number, number];
export const sizesOf = (x: Tensor) => x.shape as unknown as Sizes;
/** Height and width. */
export const imageOf = (x: Tensor) => x.shape.slice(1, 3) as unknown as readonly [number, number];

/** Every channel by itself: no product, but kernels of its own. */
const isDepthwise = (weight: Shape, { groups }: Windows) =>
  groups > 1 && weight[2] === 1 && weight[3] === groups;

/** Parts of a gradient with respect to a weight of few terms: threads share those, and each part is a fixed sum. */
const MOST_PARTS = 12;
const PART_PIXELS = 512;
/** From so many terms on threads share the terms instead. */
const MANY_TERMS = 256;

/** Channels that are worth the turning, and kernels whose 16 values stay in the second-level cache. */
const isWinograd = ([height, width, channels, n]: Shape, { stride, dilation, groups }: Windows) =>
  height === 3 &&
  width === 3 &&
  groups === 1 &&
  Math.max(...stride, ...dilation) === 1 &&
  channels! % 8 === 0 &&
  n! % 8 === 0 &&
  Math.min(channels!, n!) >= 16 &&
  channels! * n! <= 128 * 128;

/** How many tiles are worked on at a time, and what of scratch they take. */
function winogradScratch(channels: number, n: number): { tiles: number; bytes: number } {
  const tiles = Math.max(6, Math.min(48, Math.floor(8192 / (channels + n))));
  const planes = 16 * (tiles * (channels + n) * 4 + 2 * 64);
  const lines = Math.max(channels, n) * (2 * tiles + 2) * 16;
  return { tiles, bytes: 2 * n * 4 + planes + Math.max(lines, channels * (tiles * 4 + 64)) };
}

function emitWinograd(
  emitter: Emitter,
  {
    x,
    from,
    by,
    to,
    start,
    table,
    channels,
    n,
  }: Record<"from" | "by" | "to" | "start" | "table", Operand> & { x: Tensor; channels: number; n: number },
  options: CallOptions,
): void {
  const turned = emitter.temporary("turned", 16 * channels * n * 4);
  emitter.call("winogradKernel", [channels * n, 1, by, write(turned)]);
  const { tiles, bytes } = winogradScratch(channels, n);
  const operands = [x.shape[0]!, n, tiles, from, read(turned), to, scratch(bytes), table, start, 1];
  emitter.call("winograd", operands, options);
}

const convolutionOp: Op<Attributes> = defineOp<Attributes>({
  name: "convolution",
  shape: ([x, weight], { size }) => ({ shape: [x!.shape[0]!, ...size, weight!.shape[3]!], dtype: "f32" }),
  gradient({ inputs: [x, weight, bias], attributes: { windows }, dy, wants }) {
    return [
      wants(0) ? transposed([dy, weight!], windows, imageOf(x!)) : undefined,
      wants(1) ? weightGradient(x!, dy, windows, weight!) : undefined,
      ...(bias && wants(2) ? [sum(dy, { axes: [0, 1, 2] })] : []),
    ];
  },
  emit(emitter, { inputs: [x, weight, bias], outputs: [y], attributes: { windows, size } }) {
    const [kernelHeight, kernelWidth, groupChannels, n] = sizesOf(weight!);
    const depthwise = isDepthwise(weight!.shape, windows);
    const kernel = [kernelHeight, kernelWidth] as const;
    const table = emitter.table(
      "patches",
      forwardTable(x!.shape, { kernel, grid: size, windows, depthwise }),
    );
    const [from, by, to] = [
      read(emitter.buffer(x!)),
      read(emitter.buffer(weight!)),
      write(emitter.buffer(y!)),
    ];
    const start = bias ? read(emitter.buffer(bias)) : nothing;
    const terms = kernelHeight * kernelWidth * groupChannels;
    const options = { head: y!, work: y!.size * terms };
    if (depthwise) {
      emitter.call("depthwise", [from, by, to, start, read(table), 1], options);
      return;
    }
    if (isWinograd(weight!.shape, windows)) {
      emitWinograd(
        emitter,
        { x: x!, from, by, to, start, table: read(table), channels: groupChannels, n },
        options,
      );
      return;
    }
    const sizes = [y!.size / n, n, terms];
    const work = scratch(CONVOLUTION_SCRATCH_BYTES);
    const operands = [...sizes, from, 0, by, n, to, start, work, read(table), windows.groups, 1];
    emitter.call("convolution", operands, options);
  },
});

const transposedOp: Op<Attributes> = defineOp<Attributes>({
  name: "convolutionTransposed",
  shape: ([x, weight], { size, windows }) => ({
    shape: [x!.shape[0]!, ...size, weight!.shape[2]! * windows.groups],
    dtype: "f32",
  }),
  gradient({ inputs: [x, weight, bias], attributes: { windows }, dy, wants }) {
    return [
      wants(0) ? forward([dy, weight!], windows, imageOf(x!)) : undefined,
      wants(1) ? weightGradient(dy, x!, windows, weight!) : undefined,
      ...(bias && wants(2) ? [sum(dy, { axes: [0, 1, 2] })] : []),
    ];
  },
  emit(emitter, { inputs: [x, weight, bias], outputs: [y], attributes: { windows, size } }) {
    const [kernelHeight, kernelWidth, groupChannels, channels] = sizesOf(weight!);
    const { groups } = windows;
    const depthwise = isDepthwise(weight!.shape, windows);
    const kernel = [kernelHeight, kernelWidth] as const;
    const { tables, phases, order } = backwardTables(x!.shape, { kernel, size, windows, depthwise });
    const columns = channels / groups;
    const n = groupChannels * groups;
    const flipped = emitter.temporary("flipped", Math.max(1, order.length) * columns * n * 4);
    emitter.call("flipTaps", [
      order.length,
      groupChannels,
      columns,
      groups,
      read(emitter.table("taps", order)),
      read(emitter.buffer(weight!)),
      write(flipped, rows(Math.max(1, order.length * columns), n * 4)),
    ]);
    const [from, to] = [read(emitter.buffer(x!)), write(emitter.buffer(y!))];
    const table = read(emitter.table("patches", tables));
    const start = bias ? read(emitter.buffer(bias)) : nothing;
    const options = {
      // A phase's pixels do not follow each other, so nothing can go on with them in order.
      ...(phases === 1 && { head: y! }),
      work: (x!.size / channels) * kernelHeight * kernelWidth * groupChannels * channels,
    };
    if (depthwise) {
      emitter.call("depthwise", [from, read(flipped), to, start, table, phases], options);
      return;
    }
    if (isWinograd(weight!.shape, windows)) {
      const by = read(flipped);
      emitWinograd(emitter, { x: x!, from, by, to, start, table, channels, n }, options);
      return;
    }
    const sizes = [y!.size / n, n, (order.length / phases) * columns];
    const work = scratch(CONVOLUTION_SCRATCH_BYTES);
    const operands = [...sizes, from, 0, read(flipped), n, to, start, work, table, groups, phases];
    emitter.call("convolution", operands, options);
  },
});

const weightGradientOp: Op<Attributes> = defineOp<Attributes>({
  name: "convolutionWeights",
  shape: ([x, dy], { size, windows }) => ({
    shape: [...size, x!.shape[3]! / windows.groups, dy!.shape[3]!],
    dtype: "f32",
  }),
  gradient({ inputs: [x, dy], attributes: { windows }, dy: dw, wants }) {
    return [
      wants(0) ? transposed([dy!, dw], windows, imageOf(x!)) : undefined,
      wants(1) ? forward([x!, dw], windows, imageOf(dy!)) : undefined,
    ];
  },
  emit(emitter, { inputs: [x, dy], outputs: [dw], attributes: { windows, size } }) {
    const { groups } = windows;
    const m = dy!.shape[3]!;
    const terms = dw!.size / m;
    const pixels = dy!.size / m;
    const depthwise = isDepthwise(dw!.shape, windows);
    const words = forwardTable(x!.shape, { kernel: size, grid: imageOf(dy!), windows, depthwise });
    const table = read(emitter.table("patches", words));
    const [a, b, to] = [read(emitter.buffer(dy!)), read(emitter.buffer(x!)), emitter.buffer(dw!)];
    const options = { work: dy!.size * terms };
    if (depthwise) {
      emitter.call("depthwiseWeights", [b, a, write(to), table], options);
      return;
    }
    if (isWinograd(dw!.shape, windows)) {
      const [, , channels] = sizesOf(dw!);
      const { tiles, bytes } = winogradScratch(channels, m);
      const parts = Math.min(MOST_PARTS, Math.max(1, Math.floor(pixels / PART_PIXELS)));
      const sums = emitter.temporary("sums", parts * 16 * channels * m * 4);
      const operands = [x!.shape[0]!, m, tiles, b, a, write(sums), scratch(bytes), table, nothing, parts];
      emitter.call("winogradWeights", operands, options);
      emitter.call("winogradGradient", [channels * m, parts, update(sums), write(to)]);
      return;
    }
    const few = Math.min(MOST_PARTS, Math.max(1, Math.floor(pixels / PART_PIXELS)));
    const parts = terms < MANY_TERMS ? few : 1;
    const sums = emitter.temporary("parts", parts * dw!.size * 4);
    const work = scratch(CONVOLUTION_SCRATCH_BYTES);
    const operands = [m, terms, pixels, a, m, b, 0, write(sums), nothing, work, table, groups, parts];
    emitter.call("convolutionWeights", operands, options);
    emitter.call("sumParts", [parts, m, terms, read(sums), write(to, rows(terms, m * 4))]);
  },
});

type Operands = readonly [Tensor, Tensor, (Tensor | undefined)?];
const given = (operands: Operands) => operands.filter((each) => each !== undefined);

/** A convolution with so many windows. */
export function forward(operands: Operands, windows: Windows, size: Attributes["size"]): Tensor {
  return operands[0].graph.apply(convolutionOp, given(operands), { windows, size })[0]!;
}

/** The gradient of a convolution with respect to its input of a size. */
export function transposed(operands: Operands, windows: Windows, size: Attributes["size"]): Tensor {
  return operands[0].graph.apply(transposedOp, given(operands), { windows, size })[0]!;
}

function weightGradient(x: Tensor, dy: Tensor, windows: Windows, weight: Tensor): Tensor {
  const size = weight.shape.slice(0, 2) as unknown as Attributes["size"];
  return x.graph.apply(weightGradientOp, [x, dy], { windows, size })[0]!;
}
