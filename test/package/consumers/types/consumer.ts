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
import { type Dataset, dataset } from "downhill/data";
import { type Image, resizeImage } from "downhill/images";
import { learningRateRangeTest } from "downhill/instruments";
import { conv2d, layerNorm } from "downhill/layers";
import { f1 } from "downhill/losses";
import { lbfgs, type Minimum, minimizeSync, rosenbrock } from "downhill/minimize";
import { fromOnnx, type OnnxFiles, toOnnx } from "downhill/onnx";
import { lion, oneCycle } from "downhill/optim";
import { entrants, type RaceEntrant } from "downhill/race";
import { labelSmoothing } from "downhill/regularize";
import * as slim from "downhill/slim";
import { dataset as slimDataset } from "downhill/slim/data";
import { resizeImage as slimResizeImage } from "downhill/slim/images";
import { csvLog } from "downhill/slim/instruments";
import { lstm } from "downhill/slim/layers";
import { focal } from "downhill/slim/losses";
import { nelderMead } from "downhill/slim/minimize";
import { adan } from "downhill/slim/optim";
import { performanceProfile } from "downhill/slim/race";
import { mixup } from "downhill/slim/regularize";
import { csvRows } from "downhill/slim/tables";
import { words } from "downhill/slim/text";
import { readTable, type Table } from "downhill/tables";
import { characters, type Tokenizer } from "downhill/text";

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
export const lowest: Minimum = minimizeSync(rosenbrock(), [0, 0], lbfgs());
export const raced: RaceEntrant[] = entrants();
export const table: Table = await readTable(csvRows("a\n1\n"));
export const tokenizer: Tokenizer = characters();
export const onnxFile: Uint8Array = await toOnnx(model, { activation: "softmax" });
export const imported: Model = await fromOnnx(onnxFile, { frozen: "*.bias" });
export const onnxFiles: OnnxFiles = await toOnnx(model, { externalData: "digits.weights" });
export const threads: number | undefined =
  new EngineError("none") instanceof Error ? engine.threads : undefined;
export const added: "relaxed" | "plain" = await slim.init({ bytes: new Uint8Array(8) });
export const slimModel: slim.Model = slim.sequential({ input: [2] }, slim.dense(1));
export const rest = [
  conv2d,
  learningRateRangeTest,
  slimDataset,
  slimResizeImage,
  csvLog,
  lstm,
  focal,
  nelderMead,
  adan,
  performanceProfile,
  mixup,
  words,
];
