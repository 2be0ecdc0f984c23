// The entry point downhill/layers: layers and ops for images and sequences, beside the dense ones that every model needs.
export {
  type Conv1dOptions,
  type Conv1dTransposeOptions,
  type Conv2dOptions,
  type Conv2dTransposeOptions,
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  type DepthwiseConv2dOptions,
  depthwiseConv2d,
  separableConv2d,
} from "./nn/convolution.ts";
export {
  type Convolution1dOptions,
  type Convolution1dTransposeOptions,
  type Convolution2dOptions,
  type Convolution2dTransposeOptions,
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
} from "./ops/convolution.ts";
export type { PaddingMode } from "./ops/padding.ts";
export type { Padding1d, Padding2d, Pair } from "./ops/window.ts";
