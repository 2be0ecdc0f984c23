// Makes a model of a file in ONNX's format: its function says the file's graph in ops, its parameters are the file's weights.
import { DownhillError, FormatError, OptionError, ShapeError } from "../../core/errors.ts";
import { checkOptions } from "../../core/options.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../../core/shape.ts";
import { quote } from "../../formats/json.ts";
import { Graph, type Initializer, type Tensor } from "../../graph/tensor.ts";
import { defineModel, type Model } from "../../nn/model.ts";
import { selects } from "../../optim/groups.ts";
import type { FromOnnxOptions } from "../import.ts";
import type { Scope } from "./call.ts";
import { checkOperators, evaluate, nodesFor } from "./evaluate.ts";
import { type FileValue, type OnnxFile, readOnnx } from "./file.ts";
import { permuted, typeOf } from "./numbers.ts";
import type { Limits, OnnxLimits } from "./tensor.ts";
import { inOrder, turned, Value, type Weight } from "./value.ts";

const LIMITS: Limits = { maxNodes: 100_000, maxTensors: 100_000, maxElements: 2 ** 28 };
/** Element types that reach a model as integers. */
const INTEGERS = [6, 7];

/** Limits as asked for. @throws OptionError where one is no positive integer. */
export function limitsOf(given: OnnxLimits = {}): Limits {
  const names = { maxNodes: 0, maxTensors: 0, maxElements: 0 } as const;
  const limits = { ...LIMITS, ...checkOptions("fromOnnx: limits", given, names) } as Limits;
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isSafeInteger(value) && value >= 1))
      throw new OptionError(`fromOnnx: limits: ${name}: got ${value}, wanted a positive integer`);
  }
  return limits;
}

/** The one that is meant of some names. @throws OptionError */
function chosen(what: string, names: readonly string[], given: string | undefined): string {
  const list = names.map(quote).join(", ");
  if (given !== undefined) return given;
  if (names.length === 1) return names[0]!;
  if (names.length === 0) throw new FormatError(`onnx: graph: got no ${what}, wanted one`);
  throw new OptionError(`fromOnnx: ${what}: got none, wanted one of ${list}`);
}

/** The input's shape without the batch, and the batch if the file is made for one. */
function inputOf({ name, shape, type }: FileValue, given: Shape | undefined, { maxElements }: Limits) {
  const where = `onnx: input ${quote(name)}`;
  typeOf(where, type);
  if (shape?.some((size) => typeof size === "number" && !(Number.isSafeInteger(size) && size >= 0)))
    throw new FormatError(`${where}: got ${showShape(shape as Shape)}, wanted sizes from 0 on`);
  if (shape?.length === 0) throw new FormatError(`${where}: got a single number, wanted a batch of examples`);
  // Some writers have 0 where a size is open.
  const sizes = shape?.slice(1).map((size) => (typeof size === "number" && size > 0 ? size : undefined));
  const own = given ?? sizes;
  if (!own?.every((size) => size !== undefined)) {
    const said = shape ? ` [${shape.map((size) => size ?? "?").join(", ")}]` : "";
    throw new OptionError(
      `fromOnnx: inputShape: got none, wanted the sizes that ${quote(name)}${said} leaves open`,
    );
  }
  const differs =
    sizes && (sizes.length !== own.length || sizes.some((size, k) => size !== undefined && size !== own[k]));
  if (differs)
    throw new OptionError(
      `fromOnnx: inputShape: got ${showShape(own as Shape)}, wanted [${sizes.map((size) => size ?? "any").join(", ")}]`,
    );
  if (!(sizeOf(own as Shape) <= maxElements))
    throw new FormatError(`${where}: got ${showShape(own as Shape)}, wanted at most ${maxElements} elements`);
  const [first] = shape ?? [];
  return {
    input: own as Shape,
    inputType: INTEGERS.includes(type) ? "i32" : "f32",
    batch: typeof first === "number" && first > 0 ? first : undefined,
  } as const;
}

/** The file's weights as parameters: each is stored with its axes in the order that is asked for first. */
class FileWeights {
  readonly #file: OnnxFile;
  readonly #isFrozen: (name: string) => boolean;
  readonly #orders = new Map<string, readonly number[]>();
  /** Of state that begins as a copy of a weight: whose. */
  readonly #origins = new Map<string, string>();

  constructor(file: OnnxFile, isFrozen: (name: string) => boolean) {
    this.#file = file;
    this.#isFrozen = isFrozen;
  }

  /** The numbers of a weight as they are stored. */
  numbers(name: string) {
    const tensor = this.#tensor(name);
    return permuted(tensor.numbers(), tensor.shape, this.#orders.get(name)!);
  }

  tensor(graph: Graph, { name, axes }: Weight): Tensor {
    const order = this.#orders.get(name) ?? axes;
    const own = this.#own(graph, name, order, !this.#isFrozen(name));
    return turned(
      own,
      axes.map((axis) => order.indexOf(axis)),
    );
  }

  /** What training renews; undefined where it is frozen, or trained as a weight elsewhere. */
  state(graph: Graph, { weight }: Value): Tensor | undefined {
    if (!weight) return undefined;
    const { name: origin, copy: name = origin, axes } = weight;
    if (this.#isFrozen(name)) return undefined;
    const known = graph.parameters.get(name)?.node.source;
    if (known?.kind === "parameter" && known.trained) return undefined;
    this.#origins.set(name, origin);
    return this.#own(graph, name, this.#orders.get(name) ?? axes, false);
  }

  #tensor(name: string) {
    return this.#file.initializers.get(this.#origins.get(name) ?? name)!;
  }

  #own(graph: Graph, name: string, order: readonly number[], trained: boolean): Tensor {
    this.#orders.set(name, order);
    const shape = inOrder(this.#tensor(name).shape, order);
    const start: Initializer = (into, of) => into.constant(this.numbers(name), of);
    return trained ? graph.parameter(name, shape, start) : graph.state(name, shape, start);
  }
}

/** The model of a file. @throws FormatError, OptionError */
export function modelOf(bytes: Uint8Array, options: FromOnnxOptions): Model {
  const { weights: external = new Map(), frozen, output, inputShape } = options;
  const limits = limitsOf(options.limits);
  const file = readOnnx(bytes, limits, external);
  const candidates = file.inputs.filter(({ name }) => !file.initializers.has(name));
  const names = new Set(candidates.map(({ name }) => name));
  const wanted = chosen(
    "output",
    file.outputs.map(({ name }) => name),
    output,
  );
  const nodes = nodesFor(file, [wanted], names);
  const read = new Set([wanted, ...nodes.flatMap(({ needs }) => needs)]);
  const needed = candidates.filter(({ name }) => read.has(name));
  const chosenName = chosen(
    "input",
    needed.map(({ name }) => name),
    options.input,
  );
  const others = needed.filter(({ name }) => name !== chosenName).map(({ name }) => quote(name));
  const value = needed.find(({ name }) => name === chosenName);
  if (!value || others.length > 0) {
    const got = value ? `it beside ${others.join(", ")}` : "one that the output does not depend on";
    throw new OptionError(
      `fromOnnx: input ${quote(chosenName)}: got ${got}, wanted the only one that the output needs`,
    );
  }
  checkOperators(file, nodes);
  const { input, inputType, batch } = inputOf(value, inputShape, limits);
  const isFrozen = (name: string) => frozen !== undefined && selects(frozen, name);
  const weights = new FileWeights(file, isFrozen);

  const apply = (x: Tensor): Tensor => {
    const { graph } = x;
    let left = limits.maxElements;
    const scope: Omit<Scope, "opset"> = {
      graph,
      batch: { file: batch, now: x.shape[0]! },
      weight: (weight) => weights.tensor(graph, weight),
      state: (of) => weights.state(graph, of),
      spend(where, count) {
        left -= count;
        if (!(left >= 0))
          throw new FormatError(
            `${where}: got more numbers to compute at import, wanted at most ${limits.maxElements}`,
          );
      },
    };
    const given = new Map([[chosenName, new Value(scope, x.shape, { type: value.type, first: x })]]);
    const y = evaluate(file, nodes, scope, given, limits).get(wanted);
    if (!y || y.fixed)
      throw new FormatError(`onnx: output ${quote(wanted)}: got numbers, wanted what depends on the input`);
    return y.tensor;
  };

  const model = built(() => {
    const made = defineModel({ input, inputType }, apply);
    // Another number of examples shows whether the file can have one.
    const graph = new Graph("predict");
    const y = made.trace(graph, graph.input("input", [2, ...input], inputType));
    if (!sameShape(y.shape, [2, ...made.outputShape]))
      throw new ShapeError(
        `the output must keep the batch as its first axis, got ${showShape(y.shape)} for 2 examples`,
      );
    return made;
  }, wanted);
  if (frozen !== undefined && !model.weights.segments.some(({ name }) => isFrozen(name)))
    throw new OptionError(
      `fromOnnx: frozen: got none of the parameters, wanted some of ${model.weights.segments.map(({ name }) => name).join(", ")}`,
    );
  model.setParameters(
    new Map(
      model.weights.segments.map(({ name, shape }) => [name, { shape, values: weights.numbers(name) }]),
    ),
  );
  return model;
}

/** What is wrong with shapes is wrong with the file. */
function built(make: () => Model, output: string): Model {
  try {
    return make();
  } catch (error) {
    if (error instanceof DownhillError && !(error instanceof FormatError))
      throw new FormatError(`onnx: output ${quote(output)}: ${error.message}`, { cause: error });
    throw error;
  }
}
