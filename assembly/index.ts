// Table of contents: what the module exports. A kernel is found by its name here.
export { attach, dismiss, wake } from "./thread";
export { begin, proceed, serve, stepsDone } from "./run";
export { map } from "./elementwise";

export { relu, reluGradient } from "./kernels/activation";
export { ceiling } from "./kernels/ceiling";
export { matmulNN, matmulNNWide, matmulNT, matmulNTWide, matmulTN, matmulTNWide } from "./gemm/matmul";
