// Safetensors, the format of checkpoints: 8 bytes of header length, a JSON header, the values.
// The reader trusts nothing: a file is exactly what the format allows, or a FormatError says where it is not.
import { FormatError, OptionError } from "../core/errors.ts";
import { JsonScanner, quote } from "./json.ts";

/** Bytes of an element and the array for it. 16-bit floats come as bits: runtimes before 2025 have no array for them. */
export const safetensorsTypes = {
  F64: { bytes: 8, Values: Float64Array },
  F32: { bytes: 4, Values: Float32Array },
  F16: { bytes: 2, Values: Uint16Array },
  BF16: { bytes: 2, Values: Uint16Array },
  I64: { bytes: 8, Values: BigInt64Array },
  I32: { bytes: 4, Values: Int32Array },
  I16: { bytes: 2, Values: Int16Array },
  I8: { bytes: 1, Values: Int8Array },
  U64: { bytes: 8, Values: BigUint64Array },
  U32: { bytes: 4, Values: Uint32Array },
  U16: { bytes: 2, Values: Uint16Array },
  U8: { bytes: 1, Values: Uint8Array },
  BOOL: { bytes: 1, Values: Uint8Array },
} as const;

/** Element types of the format. */
export type SafetensorsType = keyof typeof safetensorsTypes;
/** The arrays that hold them; F16 and BF16 lie as bits in a Uint16Array, BOOL as 0 and 1 in a Uint8Array. */
export type SafetensorsValues = InstanceType<(typeof safetensorsTypes)[SafetensorsType]["Values"]>;

/** A named array of a file: values in row-major order. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsType;
  /** `[]` is a single number. */
  readonly shape: readonly number[];
  readonly values: SafetensorsValues;
}

/** What a file holds. */
export interface Safetensors {
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Map<string, string>;
}

/** What a reader puts up with; a file beyond it is refused. */
export interface SafetensorsLimits {
  /** Opens every message; default "safetensors". */
  readonly name?: string;
  /** Default 100,000,000, the format's own limit. */
  readonly maxHeaderBytes?: number;
  /** Tensors, and entries of metadata; default 100,000 each. */
  readonly maxTensors?: number;
  /** Default 32. */
  readonly maxRank?: number;
  /** UTF-16 units in the name of a tensor; default 1,024. */
  readonly maxNameLength?: number;
}

interface Entry {
  name: string;
  dtype: SafetensorsType;
  shape: number[];
  begin: number;
  end: number;
}

/** The one name that is no tensor's. */
export const metadataKey = "__metadata__";

/**
 * Reads a file from memory. Values are views of `bytes` where they lie aligned, copies where not.
 * Throws `FormatError` for every file that breaks a rule of the format: lengths, strict UTF-8, duplicate or
 * unknown keys, sizes that overflow, holes, overlaps, bytes left over.
 * @example
 * const { tensors, metadata } = readSafetensors(await readFile("digits.safetensors"));
 * tensors.get("dense1/kernel"); // { dtype: "F32", shape: [784, 64], values }
 */
export function readSafetensors(bytes: Uint8Array, limits: SafetensorsLimits = {}): Safetensors {
  const { name = "safetensors", maxHeaderBytes = 100_000_000 } = limits;
  const fail = (what: string, got: unknown, wanted: unknown): FormatError =>
    new FormatError(`${name}: ${what}: got ${got}, wanted ${wanted}`);

  if (bytes.length < 8) throw fail("header length at byte 0 cut off", `${bytes.length} bytes`, "8 or more");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = view.getBigUint64(0, true);
  if (claimed > BigInt(maxHeaderBytes))
    throw fail("header length at byte 0", claimed, `up to ${maxHeaderBytes}`);
  const start = 8 + Number(claimed);
  if (start > bytes.length) throw fail("header cut off", `${bytes.length} bytes`, `${start} or more`);

  const { entries, metadata } = readHeader(`${name}: header`, bytes.subarray(8, start), limits);

  // Empty tensors share their begin with the tensor behind them.
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let reached = 0;
  for (const entry of inOrder) {
    const { begin, end, dtype, shape } = entry;
    const tensor = `tensor ${quote(entry.name)}`;
    if (begin !== reached)
      throw fail(`${tensor}: ${begin > reached ? "hole" : "overlap"} at begin`, begin, reached);
    if (end < begin) throw fail(`${tensor}: end before begin`, end, `${begin} or more`);
    const size = shape.reduce((product, n) => product * n, safetensorsTypes[dtype].bytes);
    if (!Number.isSafeInteger(size))
      throw fail(`${tensor}: bytes of [${shape.join(", ")}]`, size, "up to 2^53 − 1");
    if (size !== end - begin) {
      throw fail(`${tensor}: bytes`, end - begin, `${size} for ${dtype} [${shape.join(", ")}]`);
    }
    reached = end;
  }
  if (start + reached !== bytes.length) throw fail("file length", bytes.length, start + reached);

  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, values: valuesOf(dtype, bytes.subarray(start + begin, start + end)) });
  }
  return { tensors, metadata };
}

function valuesOf(dtype: SafetensorsType, bytes: Uint8Array): SafetensorsValues {
  const { Values, bytes: size } = safetensorsTypes[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  return new Values(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / size);
}

function readHeader(
  name: string,
  bytes: Uint8Array,
  limits: SafetensorsLimits,
): { entries: Entry[]; metadata: Map<string, string> } {
  const { maxTensors = 100_000, maxRank = 32, maxNameLength = 1024 } = limits;
  let text: string;
  try {
    // A byte order mark is kept, so that the scanner sees it.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`${name}: got bytes that are not UTF-8, wanted UTF-8`, { cause });
  }
  const scanner = new JsonScanner(name, text);
  const entries: Entry[] = [];
  const metadata = new Map<string, string>();
  scanner.object((key) => {
    if (key === metadataKey) {
      scanner.object((entry) => {
        if (metadata.size === maxTensors)
          throw scanner.error("one entry more", `up to ${maxTensors} of metadata`);
        metadata.set(entry, scanner.string());
      });
      return;
    }
    if (key.length > maxNameLength) {
      throw scanner.error(`a name of ${key.length} characters`, `up to ${maxNameLength}`);
    }
    if (entries.length === maxTensors) throw scanner.error("one tensor more", `up to ${maxTensors}`);
    entries.push(readEntry(scanner, key, maxRank));
  });
  scanner.end();
  return { entries, metadata };
}

function readEntry(scanner: JsonScanner, name: string, maxRank: number): Entry {
  let dtype: SafetensorsType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const integers = (what: string, most: number): number[] => {
    const values: number[] = [];
    scanner.array(() => {
      if (values.length === most) throw scanner.error("one number more", `up to ${most} in ${what}`);
      values.push(scanner.integer());
    });
    return values;
  };
  scanner.object((field) => {
    if (field === "dtype") {
      const type = scanner.string();
      if (!isType(type))
        throw scanner.error(`dtype ${quote(type)}`, Object.keys(safetensorsTypes).join(", "));
      dtype = type;
    } else if (field === "shape") shape = integers("shape", maxRank);
    else if (field === "data_offsets") offsets = integers("data_offsets", 2);
    else throw scanner.error(`field ${quote(field)}`, "dtype, shape or data_offsets");
  });
  if (!dtype || !shape || offsets?.length !== 2) {
    throw scanner.error(`an incomplete tensor ${quote(name)}`, "dtype, shape and two data_offsets");
  }
  return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function isType(name: string): name is SafetensorsType {
  return Object.hasOwn(safetensorsTypes, name);
}

/**
 * The values of F32, F64, F16 or BF16 as 32-bit floats: the array itself, or an exact (F64: rounded) copy.
 * Throws `OptionError` for the other types.
 * @example
 * const kernel = toFloat32(tensors.get("dense1/kernel"));
 */
export function toFloat32({ dtype, values }: SafetensorsTensor): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof Float64Array) return Float32Array.from(values);
  if (!(dtype === "F16" || dtype === "BF16") || !(values instanceof Uint16Array)) {
    throw new OptionError(`toFloat32: dtype: got ${dtype}, wanted F32, F64, F16 or BF16`);
  }
  const out = new Float32Array(values.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < values.length; i++) {
    const half = values[i]!;
    if (dtype === "BF16") bits[i] = half << 16;
    else {
      const exponent = (half >> 10) & 31;
      const fraction = half & 1023;
      // Exact: subnormals are whole multiples of 2^-24; the exponent's bias goes from 15 to 127.
      if (exponent === 0) out[i] = fraction * 2 ** -24;
      else bits[i] = ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
      bits[i]! |= (half & 0x8000) << 16;
    }
  }
  return out;
}
