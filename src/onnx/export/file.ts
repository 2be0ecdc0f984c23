// A graph as the bytes of an ONNX file. Field numbers are those of onnx.proto:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import { FormatError } from "../../core/errors.ts";
import { ProtobufMessage } from "../../formats/protobuf.ts";
import { type Attribute, type Body, FLOAT, type GraphNode, type OnnxGraph, type Value } from "./graph.ts";
import { growthOf } from "./sizes.ts";

/** What a file says beside its graph. */
export interface Heading {
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata: Iterable<readonly [string, string]>;
  /** Where large weights lie; default: in the file. */
  readonly location: string | undefined;
}

/** Kinds of attributes. */
const [A_FLOAT, A_INT, A_STRING, A_GRAPH, A_INTS, A_STRINGS] = [1, 2, 3, 5, 7, 8];
/** The versions of the format that go with a set of operators. */
const VERSIONS: Readonly<Record<number, number>> = { 17: 8, 21: 10 };
/** The name of the axis that grows with the batch. */
const BATCH = "batch";
/** Weights from so many bytes on may lie outside; where they begin there, as systems map files. */
const OUTSIDE = 1024;
const [LARGE, PAGE, LINE] = [2 ** 20, 4096, 64];

const message = () => new ProtobufMessage();
const isBody = (value: Attribute): value is Body => typeof value === "object" && "nodes" in value;
const bodiesOf = ({ attributes }: GraphNode) => Object.values(attributes).filter(isBody);
const pair = (key: string, value: string) => message().string(1, key).string(2, value);

/** The nodes that the outputs need, and the constants that these read. */
function needed(nodes: readonly GraphNode[], outputs: readonly Value[]) {
  const read = new Set(outputs);
  const kept: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => read.has(output))) continue;
    kept.push(node);
    const inner = bodiesOf(node).flatMap((body) => body.nodes);
    for (const value of [node, ...inner].flatMap(({ inputs }) => inputs)) if (value) read.add(value);
  }
  return { kept: kept.reverse(), constants: [...read].filter(({ numbers }) => numbers) };
}

/** Writes one file. */
class Writer {
  readonly #graph: OnnxGraph;
  readonly #location: string | undefined;
  readonly #names = new Map<Value, string>();
  readonly #taken = new Set<string>();
  /** What lies outside, and where it begins. */
  readonly outside: { at: number; bytes: Uint8Array }[] = [];
  end = 0;

  constructor(graph: OnnxGraph, location: string | undefined) {
    this.#graph = graph;
    this.#location = location;
  }

  /** The name of a value: what it is called, and a number where that is taken. */
  name(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    let name = value.title;
    for (let k = 1; this.#taken.has(name); k++) name = `${value.title}_${k}`;
    this.#taken.add(name);
    this.#names.set(value, name);
    return name;
  }

  graph(title: string, nodes: readonly GraphNode[], inputs: readonly Value[], outputs: readonly Value[]) {
    const { kept, constants } = needed(nodes, outputs);
    // Those that people look for first, so that they have the names that they are called.
    for (const value of [...inputs, ...outputs, ...constants]) this.name(value);
    return { kept, constants, graph: this.#body(title, kept, inputs, outputs) };
  }

  #body(title: string, nodes: readonly GraphNode[], inputs: readonly Value[], outputs: readonly Value[]) {
    const graph = message();
    for (const node of nodes) graph.message(1, this.#node(node));
    graph.string(2, title);
    for (const input of inputs) graph.message(11, this.#info(input));
    for (const output of outputs) graph.message(12, this.#info(output));
    return graph;
  }

  #node({ type, inputs, outputs, attributes }: GraphNode): ProtobufMessage {
    const node = message();
    const last = inputs.findLastIndex((input) => input !== undefined);
    for (const input of inputs.slice(0, last + 1)) node.string(1, input ? this.name(input) : "");
    for (const output of outputs) node.string(2, this.name(output));
    node.string(3, this.name(outputs[0]!)).string(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, this.#attribute(name, value));
    return node;
  }

  #attribute(name: string, value: Attribute): ProtobufMessage {
    const attribute = message().string(1, name);
    const kind = (number: number) => attribute.integer(20, number);
    if (typeof value === "number") return kind(A_INT!).integer(3, value);
    if (typeof value === "string") return kind(A_STRING!).string(4, value);
    if ("float" in value) return kind(A_FLOAT!).float(2, value.float);
    if (isBody(value)) {
      const { nodes, inputs, outputs } = value;
      return kind(A_GRAPH!).message(6, this.#body(name, nodes, inputs, outputs));
    }
    if (!value.some((each) => typeof each === "string"))
      return kind(A_INTS!).integers(8, value as readonly number[]);
    for (const each of value) attribute.string(9, each as string);
    return kind(A_STRINGS!);
  }

  #info(value: Value): ProtobufMessage {
    const shape = message();
    for (const size of value.sizes) {
      const { each, more } = growthOf(size, this.#graph.batches);
      const dimension = message();
      if (each === 0) dimension.integer(1, more);
      else if (each === 1 && more === 0) dimension.string(2, BATCH);
      shape.message(1, dimension);
    }
    const tensor = message().integer(1, value.type).message(2, shape);
    return message().string(1, this.name(value)).message(2, message().message(1, tensor));
  }

  constant(value: Value): ProtobufMessage {
    const { buffer, byteOffset, byteLength } = value.numbers!;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const tensor = message();
    if (value.sizes.length > 0)
      tensor.integers(
        1,
        value.sizes.map(([size]) => size),
      );
    tensor.integer(2, value.type).string(8, this.name(value));
    if (this.#location === undefined || value.type !== FLOAT || byteLength < OUTSIDE)
      return tensor.bytes(9, bytes);
    const step = byteLength < LARGE ? LINE : PAGE;
    const at = Math.ceil(this.end / step) * step;
    this.outside.push({ at, bytes });
    this.end = at + byteLength;
    for (const [key, text] of [
      ["location", this.#location],
      ["offset", `${at}`],
      ["length", `${byteLength}`],
    ] as const)
      tensor.message(13, pair(key, text));
    return tensor.integer(14, 1);
  }
}

/** The bytes of a file, and those of its weights where they lie outside. */
export function writeFile(
  graph: OnnxGraph,
  { input, output }: Record<"input" | "output", Value>,
  { producer, metadata, location }: Heading,
): { model: Uint8Array; weights: Uint8Array } {
  const writer = new Writer(graph, location);
  const { graph: body, constants } = writer.graph("model", graph.nodes, [input], [output]);
  for (const constant of constants) body.message(5, writer.constant(constant));
  const file = message()
    .integer(1, VERSIONS[graph.opset]!)
    .string(2, producer.name)
    .string(3, producer.version)
    .message(7, body)
    .message(8, message().integer(2, graph.opset));
  for (const [key, value] of metadata) file.message(14, pair(key, value));
  if (file.length >= 2 ** 31)
    throw new FormatError(
      `toOnnx: a file is smaller than 2 GiB: got ${file.length} bytes, wanted externalData`,
    );
  const weights = new Uint8Array(writer.end);
  for (const { at, bytes } of writer.outside) weights.set(bytes, at);
  return { model: file.toBytes(), weights };
}
