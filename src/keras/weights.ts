// The weights of a layers model: what its manifest says lies in the bytes of its shards, one behind the other.
import { FormatError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { quote } from "../formats/json.ts";
import { toFloat32 } from "../formats/safetensors.ts";
import { type Fields, fieldsOf, listOf, textOf, wrong } from "./config.ts";

/** A weight as Keras has it. */
export interface KerasWeight {
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** A weight with its name taken apart. */
export interface PathWeight extends KerasWeight {
  readonly path: readonly string[];
}

/** Bytes of an element as it is stored. */
const BYTES: ReadonlyMap<unknown, number> = new Map([
  ["float32", 4],
  ["int32", 4],
  ["float16", 2],
  ["uint16", 2],
  ["uint8", 1],
  ["bool", 1],
]);

/** Numbers from their bytes; quantized ones stand for q · scale + min. */
function numbers(
  where: string,
  stored: string,
  bytes: Uint8Array,
  quantization: Fields | undefined,
): Float32Array {
  const { buffer } = Uint8Array.from(bytes);
  if (stored === "float32") return new Float32Array(buffer);
  if (stored === "int32") return Float32Array.from(new Int32Array(buffer));
  if (stored === "float16") return toFloat32({ dtype: "F16", shape: [], values: new Uint16Array(buffer) });
  const whole = stored === "uint16" ? new Uint16Array(buffer) : new Uint8Array(buffer);
  if (!quantization) return Float32Array.from(whole);
  const { scale, min } = quantization;
  for (const number of [scale, min])
    if (typeof number !== "number" || !Number.isFinite(number))
      throw wrong(`${where}: quantization: scale and min`, number, "finite numbers");
  return Float32Array.from(whole, (q) => q * (scale as number) + (min as number));
}

/** Reads a manifest with the bytes of all shards. @throws FormatError */
export function readWeights(manifest: unknown, shards: readonly Uint8Array[]): PathWeight[] {
  for (const shard of shards)
    if (!(shard instanceof Uint8Array)) throw wrong("weights", shard, "a Uint8Array, or a list of them");
  const total = shards.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const shard of shards) {
    bytes.set(shard, at);
    at += shard.length;
  }
  const weights = new Map<string, PathWeight>();
  at = 0;
  for (const group of listOf("weightsManifest", manifest)) {
    for (const entry of listOf("weightsManifest: weights", fieldsOf("weightsManifest", group).weights)) {
      const spec = fieldsOf("weightsManifest: weights", entry);
      const name = textOf("weightsManifest: name", spec.name).replace(/:\d+$/, "");
      const where = `weight ${quote(name)}`;
      const shape = listOf(`${where}: shape`, spec.shape);
      const quantization =
        spec.quantization == null ? undefined : fieldsOf(`${where}: quantization`, spec.quantization);
      const stored = (quantization ?? spec).dtype;
      const size = BYTES.get(stored);
      if (size === undefined) throw wrong(`${where}: dtype`, stored, [...BYTES.keys()].join(", "));
      if (!shape.every((n) => Number.isSafeInteger(n) && (n as number) >= 0))
        throw wrong(`${where}: shape`, shape, "sizes");
      const length = (shape as number[]).reduce((product, n) => product * n, size);
      if (length > total - at)
        throw new FormatError(
          `fromKeras: ${where}: bytes: got ${total - at} from byte ${at} on, wanted ${length} for ${stored} [${shape.join(", ")}]`,
        );
      if (weights.has(name)) throw new FormatError(`fromKeras: ${where}: got it twice, wanted it once`);
      const values = numbers(where, stored as string, bytes.subarray(at, at + length), quantization);
      weights.set(name, { path: name.split("/"), shape: shape as number[], values });
      at += length;
    }
  }
  if (at !== total) throw new FormatError(`fromKeras: weights: bytes: got ${total}, wanted ${at}`);
  return [...weights.values()];
}

/**
 * The weights of one layer: those on whose path it is. A wrapper's are on its path, or on that of the layer inside.
 * `direction` stands for a step of the path that begins so.
 */
export function weightsOf(
  all: readonly PathWeight[],
  owners: readonly string[],
  direction?: string,
): (name: string) => readonly KerasWeight[] {
  for (const owner of owners) {
    const own = all.filter(
      ({ path }) =>
        (path.includes(owner) || path.includes(`${direction}_${owner}`)) &&
        (direction === undefined || path.some((step) => step.startsWith(direction))),
    );
    if (own.length > 0) return (name) => own.filter(({ path }) => path.at(-1) === name);
  }
  return () => [];
}
