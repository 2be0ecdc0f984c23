// PNG and JPEG files as images: files written here byte by byte, and Pillow's. See test/golden/images.py.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { buf as crc32 } from "crc-32";
import { describe, expect, test } from "vitest";
import { FormatError, OptionError } from "#src/core/errors";
import { dataset } from "#src/data/index";
import { decodeImage, imageField } from "#src/images";

const golden = JSON.parse(readFileSync(new URL("../golden/images.json", import.meta.url), "utf8"));

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Rows as they lie in the file, without filters; colour types: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
function png(
  [width, height, depth, colour]: readonly [number, number, number, number],
  rows: readonly (readonly number[])[],
  others: readonly Buffer[] = [],
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = depth;
  header[9] = colour;
  const data = deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])));
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    ...others,
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ]);
}
const palette = chunk("PLTE", Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255));
const SCALE = Math.fround(1 / 255);
const scaled = (list: readonly number[]) => Float32Array.from(list, (byte) => byte * SCALE);

describe("PNG", () => {
  test.each<[string, Uint8Array, 1 | 3 | 4, number[]]>([
    ["grey", png([2, 1, 8, 0], [[7, 200]]), 1, [7, 200]],
    ["grey as colours", png([2, 1, 8, 0], [[7, 200]]), 3, [7, 7, 7, 200, 200, 200]],
    ["black and white", png([3, 2, 1, 0], [[0b10100000], [0b01000000]]), 1, [255, 0, 255, 0, 255, 0]],
    ["four greys", png([5, 1, 2, 0], [[0b00011011, 0b11000000]]), 1, [0, 85, 170, 255, 255]],
    ["sixteen greys", png([3, 1, 4, 0], [[0x0f, 0x80]]), 1, [0, 255, 136]],
    ["deep grey", png([2, 1, 16, 0], [[0x12, 0xff, 0xab, 0x00]]), 1, [0x12, 0xab]],
    ["grey and alpha", png([1, 1, 8, 4], [[9, 77]]), 4, [9, 9, 9, 77]],
    ["grey without its alpha", png([1, 1, 8, 4], [[9, 77]]), 3, [9, 9, 9]],
    [
      "colours",
      png(
        [1, 2, 8, 2],
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ),
      3,
      [1, 2, 3, 4, 5, 6],
    ],
    ["colours made opaque", png([1, 1, 8, 2], [[1, 2, 3]]), 4, [1, 2, 3, 255]],
    ["colours as grey", png([3, 1, 8, 2], [[255, 0, 0, 0, 255, 0, 0, 0, 255]]), 1, [76, 150, 29]],
    ["deep colours", png([1, 1, 16, 2], [[1, 99, 2, 99, 3, 99]]), 3, [1, 2, 3]],
    ["colours and alpha", png([1, 1, 8, 6], [[1, 2, 3, 4]]), 4, [1, 2, 3, 4]],
    ["a palette", png([2, 1, 8, 3], [[2, 0]], [palette]), 3, [0, 0, 255, 255, 0, 0]],
    [
      "a palette of two bits with alpha",
      png([3, 1, 2, 3], [[0b00011000]], [palette, chunk("tRNS", Uint8Array.of(10))]),
      4,
      [255, 0, 0, 10, 0, 255, 0, 255, 0, 0, 255, 255],
    ],
  ])("%s", async (_, bytes, channels, wanted) => {
    const image = await decodeImage(bytes, { channels });
    expect(image.channels).toBe(channels);
    expect(image.values).toEqual(scaled(wanted));
  });
  test("has its size, and another if wanted", async () => {
    const bytes = png(
      [2, 3, 8, 0],
      [
        [0, 0],
        [30, 30],
        [60, 60],
      ],
    );
    expect(await decodeImage(bytes)).toMatchObject({ height: 3, width: 2, channels: 3 });
    const small = await decodeImage(bytes, { channels: 1, size: [1, 2] });
    expect(small).toMatchObject({ height: 1, width: 2 });
    expect(small.values[0]).toBeCloseTo(30 / 255, 6);
  });
  test("gives a dataset of bytes with the same values", async () => {
    const files = [
      png([2, 1, 8, 2], [[1, 2, 3, 4, 5, 6]]),
      png([2, 1, 8, 2], [[250, 251, 252, 253, 254, 255]]),
    ];
    const pictures = await Promise.all(files.map((bytes) => decodeImage(bytes)));
    const data = dataset({ inputs: imageField(pictures), labels: [0, 1] });
    expect(data.inputs.values).toBeInstanceOf(Uint8Array);
    expect(data.inputShape).toEqual([1, 2, 3]);
    for (const [i, { values }] of pictures.entries()) expect(data.at(i).input).toEqual(values);
  });
});

test.each<{ mode: "RGB" | "L"; file: string; bytes: number[] }>(golden.jpeg)(
  "JPEG, $mode, as Pillow reads it",
  async ({ mode, file, bytes }) => {
    const channels = mode === "L" ? 1 : 3;
    const image = await decodeImage(Buffer.from(file, "base64"), { channels });
    expect(image).toMatchObject({ height: 10, width: 12, channels });
    // Decoders round the transform in their own ways: three steps of 255 at most.
    for (const [i, value] of image.values.entries())
      expect(Math.abs(value * 255 - bytes[i]!), `value ${i}`).toBeLessThanOrEqual(3);
  },
);

describe("bad input", () => {
  const good = png([2, 1, 8, 0], [[7, 200]]);
  const flipped = Uint8Array.from(good, (byte, i) => (i === good.length - 20 ? byte ^ 1 : byte));
  const jpeg = Buffer.from(golden.jpeg[0].file, "base64");
  test.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), 'got bytes that begin with "", wanted a PNG or JPEG file'],
    ["a GIF", Buffer.from("GIF89a"), 'got bytes that begin with "47 49 46 38", wanted a PNG or JPEG file'],
    ["half a PNG", good.subarray(0, 40), "PNG: "],
    ["its first bytes", good.subarray(0, 8), "PNG: "],
    ["a changed byte", flipped, "PNG: "],
    [
      "a colour that is not there",
      png([1, 1, 8, 3], [[7]], [palette]),
      "PNG: a pixel names no colour of the palette",
    ],
    [
      "a size that no memory holds",
      png([2 ** 20, 2 ** 20, 8, 0], [[7]]),
      "PNG: it says that it holds 1048576 × 1048576 pixels, wanted at most 100000000",
    ],
    ["half a JPEG", jpeg.subarray(0, 200), "JPEG: "],
    ["its first bytes", jpeg.subarray(0, 4), "JPEG: "],
  ])("%s", async (_, bytes, message) => {
    const error = await decodeImage(bytes).catch((caught) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(`decodeImage: ${message}`);
  });
  test.each([
    [{ channels: 2 as never }, "channels: got 2, wanted 1, 3 or 4"],
    [{ size: 0 }, "size: got 0, wanted an integer from 1, or two of them"],
    [{ maximumPixels: 0 }, "maximumPixels: got 0, wanted a number from 1"],
  ])("%j", async (options, message) => {
    await expect(decodeImage(good, options)).rejects.toThrow(new OptionError(`decodeImage: ${message}`));
  });
  test("no bytes", async () => {
    await expect(decodeImage("digit.png" as never)).rejects.toThrow(
      new OptionError("decodeImage: bytes: got something else, wanted a Uint8Array"),
    );
  });
  test("fewer pixels than the file has", async () => {
    for (const bytes of [
      png(
        [2, 2, 8, 0],
        [
          [1, 2],
          [3, 4],
        ],
      ),
      jpeg,
    ])
      await expect(decodeImage(bytes, { maximumPixels: 3 })).rejects.toThrow(FormatError);
  });
  test("a decoder that is not installed is named", () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "downhill-"));
    try {
      const build = fileURLToPath(new URL("../../build/src/", import.meta.url));
      for (const folder of ["core", "data"])
        cpSync(join(build, folder), join(elsewhere, folder), { recursive: true });
      const program = `
        import { decodeImage } from "${join(elsewhere, "data/decode-image.js")}";
        for (const bytes of [[0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], [0xff, 0xd8, 0xff]])
          await decodeImage(Uint8Array.from(bytes)).catch(({ name, message }) => console.log(name, message));
      `;
      const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
        cwd: elsewhere,
        encoding: "utf8",
      });
      expect(stdout.trim().split("\n")).toEqual([
        "OptionError decodeImage: needs the package fast-png: npm install fast-png",
        "OptionError decodeImage: needs the package jpeg-js: npm install jpeg-js",
      ]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});
