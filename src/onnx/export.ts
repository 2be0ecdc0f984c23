// Models as ONNX files, for every runtime that reads those.
import { FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sameShape } from "../core/shape.ts";
import type { Engine } from "../engine/engine.ts";
import type { Node, Tensor } from "../graph/tensor.ts";
import { type Frozen, freeze } from "../inference/frozen.ts";
import type { Model } from "../nn/model.ts";
import { writeFile } from "./export/file.ts";
import { OnnxGraph, type Value } from "./export/graph.ts";
import type { Size } from "./export/sizes.ts";
import { exporters } from "./export/table.ts";
import { Translation } from "./export/translation.ts";

/** What stands for a model as it predicts, at any batch size: a quantized one does. */
export interface Freezable {
  frozen(batchSize: number): Promise<Frozen>;
}

/** How inputs are normalized: (x − mean) / standardDeviation, a number for all or one for each of the last axis. */
export interface OnnxNormalization {
  readonly mean: number | readonly number[];
  readonly standardDeviation: number | readonly number[];
}

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

/** What depends on the batch differs between these. */
const BATCHES: Size = [2, 3];

const wanted = (what: string, got: unknown, wanted: string) =>
  new OptionError(`toOnnx: ${what}: got ${JSON.stringify(got)}, wanted ${wanted}`);

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
  if (options.includeNormalization && !options.normalization)
    throw wanted("normalization", undefined, "one to include");
}

/** The nodes of one graph by those of the other. @throws FormatError where they differ in more than sizes. */
function twinsOf(frozen: Frozen, other: Frozen): ReadonlyMap<Node, Node> {
  const isAlike = ({ op, source, outputs }: Node, twin: Node | undefined) => {
    if (op?.name !== twin?.op?.name || source?.kind !== twin?.source?.kind) return false;
    if (source?.kind !== "constant" || twin?.source?.kind !== "constant") return true;
    const { values } = twin.source;
    return (
      sameShape(outputs[0]!.shape, twin.outputs[0]!.shape) &&
      source.values.every((value, k) => Object.is(value, values[k]))
    );
  };
  for (const [k, node] of frozen.nodes.entries()) {
    if (!isAlike(node, other.nodes[k]) || frozen.nodes.length !== other.nodes.length) {
      throw new FormatError(
        `toOnnx: ${frozen.names.get(node.outputs[0]!)}: depends on the batch in more than its sizes: wanted batchSize`,
      );
    }
  }
  return new Map(frozen.nodes.map((node, k) => [node, other.nodes[k]!]));
}

/** @throws FormatError naming the first node that has no like. */
function checkNodes({ nodes, names }: Frozen): void {
  for (const { op, inputs, outputs } of nodes) {
    const name = names.get(outputs[0]!);
    const inner = inputs.find(({ index }) => index > 0);
    if (op && !exporters.has(op.name))
      throw new FormatError(`toOnnx: ${name}: the op ${op.name} has no like in the format`);
    if (inner)
      throw new FormatError(`toOnnx: ${name}: reads ${names.get(inner)}, which the format's op has not`);
  }
}

/** The input as the model wants it. */
function normalized(graph: OnnxGraph, x: Value, { mean, standardDeviation }: OnnxNormalization): Value {
  const channels = x.sizes.at(-1)?.[0] ?? 1;
  const numbers = (what: string, given: number | readonly number[]) => {
    const list = typeof given === "number" ? [given] : given;
    const fits = list.length === 1 || list.length === channels;
    if (!fits || !list.every((each) => Number.isFinite(each) && (what === "mean" || each > 0)))
      throw wanted(`normalization: ${what}`, given, `a number, or one for each of ${channels} channels`);
    return graph.constant(Float32Array.from(list), [list.length]);
  };
  const [middle, deviation] = [numbers("mean", mean), numbers("standardDeviation", standardDeviation)];
  return graph.add("Div", [graph.add("Sub", [x, middle], x.sizes), deviation], x.sizes);
}

/** Says a frozen model in nodes of the format; answers its input and its output. */
function translate(graph: OnnxGraph, frozen: Frozen, other: Frozen, options: OnnxOptions) {
  checkNodes(frozen);
  const to = new Translation(graph, twinsOf(frozen, other));
  const title = (tensor: Tensor) => frozen.names.get(tensor)!;
  const input = graph.input(
    options.inputName ?? "input",
    to.sizes(frozen.input),
    Translation.typeOf(frozen.input),
  );
  graph.scope = "normalization";
  const { normalization, includeNormalization = false } = options;
  if (includeNormalization && frozen.input.dtype === "i32")
    throw wanted("includeNormalization", true, "inputs that are no integers");
  to.set(frozen.input, includeNormalization ? normalized(graph, input, normalization!) : input);
  for (const [node, twin] of twinsOf(frozen, other)) {
    const { op, source, outputs } = node;
    const [y] = outputs as [Tensor];
    graph.scope = title(y);
    if (source?.kind === "constant") to.set(y, graph.constant(source.values, y.shape, source.name));
    if (!op) continue;
    const from = graph.nodes.length;
    exporters.get(op.name)!(to, node, twin);
    const last = graph.nodes.slice(from).at(-1);
    if (last) last.outputs[0]!.title = graph.scope;
  }
  graph.scope = "output";
  const logits = to.last(frozen.output);
  const { activation } = options;
  if (activation && frozen.output.dtype === "i32") throw wanted("activation", activation, "none of integers");
  const { sizes, type, node } = logits;
  const output =
    activation === "softmax"
      ? graph.add("Softmax", [logits], sizes, { axis: sizes.length - 1 })
      : activation === "sigmoid"
        ? graph.add("Sigmoid", [logits], sizes)
        : node
          ? logits
          : graph.add("Identity", [logits], sizes, {}, { type });
  output.title = options.outputName ?? "output";
  return { input, output };
}

export async function toOnnx(
  model: Model | Freezable,
  options: OnnxOptions & { readonly externalData: string },
): Promise<OnnxFiles>;
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
export async function toOnnx(model: Model | Freezable, options?: OnnxOptions): Promise<Uint8Array>;
export async function toOnnx(
  model: Model | Freezable,
  options: OnnxOptions = {},
): Promise<Uint8Array | OnnxFiles> {
  check(options);
  const { batchSize, opset = 17, engine, externalData, classNames, normalization } = options;
  const frozenAt = (size: number) =>
    "frozen" in model ? model.frozen(size) : freeze(model, { batchSize: size, engine });
  const frozen = await frozenAt(batchSize ?? BATCHES[0]);
  const other = batchSize === undefined ? await frozenAt(BATCHES[1]) : frozen;
  const last = frozen.output.shape.at(-1);
  if (classNames && classNames.length !== last)
    throw wanted("classNames", classNames.length, `${last}, one for each output`);
  const graph = new OnnxGraph(opset, batchSize === undefined ? BATCHES : [batchSize, batchSize]);
  const ends = translate(graph, frozen, other, options);
  const metadata = new Map(Object.entries(options.metadata ?? {}));
  if (classNames) metadata.set("classNames", JSON.stringify(classNames));
  if (normalization && !options.includeNormalization)
    metadata.set("normalization", JSON.stringify(normalization));
  const producer = options.producer ?? { name: "downhill", version: "0.1.0" };
  const files = writeFile(graph, ends, { producer, metadata, location: externalData });
  return externalData === undefined ? files.model : files;
}
