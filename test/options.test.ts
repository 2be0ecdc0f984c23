// Options that nobody knows are refused by every public function that takes some, with the names of those that are known.
// Layers have their own test.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as compress from "#src/compress/index";
import { OptionError } from "#src/core/errors";
import * as data from "#src/data/index";
import { Graph } from "#src/graph/tensor";
import * as images from "#src/images";
import * as core from "#src/index";
import * as instruments from "#src/instruments";
import * as keras from "#src/keras/index";
import * as losses from "#src/losses";
import * as minimize from "#src/minimize/index";
import * as onnx from "#src/onnx/index";
import * as optim from "#src/optim/index";
import * as quantize from "#src/quantize/index";
import * as race from "#src/race/index";
import * as regularize from "#src/regularize";
import * as replay from "#src/replay/index";
import * as standalone from "#src/standalone/index";
import * as tables from "#src/tables";
import * as text from "#src/text";
import * as tflite from "#src/tflite/index";
import * as torch from "#src/torch/index";

type Make = (options: never) => unknown;

const inner = optim.sgd();
const model = core.sequential({ input: [2] }, core.dense(1));
const training = {
  data: data.dataset({ inputs: [[1, 2]], targets: [[1]] }),
  loss: core.meanSquaredError,
  optimizer: () => inner,
  batchSize: 1,
};
const bytes = new Uint8Array();
const x = new Graph().input("x", [2, 3]);
const objective = minimize.sphere();
const start = [1, 1];
const scored = compress.reparametrize(model, () => new Map());
let small: Promise<quantize.QuantizedModel> | undefined;
/** Made where it is asked for. */
const quantized = (): Promise<quantize.QuantizedModel> =>
  (small ??= (async () => {
    const own = core.sequential({ input: [2] }, core.dense(1));
    await own.initialize();
    return quantize.quantize(own, { weights: "f16" });
  })());
/** Functions that take more than options, and methods; the others are called with options alone. */
const behind: Record<string, Make> = {
  dense: (o) => core.dense(1, o),
  max: (o) => core.max(x, o),
  mean: (o) => core.mean(x, o),
  min: (o) => core.min(x, o),
  norm: (o) => core.norm(x, o),
  sum: (o) => core.sum(x, o),
  evaluate: (o) => core.evaluate(model, training.data, Object.assign(o, { loss: training.loss })),
  train: (o) => core.train(model, Object.assign(o, { ...training, optimizer: inner })),
  createTrainer: (o) => core.createTrainer(model, Object.assign(o, { ...training, optimizer: inner })),
  createTrainerSync: (o) => {
    const engine = core.createEngineSync();
    return core.createTrainerSync(model, Object.assign(o, { ...training, optimizer: inner, engine }));
  },
  annealedPruning: (o) => compress.annealedPruning(model, Object.assign(o, { ...training, sparsity: 0.5 })),
  clusterWeights: (o) => compress.clusterWeights(model, o),
  compress: (o) => compress.compress(model, o),
  distill: (o) => compress.distill(model, model, Object.assign(o, { ...training, optimizer: inner })),
  keepZeros: (o) => compress.keepZeros(inner, o),
  lotteryTicket: (o) => compress.lotteryTicket(model, o),
  lowRank: (o) => compress.lowRank(model, o),
  movementPruning: (o) => compress.movementPruning(model, o),
  prune: (o) => compress.prune(model, o),
  settle: (o) => compress.settle(scored, o),
  shrink: (o) => compress.shrink(model, o),
  fromKeras: (o) => keras.fromKeras("{}", bytes, o),
  descent: (o) => minimize.descent(inner, o),
  differentiable: (o) => minimize.differentiable((x) => core.sum(x), o),
  minimize: (o) => minimize.minimize(objective, start, minimize.lbfgs(), o),
  minimizeSync: (o) => minimize.minimizeSync(objective, start, minimize.lbfgs(), o),
  fromOnnx: (o) => onnx.fromOnnx(bytes, o),
  toOnnx: (o) => onnx.toOnnx(model, o),
  calibrate: (o) => quantize.calibrate(model, [1, 2], o),
  quantizationAware: (o) => quantize.quantizationAware(model, o),
  quantize: (o) => quantize.quantize(model, o),
  quantizedFromBytes: (o) => quantize.quantizedFromBytes(bytes, model, o),
  straightThrough: (o) => quantize.straightThrough(x, Object.assign(o, { to: x })),
  performanceProfile: (o) => race.performanceProfile(new Map(), o),
  surfaceTask: (o) => race.surfaceTask(objective, o),
  mixup: (o) => regularize.mixup(training.data, o),
  predictionProgram: (o) => replay.predictionProgram(model, o),
  readPrograms: (o) => replay.readPrograms(bytes, o),
  trainingProgram: (o) => replay.trainingProgram(model, o),
  writePrograms: (o) => replay.writePrograms({}, o),
  compileModel: (o) => standalone.compileModel(model, o),
  toTflite: (o) => tflite.toTflite(model, o),
  fromPyTorch: (o) => torch.fromPyTorch(model, bytes, o),
  toPyTorch: (o) => torch.toPyTorch(model, o),
  "Model.initialize": (o) => model.initialize(o),
  "Model.initializeSync": (o) => model.initializeSync(o),
  "Model.predict": (o) => model.predict([1, 2], o),
  "Model.predictSync": (o) => model.predictSync([1, 2], o),
  "QuantizedModel.predict": async (o) => (await quantized()).predict([1, 2], o),
  "QuantizedModel.predictSync": async (o) => (await quantized()).predictSync([1, 2], o),
  "QuantizedModel.prepare": async (o) => (await quantized()).prepare(o),
  parseIdx: (o) => data.parseIdx(bytes, o),
  accumulate: (o) => optim.accumulate(inner, o),
  augment: (o) => images.augment({} as never, [], o),
  buckets: (o) => text.buckets([], undefined, o),
  bytePairs: (o) => text.bytePairs({} as never, o),
  clampWeights: (o) => optim.clampWeights(-1, 1, o),
  confusionMatrix: (o) => losses.confusionMatrix([], [], o),
  csvDataset: (o) => tables.csvDataset([["a"]] as never, o),
  csvRows: (o) => tables.csvRows("none.csv", o),
  cutout: (o) => images.cutout(2, o),
  decodeImage: (o) => images.decodeImage(bytes, o),
  ema: (o) => optim.ema(inner, o),
  fitEncoder: (o) => tables.fitEncoder([], o),
  fromIterable: (o) => data.fromIterable([], o),
  l1: (o) => optim.l1(1, o),
  l1Ball: (o) => optim.l1Ball(1, o),
  l2: (o) => optim.l2(1, o),
  l2Ball: (o) => optim.l2Ball(1, o),
  learningRateRangeTest: (o) => instruments.learningRateRangeTest(model, Object.assign(o, training)),
  lookahead: (o) => optim.lookahead(inner, o),
  lossScaling: (o) => optim.lossScaling(inner, o),
  maxNorm: (o) => optim.maxNorm(1, o),
  mnistFromBytes: (o) => data.mnistFromBytes(bytes, bytes, o),
  nextTokenDataset: (o) => text.nextTokenDataset([], o),
  ngramModel: (o) => text.ngramModel([], o),
  onPlateau: (o) => instruments.onPlateau({ observe() {} }, o),
  padSequences: (o) => text.padSequences([], o),
  parquetRows: (o) => tables.parquetRows("none.parquet", o),
  rotate: (o) => images.rotate(1, o),
  sam: (o) => optim.sam(inner, o),
  shift: (o) => images.shift(1, o),
  swa: (o) => optim.swa(inner, o),
  textDataset: (o) => text.textDataset([], undefined, o),
  vocabulary: (o) => text.vocabulary([], o),
  vocabularyFrom: (o) => text.vocabularyFrom({} as never, o),
  warmup: (o) => optim.warmup(1, o),
  zoom: (o) => images.zoom(1, 2, o),
};

/** Functions of these entry points that take no record of options, and two that the core has no room to check. */
const without = new Set([
  ..."centralizeGradients chain clipByGlobalNorm clipByNorm clipByValue frozen multiply parameterGroups piecewise".split(
    " ",
  ),
  ..."scaleGradient sequence skipNonFinite".split(" "),
  ..."averagePrecision categoricalHinge collected cosineDistance hinge klDivergence logCosh quantile rocAuc".split(
    " ",
  ),
  ..."squaredHinge topK rollBackOnNonFinite".split(" "),
  ..."brightness contrast horizontalFlip imageField noise resizeImage verticalFlip".split(" "),
  ..."encoderFrom readTable".split(" "),
  ..."abs activation add argmax broadcastTo ceil clamp constant cos defineLayer div dropout equal equalLabels".split(
    " ",
  ),
  ..."erf exp flatten floor gather gradients greater greaterEqual hardSigmoid hardSwish hardTanh less".split(
    " ",
  ),
  ..."lessEqual log logSoftmax matmul maximum minimum mul neg normal notEqual oneHot ones orthogonal pow".split(
    " ",
  ),
  ..."accuracy progress reciprocal relu relu6 reshape round rsqrt selu sigmoid sign silu sin softmax".split(
    " ",
  ),
  ..."elu gelu geluTanh leakyRelu mish softplus softsign sqrt square sub sumSquares tanh truncatedNormal".split(
    " ",
  ),
  ..."glorotNormal glorotUniform heNormal heUniform lecunNormal lecunUniform uniform where zeros".split(" "),
  ..."binaryCrossEntropy huber meanAbsoluteError meanSquaredError softmaxCrossEntropy".split(" "),
  ..."defineModel sequential channelGroups compressionRecipes divergenceAt feature reparametrize sparsityOf".split(
    " ",
  ),
  ..."beale booth himmelblau entrant entrants labelSmoothing".split(" "),
]);

/** Entry points by their places, as package.json has them. */
const entries: Record<string, object> = {
  index: core,
  "data/index": data,
  "optim/index": optim,
  "minimize/index": minimize,
  "race/index": race,
  "compress/index": compress,
  "keras/index": keras,
  "onnx/index": onnx,
  "quantize/index": quantize,
  "replay/index": replay,
  "standalone/index": standalone,
  "tflite/index": tflite,
  "torch/index": torch,
  images,
  instruments,
  losses,
  regularize,
  tables,
  text,
};
/** The first are in a test of their own; the second has the core's names. */
const elsewhere = ["layers", "slim"];

const all: Record<string, unknown> = {
  ...Object.assign({}, ...Object.values(entries)),
  ...Object.fromEntries(Object.entries(behind).filter(([name]) => name.includes("."))),
};
const makers = Object.entries(all).filter(
  (each): each is [string, Make] =>
    typeof each[1] === "function" && /^[a-z]|\./.test(each[0]) && !without.has(each[0]),
);

describe("an option that nobody knows", () => {
  test.each(makers)("%s", async (name, made) => {
    const make = behind[name] ?? made;
    // Some throw at once, others when their promise or their first row is asked for.
    const thrown = await (async () => {
      const result = await make({ misspelt: 1 } as never);
      for await (const _ of result as AsyncIterable<unknown>) break;
    })().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(OptionError);
    expect((thrown as Error).message).toMatch(/^\w+: misspelt: unknown option, wanted one of \w+/);
  });
});

test("every entry point is looked at", () => {
  const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const types = (Object.values(exports) as { types?: string }[]).flatMap(({ types }) => types ?? []);
  const there = [...new Set(types.map((path) => path.replace(/^.*types\/|\.d\.ts$/g, "")))];
  expect(there.sort()).toEqual([...Object.keys(entries), ...elsewhere].sort());
});

test("every name without options is of a function that there is", () => {
  expect([...without, ...Object.keys(behind)].filter((name) => !(name in all))).toEqual([]);
});
