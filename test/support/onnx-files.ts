// Small files in ONNX's format, said by hand.
import { ProtobufMessage } from "#src/formats/protobuf";

/** An attribute, by the field that it has. */
type SaidAttribute =
  | { readonly float: number }
  | { readonly integer: number }
  | { readonly string: string }
  | { readonly integers: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: SaidTensor }
  | { readonly graph: SaidGraph };

/** A tensor; its numbers lie raw unless a field says otherwise. */
export interface SaidTensor {
  readonly name?: string;
  /** Default: float. */
  readonly type?: number;
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  /** Field 4 of floats, 5 and 7 of whole numbers; default: 9, raw. */
  readonly field?: number;
  /** Entries of external data. */
  readonly external?: Readonly<Record<string, string>>;
}

export interface SaidNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, SaidAttribute>>;
  readonly name?: string;
  readonly domain?: string;
}

interface SaidValue {
  readonly name: string;
  readonly type?: number;
  readonly shape?: readonly (number | string)[];
}

/** A graph: of a file, or inside a node. */
export interface SaidGraph {
  readonly nodes: readonly SaidNode[];
  readonly inputs?: readonly SaidValue[];
  readonly outputs?: readonly SaidValue[];
  readonly initializers?: readonly SaidTensor[];
}

export interface SaidModel extends SaidGraph {
  /** By domain. Default: 17 of ONNX's own. */
  readonly opsets?: Readonly<Record<string, number>>;
}

export const INT64 = 7;

function rawOf(type: number, values: readonly number[]): Uint8Array {
  if (type === 1) return new Uint8Array(Float32Array.from(values).buffer);
  if (type === INT64) return new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
  return Uint8Array.from(values);
}

function tensorOf({ name, type = 1, shape, values = [], field = 9, external }: SaidTensor): ProtobufMessage {
  const message = new ProtobufMessage().integers(1, shape).integer(2, type);
  if (name) message.string(8, name);
  if (external) {
    for (const [key, value] of Object.entries(external))
      message.message(13, new ProtobufMessage().string(1, key).string(2, value));
    return message.integer(14, 1);
  }
  if (field === 9) return message.bytes(9, rawOf(type, values));
  return field === 4 ? message.floats(4, values) : message.integers(field, values);
}

function attributeOf(name: string, said: SaidAttribute): ProtobufMessage {
  const message = new ProtobufMessage().string(1, name);
  if ("float" in said) return message.float(2, said.float).integer(20, 1);
  if ("integer" in said) return message.integer(3, said.integer).integer(20, 2);
  if ("string" in said) return message.string(4, said.string).integer(20, 3);
  if ("tensor" in said) return message.message(5, tensorOf(said.tensor)).integer(20, 4);
  if ("floats" in said) return message.floats(7, said.floats).integer(20, 6);
  if ("graph" in said) return message.message(6, graphOf(said.graph)).integer(20, 5);
  return message.integers(8, said.integers).integer(20, 7);
}

function nodeOf({ operator, inputs, outputs, attributes = {}, name, domain }: SaidNode): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const input of inputs) message.string(1, input);
  for (const output of outputs) message.string(2, output);
  if (name) message.string(3, name);
  message.string(4, operator);
  for (const [key, value] of Object.entries(attributes)) message.message(5, attributeOf(key, value));
  return domain ? message.string(7, domain) : message;
}

function typedOf({ name, type = 1, shape }: SaidValue): ProtobufMessage {
  const tensor = new ProtobufMessage().integer(1, type);
  if (shape) {
    const sizes = new ProtobufMessage();
    for (const size of shape) {
      const dimension = new ProtobufMessage();
      sizes.message(1, typeof size === "number" ? dimension.integer(1, size) : dimension.string(2, size));
    }
    tensor.message(2, sizes);
  }
  return new ProtobufMessage().string(1, name).message(2, new ProtobufMessage().message(1, tensor));
}

function graphOf({ nodes, inputs = [], outputs = [], initializers = [] }: SaidGraph): ProtobufMessage {
  const graph = new ProtobufMessage();
  for (const node of nodes) graph.message(1, nodeOf(node));
  for (const tensor of initializers) graph.message(5, tensorOf(tensor));
  for (const input of inputs) graph.message(11, typedOf(input));
  for (const output of outputs) graph.message(12, typedOf(output));
  return graph;
}

/** The bytes of a file. Default: from x [batch, 4] to y. */
export function onnxBytes({
  inputs = [{ name: "x", shape: ["batch", 4] }],
  outputs = [{ name: "y" }],
  opsets = { "": 17 },
  ...others
}: SaidModel): Uint8Array {
  const graph = graphOf({ ...others, inputs, outputs });
  const model = new ProtobufMessage().integer(1, 8).message(7, graph);
  for (const [domain, version] of Object.entries(opsets))
    model.message(8, new ProtobufMessage().string(1, domain).integer(2, version));
  return model.toBytes();
}

export const node = (
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: SaidNode["attributes"] = {},
): SaidNode => ({ operator, inputs, outputs, attributes });

export const integers = (name: string, ...values: number[]): SaidTensor => ({
  name,
  type: INT64,
  shape: [values.length],
  values,
});

export const floats = (name: string, shape: readonly number[], values: readonly number[]): SaidTensor => ({
  name,
  shape,
  values,
});
