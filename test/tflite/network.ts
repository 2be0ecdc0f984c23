// A TFLite file as tests speak of it: operators by name, with their tensors.
import { OPERATORS } from "#src/tflite/schema";
import { FlatReader } from "../support/flatbuffers.ts";

const NAMES = new Map(Object.entries(OPERATORS).map(([name, { code }]) => [code, name]));

/** A tensor of a file. */
interface ReadTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly signature: readonly number[];
  readonly bytes: Uint8Array;
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  readonly axis: number;
}

function tensorOf(read: FlatReader, buffers: readonly FlatReader[]): ReadTensor {
  const quantization = read.table(4);
  return {
    name: read.text(3),
    shape: read.integers(0),
    type: read.int8(1) ?? 0,
    signature: read.integers(7),
    bytes: buffers[read.int32(2) ?? 0]!.bytes(0),
    scales: quantization?.floats(2) ?? [],
    zeroPoints: quantization?.longs(3) ?? [],
    axis: quantization?.int32(6) ?? 0,
  };
}

/** What a file holds. */
export function readFile(bytes: Uint8Array) {
  const model = FlatReader.root(bytes);
  const codes = model.tables(1).map((code) => ({ name: NAMES.get(code.int32(3)!)!, version: code.int32(2) }));
  const buffers = model.tables(4);
  const [graph] = model.tables(2) as [FlatReader];
  const tensors = graph.tables(0).map((tensor) => tensorOf(tensor, buffers));
  const operators = graph.tables(3).map((operator) => ({
    ...codes[operator.int32(0) ?? 0]!,
    inputs: operator.integers(1).map((each) => tensors[each]!),
    output: tensors[operator.integers(2)[0]!]!,
    options: operator.table(4)!,
  }));
  const [metadata] = model.tables(6) as [FlatReader];
  const [signature] = model.tables(7) as [FlatReader];
  return {
    version: model.int32(0),
    description: model.text(3),
    identifier: new TextDecoder().decode(bytes.subarray(4, 8)),
    tensors,
    operators,
    names: operators.map(({ name }) => name),
    input: tensors[graph.integers(1)[0]!]!,
    output: tensors[graph.integers(2)[0]!]!,
    runtime: [
      metadata.text(0),
      new TextDecoder().decode(buffers[metadata.int32(1)!]!.bytes(0)).replaceAll("\0", ""),
    ],
    signature: {
      key: signature.text(2),
      input: signature.tables(0)[0]!.text(0),
      output: signature.tables(1)[0]!.text(0),
    },
  };
}

/** The numbers of a tensor of floats. */
export const floatsOf = ({ bytes }: ReadTensor) => [...new Float32Array(bytes.slice().buffer)];
