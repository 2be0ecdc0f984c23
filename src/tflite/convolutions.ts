// Convolutions, with their weights as TFLite has them: [out, height, width, in], and of depthwise ones [1, height, width,
// out].
import { FormatError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { int8, int32 } from "../formats/flatbuffers.ts";
import type { Node } from "../graph/tensor.ts";
import type { Windows } from "../ops/patches.ts";
import { spanOf } from "../ops/window.ts";
import type { Network, Rule, Value } from "./network.ts";
import { sameBefore } from "./padding.ts";
import { reordered } from "./products.ts";
import { PADDING } from "./schema.ts";

type Four = readonly [number, number, number, number];

/** Weight and bias as numbers, of which convolutions want to know. */
function known(node: Node, inputs: readonly Value[]): readonly [Value, Value | undefined] {
  const [, weight, bias] = inputs as [Value, Value, Value?];
  if (!(weight.values instanceof Float32Array) || (bias && !bias.values)) {
    throw new FormatError(
      `toTflite: ${node.op!.name}: its weight ${showShape(weight.shape)} is computed by the model, wanted numbers`,
    );
  }
  return [weight, bias];
}

/** What one axis wants of its padding. */
function paddingOf(axis: 0 | 1, size: number, count: number, span: number, { stride, before }: Windows) {
  const [step, front] = [stride[axis], before[axis]];
  const valid = front === 0 && count === Math.floor((size - span) / step) + 1;
  const same = count === Math.ceil(size / step) && front === sameBefore(size, count, { span, stride: step });
  return { valid, same, after: Math.max(0, (count - 1) * step + span - size - front) };
}

/** Each channel several times, as many outputs of one channel want it; TFLite's depthwise convolution does so itself. */
function beforeRepeat(x: Value, network: Network): Value {
  const made = (value: Value) => network.operations.find(({ output }) => output === value);
  const wide = made(x);
  const spread = wide?.name === "RESHAPE" ? made(wide.inputs[0]!) : undefined;
  const narrow = spread?.name === "BROADCAST_TO" ? made(spread.inputs[0]!) : undefined;
  const source = narrow?.name === "RESHAPE" ? narrow.inputs[0]! : undefined;
  const one = narrow?.output.shape;
  const fits =
    source?.shape.length === 4 &&
    one?.length === 5 &&
    one[4] === 1 &&
    spread!.output.shape.slice(0, 4).every((n, axis) => n === source.shape[axis]);
  return fits ? source : x;
}

/** Convolution: images [batch, height, width, in]. */
const convolution: Rule = (network, node, inputs) => {
  const { windows, size } = node.attributes as {
    readonly windows: Windows;
    readonly size: readonly [number, number];
  };
  const [weight, bias] = known(node, inputs);
  const [height, width, groupChannels, n] = weight.shape as Four;
  const { stride, dilation, before, groups } = windows;
  const span = [spanOf(height, dilation[0]), spanOf(width, dilation[1])] as const;
  const depthwise = groups > 1 && groupChannels === 1 && n === groups;
  const given = depthwise ? beforeRepeat(inputs[0]!, network) : inputs[0]!;
  const [rows, columns] = ([0, 1] as const).map((axis) =>
    paddingOf(axis, given.shape[axis + 1]!, size[axis], span[axis], windows),
  ) as [ReturnType<typeof paddingOf>, ReturnType<typeof paddingOf>];
  const valid = rows.valid && columns.valid;
  const same = rows.same && columns.same;
  const around = [
    [0, 0],
    [before[0], rows.after],
    [before[1], columns.after],
    [0, 0],
  ] as const;
  const x = valid || same ? given : network.pad(given, around);
  const padding = int8(PADDING[same && !valid ? "SAME" : "VALID"]);
  const start = bias ?? network.zeros(n);
  const shape = [x.shape[0]!, ...size, n];
  const steps = [padding, int32(stride[1]), int32(stride[0])];
  const taps = [int32(dilation[1]), int32(dilation[0])];
  if (depthwise) {
    const kernel = network.constant(weight.values as Float32Array, [1, height, width, n], weight.name);
    const multiplier = int32(n / x.shape[3]!);
    const options = [...steps, multiplier, undefined, ...taps];
    return network.apply("DEPTHWISE_CONV_2D", [x, kernel, start], shape, { options });
  }
  const kernel = reordered(network, weight, [3, 0, 1, 2]);
  return network.apply("CONV_2D", [x, kernel, start], shape, { options: [...steps, undefined, ...taps] });
};

/** The weight [height, width, out / groups, in] as [out, height', width', in] without groups and dilation: both are zeros there. */
function spelledOut(network: Network, weight: Value, { dilation, groups }: Windows): Value {
  const [height, width, groupOut, channels] = weight.shape as Four;
  const [tall, wide] = [spanOf(height, dilation[0]), spanOf(width, dilation[1])];
  const groupIn = channels / groups;
  const y = new Float32Array(groupOut * groups * tall * wide * channels);
  const values = weight.values as Float32Array;
  let at = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let out = 0; out < groupOut; out++)
        for (let channel = 0; channel < channels; channel++) {
          const n = Math.floor(channel / groupIn) * groupOut + out;
          const place = (n * tall + row * dilation[0]) * wide + column * dilation[1];
          y[place * channels + channel] = values[at++]!;
        }
  return network.constant(y, [groupOut * groups, tall, wide, channels], weight.name);
}

/** Transposed convolution. */
const convolutionTransposed: Rule = (network, node, inputs) => {
  const { windows, size } = node.attributes as {
    readonly windows: Windows;
    readonly size: readonly [number, number];
  };
  const [weight, bias] = known(node, inputs);
  const [given] = inputs as [Value];
  const kernel = spelledOut(network, weight, windows);
  const [n, ...spans] = kernel.shape as Four;
  const { stride, before } = windows;
  const [batch, ...image] = given.shape as Four;
  const same = ([0, 1] as const).every((axis) => {
    const excess = spans[axis]! - stride[axis];
    return size[axis] === image[axis]! * stride[axis] && excess >= 0 && before[axis] === excess >> 1;
  });
  // What is wanted behind the last window, where there is the bias alone, windows of zeros make.
  const more = ([0, 1] as const).map((axis) => {
    const made = (image[axis]! - 1) * stride[axis] + spans[axis]!;
    return same ? 0 : Math.max(0, Math.ceil((before[axis] + size[axis] - made) / stride[axis]));
  });
  const x = network.pad(given, [
    [0, 0],
    [0, more[0]!],
    [0, more[1]!],
    [0, 0],
  ]);
  const made = same
    ? size
    : ([0, 1] as const).map((axis) => (x.shape[axis + 1]! - 1) * stride[axis] + spans[axis]!);
  const shape = [batch, ...made, n];
  const options = [int8(PADDING[same ? "SAME" : "VALID"]), int32(stride[1]), int32(stride[0])];
  const operands = [network.integers(shape), kernel, x, bias ?? network.zeros(n)];
  const y = network.apply("TRANSPOSE_CONV", operands, shape, { options });
  return same ? y : network.slice(y, [0, ...before, 0], [batch, ...size, n]);
};

export const RULES: Readonly<Record<string, Rule>> = { convolution, convolutionTransposed };
