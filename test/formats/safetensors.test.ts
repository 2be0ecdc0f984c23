import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DownhillError, FormatError, OptionError, ShapeError } from "#src/core/errors";
import {
  readSafetensors,
  type SafetensorsTensor,
  type SafetensorsType,
  toFloat32,
} from "#src/formats/safetensors";
import { type SafetensorsSource, writeSafetensors } from "#src/formats/safetensors-writer";

/** A file with this header as it stands and these many bytes behind it. */
function file(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const tensor = (name: string, dtype: string, shape: string, offsets: string): string =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i + 1);

/** An independent reader for good files: JSON.parse and a DataView. */
function simpleRead(file: Uint8Array) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const text = new TextDecoder().decode(file.subarray(8, start));
  const { __metadata__ = {}, ...tensors } = JSON.parse(text) as Record<string, never>;
  return {
    start,
    text,
    metadata: __metadata__,
    tensors: tensors as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>,
  };
}

const arrays: Record<
  SafetensorsType,
  { Values: new (buffer: ArrayBuffer) => SafetensorsTensor["values"]; bytes: number }
> = {
  F64: { Values: Float64Array, bytes: 8 },
  F32: { Values: Float32Array, bytes: 4 },
  F16: { Values: Uint16Array, bytes: 2 },
  BF16: { Values: Uint16Array, bytes: 2 },
  I64: { Values: BigInt64Array, bytes: 8 },
  I32: { Values: Int32Array, bytes: 4 },
  I16: { Values: Int16Array, bytes: 2 },
  I8: { Values: Int8Array, bytes: 1 },
  U64: { Values: BigUint64Array, bytes: 8 },
  U32: { Values: Uint32Array, bytes: 4 },
  U16: { Values: Uint16Array, bytes: 2 },
  U8: { Values: Uint8Array, bytes: 1 },
  BOOL: { Values: Uint8Array, bytes: 1 },
};
const dtypes = Object.keys(arrays) as SafetensorsType[];

const named: fc.Arbitrary<[string, SafetensorsTensor][]> = fc.uniqueArray(
  fc.tuple(
    fc.string({ unit: "grapheme", maxLength: 8 }).filter((name) => name !== "__metadata__"),
    fc
      .tuple(
        fc.constantFrom(...dtypes),
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
        fc.nat(255),
      )
      .map(([dtype, shape, seed]): SafetensorsTensor => {
        const { Values, bytes } = arrays[dtype];
        const raw = new Uint8Array(shape.reduce((product, n) => product * n, 1) * bytes);
        return { dtype, shape, values: new Values(raw.map((_, i) => i * 37 + seed).buffer) };
      }),
  ),
  { maxLength: 6, selector: ([name]) => name },
);
const notes = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), {
  maxLength: 3,
  selector: ([key]) => key,
});

const rawBytes = ({ values }: { values: SafetensorsTensor["values"] }): number[] => [
  ...new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
];

describe("round trip", () => {
  test("what is written is read, from any offset of a larger buffer", () => {
    fc.assert(
      fc.property(named, notes, fc.integer({ min: 0, max: 9 }), (tensors, metadata, offset) => {
        const written = writeSafetensors(tensors, metadata);
        const moved = new Uint8Array(offset + written.length);
        moved.set(written, offset);
        const read = readSafetensors(moved.subarray(offset));
        expect(new Map([...read.metadata])).toEqual(new Map(metadata));
        expect([...read.tensors.keys()].sort()).toEqual(tensors.map(([name]) => name).sort());
        for (const [name, { dtype, shape, values }] of tensors) {
          const found = read.tensors.get(name)!;
          expect([found.dtype, found.shape, rawBytes(found)]).toEqual([dtype, shape, rawBytes({ values })]);
          expect(found.values).toBeInstanceOf(arrays[dtype].Values);
        }
      }),
    );
  });

  test("an independent reader finds the same in a written file", () => {
    fc.assert(
      fc.property(named, notes, (tensors, metadata) => {
        const written = writeSafetensors(tensors, metadata);
        const { start, text, tensors: found, metadata: foundNotes } = simpleRead(written);
        expect(text.startsWith("{")).toBe(true);
        expect(start % 8).toBe(0);
        expect(new Map(Object.entries(foundNotes))).toEqual(new Map(metadata));
        const wanted = new Map(tensors);
        expect(Object.keys(found).length).toBe(wanted.size);
        let last = 8;
        for (const {
          dtype,
          shape,
          data_offsets: [begin, end],
          name,
        } of Object.entries(found)
          .map(([name, entry]) => ({ name, ...entry }))
          .sort((a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1])) {
          const size = arrays[dtype as SafetensorsType].bytes;
          expect(begin % size).toBe(0);
          if (end > begin) {
            expect(size).toBeLessThanOrEqual(last);
            last = size;
          }
          expect([dtype, shape, [...written.subarray(start + begin, start + end)]]).toEqual([
            wanted.get(name)!.dtype,
            wanted.get(name)!.shape,
            rawBytes(wanted.get(name)!),
          ]);
        }
      }),
    );
  });

  test("the order in which tensors are given changes nothing", () => {
    fc.assert(
      fc.property(named, (tensors) => {
        expect(writeSafetensors(new Map([...tensors].reverse()))).toEqual(writeSafetensors(tensors));
      }),
    );
  });

  test("the layout, byte by byte", () => {
    const written = writeSafetensors(
      [
        ["b", { shape: [2], values: Uint8Array.of(1, 2) }],
        ["z", { shape: [], values: Float32Array.of(1) }],
        ["a", { dtype: "BOOL", shape: [1, 1], values: Uint8Array.of(1) }],
      ],
      [["step", "9"]],
    );
    const header =
      '{"__metadata__":{"step":"9"},"z":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
      '"a":{"dtype":"BOOL","shape":[1,1],"data_offsets":[4,5]},"b":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    expect(written).toEqual(file(padded, [0, 0, 0x80, 0x3f, 1, 1, 2]));
  });
});

describe("a good file", () => {
  test.each<[string, Uint8Array, [string, string, number[], number][]]>([
    ["no tensor", file("{}"), []],
    ["a header in white space", file(" \n{ }\t\r "), []],
    ["a single number", file(`{${tensor("x", "F32", "[]", "[0,4]")}}`, bytes(4)), [["x", "F32", [], 1]]],
    [
      "empty tensors in every place",
      file(
        `{${tensor("last", "F32", "[0]", "[3,3]")},${tensor("a", "U8", "[1]", "[0,1]")},${tensor("mid", "F64", "[5,0]", "[1,1]")},${tensor("b", "U8", "[2]", "[1,3]")},${tensor("first", "U8", "[0]", "[0,0]")}}`,
        bytes(3),
      ),
      [
        ["last", "F32", [0], 0],
        ["a", "U8", [1], 1],
        ["mid", "F64", [5, 0], 0],
        ["b", "U8", [2], 2],
        ["first", "U8", [0], 0],
      ],
    ],
    [
      "names that are properties of objects",
      file(
        `{${tensor("__proto__", "U8", "[1]", "[0,1]")},${tensor("constructor", "U8", "[1]", "[1,2]")}}`,
        bytes(2),
      ),
      [
        ["__proto__", "U8", [1], 1],
        ["constructor", "U8", [1], 1],
      ],
    ],
  ])("%s", (_, good, wanted) => {
    const { tensors } = readSafetensors(good);
    expect(Array.from(tensors, ([name, t]) => [name, t.dtype, t.shape, t.values.length])).toEqual(wanted);
  });

  test("values are views where they are aligned and copies where not", () => {
    const aligned = writeSafetensors([["x", { shape: [2], values: Float32Array.of(1, 2) }]]);
    expect(readSafetensors(aligned).tensors.get("x")!.values.buffer).toBe(aligned.buffer);
    const unaligned = file(`{ ${tensor("x", "F32", "[1]", "[0,4]")}}`, [0, 0, 0x80, 0x3f]);
    expect(unaligned.length % 4).not.toBe(0);
    expect(readSafetensors(unaligned).tensors.get("x")!.values).toEqual(Float32Array.of(1));
  });

  test("metadata", () => {
    const { metadata } = readSafetensors(file('{"__metadata__":{"__proto__":"x","format":"pt"}}'));
    expect([...metadata]).toEqual([
      ["__proto__", "x"],
      ["format", "pt"],
    ]);
  });
});

describe("a bad file", () => {
  const ok = tensor("x", "U8", "[2]", "[0,2]");
  const deep = `[${Array(32).fill("9007199254740991").join(",")},0]`;
  test.each<[string, Uint8Array, string | RegExp]>([
    [
      "nothing",
      new Uint8Array(0),
      "safetensors: header length at byte 0 cut off: got 0 bytes, wanted 8 or more",
    ],
    [
      "seven bytes",
      new Uint8Array(7),
      "safetensors: header length at byte 0 cut off: got 7 bytes, wanted 8 or more",
    ],
    [
      "a header beyond the limit",
      file("{}", [], 100_000_001n),
      "safetensors: header length at byte 0: got 100000001, wanted up to 100000000",
    ],
    [
      "the largest header",
      file("{}", [], 2n ** 64n - 1n),
      "safetensors: header length at byte 0: got 18446744073709551615, wanted up to 100000000",
    ],
    [
      "a header of 2^32 + 2",
      file("{}", [], 2n ** 32n + 2n),
      "safetensors: header length at byte 0: got 4294967298, wanted up to 100000000",
    ],
    [
      "a header beyond the file",
      file("{}", [], 3n),
      "safetensors: header cut off: got 10 bytes, wanted 11 or more",
    ],
    ["an empty header", file(""), "safetensors: header: character 0: got end of header, wanted {"],
    [
      "no UTF-8",
      file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)),
      "safetensors: header: got bytes that are not UTF-8, wanted UTF-8",
    ],
    [
      "overlong UTF-8",
      file(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d)),
      "safetensors: header: got bytes that are not UTF-8, wanted UTF-8",
    ],
    ["a byte order mark", file("\ufeff{}"), 'safetensors: header: character 0: got "\ufeff", wanted {'],
    [
      "something behind the header",
      file("{}x"),
      'safetensors: header: character 2: got "x", wanted the end of the header',
    ],
    [
      "a zero byte behind the header",
      file("{}\0"),
      'safetensors: header: character 2: got "\\u0000", wanted the end of the header',
    ],
    ["two tensors of one name", file(`{${ok},${ok}}`, bytes(2)), /duplicate key "x", wanted one of each$/],
    [
      "two fields of one name",
      file('{"x":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      /character 19: got duplicate key "dtype"/,
    ],
    ["two metadata", file('{"__metadata__":{},"__metadata__":{}}'), /duplicate key "__metadata__"/],
    ["two notes of one name", file('{"__metadata__":{"a":"1","a":"2"}}'), /duplicate key "a"/],
    ["a note that is no string", file('{"__metadata__":{"a":1}}'), /character 21: got "1", wanted a string$/],
    ["metadata that are no object", file('{"__metadata__":"a"}'), /character 16: got "\\"", wanted {$/],
    [
      "an unknown field",
      file('{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"path":"/etc"}}'),
      /got field "path", wanted dtype, shape or data_offsets$/,
    ],
    [
      "an unknown type",
      file(`{${tensor("x", "F8_E4M3", "[0]", "[0,0]")}}`),
      /got dtype "F8_E4M3", wanted F64, F32, F16, BF16, I64, I32/,
    ],
    ["a property for a type", file(`{${tensor("x", "toString", "[0]", "[0,0]")}}`), /got dtype "toString"/],
    ["a type in small letters", file(`{${tensor("x", "f32", "[0]", "[0,0]")}}`), /got dtype "f32"/],
    [
      "no type",
      file('{"x":{"shape":[0],"data_offsets":[0,0]}}'),
      /got an incomplete tensor "x", wanted dtype, shape and two data_offsets$/,
    ],
    ["no shape", file('{"x":{"dtype":"U8","data_offsets":[0,0]}}'), /got an incomplete tensor "x"/],
    ["no offsets", file('{"x":{"dtype":"U8","shape":[0]}}'), /got an incomplete tensor "x"/],
    ["one offset", file(`{${tensor("x", "U8", "[0]", "[0]")}}`), /got an incomplete tensor "x"/],
    [
      "three offsets",
      file(`{${tensor("x", "U8", "[0]", "[0,0,0]")}}`),
      /got one number more, wanted up to 2 in data_offsets$/,
    ],
    [
      "a negative size",
      file(`{${tensor("x", "U8", "[-1]", "[0,0]")}}`),
      /got "-", wanted an integer without sign, fraction or exponent$/,
    ],
    [
      "a fractional size",
      file(`{${tensor("x", "U8", "[2.0]", "[0,2]")}}`, bytes(2)),
      /wanted an integer without sign/,
    ],
    [
      "a size with an exponent",
      file(`{${tensor("x", "U8", "[2e0]", "[0,2]")}}`, bytes(2)),
      /wanted an integer without sign/,
    ],
    [
      "a size that would be rounded",
      file(`{${tensor("x", "U8", "[9007199254740993]", "[0,2]")}}`, bytes(2)),
      /got 9007199254740993, wanted an integer up to 2\^53 − 1$/,
    ],
    [
      "a hole before the first",
      file(`{${tensor("x", "U8", "[1]", "[1,2]")}}`, bytes(2)),
      'safetensors: tensor "x": hole at begin: got 1, wanted 0',
    ],
    [
      "a hole",
      file(`{${ok},${tensor("y", "U8", "[1]", "[3,4]")}}`, bytes(4)),
      'safetensors: tensor "y": hole at begin: got 3, wanted 2',
    ],
    [
      "an overlap",
      file(`{${ok},${tensor("y", "U8", "[2]", "[1,3]")}}`, bytes(3)),
      'safetensors: tensor "y": overlap at begin: got 1, wanted 2',
    ],
    [
      "two tensors in one place",
      file(`{${ok},${tensor("y", "U8", "[2]", "[0,2]")}}`, bytes(2)),
      'safetensors: tensor "y": overlap at begin: got 0, wanted 2',
    ],
    [
      "an empty tensor inside another",
      file(`{${ok},${tensor("y", "U8", "[0]", "[1,1]")}}`, bytes(2)),
      'safetensors: tensor "y": overlap at begin: got 1, wanted 2',
    ],
    [
      "an end before the begin",
      file(`{${ok},${tensor("y", "U8", "[1]", "[2,1]")}}`, bytes(2)),
      'safetensors: tensor "y": end before begin: got 1, wanted 2 or more',
    ],
    [
      "a shape larger than its bytes",
      file(`{${tensor("x", "F32", "[2]", "[0,4]")}}`, bytes(4)),
      'safetensors: tensor "x": bytes: got 4, wanted 8 for F32 [2]',
    ],
    [
      "a shape smaller than its bytes",
      file(`{${tensor("x", "F32", "[]", "[0,8]")}}`, bytes(8)),
      'safetensors: tensor "x": bytes: got 8, wanted 4 for F32 []',
    ],
    [
      "a size that overflows to zero",
      file(`{${tensor("x", "U8", "[4294967296,4294967296]", "[0,0]")}}`),
      'safetensors: tensor "x": bytes of [4294967296, 4294967296]: got 18446744073709552000, wanted up to 2^53 − 1',
    ],
    [
      "a size that overflows to infinity, times zero",
      file(`{${tensor("x", "U8", deep, "[0,0]")}}`),
      /bytes of \[9007199254740991, .*\]: got NaN, wanted up to 2\^53 − 1$/,
    ],
    ["values cut off", file(`{${ok}}`, bytes(1)), "safetensors: file length: got 62, wanted 63"],
    ["values left over", file(`{${ok}}`, bytes(3)), "safetensors: file length: got 64, wanted 63"],
    ["values of no tensor", file("{}", bytes(1)), "safetensors: file length: got 11, wanted 10"],
    [
      "values far beyond the file",
      file(`{${tensor("x", "U8", "[9007199254740991]", "[0,9007199254740991]")}}`),
      /^safetensors: file length: got 91, wanted 9007199254741082$/,
    ],
  ])("%s", (_, bad, message) => {
    // A rank of 33 must reach the check of sizes.
    const read = () => readSafetensors(bad, { maxRank: 33 });
    expect(read).toThrow(FormatError);
    expect(read).toThrow(typeof message === "string" ? new FormatError(message) : message);
  });

  test.each<[string, Parameters<typeof readSafetensors>[1], string]>([
    ["header", { maxHeaderBytes: 100 }, "digits: header length at byte 0: got 167, wanted up to 100"],
    ["tensors", { maxTensors: 1 }, "digits: header: character 119: got one tensor more, wanted up to 1"],
    [
      "notes",
      { maxTensors: 0 },
      "digits: header: character 21: got one entry more, wanted up to 0 of metadata",
    ],
    ["rank", { maxRank: 2 }, "digits: header: character 61: got one number more, wanted up to 2 in shape"],
    [
      "names",
      { maxNameLength: 2 },
      "digits: header: character 32: got a name of 3 characters, wanted up to 2",
    ],
  ])("beyond a limit: %s", (_, limits, message) => {
    const good = file(
      `{"__metadata__":{"a":"b"},"abc":{"dtype":"U8", "shape":[1,2, 1],"data_offsets":[0,2]},${tensor("second name that is quite long", "U8", "[1]", "[2,3]")}}`,
      bytes(3),
    );
    expect(readSafetensors(good).tensors.size).toBe(2);
    expect(() => readSafetensors(good, { name: "digits", ...limits })).toThrow(new FormatError(message));
  });

  test("every prefix", () => {
    const good = writeSafetensors(
      [
        ["kernel", { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
        ["é", { shape: [3], values: Uint8Array.of(1, 2, 3) }],
      ],
      [["note", "a\n𝛽"]],
    );
    readSafetensors(good);
    for (let n = 0; n < good.length; n++)
      expect(() => readSafetensors(good.subarray(0, n))).toThrow(FormatError);
  });

  test("changed bytes bring no other error", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(named, notes, changes, (tensors, metadata, changed) => {
        const written = writeSafetensors(tensors, metadata);
        for (const [at, byte] of changed) written[at % written.length] = byte;
        try {
          for (const { dtype, shape, values } of readSafetensors(written).tensors.values()) {
            expect(values.byteLength).toBe(shape.reduce((product, n) => product * n, arrays[dtype].bytes));
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("changed headers bring no other error", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '"x"',
      '"dtype"',
      '"shape"',
      '"data_offsets"',
      '"U8"',
      "0",
      "1",
      "-",
      " ",
      "\\",
      '"__metadata__"',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (parts) => {
        try {
          readSafetensors(file(parts.join("")));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what cannot be written", () => {
  const x: SafetensorsSource = { shape: [1], values: new Uint8Array(1) };
  test.each<[string, Parameters<typeof writeSafetensors>, new (message: string) => DownhillError, string]>([
    [
      "too few values",
      [[["x", { shape: [2, 2], values: new Float32Array(3) }]]],
      ShapeError,
      'writeSafetensors: tensor "x": values: got Float32Array of 3, wanted Float32Array of 4 for F32 [2, 2]',
    ],
    [
      "another type",
      [[["x", { dtype: "F16", shape: [1], values: new Float32Array(1) }]]],
      ShapeError,
      'writeSafetensors: tensor "x": values: got Float32Array of 1, wanted Uint16Array of 1 for F16 [1]',
    ],
    [
      "negative sizes",
      [[["x", { shape: [-1, -1], values: new Uint8Array(1) }]]],
      ShapeError,
      'writeSafetensors: tensor "x": values: got Uint8Array of 1, wanted Uint8Array of 1 for U8 [-1, -1]',
    ],
    [
      "no typed array",
      [[["x", { shape: [1], values: [1] as never }]]],
      ShapeError,
      'writeSafetensors: tensor "x": values: got 1, wanted a typed array',
    ],
    [
      "the name of metadata",
      [[["__metadata__", x]]],
      OptionError,
      "writeSafetensors: name: got __metadata__, wanted another",
    ],
    [
      "a name twice",
      [
        [
          ["x", x],
          ["x", x],
        ],
      ],
      OptionError,
      'writeSafetensors: name: got "x" twice, wanted it once',
    ],
    [
      "half a surrogate pair",
      [[["\ud800", x]]],
      OptionError,
      'writeSafetensors: name: got "\\ud800", wanted a string of well-formed Unicode',
    ],
    [
      "half a surrogate pair in a note",
      [[], [["a", "\udc00"]]],
      OptionError,
      'writeSafetensors: metadata: got "\\udc00", wanted a string of well-formed Unicode',
    ],
    [
      "a note that is no string",
      [[], [["a", 1 as unknown as string]]],
      OptionError,
      'writeSafetensors: metadata: got "1", wanted a string of well-formed Unicode',
    ],
    [
      "a note twice",
      [
        [],
        [
          ["a", "1"],
          ["a", "2"],
        ],
      ],
      OptionError,
      'writeSafetensors: metadata: got "a" twice, wanted it once',
    ],
  ])("%s", (_, args, type, message) => {
    expect(() => writeSafetensors(...args)).toThrow(type);
    expect(() => writeSafetensors(...args)).toThrow(new type(message));
  });
});

describe("toFloat32", () => {
  test("of F32 is the array, of F64 rounded", () => {
    const values = Float32Array.of(1, 2);
    expect(toFloat32({ dtype: "F32", shape: [2], values })).toBe(values);
    expect(toFloat32({ dtype: "F64", shape: [1], values: Float64Array.of(0.1) })).toEqual(
      Float32Array.of(0.1),
    );
  });

  test("of every F16 is what the formula of IEEE 754 says", () => {
    const values = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const wanted = Float32Array.from(values, (bits) => {
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      const sign = bits >> 15 ? -1 : 1;
      if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
      return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : (2 ** -14 * fraction) / 1024);
    });
    expect(toFloat32({ dtype: "F16", shape: [65536], values })).toEqual(wanted);
  });

  test("of BF16 is the upper half of an F32", () => {
    const values = Uint16Array.of(0x3f80, 0xc000, 0x0000, 0x8000, 0x7f80, 0x7fc0, 0x0001);
    expect(toFloat32({ dtype: "BF16", shape: [7], values })).toEqual(
      Float32Array.of(1, -2, 0, -0, Infinity, Number.NaN, 2 ** -133),
    );
  });

  test("of integers is refused", () => {
    expect(() => toFloat32({ dtype: "U16", shape: [1], values: new Uint16Array(1) })).toThrow(
      new OptionError("toFloat32: dtype: got U16, wanted F32, F64, F16 or BF16"),
    );
  });
});
