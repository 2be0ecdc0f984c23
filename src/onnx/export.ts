// Models as ONNX files, for every runtime that reads those.
import { checkOptions } from "../core/options.ts";
import type { Engine } from "../engine/engine.ts";
import { type Freezable, frozenOf } from "../inference/freezable.ts";
import { type OnnxNormalization, wanted } from "./export/wanted.ts";

/** Options of {@link toOnnx}. */
export interface OnnxOptions {
  /** Examples at a time. Default: any number; the axis is called "batch". */
  readonly batchSize?: number | undefined;
  /** The set of operators: 17, in files of version 8, or 21, in files of version 10. Default: 17. */
  readonly opset?: 17 | 21 | undefined;
  /** Default: "input". */
  readonly inputName?: string | undefined;
  /** Default: "output". */
  readonly outputName?: string | undefined;
  /** What is put behind the model, whose losses take logits: softmax over the last axis, or sigmoid. Default: nothing. */
  readonly activation?: "softmax" | "sigmoid" | undefined;
  /** Names of the outputs, as JSON in the metadata under "classNames". Default: none. */
  readonly classNames?: readonly string[] | undefined;
  /** What was done to the inputs in training, as JSON in the metadata under "normalization". Default: nothing. */
  readonly normalization?: OnnxNormalization | undefined;
  /** Whether the file normalizes its inputs itself, instead of saying how. Default: false. */
  readonly includeNormalization?: boolean | undefined;
  /** More metadata, by key. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Name of the file beside it in which weights of 1 KiB and more lie. Default: they lie in the model. */
  readonly externalData?: string | undefined;
  /** Who the file says has made it. Default: downhill. */
  readonly producer?: { readonly name: string; readonly version: string } | undefined;
  /** Where what is constant is computed. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine | undefined;
}

/** A model whose weights lie beside it. */
export interface OnnxFiles {
  readonly model: Uint8Array;
  /** To be stored under the name that `externalData` gives. */
  readonly weights: Uint8Array;
}

const KNOWN = {
  batchSize: 0,
  opset: 0,
  inputName: 0,
  outputName: 0,
  activation: 0,
  classNames: 0,
  normalization: 0,
  includeNormalization: 0,
  metadata: 0,
  externalData: 0,
  producer: 0,
  engine: 0,
} as const;

/** Absolute paths and those that leave the folder, which the format has not and readers refuse. */
const OUTSIDE = /^[\\/]|^[a-z]:|(^|[\\/])\.\.([\\/]|$)/i;
const isText = (value: unknown): value is string => typeof value === "string";

/** What depends on the batch differs between these. */
const BATCHES = [2, 3] as const;

function check(options: OnnxOptions): void {
  checkOptions("toOnnx", options, KNOWN);
  const { batchSize, opset = 17, activation = "softmax", externalData, inputName, outputName } = options;
  if (batchSize !== undefined && !(Number.isSafeInteger(batchSize) && batchSize >= 1))
    throw wanted("batchSize", batchSize, "a positive integer");
  if (opset !== 17 && opset !== 21) throw wanted("opset", opset, "17 or 21");
  if (activation !== "softmax" && activation !== "sigmoid")
    throw wanted("activation", activation, '"softmax" or "sigmoid"');
  for (const [what, name] of Object.entries({ inputName, outputName, externalData }))
    if (name !== undefined && !(typeof name === "string" && name)) throw wanted(what, name, "a name");
  if ((inputName ?? "input") === (outputName ?? "output")) throw wanted("outputName", outputName, "another");
  if (externalData !== undefined && OUTSIDE.test(externalData))
    throw wanted("externalData", externalData, "a file beside the model");
  const { classNames, metadata = {}, producer } = options;
  if (classNames !== undefined && !(Array.isArray(classNames) && classNames.every(isText)))
    throw wanted("classNames", classNames, "a list of names");
  if (metadata === null || typeof metadata !== "object" || !Object.values(metadata).every(isText))
    throw wanted("metadata", metadata, "pairs of texts");
  if (producer !== undefined && !(isText(producer?.name) && isText(producer.version)))
    throw wanted("producer", producer, "a name and a version");
  if (options.includeNormalization && !options.normalization)
    throw wanted("normalization", undefined, "one to include");
}

function checkNormalization(normalization: OnnxNormalization, channels: number): void {
  for (const what of ["mean", "standardDeviation"] as const) {
    const given = normalization[what];
    const list = typeof given === "number" ? [given] : given;
    const fits = Array.isArray(list) && (list.length === 1 || list.length === channels);
    // As the file has them: in 32 bits a small deviation may be 0.
    const isGood = (each: unknown) =>
      typeof each === "number" &&
      Number.isFinite(Math.fround(each)) &&
      (what === "mean" || Math.fround(each) > 0);
    if (!fits || !list.every(isGood))
      throw wanted(`normalization: ${what}`, given, `a number, or one for each of ${channels} channels`);
  }
}

/**
 * A model as the bytes of an ONNX file: the graph that it predicts with, scales folded into products, without dropout.
 * Inputs and outputs have the shapes that they have here, channels last. With `externalData` the weights lie beside it.
 * @throws FormatError naming a node that the format has nothing like. @throws OptionError for an option out of range.
 * @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [28, 28, 1] }, conv2d(8, 3, { activation: "relu" }), flatten(), dense(10));
 * await model.initialize();
 * const bytes = await toOnnx(model, { activation: "softmax", metadata: { license: "MIT" } });
 */
export async function toOnnx(
  model: Freezable,
  options: OnnxOptions & { readonly externalData: string },
): Promise<OnnxFiles>;
export async function toOnnx(model: Freezable, options?: OnnxOptions): Promise<Uint8Array>;
export async function toOnnx(model: Freezable, options: OnnxOptions = {}): Promise<Uint8Array | OnnxFiles> {
  check(options);
  const { batchSize, opset = 17, engine, externalData, classNames, normalization } = options;
  const frozenAt = (size: number) => frozenOf(model, { batchSize: size, engine });
  const frozen = await frozenAt(batchSize ?? BATCHES[0]);
  const other = batchSize === undefined ? await frozenAt(BATCHES[1]) : frozen;
  const last = frozen.output.shape.at(-1);
  if (classNames && classNames.length !== last)
    throw wanted("classNames", classNames.length, `${last}, one for each output`);
  if (normalization) checkNormalization(normalization, frozen.input.shape.at(-1)!);
  const metadata = new Map(Object.entries(options.metadata ?? {}));
  if (classNames) metadata.set("classNames", JSON.stringify(classNames));
  if (normalization && !options.includeNormalization)
    metadata.set("normalization", JSON.stringify(normalization));
  const producer = options.producer ?? { name: "downhill", version: "0.1.0" };
  const batches = batchSize === undefined ? BATCHES : ([batchSize, batchSize] as const);
  // Who only reads such files, or only might write one, does not load what writes them.
  const { writeModel } = await import("./export/write.ts");
  const files = writeModel(
    { batches, frozen: [frozen, other] },
    { ...options, opset, producer, metadata, location: externalData },
  );
  return externalData === undefined ? files.model : files;
}
