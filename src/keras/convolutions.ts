// The convolutions of Keras as ours.
import { sizeOf } from "../core/shape.ts";
import {
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  separableConv2d,
} from "../nn/convolution.ts";
import { activationOf } from "./activations.ts";
import type { Config } from "./config.ts";
import { type Builder, give, giveAll, type KerasLayer, weightOf } from "./layer.ts";
import type { KerasWeight } from "./weights.ts";

/** What a convolution's settings say of its windows. */
function along(config: Config, axes: number) {
  config.only("data_format", "channels_last");
  const paddings = axes === 1 ? ["valid", "same", "causal"] : ["valid", "same"];
  const padding = config.text("padding", "valid", paddings);
  const kernel = config.counts("kernel_size", axes);
  const dilation = config.counts("dilation_rate", axes, 1);
  const behind = (kernel[0]! - 1) * dilation[0]!;
  return {
    kernel: kernel as [number, number],
    stride: config.counts("strides", axes, 1) as [number, number],
    dilation: dilation as [number, number],
    padding: padding === "causal" ? ([behind, 0] as const) : (padding as "valid" | "same"),
    activation: activationOf(config),
  };
}

/** A convolution with one weight. */
export const convolution =
  (axes: 1 | 2, transposed = false): Builder =>
  (layer) => {
    const { config, name } = layer;
    const { kernel, ...options } = along(config, axes);
    const filters = config.count("filters");
    const bias = giveAll(layer, [["kernel", "weight"]]);
    if (transposed) {
      config.only("output_padding", undefined);
      // Where windows leave gaps, "valid" has those behind the last one too.
      const gaps = kernel.map((size, axis) =>
        options.padding === "valid" ? Math.max(0, options.stride[axis]! - size) : 0,
      ) as [number, number];
      const { padding, ...rest } = { ...options, ...bias, name };
      return axes === 2
        ? conv2dTranspose(filters, kernel, { ...rest, padding: padding as "valid", outputPadding: gaps })
        : conv1dTranspose(filters, kernel[0], {
            ...rest,
            stride: rest.stride[0],
            dilation: rest.dilation[0],
            padding,
            outputPadding: gaps[0],
          });
    }
    const groups = config.count("groups", 1);
    const { padding, stride, dilation, activation } = options;
    const common = { activation, groups, ...bias, name };
    return axes === 2
      ? conv2d(filters, kernel, { ...common, stride, dilation, padding: padding as "valid" })
      : conv1d(filters, kernel[0], { ...common, stride: stride[0], dilation: dilation[0], padding });
  };

/** [height, width, in, multiplier] as [height, width, 1, in · multiplier]. */
const flattened = ({ shape, values }: KerasWeight): KerasWeight => ({
  shape: [...shape.slice(0, 2), 1, sizeOf(shape.slice(2))],
  values,
});

/** Not every file says it in its settings. */
const multiplierOf = (layer: KerasLayer) => weightOf(layer, "depthwise_kernel").shape[3] ?? 0;

/** Each channel by itself. */
export const depthwise: Builder = (layer) => {
  const { config, name } = layer;
  const { kernel, padding, ...options } = along(config, 2);
  const multiplier = multiplierOf(layer);
  give(layer, ["depthwise_kernel", "weight"], flattened);
  const bias = giveAll(layer, []);
  return depthwiseConv2d(kernel, { ...options, padding: padding as "valid", multiplier, ...bias, name });
};

/** Each channel by itself, then all at each place. */
export const separable: Builder = (layer) => {
  const { config, name } = layer;
  const { kernel, padding, ...options } = along(config, 2);
  const multiplier = multiplierOf(layer);
  give(layer, ["depthwise_kernel", "depthwise"], flattened);
  const bias = giveAll(layer, [["pointwise_kernel", "pointwise"]]);
  const filters = config.count("filters");
  return separableConv2d(filters, kernel, {
    ...options,
    padding: padding as "valid",
    multiplier,
    ...bias,
    name,
  });
};
