// Models to PyTorch and back: safetensors files with its names and layouts.
import { FormatError, OptionError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { quote } from "../formats/json.ts";
import { readSafetensors, toFloat32 } from "../formats/safetensors.ts";
import { type SafetensorsSource, writeSafetensors } from "../formats/safetensors-writer.ts";
import type { Model } from "../nn/model.ts";
import { placesOf } from "./layouts.ts";
import { type PyTorchOptions, tensorsOf } from "./modules.ts";

/**
 * A safetensors file that PyTorch's `load_state_dict` takes: names of modules, weights [out, in] and OIHW, both biases of a
 * recurrence, statistics of a batch normalization. What lies in a flat image is reordered as NCHW has it.
 * @throws OptionError for names that do not fit the model. @throws EngineError where it has no weights yet.
 * @example
 * await model.initialize();
 * const bytes = toPyTorch(model, { names: { dense: "fc1" } }); // fc1.weight [10, 784], fc1.bias [10]
 */
export function toPyTorch(model: Model, options: PyTorchOptions = {}): Uint8Array {
  const parameters = model.parameters();
  const tensors = tensorsOf("toPyTorch", model, options).map((entry): [string, SafetensorsSource] => {
    const { name, shape, pieces, added } = entry;
    if (pieces.length === 0) return [name, { shape, values: new BigInt64Array(1) }];
    const values = new Float32Array(shape.reduce((size, each) => size * each, 1));
    let at = 0;
    for (const piece of added ? [] : pieces) {
      const own = parameters.get(piece.segment.name)!.values;
      for (const place of placesOf(piece)) values[at++] = own[place]!;
    }
    return [name, { shape, values }];
  });
  return writeSafetensors(tensors, [["format", "pt"]]);
}

/**
 * Takes a model's parameters from a safetensors file of PyTorch's `state_dict`: F32, F64, F16 or BF16. The names as
 * `toPyTorch` writes them; `num_batches_tracked` is passed over.
 * @throws FormatError where the bytes are no such file. @throws ShapeError naming a tensor that is missing, unknown or of
 * another shape, and what it stands for here. @throws OptionError for names that do not fit the model, and for what is no
 * bytes. Then nothing is changed.
 * @example
 * await model.initialize();
 * const bytes = toPyTorch(model);
 * fromPyTorch(model, bytes); // "0.weight", "0.bias": a torch.nn.Sequential
 */
export function fromPyTorch(model: Model, bytes: Uint8Array, options: PyTorchOptions = {}): void {
  const entries = tensorsOf("fromPyTorch", model, options);
  if (!(bytes instanceof Uint8Array))
    throw new OptionError(`fromPyTorch: bytes: got ${typeof bytes}, wanted a Uint8Array`);
  const { tensors } = readSafetensors(bytes, { name: "fromPyTorch" });
  const wanted = new Set(entries.map(({ name }) => name));
  for (const name of tensors.keys())
    if (!wanted.has(name))
      throw new ShapeError(
        `fromPyTorch: the model has nothing for ${quote(name)}: it takes ${listed(wanted)}`,
      );
  const parameters = new Map(
    model.weights.segments.map(({ name, shape, size }) => [name, { shape, values: new Float32Array(size) }]),
  );
  for (const { name, shape, pieces } of entries) {
    if (pieces.length === 0) continue;
    const what = `fromPyTorch: ${[...new Set(pieces.map(({ segment }) => segment.name))].join(" and ")}: ${quote(name)}`;
    const tensor = tensors.get(name);
    if (!tensor)
      throw new ShapeError(`${what} ${showShape(shape)} is missing: the file has ${listed(tensors.keys())}`);
    if (!sameShape(tensor.shape, shape))
      throw new ShapeError(`${what}: got ${showShape(tensor.shape)}, wanted ${showShape(shape)}`);
    if (!/^B?F/.test(tensor.dtype))
      throw new FormatError(`${what}: got ${tensor.dtype}, wanted F32, F64, F16 or BF16`);
    const values = toFloat32(tensor);
    let at = 0;
    for (const piece of pieces) {
      const own = parameters.get(piece.segment.name)!.values;
      // Two biases may stand for one of ours.
      for (const place of placesOf(piece)) own[place]! += values[at++]!;
    }
  }
  model.setParameters(parameters);
}

/** Some of the names. */
function listed(names: Iterable<string>): string {
  const all = Array.from(names, quote);
  return all.length > 12 ? `${all.slice(0, 12).join(", ")}, …` : all.join(", ") || "none";
}
