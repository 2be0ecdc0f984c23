// Reads ONNX files with nothing of the writer: protobufjs and the messages of onnx.proto.
import protobuf from "protobufjs";

const SCHEMA = `
syntax = "proto3";
message Pair { string key = 1; string value = 2; }
message Tensor {
  repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9;
  repeated Pair external_data = 13; int32 data_location = 14;
}
message Attribute {
  string name = 1; float f = 2; int64 i = 3; bytes s = 4; Graph g = 6;
  repeated int64 ints = 8; repeated bytes strings = 9; int32 type = 20;
}
message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
message Shape { repeated Dimension dim = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Type { TensorType tensor_type = 1; }
message Info { string name = 1; Type type = 2; }
message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated Info input = 11; repeated Info output = 12; }
message Opset { string domain = 1; int64 version = 2; }
message Model {
  int64 ir_version = 1; string producer_name = 2; string producer_version = 3; Graph graph = 7;
  repeated Opset opset_import = 8; repeated Pair metadata_props = 14;
}`;

interface Info {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] };
    };
  };
}
interface OnnxNode {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly opType: string;
  readonly attribute: readonly {
    readonly name: string;
    readonly i: number;
    readonly f: number;
    readonly ints: readonly number[];
    readonly g?: { readonly node: readonly OnnxNode[] };
  }[];
}
interface Pair {
  readonly key: string;
  readonly value: string;
}
export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsetImport: readonly { readonly version: number }[];
  readonly metadataProps: readonly Pair[];
  readonly graph: {
    readonly node: readonly OnnxNode[];
    readonly initializer: readonly {
      readonly dims: readonly number[];
      readonly dataType: number;
      readonly name: string;
      readonly rawData: Uint8Array;
      readonly externalData: readonly Pair[];
      readonly dataLocation: number;
    }[];
    readonly input: readonly Info[];
    readonly output: readonly Info[];
  };
}

const type = protobuf.parse(SCHEMA).root.lookupType("Model");

/** The messages of a file. */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  return type.toObject(type.decode(bytes), { longs: Number, arrays: true, defaults: true }) as OnnxModel;
}

/** Sizes of an input or output; a name where one has one. */
export const sizesOf = ({ type }: Info) =>
  type.tensorType.shape.dim.map(({ dimValue, dimParam }) => dimParam || dimValue);

/** The numbers of an initializer that lies in the file. */
export function floatsOf(model: OnnxModel, name: string): Float32Array {
  const { rawData } = model.graph.initializer.find((each) => each.name === name)!;
  return new Float32Array(rawData.slice().buffer);
}

/** The types of the nodes, in order. */
export const typesOf = ({ graph }: OnnxModel) => graph.node.map(({ opType }) => opType);
