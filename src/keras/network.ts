// How a file puts layers together: one after the other, or as a graph; models in models; masks that go along with tensors.
import { FormatError } from "../core/errors.ts";
import { quote } from "../formats/json.ts";
import type { Tensor } from "../graph/tensor.ts";
import { notZero } from "../nn/recurrent.ts";
import { add, mul, notEqual } from "../ops/arithmetic.ts";
import { concatenate } from "../ops/movement.ts";
import { max } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { Config, type Fields, fieldsOf, listOf, textOf, within, wrong } from "./config.ts";
import { callsOf } from "./functional.ts";
import type { KerasLayer } from "./layer.ts";
import { layers } from "./layers.ts";
import { merges } from "./merge.ts";
import { isRecurrent, type Recurrent, recurrentOf, reversedInTime } from "./recurrent.ts";
import { type KerasWeight, type PathWeight, weightsOf } from "./weights.ts";

/** A tensor, and which of its steps [batch, time] are real, reckoned when somebody asks. */
export interface Value {
  readonly tensor: Tensor;
  readonly mask?: (() => Tensor) | undefined;
}
/** A layer as it stands in a model. */
export type Call = (inputs: readonly Value[]) => Value;

/** What all layers of a file have in common. */
export interface Context {
  readonly weights: readonly PathWeight[];
  /** Values of parameters by their names here. */
  readonly values: Map<string, KerasWeight>;
  readonly modern: boolean;
  /** Names of the models around. */
  readonly prefix: string;
  readonly depth: number;
}

/** Models in models. */
const DEEPEST = 32;
/** Most elements of a tensor for one example. */
const LARGEST = 2 ** 26;
/** What a mask goes through: one step of the result for each of the input. */
const STEPWISE: ReadonlySet<string> = new Set(
  "Dense Activation ReLU LeakyReLU ELU PReLU ThresholdedReLU Softmax Dropout SpatialDropout1D BatchNormalization LayerNormalization GroupNormalization ActivityRegularization InputLayer Rescaling".split(
    " ",
  ),
);
const MODELS: ReadonlySet<string> = new Set(["Sequential", "Functional", "Model"]);

/** Whether a class is a model. */
export const isModel = (kind: string): boolean => MODELS.has(kind);

/** A layer's class, settings and name. */
export function entryOf(value: unknown): { kind: string; fields: Fields; name: string; where: string } {
  const entry = fieldsOf("layer", value);
  const kind = textOf("layer: class_name", entry.class_name);
  // A Sequential of old is its list of layers.
  const fields = Array.isArray(entry.config)
    ? { layers: entry.config }
    : fieldsOf(`layer of class ${quote(kind)}: config`, entry.config);
  const name = textOf(
    `layer of class ${quote(kind)}: name`,
    (fields as Fields).name ?? entry.name ?? kind.toLowerCase(),
  );
  return { kind, fields, name, where: `layer ${quote(name)} (${quote(kind)})` };
}

/** One input and no other. */
function only(where: string, inputs: readonly Value[]): Value {
  const [input] = inputs;
  if (!input || inputs.length > 1)
    throw new FormatError(`fromKeras: ${where}: inputs: got ${inputs.length}, wanted 1`);
  return input;
}

/** The mask of all inputs that have one. */
function commonMask(where: string, inputs: readonly Value[]): Value["mask"] {
  const masks = new Set(inputs.flatMap(({ mask }) => mask ?? []));
  if (masks.size > 1)
    throw new FormatError(`fromKeras: ${where}: masks: got several, wanted one for all inputs`);
  return [...masks][0];
}

/** A layer of a file, or a model in it. */
export function callOf(value: unknown, context: Context): Call {
  const { kind, fields, name, where } = entryOf(value);
  const call = within(where, () => made(kind, fields, { name, where }, context));
  return (inputs) => {
    const result = within(where, () => call(inputs));
    if (result.tensor.size / result.tensor.shape[0]! > LARGEST)
      throw new FormatError(
        `fromKeras: ${where}: got ${result.tensor.size} elements, wanted up to ${LARGEST}`,
      );
    return result;
  };
}

function made(
  kind: string,
  fields: Fields,
  { name, where }: { readonly name: string; readonly where: string },
  context: Context,
): Call {
  const config = new Config(where, fields, context.modern);
  const own = context.prefix + name;
  const layerOf = (
    settings: Config,
    owners: readonly string[],
    given = own,
    direction?: string,
  ): KerasLayer => ({
    config: settings,
    name: given,
    found: weightsOf(context.weights, owners, direction),
    values: context.values,
  });
  if (isModel(kind)) {
    const network = networkOf(kind, fields, { ...context, prefix: `${own}/`, depth: context.depth + 1 });
    return (inputs) => network(only(where, inputs));
  }
  const merge = merges.get(kind)?.(config);
  if (merge)
    return (inputs) => ({
      tensor: merge(inputs.map(({ tensor }) => tensor)),
      mask: commonMask(where, inputs),
    });
  if (kind === "TimeDistributed") {
    const inner = entryOf(fields.layer);
    const build = layers.get(inner.kind);
    if (!build) throw unknown(inner.where);
    const layer = build(layerOf(new Config(inner.where, inner.fields, context.modern), [name, inner.name]));
    return (inputs) => {
      const { tensor: x, mask } = only(where, inputs);
      const [batch, time] = x.shape as [number, number];
      if (x.rank < 3) throw wrong(`${where}: input`, x.rank, "[batch, time, ...]");
      const y = layer(reshape(x, [batch * time, ...x.shape.slice(2)]));
      return { tensor: reshape(y, [batch, time, ...y.shape.slice(1)]), mask };
    };
  }
  if (kind === "Bidirectional") return bidirectional(config, { name, own }, layerOf);
  if (isRecurrent(kind)) {
    const back = config.flag("go_backwards", false);
    const run = recurrentOf(kind, layerOf(config, [name]), back);
    const sequences = config.fields.return_sequences === true;
    return (inputs) => {
      const { tensor, mask } = only(where, inputs);
      const y = run(tensor, mask?.());
      if (!sequences) return { tensor: y };
      if (back && mask) throw new FormatError(`fromKeras: ${where}: go_backwards: got a mask, wanted none`);
      return { tensor: back ? reversedInTime(y) : y, mask };
    };
  }
  if (kind === "Masking") {
    const value = config.number("mask_value", 0);
    return (inputs) => {
      const { tensor: x } = only(where, inputs);
      const real = max(notEqual(x, value), { axes: -1 });
      return { tensor: mul(x, reshape(real, [...real.shape, 1])), mask: () => real };
    };
  }
  const layer = layers.get(kind)?.(layerOf(config, [name]));
  if (!layer) throw unknown(where);
  const maskZero = kind === "Embedding" && config.flag("mask_zero", false);
  return (inputs) => {
    const { tensor: x, mask } = only(where, inputs);
    const tensor = layer(x);
    if (maskZero) return { tensor, mask: () => notZero(x) };
    if (mask && kind === "GlobalAveragePooling1D")
      throw new FormatError(
        `fromKeras: ${where}: got a mask, wanted none: there is no mean of some steps here`,
      );
    return { tensor, mask: STEPWISE.has(kind) ? mask : undefined };
  };
}

const unknown = (where: string) =>
  new FormatError(
    `fromKeras: ${where}: has no equal here, wanted ${[...layers.keys(), ...merges.keys()].join(", ")}, SimpleRNN, LSTM, GRU, Bidirectional, TimeDistributed or Masking`,
  );

/** How results of both directions are joined. */
const JOINED = new Map<unknown, (a: Tensor, b: Tensor) => Tensor>([
  ["concat", (a, b) => concatenate([a, b])],
  ["sum", add],
  ["mul", mul],
  ["ave", (a, b) => mul(add(a, b), 0.5)],
]);

function bidirectional(
  config: Config,
  { name, own }: { readonly name: string; readonly own: string },
  layerOf: (config: Config, owners: readonly string[], given: string, direction: string) => KerasLayer,
): Call {
  const { where, fields, modern } = config;
  const directions = (["forward", "backward"] as const).map((direction): Recurrent => {
    const back = direction === "backward";
    const inner = entryOf((back && fields.backward_layer) || fields.layer);
    if (!isRecurrent(inner.kind)) throw unknown(inner.where);
    const settings = new Config(inner.where, inner.fields, modern);
    const parameters = back ? `${own}_reverse` : own;
    return recurrentOf(inner.kind, layerOf(settings, [name, inner.name], parameters, direction), back);
  });
  const join = JOINED.get(fields.merge_mode ?? "concat");
  if (!join) throw config.wrong("merge_mode", [...JOINED.keys()].join(", "));
  const sequences = fieldsOf(where, entryOf(fields.layer).fields).return_sequences === true;
  return (inputs) => {
    const { tensor, mask } = only(where, inputs);
    const [ahead, back] = directions.map((run) => run(tensor, mask?.()));
    return { tensor: join(ahead!, back!), mask: sequences ? mask : undefined };
  };
}

/** A whole model as a function of its input. */
export function networkOf(kind: string, fields: Fields, context: Context): (input: Value) => Value {
  if (context.depth > DEEPEST) throw new FormatError(`fromKeras: models in models: wanted up to ${DEEPEST}`);
  if (kind === "Sequential") {
    const calls = listOf("layers", fields.layers).map((each) => callOf(each, context));
    return (input) => calls.reduce((value, call) => call([value]), input);
  }
  const { steps, input: from, output } = callsOf(fields, context);
  return (input) => {
    const values = new Map<string, Value>([[from, input]]);
    for (const { key, call, inputs } of steps) values.set(key, call(inputs.map((each) => values.get(each)!)));
    return values.get(output)!;
  };
}
