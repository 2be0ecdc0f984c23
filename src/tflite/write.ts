// A network as the bytes of a .tflite file: tensors, operators and buffers get their numbers here.
import {
  type FlatTable,
  int8,
  int32,
  integers,
  numbers,
  table,
  tables,
  text,
  uint8,
  uint32,
  writeFlatBuffer,
} from "../formats/flatbuffers.ts";
import type { Operation, Quantization, Value } from "./network.ts";
import { FUSED, type OperatorName, rowOf, TYPES } from "./schema.ts";
import type { Translation } from "./translate.ts";

/** What a file says beside the network. */
export interface Titles {
  readonly description: string;
  readonly input: string;
  readonly output: string;
}

/** Alignment of numbers that a runtime may use where they lie. */
const ALIGNMENT = 16;
const VERSION = 3;

type Known = readonly [version: number, runtime: number];

/** By operands of more than four axes. */
const WIDE: Partial<Record<OperatorName, Known>> = {
  TRANSPOSE: [4, 203],
  SLICE: [5, 205],
  PAD: [4, 206],
  PADV2: [4, 206],
  SUB: [3, 203],
  DIV: [2, 203],
  MAXIMUM: [3, 203],
  MINIMUM: [3, 203],
};

/** The version of an operator that its operands need, and the first runtime that has it. */
function versionOf({ name, inputs, output, options }: Operation): Known {
  const row = rowOf(name);
  const integers = inputs.some(({ type }) => type === "int8");
  const [x, weight] = inputs as [Value, Value?];
  if (name === "CONV_2D" && x.shape[3] !== weight!.shape[3]) return [6, 209];
  if (name === "DEPTHWISE_CONV_2D" && !integers && options.slice(5).some((each) => numberOf(each) !== 1))
    return [2, 112];
  if (name === "MUL" && integers) {
    const [a, b, c] = [x, weight!, output].map(({ quantization }) => quantization!.scales[0]!);
    if ((a! * b!) / c! >= 1) return [3, 115];
  }
  const wide = WIDE[name];
  if (wide && output.shape.length > 4) return wide;
  return integers && row.int8[0] > 0 ? row.int8 : row.float;
}
/** The number that an option is. */
export const numberOf = (option: unknown) => (option as { value?: number } | undefined)?.value;

const quantizationOf = ({ scales, zeroPoint, axis }: Quantization): FlatTable =>
  table(
    undefined,
    undefined,
    numbers(Float32Array.from(scales)),
    numbers(BigInt64Array.from(scales, () => BigInt(zeroPoint))),
    undefined,
    undefined,
    axis ? int32(axis) : undefined,
  );

/** Things that get numbers in the order in which they are first asked for. */
class Numbered<T> {
  readonly all: T[] = [];
  readonly #numbers = new Map<unknown, number>();

  of(thing: T, key: unknown = thing): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.all.length);
    return this.all.push(thing) - 1;
  }
}

/** The text of a runtime's number. */
const runtimeText = (runtime: number) => `${Math.floor(runtime / 100)}.${runtime % 100}.0`;

/** The file. @throws FormatError for more than 2 GiB */
export function writeTflite({ operations, input, output }: Translation, titles: Titles): Uint8Array {
  const tensors = new Numbered<Value>();
  const buffers = new Numbered<Uint8Array | undefined>();
  const codes = new Numbered<{ readonly name: OperatorName; readonly version: number }>();
  // By convention the first buffer is empty, and is that of every tensor without numbers of its own.
  buffers.of(undefined);
  tensors.of(input);
  let runtime = 105;
  const operators = operations.map((operation) => {
    const { name, inputs, output: made, options, fused } = operation;
    const { union, fused: place } = rowOf(name);
    const [version, since] = versionOf(operation);
    runtime = Math.max(runtime, since);
    const fields = [...options];
    if (fused) fields[place!] = int8(FUSED[fused]);
    return table(
      uint32(codes.of({ name, version }, `${name} ${version}`)),
      integers(inputs.map((each) => tensors.of(each))),
      integers([tensors.of(made)]),
      union > 0 ? uint8(union) : undefined,
      union > 0 ? table(...fields) : undefined,
    );
  });
  const described = tensors.all.map((value) => {
    const { shape, type, values, quantization, signature } = value;
    const name = value === input ? titles.input : value === output ? titles.output : value.name;
    const bytes = values && new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return table(
      integers(shape),
      int8(TYPES[type]),
      uint32(bytes ? buffers.of(bytes, values) : 0),
      text(name),
      quantization && quantizationOf(quantization),
      undefined,
      undefined,
      signature && integers(signature),
      int8(1),
    );
  });
  const least = new Uint8Array(ALIGNMENT);
  least.set(new TextEncoder().encode(runtimeText(runtime)));
  const metadata = table(text("min_runtime_version"), uint32(buffers.of(least)));
  const named = (name: string, value: Value) => tables([table(text(name), uint32(tensors.of(value)))]);
  const graph = table(
    tables(described),
    integers([tensors.of(input)]),
    integers([tensors.of(output)]),
    tables(operators),
    text("main"),
  );
  const signature = table(
    named(titles.input, input),
    named(titles.output, output),
    text("serving_default"),
    undefined,
    uint32(0),
  );
  const operatorCodes = codes.all.map(({ name, version }) => {
    const { code } = rowOf(name);
    // Old readers know one byte; above it, 127 says that the number is elsewhere.
    return table(int8(Math.min(code, 127)), undefined, int32(version), int32(code));
  });
  const model = table(
    uint32(VERSION),
    tables(operatorCodes),
    tables([graph]),
    text(titles.description),
    tables(buffers.all.map((bytes) => table(bytes && numbers(bytes, ALIGNMENT)))),
    undefined,
    tables([metadata]),
    tables([signature]),
  );
  return writeFlatBuffer(model, "TFL3");
}
