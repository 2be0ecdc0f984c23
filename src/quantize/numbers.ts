// Numbers of fewer bits: floats of 16, integers of 8 and 4 with what turns them back into floats.
import { OptionError } from "../core/errors.ts";
import { toFloat32 } from "../formats/safetensors.ts";

/** The nearest integer, halves to even, as the kernels round. */
export function roundToEven(x: number): number {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** The bits of the nearest number with 5 bits of exponent and 10 of fraction; beyond the largest, infinity. IEEE 754. */
function float16Bits(value: number, bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  const exponent = ((bits >>> 23) & 255) - 127;
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + roundToEven((size / 2 ** exponent - 1) * 1024));
}

/** The bits of the nearest number with the exponent of 32-bit floats and 7 bits of fraction. */
const bfloat16Bits = (_value: number, bits: number): number =>
  ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;

/** 16 bits for each number. @throws OptionError naming what has a number beyond the largest. */
export function halves(where: string, values: Float32Array, kind: "f16" | "bf16"): Uint16Array<ArrayBuffer> {
  const bitsOf = kind === "f16" ? float16Bits : bfloat16Bits;
  const words = new Uint32Array(values.slice().buffer);
  const bits = Uint16Array.from(values, (value, index) => bitsOf(value, words[index]!));
  const infinity = kind === "f16" ? 0x7c00 : 0x7f80;
  const beyond = bits.findIndex((each) => (each & infinity) === infinity);
  if (beyond >= 0)
    throw new OptionError(
      `quantize: weights: ${kind} cannot hold ${values[beyond]} of ${where}: wanted ${kind === "f16" ? "bf16" : "a finite number"}`,
    );
  return bits;
}

/** The floats that 16 bits each stand for. */
export const fromHalves = (
  values: Uint16Array<ArrayBuffer>,
  kind: "f16" | "bf16",
): Float32Array<ArrayBuffer> =>
  toFloat32({
    dtype: kind === "f16" ? "F16" : "BF16",
    shape: [values.length],
    values,
  }) as Float32Array<ArrayBuffer>;

/** What an integer q stands for: (q − zeroPoint) · scale. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Activations have 7 bits, so that sums of two products fit into 16 on every instruction set. */
export const LARGEST = 127;

/**
 * The scale by which 0 … 127 cover a range and 0, which is an integer of its own, so that padding and ReLUs are exact.
 * Jacob et al. 2018, section 3. Steps are those of 32-bit floats, as a program takes them.
 */
export function affineOf(range: { readonly min: number; readonly max: number }): Affine {
  const min = Math.fround(Math.min(range.min, 0));
  const max = Math.fround(Math.max(range.max, 0));
  const width = Math.fround(max - min);
  // A width of next to nothing has a step that is 0 in 32 bits.
  const scale = Math.fround(width / LARGEST) || 1;
  return { scale, zeroPoint: Math.min(LARGEST, roundToEven(Math.fround((0 - min) / scale))) };
}

/** The integer that stands for a number: clamp(round(x / scale) + zeroPoint). */
export function integerOf(x: number, { scale, zeroPoint }: Affine): number {
  return Math.max(0, Math.min(LARGEST, roundToEven(Math.fround(x / scale)) + zeroPoint));
}

/** The values of an array along one axis: value i belongs to channel ⌊i / inner⌋ mod count. */
export interface Channels {
  readonly count: number;
  readonly inner: number;
}

export const channelsOf = (shape: readonly number[], axis: number): Channels => ({
  count: shape[axis]!,
  inner: shape.slice(axis + 1).reduce((size, each) => size * each, 1),
});

/** Signed integers of 8 bits, −127 … 127, and the scale of each channel. */
export interface Integers8 {
  readonly values: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

/** The nearest integers with scale max|w| / 127 of each channel; 1 where that is 0 in 32 bits, as of a channel of zeros. */
export function toInt8(values: Float32Array, { count, inner }: Channels): Integers8 {
  const scales = new Float32Array(count);
  const channelOf = (index: number) => Math.floor(index / inner) % count;
  for (const [index, value] of values.entries()) {
    const channel = channelOf(index);
    scales[channel] = Math.max(scales[channel]!, Math.abs(value));
  }
  for (const [channel, most] of scales.entries()) scales[channel] = Math.fround(most / LARGEST) || 1;
  const integers = Int8Array.from(values, (value, index) => {
    const integer = roundToEven(Math.fround(value / scales[channelOf(index)]!));
    return Math.max(-LARGEST, Math.min(LARGEST, integer));
  });
  return { values: integers, scales };
}

/** The floats that integers of 8 bits stand for. */
export function fromInt8(
  { values, scales }: Integers8,
  { count, inner }: Channels,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(values, (value, index) => value * scales[Math.floor(index / inner) % count]!);
}

/** Signal-to-quantization-noise ratio in decibels: 10 log₁₀(Σ x² / Σ (x − y)²); infinite where nothing is lost. */
export function signalToNoise(wanted: ArrayLike<number>, got: ArrayLike<number>): number {
  let [signal, noise] = [0, 0];
  for (let index = 0; index < wanted.length; index++) {
    signal += wanted[index]! ** 2;
    noise += (wanted[index]! - got[index]!) ** 2;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}
