// A model of Keras or TensorFlow.js as one of ours.
import { FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import { quote } from "../formats/json.ts";
import { Graph } from "../graph/tensor.ts";
import { Model } from "../nn/model.ts";
import { type Fields, fieldsOf, listOf, textOf, within, wrong } from "./config.ts";
import { type Context, entryOf, isModel, networkOf } from "./network.ts";
import { type KerasWeight, readWeights } from "./weights.ts";

/** Options of {@link fromKeras}. */
export interface FromKerasOptions {
  /** Shape of one input, without the batch, for a file that leaves sizes open. Default: the file's. */
  readonly input?: Shape;
}

/**
 * A layers model of Keras or TensorFlow.js: what `model.json` says, with the bytes of its shards, one behind the other or
 * as a list. Sequential and functional models of one input and one output, with shared layers and models inside; weights
 * quantized to uint8, uint16 and float16. It predicts, and can be trained further; parameters are named by the file's layers.
 * @throws FormatError naming what is wrong, and the layer and its class where it has no equal here. @throws OptionError for
 * an `input` that is no shape.
 * @example
 * const json = {
 *   format: "layers-model",
 *   modelTopology: {
 *     class_name: "Sequential",
 *     config: [{ class_name: "Dense", config: { name: "out", units: 2, batch_input_shape: [null, 3] } }],
 *   },
 *   weightsManifest: [
 *     { paths: ["weights.bin"], weights: [
 *       { name: "out/kernel", shape: [3, 2], dtype: "float32" },
 *       { name: "out/bias", shape: [2], dtype: "float32" },
 *     ] },
 *   ],
 * };
 * const imported = fromKeras(json, new Uint8Array(32)); // 8 numbers of 4 bytes
 * await imported.predict([1, 2, 3]); // [0, 0]
 */
export function fromKeras(
  modelJson: string | object,
  weights: Uint8Array | readonly Uint8Array[],
  options: FromKerasOptions = {},
): Model {
  const { input: given } = checkOptions("fromKeras", options, { input: 0 });
  const file = fieldsOf("model.json", parsed(modelJson));
  if (file.format === "graph-model")
    throw wrong("format", file.format, "layers-model: a graph has no layers, convert the Keras model");
  const topology = fieldsOf("modelTopology", file.modelTopology);
  const { kind, fields } = entryOf(topology.model_config ?? topology);
  if (!isModel(kind)) throw wrong("modelTopology: class_name", kind, "Sequential, Functional or Model");

  const values = new Map<string, KerasWeight>();
  const context: Context = {
    weights: readWeights(file.weightsManifest, Array.isArray(weights) ? weights : [weights as Uint8Array]),
    values,
    modern: /^[3-9]/.test(String(topology.keras_version)),
    prefix: "",
    depth: 0,
  };
  const network = networkOf(kind, fields, context);
  const { shape, integers } = inputOf(kind, fields, given);
  const inputType = integers || hasTokens(kind, fields) ? "i32" : "f32";
  const apply = (x: Parameters<Model["trace"]>[1]) => network({ tensor: x }).tensor;

  // What the layers want is known before any of it is allocated.
  const graph = new Graph("train");
  within("model", () => apply(graph.input("input", [1, ...shape], inputType)));
  const parameters = new Map<string, KerasWeight>();
  for (const { shape: wanted, node } of graph.parameters.values()) {
    const { name } = node.source as { readonly name: string };
    const weight = values.get(name);
    if (!weight || !sameShape(weight.shape, wanted))
      throw new FormatError(
        `fromKeras: parameter ${quote(name)}: got ${weight ? showShape(weight.shape) : "no weight"}, wanted ${showShape(wanted)}`,
      );
    parameters.set(name, weight);
  }
  return within("model", () => {
    const model = new Model({ input: shape, inputType }, apply);
    model.setParameters(parameters);
    return model;
  });
}

function parsed(modelJson: string | object): unknown {
  if (typeof modelJson !== "string") return modelJson;
  try {
    return JSON.parse(modelJson);
  } catch (cause) {
    throw new FormatError("fromKeras: model.json: got what is no JSON, wanted JSON", { cause });
  }
}

/** The first layer, through models that begin with models. */
function firstOf(kind: string, fields: Fields): { readonly kind: string; readonly fields: Fields } {
  let first = { kind, fields };
  while (isModel(first.kind)) {
    const layers = listOf("layers", first.fields.layers);
    const inputs =
      first.kind === "Sequential" ? [] : listOf("input_layers", first.fields.input_layers).flat();
    const isFirst = (value: unknown) => inputs.length === 0 || entryOf(value).name === inputs[0];
    const found = layers.find(isFirst);
    if (found === undefined) throw wrong("layers", undefined, "one that takes the input");
    first = entryOf(found);
  }
  return first;
}

/** Shape of one input, and whether it is of integers. */
function inputOf(kind: string, fields: Fields, given: Shape | undefined) {
  const { fields: first } = firstOf(kind, fields);
  const said = first.batch_input_shape ?? first.batch_shape;
  if (!given && said == null)
    throw wrong("batch_input_shape", undefined, "it at the first layer, or the option input");
  const shape = given ?? listOf("batch_input_shape", said).slice(1);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && (size as number) > 0)) {
    if (given)
      throw new OptionError(
        `fromKeras: input: got ${JSON.stringify(given)}, wanted a list of positive integers`,
      );
    throw wrong("batch_input_shape: sizes", shape, "positive integers, or the option input");
  }
  return {
    shape: shape as Shape,
    integers: typeof first.dtype === "string" && textOf("dtype", first.dtype).startsWith("int"),
  };
}

/** Whether what the input goes into first, but for layers that change nothing, looks up rows by number. */
function hasTokens(kind: string, fields: Fields): boolean {
  if (kind === "Embedding") return true;
  if (!isModel(kind)) return false;
  return listOf("layers", fields.layers).some((each) => {
    const inner = entryOf(each);
    return hasTokens(inner.kind, inner.fields);
  });
}
