// What a file in ONNX's format says (onnx.proto): nodes, attributes, inputs, outputs. It is checked as it is read.
import { quote } from "../../formats/json.ts";
import { ProtobufReader } from "../../formats/protobuf-reader.ts";
import {
  type ExternalData,
  type FileTensor,
  fail,
  type Limits,
  readTensor,
  type Surroundings,
  WHERE,
} from "./tensor.ts";

/** An attribute of a node: of the kinds of values the one that it has. */
export interface FileAttribute {
  float?: number;
  integer?: number;
  string?: string;
  tensor?: FileTensor;
  graph?: FileGraph;
  readonly floats: number[];
  readonly integers: number[];
  readonly strings: string[];
  /** Values that nothing here understands. */
  other?: string;
}

/** A node. Names of inputs may be empty: left out. */
export interface FileNode {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, FileAttribute>;
  /** Names of all values that it needs: its inputs, and what the graphs inside it take from around them. */
  readonly needs: readonly string[];
  /** How messages call it. */
  readonly place: string;
}

/** An input or output of the graph. */
export interface FileValue {
  readonly name: string;
  readonly type: number;
  /** Sizes; a text or undefined where they are open. Undefined: not even their number is known. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

/** A graph: the file's, or one inside a node. */
export interface FileGraph {
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, FileTensor>;
  readonly inputs: readonly FileValue[];
  readonly outputs: readonly FileValue[];
  /** Names that it uses and does not make: values around it. */
  readonly free: ReadonlySet<string>;
}

/** The whole file. */
export interface OnnxFile extends FileGraph {
  /** By domain; "" is that of ONNX itself. */
  readonly opsets: ReadonlyMap<string, number>;
}

/** What is counted while a file is read. */
interface Reading extends Surroundings {
  /** Nodes so far, those of graphs in nodes too. */
  nodes: number;
}

/** Domains under which ONNX's own operators stand. */
const domainOf = (name: string): string => (name === "ai.onnx" ? "" : name);

/** Reads a file. @throws FormatError naming the byte, node or tensor that is wrong. */
export function readOnnx(bytes: Uint8Array, limits: Limits, external: ExternalData): OnnxFile {
  const around: Reading = { limits, external, tensors: 0, nodes: 0 };
  const reader = new ProtobufReader(WHERE, bytes);
  const opsets = new Map<string, number>();
  let version = 0;
  let graph: FileGraph | undefined;
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) version = reader.integer();
    else if (field === 7) {
      if (graph) throw fail("model", "two graphs", "one");
      graph = readGraph(reader.message(), "", around);
    } else if (field === 8) {
      const { domain, version: of } = readOpset(reader.message());
      if (opsets.has(domain)) throw fail(`opset of domain ${quote(domain)}`, "it twice", "it once");
      opsets.set(domain, of);
    } else reader.skip();
  }
  if (!(version >= 1)) throw fail("ir_version", version, "1 or more: is it an ONNX file?");
  if (!graph) throw fail("model", "no graph", "one");
  return { ...graph, opsets };
}

function readOpset(reader: ProtobufReader): { domain: string; version: number } {
  let [domain, version] = ["", 0];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) domain = domainOf(reader.string());
    else if (field === 2) version = reader.integer();
    else reader.skip();
  }
  return { domain, version };
}

/** `within`: what opens the messages about a graph inside a node. */
function readGraph(reader: ProtobufReader, within: string, around: Reading): FileGraph {
  const nodes: FileNode[] = [];
  const initializers = new Map<string, FileTensor>();
  const [inputs, outputs]: [FileValue[], FileValue[]] = [[], []];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) {
      if (++around.nodes > around.limits.maxNodes)
        throw fail("graph", "more nodes", `at most ${around.limits.maxNodes}`);
      nodes.push(readNode(reader.message(), `${within}node ${nodes.length}`, around));
    } else if (field === 5) {
      const tensor = readTensor(reader.message(), `${within}initializer`, around);
      if (initializers.has(tensor.name))
        throw fail(`${within}initializer ${quote(tensor.name)}`, "it twice", "it once");
      if (tensor.name === "") throw fail(`${within}initializer`, "no name", "one");
      initializers.set(tensor.name, tensor);
    } else if (field === 11 || field === 12) {
      const list = field === 11 ? inputs : outputs;
      list.push(readValue(reader.message()));
    } else reader.skip();
  }
  for (const [what, list] of Object.entries({ input: inputs, output: outputs })) {
    const seen = new Set<string>();
    for (const { name } of list) {
      // A graph inside a node may give one value twice.
      if (seen.has(name) && (within === "" || what === "input"))
        throw fail(`${within}${what} ${quote(name)}`, "it twice", "it once");
      seen.add(name);
    }
  }
  const made = new Set(["", ...initializers.keys(), ...inputs.map(({ name }) => name)]);
  for (const node of nodes) for (const name of node.outputs) made.add(name);
  const used = [...nodes.flatMap(({ needs }) => needs), ...outputs.map(({ name }) => name)];
  const free = new Set(used.filter((name) => !made.has(name)));
  return { nodes, initializers, inputs, outputs, free };
}

function readNode(reader: ProtobufReader, where: string, around: Reading): FileNode {
  const [inputs, outputs]: [string[], string[]] = [[], []];
  let [name, operator, domain] = ["", "", ""];
  const messages: ProtobufReader[] = [];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) inputs.push(reader.string());
    else if (field === 2) outputs.push(reader.string());
    else if (field === 3) name = reader.string();
    else if (field === 4) operator = reader.string();
    else if (field === 5) messages.push(reader.message());
    else if (field === 7) domain = domainOf(reader.string());
    else reader.skip();
  }
  const place = `${where}${name ? ` ${quote(name)}` : ""} (${domain ? `${domain}.` : ""}${operator})`;
  const attributes = new Map<string, FileAttribute>();
  for (const message of messages) {
    const [key, attribute] = readAttribute(message, place, around);
    if (attributes.has(key)) throw fail(`${place}: attribute ${quote(key)}`, "it twice", "it once");
    attributes.set(key, attribute);
  }
  const inner = [...attributes.values()].flatMap(({ graph }) => [...(graph?.free ?? [])]);
  const needs = inner.length > 0 ? [...new Set([...inputs, ...inner])] : inputs;
  return { name, operator, domain, inputs, outputs, attributes, needs, place };
}

/** Bytes as characters: what operators are asked for is in ASCII, and what else there is need not be UTF-8. */
const latin = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

function readAttribute(reader: ProtobufReader, place: string, around: Reading): [string, FileAttribute] {
  const attribute: FileAttribute = { floats: [], integers: [], strings: [] };
  let name = "";
  let type = 0;
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) attribute.float = reader.float();
    else if (field === 3) attribute.integer = reader.integer();
    else if (field === 4) attribute.string = latin(reader.bytes());
    else if (field === 5)
      attribute.tensor = readTensor(reader.message(), `${place}: attribute ${quote(name)}`, around);
    else if (field === 6)
      attribute.graph = readGraph(reader.message(), `${place}: attribute ${quote(name)}: `, around);
    else if (field === 7) reader.floats(attribute.floats);
    else if (field === 8) reader.integers(attribute.integers);
    else if (field === 9) attribute.strings.push(latin(reader.bytes()));
    else if (field === 20) type = reader.integer();
    else {
      if (field === 11) attribute.other = "a list of graphs";
      if (field === 22) attribute.other = "a sparse tensor";
      if (field === 21) attribute.other = "a reference to a function's attribute";
      reader.skip();
    }
  }
  // What is 0 or empty need not be written.
  if (type === 1) attribute.float ??= 0;
  if (type === 2) attribute.integer ??= 0;
  if (type === 3) attribute.string ??= "";
  return [name, attribute];
}

function readValue(reader: ProtobufReader): FileValue {
  let name = "";
  let [type, shape]: [number, FileValue["shape"]] = [0, undefined];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) {
      const kinds = reader.message();
      for (let kind = kinds.next(); kind > 0; kind = kinds.next()) {
        if (kind === 1) ({ type, shape } = readTensorType(kinds.message()));
        else kinds.skip();
      }
    } else reader.skip();
  }
  return { name, type, shape };
}

function readTensorType(reader: ProtobufReader): Pick<FileValue, "type" | "shape"> {
  let type = 0;
  let shape: (number | string | undefined)[] | undefined;
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) type = reader.integer();
    else if (field === 2) {
      const sizes: (number | string | undefined)[] = [];
      const dimensions = reader.message();
      for (let each = dimensions.next(); each > 0; each = dimensions.next()) {
        if (each !== 1) {
          dimensions.skip();
          continue;
        }
        const dimension = dimensions.message();
        let size: number | string | undefined;
        for (let part = dimension.next(); part > 0; part = dimension.next()) {
          if (part === 1) size = dimension.integer();
          else if (part === 2) size = dimension.string();
          else dimension.skip();
        }
        sizes.push(size);
      }
      shape = sizes;
    } else reader.skip();
  }
  return { type, shape };
}
