// Table of contents of the second module: the kernels on bytes. It works in the first one's memory and function table.

export { attach } from "../thread";
export { convolutionBytes } from "./convolution";
export { depthwiseBytes } from "./depthwise";
export { matmulDynamic } from "./dynamic";
export { copyBytes, dequantizeBytes, fillBytes, lookupBytes, quantizeBytes } from "./elements";
export { matmulHalfBytes } from "./half-bytes";
export { normalizeBytes } from "./normalization";
export { maxPoolBytes } from "./pool";
export { matmulBytes } from "./product";
export { addBytes, meanBytes } from "./sums";
export { gruBytes, lstmBytes, rnnTanhBytes } from "./recurrent";
export { hasDot, relaxed } from "./lanes";
export { winogradBytes, winogradKernelBytes } from "./winograd";
