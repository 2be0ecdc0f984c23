// Quantization of a trained model: scales from what its tensors were seen to hold, weights in the bits that were asked for.
import { OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import { type Frozen, freeze } from "../inference/frozen.ts";
import type { InputReader, Inputs } from "../nn/inputs.ts";
import type { Model, RunOptions } from "../nn/model.ts";
import { watch } from "./activations.ts";
import { checkLayers, learnedRanges, QuantizationAwareModel } from "./aware.ts";
import {
  type CalibrationMethod,
  checkCalibration,
  type Ranges,
  rangesOf,
  readCalibration,
} from "./calibrate.ts";
import { readPlan } from "./file.ts";
import { signalToNoise } from "./numbers.ts";
import { belongs, constantOf, weightOf } from "./products.ts";
import { type LayerReport, placeholders, QuantizedModel } from "./quantized-model.ts";
import type { Plan } from "./rewriting.ts";
import { alike, formsOf, restore, type Storage, type Stored, store, type WeightType } from "./stored.ts";

/** Options of {@link quantize}. */
export interface QuantizeOptions {
  /** What weights are stored as; biases and all that is no weight stay f32, but for "f16" and "bf16". Default: "int8". */
  readonly weights?: WeightType | undefined;
  /**
   * What products of int8 weights read. "int8": bytes by scales known beforehand, from `calibration` or from a training
   * that was aware of it. "dynamic": bytes by a scale of each row, for matrices. "float": floats, and so with other weights.
   * Default: "int8" where there are ranges, else "dynamic" with "int8", else "float".
   */
  readonly activations?: "int8" | "dynamic" | "float" | undefined;
  /** A few hundred examples like those that the model will see. */
  readonly calibration?: Inputs | undefined;
  /** How ranges are chosen, see `calibrate`. Default: "minMax". */
  readonly method?: CalibrationMethod | undefined;
  /** Of the method "percentile". Default: 99.99. */
  readonly percentile?: number | undefined;
  /** Whether each channel of an int8 weight has a scale, or all of it one. Default: "channel". */
  readonly granularity?: "channel" | "tensor" | undefined;
  /** Weights of a column that share a scale in int4; with another number than 32 products make floats of them first. Default: 32. */
  readonly blockSize?: number | undefined;
  /** Layers that stay in floats, by their names. Default: none. */
  readonly skip?: readonly string[] | undefined;
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine | undefined;
}

const OPTIONS: OptionNames<QuantizeOptions> = {
  weights: 0,
  activations: 0,
  calibration: 0,
  method: 0,
  percentile: 0,
  granularity: 0,
  blockSize: 0,
  skip: 0,
  engine: 0,
};

/** Examples of the calibration that errors are measured on. */
const MEASURED = 32;

function checkChoice(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    throw new OptionError(
      `quantize: ${name}: got ${JSON.stringify(value)}, wanted one of ${known.join(", ")}`,
    );
}

/** Options with their defaults. @throws OptionError */
function settled(model: Model, options: QuantizeOptions) {
  const { weights = "int8", granularity = "channel", blockSize = 32, skip = [], calibration } = options;
  checkChoice("weights", weights, ["int8", "int4", "f16", "bf16"]);
  checkChoice("granularity", granularity, ["channel", "tensor"]);
  const ranged = calibration !== undefined || model instanceof QuantizationAwareModel;
  const fitting = ranged ? "int8" : "dynamic";
  const { activations = weights === "int8" ? fitting : "float" } = options;
  checkChoice("activations", activations, ["int8", "dynamic", "float"]);
  if (activations !== "float" && weights !== "int8")
    throw new OptionError(
      `quantize: activations: got "${activations}" with ${weights} weights, wanted "float"`,
    );
  if (activations === "int8" && !ranged)
    throw new OptionError(
      `quantize: calibration: got none, wanted examples, or a model of quantizationAware, or activations "dynamic"`,
    );
  if (!(Number.isSafeInteger(blockSize) && blockSize >= 1))
    throw new OptionError(`quantize: blockSize: got ${blockSize}, wanted a positive integer`);
  checkCalibration("quantize", options);
  checkLayers("quantize", model, skip);
  return { weights, granularity, blockSize, skip, activations, calibration };
}

/** The parameters of a frozen model as they are stored; what is the same under two names is the same. */
function storedOf(frozen: Frozen, storage: Storage, skip: readonly string[]): Map<string, Stored> {
  const stored = new Map<string, Stored>();
  const forms = formsOf(frozen);
  for (const [name, form] of forms) {
    const source = constantOf(form.tensor)!;
    const values = source.values as Float32Array<ArrayBuffer>;
    const before = [...stored.keys()].find((other) => {
      const twin = constantOf(forms.get(other)!.tensor)!;
      const { length } = twin.values;
      return (
        twin.name === source.name &&
        length === values.length &&
        twin.values.every((value, index) => value === values[index])
      );
    });
    const again = before && alike(stored.get(before)!, forms.get(before)!, form);
    const kept: Stored = belongs(source.name, skip)
      ? { type: "f32", shape: form.shape, values }
      : store(name, values, form, storage);
    stored.set(name, again || kept);
  }
  return stored;
}

/** The numbers of tensors over some inputs, example after example, by the names that the frozen model gives them. */
async function valuesOf(
  frozenAt: (batchSize: number) => Promise<Frozen>,
  engine: Engine,
  inputs: InputReader,
): Promise<ReadonlyMap<string, Float32Array>> {
  const all = new Map<string, Float32Array>();
  const chosen = ({ names, input }: Frozen) => [...names.keys()].filter((tensor) => tensor !== input);
  await watch({ frozenAt, engine, chosen }, inputs, ({ name, values, from, to }) => {
    const size = values.length / (to - from);
    const whole = all.get(name) ?? new Float32Array(size * inputs.length);
    whole.set(values, from * size);
    all.set(name, whole);
  });
  return all;
}

/** What a quantized model costs, and where its errors are found. */
interface Measured {
  readonly frozenAt: (batchSize: number) => Promise<Frozen>;
  readonly plan: Plan;
  readonly engine: Engine;
  readonly inputs: InputReader | undefined;
}

/** What quantization costs each product: of the weight and, where there are inputs, of the result. */
async function reportOf({ frozenAt, plan, engine, inputs }: Measured): Promise<readonly LayerReport[]> {
  const { rewritten } = await import("./rewriting.ts");
  const one = await frozenAt(1);
  const forms = formsOf(one);
  const { layers } = rewritten(one, plan);
  // The results of all layers in floats, and in the quantized model, under the same names.
  const resultsAt = (quantized: boolean) => async (batchSize: number) => {
    const frozen = await frozenAt(batchSize);
    const { frozen: other, layers, floatsOf } = rewritten(frozen, plan);
    const names = new Map(
      layers.map(({ result }, index) => [quantized ? floatsOf(result) : result, String(index)]),
    );
    const { graph, input, output, nodes } = quantized ? other : frozen;
    return { graph, input, output, nodes, names: names.set(input, "input") };
  };
  const tried = layers.length > 0 ? inputs : undefined;
  const wanted = tried && (await valuesOf(resultsAt(false), engine, tried));
  const got = tried && (await valuesOf(resultsAt(true), engine, tried));
  return layers.map(({ node, input }, index) => {
    const { tensor, axis } = weightOf(node)!;
    const name = one.names.get(tensor)!;
    const stored = plan.stored.get(name)!;
    const floats = restore(stored, forms.get(name)!.axis ?? axis, plan.blockSize);
    const [before, after] = [wanted, got].map((values) => values?.get(String(index)));
    return {
      name,
      op: node.op!.name,
      weights: stored.type as WeightType,
      input,
      weightDecibels: signalToNoise(constantOf(tensor)!.values, floats),
      outputDecibels: before && after && signalToNoise(before, after),
    };
  });
}

/**
 * A trained model with weights in fewer bits and, with int8 weights, products of integers: scales are symmetric for each
 * channel of a weight, and cover the calibrated range of an activation, whose 7 bits are the same integers on every
 * instruction set. Batch normalizations are part of the weights by then; a product, its bias and a ReLU, ReLU6 or clamp are
 * one op, and between two such products only integers lie, also through reshapes, pools of maxima, slices, padding,
 * concatenations, sums of branches, activations, means and layer normalizations. Everything else computes in floats. The model is left as it is, and later changes of its weights do not
 * reach the quantized one. A model of `quantizationAware` brings its ranges along. Jacob et al. 2018; Krishnamoorthi 2018.
 * @throws OptionError for options out of range or that do not go together, or a weight that f16 or int4 cannot hold.
 * @throws DataError for a calibration as `calibrate` refuses it, or weights that are not finite. @throws EngineError where the model has no weights yet.
 * @example
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 1 });
 * const small = await quantize(model, { calibration: data });
 * await small.predict(images);
 * small.bytes; // 8,000 or so, where the model has 31,400
 * small.report; // [{ name: "dense.weight", op: "matmul", weights: "int8", weightDecibels: 43, … }]
 */
export async function quantize(model: Model, options: QuantizeOptions = {}): Promise<QuantizedModel> {
  const { weights, granularity, blockSize, skip, activations, calibration } = settled(
    model,
    checkOptions("quantize", options, OPTIONS),
  );
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  const original = model instanceof QuantizationAwareModel ? model.original : model;
  const parameters = model.parameters();
  const frozenAt = (batchSize: number) => freeze(original, { batchSize, engine, parameters });
  const frozen = await frozenAt(1);
  const inputs = calibration && readCalibration("quantize", model, calibration);
  let ranges: Ranges = new Map();
  if (activations === "int8" && inputs)
    ranges = await rangesOf("quantize", { frozenAt, engine }, inputs, options);
  else if (activations === "int8")
    ranges = await learnedRanges(model as QuantizationAwareModel, frozen, { engine });
  const stored = storedOf(frozen, { weights, granularity, blockSize }, skip);
  const all: Plan = { stored, activations, blockSize, ranges };
  const { usedRanges } = await import("./rewriting.ts");
  const plan = { ...all, ranges: usedRanges(frozen, all) };
  const few = inputs && { ...inputs, length: Math.min(MEASURED, inputs.length) };
  return new QuantizedModel(original, plan, await reportOf({ frozenAt, plan, engine, inputs: few }));
}

/**
 * Reads a quantized model from the bytes that its `toBytes` wrote. The model says what is computed, its weights do not
 * matter: it need not have any.
 * @throws FormatError for a file that is not what it says it is. @throws ShapeError for one of another model.
 * @example
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 1 });
 * const bytes = (await quantize(model, { weights: "f16" })).toBytes();
 * const small = await quantizedFromBytes(bytes, sequential({ input: [784] }, dense(10)));
 */
export async function quantizedFromBytes(
  bytes: Uint8Array,
  model: Model,
  options: RunOptions = {},
): Promise<QuantizedModel> {
  const { engine } = checkOptions("quantizedFromBytes", options, { engine: 0 });
  const original = model instanceof QuantizationAwareModel ? model.original : model;
  const where = engine ?? (await defaultEngine());
  const frozen = await freeze(original, { engine: where, parameters: placeholders(original) });
  return new QuantizedModel(original, readPlan(bytes, formsOf(frozen), new Set(frozen.names.values())));
}
