// Table of contents of the second module: the kernels on bytes. It works in the first one's memory and function table.

export { attach } from "../thread";
export { convolutionBytes } from "./convolution";
export { depthwiseBytes } from "./depthwise";
export { matmulDynamic } from "./dynamic";
export { copyBytes, dequantizeBytes, fillBytes, quantizeBytes } from "./elements";
export { matmulHalfBytes } from "./half-bytes";
export { maxPoolBytes } from "./pool";
export { matmulBytes } from "./product";
export { relaxed } from "./lanes";
