// PNG and JPEG files as images, by decoders that are installed beside this package.

import { FormatError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { FieldSource } from "./field.ts";
import { type Image, type ImageSize, resizeImage, sizesOf } from "./image.ts";

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** 1: grey, by the luma of ITU-R BT.601. 3: red, green, blue; alpha is left out. 4: with alpha. Default: 3. */
  readonly channels?: 1 | 3 | 4 | undefined;
  /** Of the result, as `resizeImage` makes it. Default: that of the file. */
  readonly size?: ImageSize | undefined;
  /** Files that say that they hold more are refused before they are decoded. Default: 100 million. */
  readonly maximumPixels?: number | undefined;
}

/** Bytes of red, green, blue and alpha, as many as the file has: 1 grey, 2 grey and alpha, 3 or 4. */
interface Pixels {
  readonly data: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** The largest byte as a float, as bytes in a dataset of this scale are. */
const SCALE = Math.fround(1 / 255);

async function decodePng(bytes: Uint8Array, maximumPixels: number): Promise<Pixels> {
  const library = await fastPng();
  if (bytes.length >= 24) {
    const header = new DataView(bytes.buffer, bytes.byteOffset + 16, 8);
    checkPixels(header.getUint32(0), header.getUint32(4), maximumPixels);
  }
  const png = library.decode(bytes, { checkCrc: true });
  const { width, height, depth, palette } = png;
  if (depth === 16) return { ...png, data: Array.from(png.data, (value) => value >> 8) };
  const data = depth === 8 ? png.data : unpacked(png.data, png.channels * width, depth);
  if (palette) {
    const colours = Array.from(data, (index) => palette[index]);
    if (colours.includes(undefined)) throw new Error("a pixel names no colour of the palette");
    return { data: colours.flatMap((colour) => colour!), height, width, channels: palette[0]!.length };
  }
  // One bit is black or white; two and four are spread over all greys.
  const grey = depth === 8 ? data : data.map((value) => (value * 255) / (2 ** depth - 1));
  return { data: grey, height, width, channels: png.channels };
}

/** Values of less than a byte, the first in the highest bits; each row begins with a byte of its own. */
function unpacked(data: ArrayLike<number>, columns: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((columns * depth) / 8);
  const values = new Uint8Array((data.length / rowBytes) * columns);
  for (let i = 0; i < values.length; i++) {
    const bit = (i % columns) * depth;
    const byte = data[Math.floor(i / columns) * rowBytes + (bit >> 3)]!;
    values[i] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  }
  return values;
}

async function decodeJpeg(bytes: Uint8Array, maximumPixels: number): Promise<Pixels> {
  const library = await jpegJs();
  // A module of the older kind: bundlers put its names beside the default, or on it.
  const decode = library.decode ?? (library as unknown as { default: typeof library }).default.decode;
  const jpeg = decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: maximumPixels / 1e6,
  });
  return { ...jpeg, channels: 3 };
}

async function fastPng() {
  try {
    return await import("fast-png");
  } catch {
    throw missing("fast-png");
  }
}

async function jpegJs() {
  try {
    return await import("jpeg-js");
  } catch {
    throw missing("jpeg-js");
  }
}

const missing = (name: string) =>
  new OptionError(`decodeImage: needs the package ${name}: npm install ${name}`);

function checkPixels(width: number, height: number, maximum: number): void {
  if (width * height > maximum)
    throw new Error(`it says that it holds ${width} × ${height} pixels, wanted at most ${maximum}`);
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];

/**
 * An image from the bytes of a PNG or JPEG file: values from 0 to 1, [height, width, channels]. The kind is told from the
 * first bytes. Sixteen bits become eight; how a camera was held (EXIF) and a single colour declared
 * transparent are not looked at.
 * Needs the package fast-png or jpeg-js; throws `OptionError` where it is not installed, or for an option out of range, and
 * `FormatError` for bytes that are neither, damaged, or more than wanted.
 * @example
 * const bytes = await readFile("digit.png");
 * const { values, height, width, channels } = await decodeImage(bytes, { channels: 1, size: 28 });
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  const {
    channels = 3,
    size,
    maximumPixels = 1e8,
  } = checkOptions("decodeImage", options, { channels: 0, size: 0, maximumPixels: 0 });
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new OptionError(`decodeImage: channels: got ${channels}, wanted 1, 3 or 4`);
  if (!(maximumPixels >= 1))
    throw new OptionError(`decodeImage: maximumPixels: got ${maximumPixels}, wanted a number from 1`);
  if (!(bytes instanceof Uint8Array))
    throw new OptionError("decodeImage: bytes: got something else, wanted a Uint8Array");
  if (size !== undefined) sizesOf("decodeImage", "size", size);
  const begins = (signature: readonly number[]) => signature.every((byte, at) => bytes[at] === byte);
  const decode = begins(PNG) ? decodePng : begins(JPEG) ? decodeJpeg : undefined;
  if (!decode) {
    const got = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new FormatError(`decodeImage: got bytes that begin with "${got}", wanted a PNG or JPEG file`);
  }
  let pixels: Pixels;
  try {
    pixels = await decode(bytes, maximumPixels);
  } catch (cause) {
    if (cause instanceof OptionError) throw cause;
    throw new FormatError(
      `decodeImage: ${decode === decodePng ? "PNG" : "JPEG"}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  const image = withChannels(pixels, channels);
  return size === undefined ? image : resizeImage(image, size);
}

function withChannels({ data, height, width, channels: own }: Pixels, channels: number): Image {
  const values = new Float32Array(height * width * channels);
  for (let at = 0, from = 0; at < values.length; at += channels, from += own) {
    const red = data[from]!;
    const green = own < 3 ? red : data[from + 1]!;
    const blue = own < 3 ? red : data[from + 2]!;
    const alpha = own % 2 === 0 ? data[from + own - 1]! : 255;
    if (channels === 1) values[at] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue) * SCALE;
    else values.set([red * SCALE, green * SCALE, blue * SCALE], at);
    if (channels === 4) values[at + 3] = alpha * SCALE;
  }
  return { values, height, width, channels };
}

/**
 * Images of one size as the inputs of a dataset: held as bytes, one a value, and scaled to 0 … 1 where they are used.
 * Values are rounded to steps of 1/255 and clamped.
 * Throws `OptionError` where there is none, or their sizes differ.
 * @example
 * const image = { values: new Float32Array(28 * 28).fill(0.5), height: 28, width: 28, channels: 1 };
 * const pair = dataset({ inputs: imageField([image, image]), labels: [3, 5] });
 */
export function imageField(images: readonly Image[]): FieldSource {
  const [first] = images;
  if (!first) throw new OptionError("imageField: got no image, wanted one or more");
  const { height, width, channels } = first;
  const size = height * width * channels;
  const values = new Uint8Array(images.length * size);
  for (const [i, image] of images.entries()) {
    if (image.height !== height || image.width !== width || image.channels !== channels) {
      throw new OptionError(
        `imageField: image ${i}: got [${image.height}, ${image.width}, ${image.channels}], wanted [${height}, ${width}, ${channels}] as before`,
      );
    }
    values.set(
      image.values.map((x) => Math.round(Math.min(Math.max(x * 255, 0), 255))),
      i * size,
    );
  }
  return { values, shape: [height, width, channels], scale: 1 / 255 };
}
