// Writes safetensors files, in a layout that every reader of the format can map without a copy.
import { OptionError, ShapeError } from "../core/errors.ts";
import { quote } from "./json.ts";
import {
  metadataKey,
  type SafetensorsType,
  type SafetensorsValues,
  safetensorsTypes,
} from "./safetensors.ts";

/** A tensor to write; the type may be left out where the array tells it. */
export interface SafetensorsSource {
  readonly dtype?: SafetensorsType;
  readonly shape: readonly number[];
  readonly values: SafetensorsValues;
}

/**
 * A file in memory from named tensors (a `Map` or pairs). The type follows from the array, except that F16,
 * BF16 and BOOL must be named. The values begin aligned to 8 bytes, widest types first, then by name: the
 * same tensors in another order give the same bytes. Throws `ShapeError` where values do not fit a shape or
 * type, `OptionError` for a name that cannot be written.
 * @example
 * const bytes = writeSafetensors([["bias", { shape: [10], values: new Float32Array(10) }]], [["step", "938"]]);
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, SafetensorsSource]>,
  metadata: Iterable<readonly [string, string]> = [],
): Uint8Array {
  const entries = Array.from(tensors, ([name, source]) => {
    const { shape, values, dtype = typeOf(name, values) } = source;
    const { Values, bytes } = safetensorsTypes[dtype];
    const size = shape.reduce((product, n) => product * n, 1);
    const fits = values instanceof Values && values.length === size;
    if (!fits || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
      const got = `${values.constructor.name} of ${values.length}`;
      const wanted = `${Values.name} of ${size} for ${dtype} [${shape.join(", ")}]`;
      throw new ShapeError(`writeSafetensors: tensor ${quote(name)}: values: got ${got}, wanted ${wanted}`);
    }
    if (name === metadataKey) throw new OptionError(`writeSafetensors: name: got ${name}, wanted another`);
    return { name, dtype, shape, values, bytes };
  });
  entries.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));

  let length = 0;
  const fields: [string, string][] = entries.map(({ name, dtype, shape, values }) => {
    const begin = length;
    length += values.byteLength;
    return [name, JSON.stringify({ dtype, shape, data_offsets: [begin, length] })];
  });
  const notes = Array.from(metadata, ([key, text]): [string, string] => [key, string("metadata", text)]);
  if (notes.length > 0) fields.unshift([metadataKey, object("metadata", notes)]);
  const header = new TextEncoder().encode(object("name", fields));
  const start = 8 + Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(start + length).fill(0x20, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(header, 8);
  let at = start;
  for (const { values } of entries) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return file;
}

/** A JSON object from keys and ready JSON: a JavaScript object would merge equal keys and reorder some. */
function object(what: string, fields: readonly (readonly [string, string])[]): string {
  const seen = new Set<string>();
  const parts = fields.map(([key, json]) => {
    if (seen.has(key))
      throw new OptionError(`writeSafetensors: ${what}: got ${quote(key)} twice, wanted it once`);
    seen.add(key);
    return `${string(what, key)}:${json}`;
  });
  return `{${parts.join(",")}}`;
}

function string(what: string, text: unknown): string {
  if (typeof text !== "string" || /\p{Surrogate}/u.test(text)) {
    throw new OptionError(
      `writeSafetensors: ${what}: got ${quote(String(text))}, wanted a string of well-formed Unicode`,
    );
  }
  return JSON.stringify(text);
}

function typeOf(name: string, values: SafetensorsValues): SafetensorsType {
  for (const [dtype, { Values }] of Object.entries(safetensorsTypes)) {
    if (values instanceof Values && dtype !== "F16" && dtype !== "BF16") return dtype as SafetensorsType;
  }
  throw new ShapeError(
    `writeSafetensors: tensor ${quote(name)}: values: got ${String(values)}, wanted a typed array`,
  );
}
