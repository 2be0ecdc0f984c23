// Quantized models as files: safetensors with integers, scales and ranges. The reader believes nothing.
import { FormatError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { JsonScanner, quote } from "../formats/json.ts";
import { readSafetensors, type SafetensorsTensor } from "../formats/safetensors.ts";
import { type SafetensorsSource, writeSafetensors } from "../formats/safetensors-writer.ts";
import type { Range } from "./calibrate.ts";
import { fromHalves, LARGEST } from "./numbers.ts";
import { matrixOf } from "./products.ts";
import type { Plan } from "./rewriting.ts";
import { alike, type Form, numbersOf, type Stored } from "./stored.ts";

const FORMAT = "downhill quantized 1";
/** Behind the name of what they scale. A space keeps both apart from the names of parameters. */
const SCALES = " scales";
const RANGES = " ranges";
const ACTIVATIONS = ["int8", "dynamic", "float"] as const;
const METADATA = ["format", "activations", "blockSize", "ranges", "same"];

const TYPES = { int8: "I8", int4: "U8", f16: "F16", bf16: "BF16", f32: "F32" } as const;

/** A stored parameter as tensors of a file. */
function tensorsOf(name: string, stored: Stored): [string, SafetensorsSource][] {
  const dtype = TYPES[stored.type];
  if (stored.type === "int4") {
    const { packed, scales } = stored;
    return [
      [name, { dtype, shape: [packed.length], values: packed }],
      [name + SCALES, { dtype: "F16", shape: [scales.length], values: scales }],
    ];
  }
  const values: [string, SafetensorsSource] = [name, { dtype, shape: stored.shape, values: stored.values }];
  if (stored.type !== "int8") return [values];
  return [values, [name + SCALES, { shape: [stored.scales.length], values: stored.scales }]];
}

/** The bytes of a plan. What stands for two tensors is written once. */
export function writePlan({ stored, activations, blockSize, ranges }: Plan): Uint8Array {
  const first = new Map<ArrayBufferView, string>();
  const same: Record<string, string> = {};
  const tensors: [string, SafetensorsSource][] = [];
  for (const [name, each] of stored) {
    const before = first.get(numbersOf(each));
    if (before !== undefined) {
      same[name] = before;
      continue;
    }
    first.set(numbersOf(each), name);
    tensors.push(...tensorsOf(name, each));
  }
  if (ranges.size > 0) {
    const values = Float32Array.from([...ranges.values()].flatMap(({ min, max }) => [min, max]));
    tensors.push([RANGES, { shape: [ranges.size, 2], values }]);
  }
  return writeSafetensors(tensors, [
    ["format", FORMAT],
    ["activations", activations],
    ["blockSize", String(blockSize)],
    ["ranges", JSON.stringify([...ranges.keys()])],
    ["same", JSON.stringify(same)],
  ]);
}

const fail = (what: string, got: unknown, wanted: unknown): FormatError =>
  new FormatError(`quantizedFromBytes: ${what}: got ${got}, wanted ${wanted}`);

/** A tensor of a file that is taken out of what is left of it. */
type Take = (name: string, wanted: string, type: (dtype: string) => boolean) => SafetensorsTensor;

/** One parameter, as its form in the model allows. */
function readStored(name: string, { shape, axis }: Form, take: Take, blockSize: number): Stored {
  const whole = axis === undefined ? "F32, F16 or BF16" : "I8, U8, F32, F16 or BF16";
  const { dtype, values, shape: got } = take(name, whole, (type) => whole.includes(type));
  const size = shape.reduce((product, each) => product * each, 1);
  if (dtype === "U8") {
    const { k, n } = matrixOf(shape, axis!);
    const scales = take(name + SCALES, "F16", (type) => type === "F16").values as Uint16Array<ArrayBuffer>;
    const [bytes, count] = [Math.ceil(k / 2) * n, Math.ceil(k / blockSize) * n];
    if (values.length !== bytes || scales.length !== count)
      throw fail(name, `${values.length} bytes and ${scales.length} scales`, `${bytes} and ${count}`);
    if (!fromHalves(scales, "f16").every(Number.isFinite)) throw fail(name, "scales", "finite numbers");
    return { type: "int4", shape, packed: values as Uint8Array<ArrayBuffer>, scales };
  }
  if (!sameShape(got, shape) || values.length !== size)
    throw new ShapeError(
      `quantizedFromBytes: ${name}: got ${showShape(got)}, the model wants ${showShape(shape)}`,
    );
  if (dtype === "F32") return { type: "f32", shape, values: values as Float32Array<ArrayBuffer> };
  if (dtype === "F16") return { type: "f16", shape, values: values as Uint16Array<ArrayBuffer> };
  if (dtype === "BF16") return { type: "bf16", shape, values: values as Uint16Array<ArrayBuffer> };
  const scales = take(name + SCALES, "F32", (type) => type === "F32").values as Float32Array<ArrayBuffer>;
  if (scales.length !== 1 && scales.length !== shape[axis!])
    throw fail(name + SCALES, `${scales.length} numbers`, `1 or ${shape[axis!]}`);
  if (!scales.every((scale) => scale > 0 && Number.isFinite(scale)))
    throw fail(name + SCALES, "another", "finite numbers above 0");
  const integers = values as Int8Array<ArrayBuffer>;
  if (!integers.every((value) => value >= -LARGEST)) throw fail(name, -128, `−${LARGEST} to ${LARGEST}`);
  return { type: "int8", shape, values: integers, scales };
}

/** The names that ranges belong to, and the tensors that stand for others, from the metadata. */
function readNames(metadata: ReadonlyMap<string, string>) {
  const ranges: string[] = [];
  const list = new JsonScanner("quantizedFromBytes: ranges", metadata.get("ranges")!);
  list.array(() => {
    ranges.push(list.string());
  });
  list.end();
  const same = new Map<string, string>();
  const pairs = new JsonScanner("quantizedFromBytes: same", metadata.get("same")!);
  pairs.object((name) => {
    same.set(name, pairs.string());
  });
  pairs.end();
  return { ranges, same };
}

/**
 * Reads a plan for a model of which the forms of its parameters and the names of its tensors are known.
 * @throws FormatError for what is no such file; ShapeError for one of another model.
 */
export function readPlan(
  bytes: Uint8Array,
  forms: ReadonlyMap<string, Form>,
  names: ReadonlySet<string>,
): Plan {
  const { tensors, metadata } = readSafetensors(bytes, { name: "quantizedFromBytes" });
  if (metadata.get("format") !== FORMAT)
    throw fail("format", quote(metadata.get("format") ?? "none"), quote(FORMAT));
  const keys = [...metadata.keys()].sort().join(", ");
  const wantedKeys = METADATA.toSorted().join(", ");
  if (keys !== wantedKeys) throw fail("metadata", keys, wantedKeys);
  const activations = ACTIVATIONS.find((each) => each === metadata.get("activations"));
  if (!activations)
    throw fail("activations", quote(metadata.get("activations")!), `one of ${ACTIVATIONS.join(", ")}`);
  const blockSize = Number(metadata.get("blockSize"));
  if (!(Number.isSafeInteger(blockSize) && blockSize >= 1 && String(blockSize) === metadata.get("blockSize")))
    throw fail("blockSize", quote(metadata.get("blockSize")!), "a positive integer");
  const { ranges: ranged, same } = readNames(metadata);

  const left = new Map(tensors);
  const take: Take = (name, wanted, isType) => {
    const tensor = left.get(name);
    if (!tensor) throw new ShapeError(`quantizedFromBytes: ${name}: the model wants it, the file has none`);
    if (!isType(tensor.dtype)) throw fail(name, tensor.dtype, wanted);
    left.delete(name);
    return tensor;
  };
  const stored = new Map<string, Stored>();
  for (const [name, form] of forms)
    if (!same.has(name)) stored.set(name, readStored(name, form, take, blockSize));
  for (const [name, of] of same) {
    const [form, other, known] = [forms.get(name), forms.get(of), stored.get(of)];
    const again = form && other && known && alike(known, other, form);
    if (!again) throw fail(`same: ${quote(name)}`, quote(of), "a stored parameter like it");
    stored.set(name, again);
  }
  const ranges = new Map<string, Range>();
  if (ranged.length > 0) {
    const { values, shape } = take(RANGES, "F32", (type) => type === "F32");
    if (!sameShape(shape, [ranged.length, 2]))
      throw fail("ranges", showShape(shape), showShape([ranged.length, 2]));
    for (const [index, name] of ranged.entries()) {
      const [min, max] = [Number(values[2 * index]), Number(values[2 * index + 1])];
      if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max))
        throw fail(`range of ${name}`, `${min} to ${max}`, "finite numbers in order");
      if (!names.has(name) || ranges.has(name))
        throw fail("ranges", quote(name), "each tensor of the model once");
      ranges.set(name, { min, max });
    }
  }
  const [more] = left.keys();
  if (more !== undefined)
    throw new ShapeError(`quantizedFromBytes: ${more}: the file has it, the model does not`);
  return { stored, activations, blockSize, ranges };
}
