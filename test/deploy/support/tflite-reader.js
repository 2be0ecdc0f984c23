// A TFLite file as the official FlatBuffers package reads it, and a walk over all of it: every table, vector and text lies
// inside the file, aligned, and is what the schema says.
import { ByteBuffer } from "flatbuffers";

const scalar = (read, bytes) => ({ kind: "scalar", read, bytes });
const byte = scalar("readInt8", 1);
const ubyte = scalar("readUint8", 1);
const int = scalar("readInt32", 4);
const uint = scalar("readUint32", 4);
const float = scalar("readFloat32", 4);
const long = scalar("readInt64", 8);
const string = { kind: "string" };
const vector = (of, alignment = of.bytes ?? 4) => ({ kind: "vector", of, alignment });
const table = (fields) => ({ kind: "table", fields });
const union = (by, kinds) => ({ kind: "union", by, kinds });
const none = undefined;

const quantization = table({
  min: vector(float),
  max: vector(float),
  scale: vector(float),
  zero_point: vector(long),
  details_type: none,
  details: none,
  quantized_dimension: int,
});
const tensor = table({
  shape: vector(int),
  type: byte,
  buffer: uint,
  name: string,
  quantization,
  is_variable: ubyte,
  sparsity: none,
  shape_signature: vector(int),
  has_rank: ubyte,
});
const fused = { fused_activation_function: byte };
const strides = { padding: byte, stride_w: int, stride_h: int };
/** Of the union of options those that files of this library hold, by the number in the schema. */
const OPTIONS = {
  1: table({ ...strides, ...fused, dilation_w_factor: int, dilation_h_factor: int }),
  2: table({ ...strides, depth_multiplier: int, ...fused, dilation_w_factor: int, dilation_h_factor: int }),
  5: table({ ...strides, filter_width: int, filter_height: int, ...fused }),
  8: table({ ...fused, weights_format: byte, keep_num_dims: ubyte }),
  9: table({ beta: float }),
  10: table({ axis: int, ...fused }),
  11: table(fused),
  15: table({ new_height: none, new_width: none, align_corners: ubyte, half_pixel_centers: ubyte }),
  17: table({ new_shape: vector(int) }),
  21: table(fused),
  23: table({ axis: int, batch_dims: int }),
  27: table({ keep_dims: ubyte }),
  28: table(fused),
  29: table(fused),
  37: table({ in_data_type: byte, out_data_type: byte }),
  40: table({ output_type: byte }),
  49: table({ ...strides, ...fused }),
  61: table({ axis: int }),
  74: table({ align_corners: ubyte, half_pixel_centers: ubyte }),
  75: table({ alpha: float }),
  101: table({ adj_x: ubyte, adj_y: ubyte }),
  116: table({ approximate: ubyte }),
  // The others have none of their own.
  ...Object.fromEntries(
    [22, 26, 33, 36, 38, 39, 41, 42, 43, 44, 45, 46, 48, 53, 54, 56, 66, 78, 84, 89, 91, 98, 104, 123].map(
      (kind) => [kind, table({})],
    ),
  ),
};
const operator = table({
  opcode_index: uint,
  inputs: vector(int),
  outputs: vector(int),
  builtin_options_type: ubyte,
  builtin_options: union("builtin_options_type", OPTIONS),
});
const map = table({ name: string, tensor_index: uint });
const MODEL = table({
  version: uint,
  operator_codes: vector(
    table({ deprecated_builtin_code: byte, custom_code: string, version: int, builtin_code: int }),
  ),
  subgraphs: vector(
    table({
      tensors: vector(tensor),
      inputs: vector(int),
      outputs: vector(int),
      operators: vector(operator),
      name: string,
    }),
  ),
  description: string,
  buffers: vector(table({ data: vector(ubyte, 16) })),
  metadata_buffer: vector(int),
  metadata: vector(table({ name: string, buffer: uint })),
  signature_defs: vector(
    table({
      inputs: vector(map),
      outputs: vector(map),
      signature_key: string,
      deprecated_tag: none,
      subgraph_index: uint,
    }),
  ),
});

/**
 * The model in a file, as plain records; numbers side by side are typed arrays or lists.
 * @param {Uint8Array} bytes
 * @throws Error naming what lies outside, or askew, or is not in the schema
 */
export function readTflite(bytes) {
  const buffer = new ByteBuffer(bytes);
  const end = bytes.length;
  let tables = 0;
  const fail = (where, what) => {
    throw new Error(`${where}: ${what}`);
  };
  const inside = (where, at, size, alignment) => {
    if (!(at >= 0 && at + size <= end)) fail(where, `${size} bytes at ${at} of ${end}`);
    if (at % alignment !== 0) fail(where, `at ${at}, no multiple of ${alignment}`);
  };

  function readField(where, { record, field, kind }) {
    if (kind.kind === "scalar") {
      inside(where, field, kind.bytes, kind.bytes);
      return buffer[kind.read](field);
    }
    inside(where, field, 4, 4);
    const at = field + buffer.readUint32(field);
    if (at <= field) fail(where, "an offset that does not go forward");
    if (kind.kind === "string") {
      inside(where, at, 4, 4);
      const length = buffer.readInt32(at);
      inside(where, at + 4, length + 1, 1);
      if (bytes[at + 4 + length] !== 0) fail(where, "a text without its zero");
      return buffer.__string(field);
    }
    if (kind.kind === "union") {
      const options = kind.kinds[record[kind.by]];
      return options ? readTable(where, at, options) : fail(where, `union ${record[kind.by]}`);
    }
    if (kind.kind === "table") return readTable(where, at, kind);
    return readList(where, field, at, kind);
  }

  function readList(where, field, at, { of, alignment }) {
    inside(where, at, 4, 4);
    const length = buffer.__vector_len(field);
    const first = buffer.__vector(field);
    if (of.kind !== "scalar") {
      inside(where, first, 4 * length, 4);
      return Array.from({ length }, (_, k) => {
        const place = first + 4 * k;
        if (buffer.readUint32(place) === 0) fail(where, "an offset of nothing");
        return readTable(`${where}[${k}]`, buffer.__indirect(place), of);
      });
    }
    inside(where, first, of.bytes * length, alignment);
    if (of === ubyte) return bytes.subarray(first, first + length);
    return Array.from({ length }, (_, k) => Number(buffer[of.read](first + of.bytes * k)));
  }

  function readTable(where, at, { fields }) {
    tables++;
    inside(where, at, 4, 4);
    const vtable = at - buffer.readInt32(at);
    inside(`${where}: vtable`, vtable, 4, 2);
    const [size, length] = [buffer.readUint16(vtable), buffer.readUint16(vtable + 2)];
    inside(`${where}: vtable`, vtable, size, 2);
    inside(where, at, length, 4);
    const names = Object.keys(fields);
    if ((size - 4) / 2 > names.length)
      fail(where, `${(size - 4) / 2} fields, the schema has ${names.length}`);
    const record = {};
    for (const [index, name] of names.entries()) {
      const offset = buffer.__offset(at, 4 + 2 * index);
      if (offset === 0) continue;
      if (!fields[name]) fail(`${where}.${name}`, "is not written by this library");
      if (offset >= length) fail(`${where}.${name}`, "lies behind its table");
      record[name] = readField(`${where}.${name}`, { record, field: at + offset, kind: fields[name] });
    }
    return record;
  }

  if (!buffer.__has_identifier("TFL3")) fail("file", "another identifier");
  inside("file", 0, 8, 1);
  const model = readTable("model", buffer.readUint32(0), MODEL);
  return { model, tables };
}

/** What must hold between the parts of a model. @throws Error naming what does not */
export function checkNumbers({ buffers, operator_codes: codes, subgraphs: [graph], ...model }) {
  const must = (what, holds) => {
    if (!holds) throw new Error(what);
  };
  must("version", model.version === 3);
  must("the first buffer is empty", !buffers[0].data);
  const sizes = { 0: 4, 2: 4, 6: 1, 9: 1 };
  for (const { name, shape = [], type = 0, buffer = 0, quantization } of graph.tensors) {
    must(`${name}: buffer`, buffer < buffers.length);
    const { data } = buffers[buffer];
    const size = shape.reduce((product, n) => product * n, 1);
    must(`${name}: ${data?.length} bytes`, !data || data.length === size * sizes[type]);
    if (!quantization) continue;
    const { scale, zero_point: points, quantized_dimension: axis = 0 } = quantization;
    must(`${name}: scales`, scale.length === points.length && scale.every((each) => each > 0));
    must(`${name}: a scale a channel`, scale.length === 1 || scale.length === shape[axis]);
  }
  const made = new Set(graph.inputs);
  for (const { opcode_index: code = 0, inputs, outputs } of graph.operators) {
    must("operator code", code < codes.length);
    for (const each of inputs)
      must(
        `tensor ${each} is there before it is read`,
        made.has(each) || buffers[graph.tensors[each].buffer ?? 0].data,
      );
    for (const each of outputs) made.add(each);
  }
  must(
    "the output is made",
    graph.outputs.every((each) => made.has(each)),
  );
  const [{ inputs, outputs }] = model.signature_defs;
  must(
    "signature",
    inputs[0].tensor_index === graph.inputs[0] || (inputs[0].tensor_index ?? 0) === graph.inputs[0],
  );
  must("signature", (outputs[0].tensor_index ?? 0) === graph.outputs[0]);
}
