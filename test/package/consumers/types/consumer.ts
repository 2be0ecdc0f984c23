// Every entry point, used as a program in TypeScript uses it.
import {
  type Callback,
  createEngine,
  createTrainer,
  type Engine,
  EngineError,
  type EpochRecord,
  type Model,
  meanSquaredError,
  sequential,
  train,
} from "downhill";
import { type ChannelGroup, channelGroups } from "downhill/compress";
import { type Dataset, dataset } from "downhill/data";
import { type Image, resizeImage } from "downhill/images";
import { learningRateRangeTest } from "downhill/instruments";
import { type FromKerasOptions, fromKeras } from "downhill/keras";
import { conv2d, layerNorm } from "downhill/layers";
import { f1 } from "downhill/losses";
import { lbfgs, type Minimum, minimizeSync, rosenbrock } from "downhill/minimize";
import { fromOnnx, type OnnxFiles, toOnnx } from "downhill/onnx";
import { lion, oneCycle } from "downhill/optim";
import { type QuantizedModel, quantize } from "downhill/quantize";
import { entrants, type RaceEntrant } from "downhill/race";
import { labelSmoothing } from "downhill/regularize";
import * as slim from "downhill/slim";
import { shrink } from "downhill/slim/compress";
import { dataset as slimDataset } from "downhill/slim/data";
import { resizeImage as slimResizeImage } from "downhill/slim/images";
import { csvLog } from "downhill/slim/instruments";
import { fromKeras as slimFromKeras } from "downhill/slim/keras";
import { lstm } from "downhill/slim/layers";
import { focal } from "downhill/slim/losses";
import { nelderMead } from "downhill/slim/minimize";
import { adan } from "downhill/slim/optim";
import { quantizationAware } from "downhill/slim/quantize";
import { performanceProfile } from "downhill/slim/race";
import { mixup } from "downhill/slim/regularize";
import { csvRows } from "downhill/slim/tables";
import { words } from "downhill/slim/text";
import { toPyTorch as slimToPyTorch } from "downhill/slim/torch";
import { type CompiledModel, compileModel } from "downhill/standalone";
import { readTable, type Table } from "downhill/tables";
import { characters, type Tokenizer } from "downhill/text";
import { type TfliteOptions, toTflite } from "downhill/tflite";
import { type PyTorchOptions, toPyTorch } from "downhill/torch";

const data: Dataset = dataset({ inputs: [[0, 1]], labels: [1] });
const model: Model = sequential({ input: [2] }, layerNorm());
const engine: Engine = await createEngine({ threads: 1, numerics: "exact" });
const losses: number[] = [];
const watch: Callback = {
  onEpoch: (record: EpochRecord) => {
    losses.push(record.loss);
  },
};
const { history } = await train(model, {
  data,
  engine,
  loss: labelSmoothing(0.1),
  metrics: [f1()],
  optimizer: lion({ learningRate: oneCycle({ peak: 1e-3, steps: 100 }) }),
  batchSize: "full",
  epochs: 1,
  callbacks: [watch],
});
export const last: number | undefined = history.at(-1)?.loss;
export const predicted: Float32Array = await model.predict([0, 1], { engine });
export const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer: lion() });
export const image: Image = resizeImage(
  { values: new Float32Array(4), height: 2, width: 2, channels: 1 },
  [1, 1],
);
const asked: TfliteOptions = { quantization: { calibration: [[0, 1]], output: "int8" } };
export const lite: Uint8Array = await toTflite(model, asked);
export const lowest: Minimum = minimizeSync(rosenbrock(), [0, 0], lbfgs());
export const raced: RaceEntrant[] = entrants();
export const table: Table = await readTable(csvRows("a\n1\n"));
export const tokenizer: Tokenizer = characters();
export const onnxFile: Uint8Array = await toOnnx(model, { activation: "softmax" });
export const imported: Model = await fromOnnx(onnxFile, { frozen: "*.bias" });
export const onnxFiles: OnnxFiles = await toOnnx(model, { externalData: "digits.weights" });
const names: PyTorchOptions = { names: { dense: "fc" } };
export const stateDict: Uint8Array = toPyTorch(model, names);
const open: FromKerasOptions = { input: [2] };
export const ofKeras: Model = fromKeras("{}", new Uint8Array(), open);
export const compiled: CompiledModel = await compileModel(model, { batchSizes: [1, 8] });
export const groups: readonly ChannelGroup[] = channelGroups(model);
export const threads: number | undefined =
  new EngineError("none") instanceof Error ? engine.threads : undefined;
export const added: "relaxed" | "plain" = await slim.init({ bytes: new Uint8Array(8) });
export const slimModel: slim.Model = slim.sequential({ input: [2] }, slim.dense(1));
export const smaller: QuantizedModel = await quantize(model, { weights: "int4" });
export const rest = [
  conv2d,
  learningRateRangeTest,
  shrink,
  slimDataset,
  slimResizeImage,
  csvLog,
  lstm,
  focal,
  nelderMead,
  adan,
  performanceProfile,
  quantizationAware,
  mixup,
  words,
  slimFromKeras,
  slimToPyTorch,
];
