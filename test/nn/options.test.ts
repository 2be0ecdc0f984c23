// Options that nobody knows are refused where a layer, an op or a training is made, with the names of those that are known.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import * as core from "#src/index";
import * as layers from "#src/layers";
import { activityPenalty } from "#src/regularize";

const graph = new Graph();
const images = graph.input("images", [2, 8, 8, 4]);
const sequence = graph.input("sequence", [2, 6, 4]);
const weight2d = graph.input("weight2d", [3, 3, 4, 4]);
const weight1d = graph.input("weight1d", [3, 4, 4]);
const { dense } = core;
const model = core.sequential({ input: [4] }, dense(2));
const data = {} as never;

/** What makes something of options, and options that it knows; made with all of them it complains of none. */
const makers: Record<string, readonly [(options: never) => unknown, object]> = {
  dense: [(o) => dense(3, o), { activation: "relu", bias: false, initializer: core.zeros, name: "own" }],
  sgd: [
    core.sgd,
    { learningRate: 0.1, momentum: 0.9, convention: "torch", dampening: 0, nesterov: true, weightDecay: 0 },
  ],
  adam: [
    core.adam,
    {
      learningRate: 0.1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      convention: "keras",
      amsgrad: "raw",
    },
  ],
  adamW: [core.adamW, { learningRate: 0.1 }],
  activityPenalty: [activityPenalty, { l1: 1, l2: 1 }],
  conv2d: [
    (o) => layers.conv2d(4, 3, o),
    {
      stride: 1,
      dilation: 1,
      padding: 1,
      paddingMode: "edge",
      groups: 2,
      activation: "relu",
      bias: true,
      initializer: core.zeros,
      name: "own",
    },
  ],
  conv1d: [(o) => layers.conv1d(4, 3, o), { paddingMode: "edge", groups: 2 }],
  conv2dTranspose: [(o) => layers.conv2dTranspose(4, 3, o), { stride: 2, outputPadding: 1, groups: 2 }],
  conv1dTranspose: [(o) => layers.conv1dTranspose(4, 3, o), { outputPadding: 1 }],
  depthwiseConv2d: [(o) => layers.depthwiseConv2d(3, o), { multiplier: 2, paddingMode: "edge" }],
  separableConv2d: [(o) => layers.separableConv2d(4, 3, o), { multiplier: 2 }],
  maxPool1d: [(o) => layers.maxPool1d(2, o), { stride: 1, padding: "same", dilation: 2, ceilMode: true }],
  maxPool2d: [(o) => layers.maxPool2d(2, o), { dilation: [1, 2] }],
  averagePool1d: [(o) => layers.averagePool1d(2, o), { countPadding: true, ceilMode: true }],
  averagePool2d: [(o) => layers.averagePool2d(2, o), { stride: 1, padding: 1 }],
  globalAveragePool1d: [layers.globalAveragePool1d, { keepDims: true }],
  globalAveragePool2d: [layers.globalAveragePool2d, { keepDims: true }],
  globalMaxPool1d: [layers.globalMaxPool1d, { keepDims: true }],
  globalMaxPool2d: [layers.globalMaxPool2d, { keepDims: true }],
  resize2d: [(o) => layers.resize2d(4, o), { method: "bilinear", alignCorners: true }],
  upsample2d: [(o) => layers.upsample2d(2, o), { method: "bilinear" }],
  batchNorm: [
    layers.batchNorm,
    {
      epsilon: 1e-3,
      scale: false,
      offset: true,
      decay: 0.5,
      runningVariance: "biased",
      statistics: "running",
      name: "own",
    },
  ],
  groupNorm: [(o) => layers.groupNorm(2, o), { epsilon: 1e-3, scale: false, offset: true, name: "own" }],
  instanceNorm: [layers.instanceNorm, { epsilon: 1e-3 }],
  layerNorm: [layers.layerNorm, { axes: 2, epsilon: 1e-3, scale: true, offset: false, name: "own" }],
  rmsNorm: [layers.rmsNorm, { axes: 2, epsilon: 1e-3, scale: true, name: "own" }],
  embedding: [(o) => layers.embedding(9, 4, o), { initializer: core.zeros, padding: 0, name: "own" }],
  learnedPositions: [layers.learnedPositions, { length: 9, initializer: core.zeros, name: "own" }],
  sinusoidalPositions: [layers.sinusoidalPositions, { base: 100 }],
  lstm: [
    (o) => layers.lstm(3, o),
    {
      returnSequences: true,
      reverse: true,
      bias: true,
      initializer: core.zeros,
      recurrentInitializer: core.zeros,
      name: "own",
      forgetBias: 0,
    },
  ],
  gru: [(o) => layers.gru(3, o), { returnSequences: true, reverse: true }],
  simpleRnn: [(o) => layers.simpleRnn(3, o), { activation: "relu", bias: false }],
  bidirectional: [(o) => layers.bidirectional(layers.gru(3), o), { merge: "sum" }],
  multiHeadAttention: [
    (o) => layers.multiHeadAttention(2, o),
    {
      causal: true,
      dropout: 0.1,
      keySize: 2,
      valueSize: 2,
      units: 4,
      bias: false,
      rotary: true,
      initializer: core.zeros,
      name: "own",
    },
  ],
  transformerEncoderBlock: [
    layers.transformerEncoderBlock,
    {
      heads: 2,
      hidden: 8,
      activation: "relu",
      dropout: 0.1,
      norm: "post",
      epsilon: 1e-3,
      causal: true,
      rotary: true,
    },
  ],
  transformerDecoderBlock: [layers.transformerDecoderBlock, { heads: 2, hidden: 8, dropout: 0 }],
  residual: [(o) => layers.residual(dense(4), o), { projection: dense(4) }],
  convolution2d: [
    (o) => layers.convolution2d(images, weight2d, o),
    { stride: 2, paddingMode: "edge", padding: 1 },
  ],
  convolution1d: [(o) => layers.convolution1d(sequence, weight1d, o), { groups: 1, dilation: 1 }],
  convolution2dTranspose: [
    (o) => layers.convolution2dTranspose(images, weight2d, o),
    { stride: 2, outputPadding: 1 },
  ],
  convolution1dTranspose: [(o) => layers.convolution1dTranspose(sequence, weight1d, o), { padding: "same" }],
  maxPool: [(o) => layers.maxPool(images, 2, o), { dilation: 2, ceilMode: true }],
  averagePool: [(o) => layers.averagePool(images, 2, o), { countPadding: true }],
  resize: [(o) => layers.resize(images, 4, o), { method: "nearest" }],
  attention: [
    (o) => layers.attention(sequence, sequence, sequence, o),
    { heads: 2, causal: true, scale: 1, dropout: 0 },
  ],
  batchMatmul: [(o) => layers.batchMatmul(sequence, sequence, o), { transposeA: false, transposeB: true }],
  rotary: [(o) => layers.rotary(sequence, o), { size: 2, start: 1, base: 100, columns: 4 }],
};

describe("an option that nobody knows", () => {
  test.each(Object.entries(makers))("%s", (name, [make, known]) => {
    expect(() => make(known as never)).not.toThrow();
    let thrown: unknown;
    try {
      make({ ...known, strides: 2 } as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OptionError);
    const { message } = thrown as Error;
    expect(message).toMatch(new RegExp(`^${name}: strides: unknown option, wanted one of `));
    for (const option of Object.keys(known)) expect(message).toMatch(new RegExp(`[ ,]${option}(,|$)`));
  });

  test("of a recurrent layer's or an attention's context", () => {
    expect(() => layers.gru(3)(sequence, { masks: sequence } as never)).toThrow(
      new OptionError("gru: masks: unknown option, wanted one of mask, state"),
    );
    expect(() => layers.lstm(3)(sequence, { state: { h: sequence } } as never)).toThrow(
      new OptionError("lstm: state: h: unknown option, wanted one of hidden, cell"),
    );
    expect(() => layers.multiHeadAttention(2)(sequence, { masks: sequence } as never)).toThrow(
      new OptionError("attention: masks: unknown option, wanted one of context, mask"),
    );
  });

  test("of a training; a trainer takes the record of one", async () => {
    const options = { data, loss: core.meanSquaredError, optimizer: core.sgd() };
    await expect(core.train(model, { ...options, batchsize: 3 } as never)).rejects.toThrow(
      new OptionError(
        "train: batchsize: unknown option, wanted one of data, validation, loss, metrics, optimizer, epochs, batchSize, sampling, average, callbacks, seed, onNonFinite, engine",
      ),
    );
    const given = { ...options, epochs: 3, engine: core.createEngineSync() };
    core.createTrainerSync(model, given).close();
  });
});

test("every function of downhill/layers that takes options is looked at here", () => {
  const without = ["adaptiveAveragePool", "adaptiveAveragePool2d", "adaptiveMaxPool", "adaptiveMaxPool2d"];
  const others = ["branches", "checkpoint", "einsum", "recurrence", "refreshStatistics", "upsample1d"];
  const dropped = ["spatialDropout1d", "spatialDropout2d", "stochasticDepth"];
  const moved = ["concatenate", "pad", "permute", "slice"];
  const names = Object.keys(layers).filter((name) => !(name in makers));
  expect(names.sort()).toEqual([...without, ...others, ...dropped, ...moved].sort());
});
