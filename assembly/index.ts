// Table of contents: what the module exports. A kernel is found by its name here.

export { map } from "./elementwise";
export { countFinite } from "./finite";
export { convolution, convolutionWeights, convolutionWeightsWide, convolutionWide } from "./gemm/convolution";
export {
  batchMatmul,
  batchMatmulWide,
  matmulNN, 
  matmulNNWide,
  matmulNT,
  matmulNTWide,
  matmulTN,
  matmulTNWide,
} from "./gemm/matmul";
export {
  winograd,
  winogradGradient,
  winogradKernel,
  winogradWeights,
  winogradWeightsWide,
  winogradWide,
} from "./gemm/winograd";
export {
  elu,
  eluGradient,
  gelu,
  geluGradient,
  geluTanh,
  geluTanhGradient,
  hardSigmoid,
  hardSigmoidGradient,
  hardSwish,
  hardSwishGradient,
  hardTanh,
  hardTanhGradient,
  leakyRelu,
  leakyReluGradient,
  mish,
  mishGradient,
  relu,
  relu6,
  relu6Gradient,
  reluGradient,
  selu,
  seluGradient,
  sigmoid,
  sigmoidGradient,
  silu,
  siluGradient,
  softplus,
  softplusGradient,
  softsign,
  softsignGradient,
  tanh,
  tanhGradient,
} from "./kernels/activation";
export {
  adabelief,
  adam,
  adamDirection,
  adamax,
  adan,
  ademamix,
  adopt,
  amsgrad,
  nadam,
  radam,
  yogi,
} from "./kernels/adam";
export {
  abs,
  absGradient,
  add,
  affine,
  ceil,
  clamp,
  clampGradient,
  cos,
  div,
  equal,
  erf,
  erfGradient,
  exp,
  floor,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  notEqual,
  pow,
  reciprocal,
  reciprocalGradient,
  round,
  rsqrt,
  rsqrtGradient,
  sign,
  sin,
  sqrt,
  sqrtGradient,
  square,
  squareGradient,
  sub,
  where,
} from "./kernels/arithmetic";
export { adadelta, adagrad, ftrl, rmsprop, rmspropCentered, rmspropCenteredMomentum, rmspropMomentum } from "./kernels/adaptive";
export { attention, attentionGradient, attentionGradientWide, attentionWide } from "./kernels/attention";
export { ceiling } from "./kernels/ceiling";
export { ctc } from "./kernels/ctc";
export { collect, flipTaps, sumParts } from "./kernels/convolution";
export { depthwise, depthwiseWeights } from "./kernels/depthwise";
export { bceWithLogits, bceWithLogitsGradient, huber, huberGradient } from "./kernels/loss";
export { copy, equalLabels, fill, gather, identity, oneHot, scatterAdd } from "./kernels/movement";
export {
  channelAffine,
  channelMoments,
  channelSlopes,
  channelSums,
  pause,
  rowNorm,
  rowNormGradient,
} from "./kernels/normalization";
export {
  dropout,
  orthogonal,
  randomBits,
  randomNormal,
  randomTruncatedNormal,
  randomUniform,
} from "./kernels/random";
export {
  gru,
  gruGradient,
  lstm,
  lstmGradient,
  packRecurrent,
  packRecurrentWide,
  rnnRelu,
  rnnReluGradient,
  rnnTanh,
  rnnTanhGradient,
} from "./kernels/recurrent";
export { argmax, partialSquares, partialSum, reduceMax, reduceSum } from "./kernels/reduce";
export {
  logSoftmax,
  logSoftmaxGradient,
  softmax,
  softmaxCrossEntropy,
  softmaxGradient,
} from "./kernels/softmax";
export { rotary } from "./kernels/rotary";
export { asgd, sgd, sgdDifference, sgdDifferenceNesterov, sgdMomentum, sgdNesterov } from "./kernels/sgd";
export { lion, rprop, signSgd } from "./kernels/sign";
export { feedBytes, feedWords, guard, record, schedule } from "./kernels/step";
export { maxPool, maxPoolGradient, resample, takeMaxima } from "./kernels/window";
export { begin, proceed, proceedBy, relaxed, serve, stepsDone } from "./run";
export { attach, dismiss, freeMemory, wake } from "./thread";
