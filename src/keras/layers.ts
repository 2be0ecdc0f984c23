// The layers of Keras that work on one tensor, by their classes, as layers of ours.
import type { Tensor } from "../graph/tensor.ts";
import { embedding } from "../nn/embedding.ts";
import { zeros } from "../nn/initializers.ts";
import { defineLayer, type Layer } from "../nn/layer.ts";
import { dense, dropout, flatten } from "../nn/layers.ts";
import { batchNorm, groupNorm, layerNorm } from "../nn/normalization.ts";
import {
  averagePool1d,
  averagePool2d,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  maxPool1d,
  maxPool2d,
} from "../nn/pooling.ts";
import { spatialDropout1d, spatialDropout2d } from "../nn/structured-dropout.ts";
import { elu, leakyRelu, relu } from "../ops/activation.ts";
import { add, greater, mul, neg, sub } from "../ops/arithmetic.ts";
import { broadcastTo } from "../ops/broadcast.ts";
import { pad, permute, slice } from "../ops/movement.ts";
import { resize } from "../ops/resample.ts";
import { reshape } from "../ops/reshape.ts";
import { activationOf, reluLayer, softmaxLayer } from "./activations.ts";
import { convolution, depthwise, separable } from "./convolutions.ts";
import { type Builder, give, giveAll, type KerasLayer, weightOf } from "./layer.ts";

/** Most elements that one axis is enlarged to. */
const LONGEST = 2 ** 20;

/** A pool of windows. */
const pool =
  <Window>(axes: 1 | 2, make: (window: Window, options: Pooling) => Layer): Builder =>
  ({ config }) => {
    config.only("data_format", "channels_last");
    const window = config.counts("pool_size", axes, 2);
    const stride = config.fields.strides == null ? window : config.counts("strides", axes);
    const padding = config.text("padding", "valid", ["valid", "same"]) as "valid";
    const sizes = axes === 1 ? window[0] : window;
    return make(sizes as Window, { stride, padding });
  };
interface Pooling {
  readonly stride: readonly number[];
  readonly padding: "valid" | "same";
}

const globalPool =
  (make: (options: { keepDims: boolean }) => Layer): Builder =>
  ({ config }) => {
    config.only("data_format", "channels_last");
    return make({ keepDims: config.flag("keepdims", false) });
  };

/** Checks that a normalization is over the last axis, and gives its weights. */
function normalized(layer: KerasLayer, epsilon: number) {
  const { config, name } = layer;
  const [scale, offset] = [config.flag("scale", true), config.flag("center", true)];
  if (scale) give(layer, ["gamma", "scale"]);
  if (offset) give(layer, ["beta", "offset"]);
  const { axis = -1 } = config.fields;
  const axes = Array.isArray(axis) ? axis : [axis];
  const checked = (own: Layer, count = 1): Layer => {
    return (x) => {
      const last = axes.map((each) => (each < 0 ? each + x.rank : each));
      if (last.length !== count || last[0] !== x.rank - 1)
        throw config.wrong("axis", `the last, ${x.rank - 1}`);
      return own(x);
    };
  };
  return { checked, options: { scale, offset, epsilon: config.number("epsilon", epsilon), name } };
}

const batchNormalization: Builder = (layer) => {
  const { checked, options } = normalized(layer, 1e-3);
  give(layer, ["moving_mean", "mean"]);
  give(layer, ["moving_variance", "variance"]);
  const decay = layer.config.number("momentum", 0.99);
  return checked(batchNorm({ ...options, decay, runningVariance: "biased" }));
};

const parametricRelu: Builder = (layer) => {
  give(layer, ["alpha", "alpha"]);
  const { shape } = weightOf(layer, "alpha");
  return defineLayer(
    "prelu",
    (x, { parameter }) => sub(relu(x), mul(parameter("alpha", shape, zeros), relu(neg(x)))),
    layer.name,
  );
};

const reshaped: Builder = ({ config }) => {
  const target = config.integers("target_shape");
  return (x) => reshape(x, [x.shape[0]!, ...target]);
};

const permuted: Builder = ({ config }) => {
  const dims = config.integers("dims");
  return (x) => permute(x, [0, ...dims]);
};

/** Elements repeated, or lines drawn between them. */
const upsampling =
  (axes: 1 | 2): Builder =>
  ({ config }) => {
    config.only("data_format", "channels_last");
    const scale = config.counts("size", axes, 2);
    const method = config.text("interpolation", "nearest", ["nearest", "bilinear"]) as "nearest";
    return (x) => {
      const sizes = scale.map((times, axis) => times * (x.shape[axis + 1] ?? 1));
      if (sizes.some((size) => size > LONGEST)) throw config.wrong("size", `axes up to ${LONGEST}`);
      return resize(x, sizes, { method });
    };
  };

/** Of the sides of some axes, widths for every axis of a tensor. */
const around =
  (field: string, axes: 1 | 2, work: (x: Tensor, widths: [number, number][]) => Tensor): Builder =>
  ({ config }) => {
    config.only("data_format", "channels_last");
    const sides = config.sides(field, axes);
    return (x) =>
      work(
        x,
        x.shape.map((_, axis) => sides[axis - 1] ?? [0, 0]),
      );
  };
const cropped = (x: Tensor, widths: [number, number][]) =>
  slice(
    x,
    widths.map(([before]) => before),
    x.shape.map((size, axis) => size - widths[axis]![0] - widths[axis]![1]),
  );
const same: Builder = () => (x) => x;

/** By class. */
export const layers: ReadonlyMap<string, Builder> = new Map<string, Builder>([
  ["InputLayer", same],
  ["ActivityRegularization", same],
  [
    "Dense",
    (layer) =>
      dense(layer.config.number("units", 0), {
        ...giveAll(layer, [["kernel", "weight"]]),
        activation: activationOf(layer.config),
        name: layer.name,
      }),
  ],
  ["Activation", ({ config }) => activationOf(config)],
  ["ReLU", ({ config }) => reluLayer(config)],
  [
    "LeakyReLU",
    ({ config }) => {
      const slope = config.number("negative_slope", config.number("alpha", 0.3));
      return (x) => leakyRelu(x, slope);
    },
  ],
  [
    "ELU",
    ({ config }) => {
      const alpha = config.number("alpha", 1);
      return (x) => elu(x, alpha);
    },
  ],
  ["PReLU", parametricRelu],
  [
    "ThresholdedReLU",
    ({ config }) => {
      const theta = config.number("theta", 1);
      return (x) => mul(x, greater(x, theta));
    },
  ],
  ["Softmax", ({ config }) => softmaxLayer(config)],
  ["Dropout", ({ config }) => dropout(config.number("rate", 0))],
  ["SpatialDropout1D", ({ config }) => spatialDropout1d(config.number("rate", 0))],
  ["SpatialDropout2D", ({ config }) => spatialDropout2d(config.number("rate", 0))],
  [
    "Flatten",
    ({ config }) => {
      config.only("data_format", "channels_last");
      return flatten();
    },
  ],
  ["Reshape", reshaped],
  ["Permute", permuted],
  [
    "RepeatVector",
    ({ config }) => {
      const times = config.count("n");
      return (x) => broadcastTo(reshape(x, [x.shape[0]!, 1, x.shape[1]!]), [x.shape[0]!, times, x.shape[1]!]);
    },
  ],
  [
    "Rescaling",
    ({ config }) => {
      const [scale, offset] = [config.number("scale", 1), config.number("offset", 0)];
      return (x) => add(mul(x, scale), offset);
    },
  ],
  ["Conv1D", convolution(1)],
  ["Conv2D", convolution(2)],
  ["Conv1DTranspose", convolution(1, true)],
  ["Conv2DTranspose", convolution(2, true)],
  ["DepthwiseConv2D", depthwise],
  ["SeparableConv2D", separable],
  ["MaxPooling1D", pool(1, maxPool1d)],
  ["MaxPooling2D", pool(2, maxPool2d)],
  ["AveragePooling1D", pool(1, averagePool1d)],
  ["AveragePooling2D", pool(2, averagePool2d)],
  ["GlobalMaxPooling1D", globalPool(globalMaxPool1d)],
  ["GlobalMaxPooling2D", globalPool(globalMaxPool2d)],
  ["GlobalAveragePooling1D", globalPool(globalAveragePool1d)],
  ["GlobalAveragePooling2D", globalPool(globalAveragePool2d)],
  ["BatchNormalization", batchNormalization],
  [
    "LayerNormalization",
    (layer) => {
      const { checked, options } = normalized(layer, 1e-3);
      return checked(layerNorm(options));
    },
  ],
  [
    "GroupNormalization",
    (layer) => {
      const { checked, options } = normalized(layer, 1e-3);
      return checked(groupNorm(layer.config.count("groups", 32), options));
    },
  ],
  [
    "Embedding",
    (layer) => {
      give(layer, ["embeddings", "weight"]);
      const [vocabulary, units] = [layer.config.number("input_dim", 0), layer.config.number("output_dim", 0)];
      return embedding(vocabulary, units, { name: layer.name });
    },
  ],
  ["ZeroPadding1D", around("padding", 1, (x, widths) => pad(x, widths))],
  ["ZeroPadding2D", around("padding", 2, (x, widths) => pad(x, widths))],
  ["Cropping1D", around("cropping", 1, cropped)],
  ["Cropping2D", around("cropping", 2, cropped)],
  ["UpSampling1D", upsampling(1)],
  ["UpSampling2D", upsampling(2)],
]);
