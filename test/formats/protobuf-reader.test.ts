// Fields of protocol buffers, as files of others have them and as no file may.
import { expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { ProtobufReader } from "#src/formats/protobuf-reader";

const reader = (...bytes: number[]) => {
  const made = new ProtobufReader("file", Uint8Array.from(bytes));
  made.next();
  return made;
};
/** A varint of all 64 bits of a number. */
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    left >>= 7n;
  } while (left > 0n);
  return bytes;
}

test.each([0n, 1n, 127n, 128n, 300n, -1n, -2n, 2n ** 31n, -(2n ** 31n), 2n ** 53n - 1n, 1n - 2n ** 53n])(
  "a whole number: %s",
  (value) => {
    expect(reader(0x08, ...varint(value)).integer()).toBe(Number(value));
  },
);
test.each([
  [2n ** 53n, Number.POSITIVE_INFINITY],
  [2n ** 63n - 1n, Number.POSITIVE_INFINITY],
  [-(2n ** 53n), Number.NEGATIVE_INFINITY],
  [-(2n ** 63n), Number.NEGATIVE_INFINITY],
])("a whole number that no float has: %s", (value, wanted) => {
  expect(reader(0x08, ...varint(value)).integer()).toBe(wanted);
});

test("lists, packed and one a field", () => {
  const integers: number[] = [];
  const made = new ProtobufReader("file", Uint8Array.from([0x0a, 3, 1, 0xac, 0x02, 0x08, 7]));
  while (made.next() > 0) made.integers(integers);
  expect(integers).toEqual([1, 300, 7]);
  const floats: number[] = [];
  const bytes = new Uint8Array(Float32Array.of(1.5, -2).buffer);
  const both = new ProtobufReader(
    "file",
    Uint8Array.from([0x0a, 8, ...bytes, 0x0d, ...bytes.subarray(0, 4)]),
  );
  while (both.next() > 0) both.floats(floats);
  expect(floats).toEqual([1.5, -2, 1.5]);
  const doubles: number[] = [];
  reader(0x0a, 8, ...new Uint8Array(Float64Array.of(0.1).buffer)).doubles(doubles);
  expect(doubles).toEqual([0.1]);
});

test("texts and bytes; what is not wanted is passed over", () => {
  expect(reader(0x0a, 3, 0xe2, 0x88, 0x91).string()).toBe("∑");
  expect([...reader(0x0a, 2, 9, 8).bytes()]).toEqual([9, 8]);
  const made = new ProtobufReader(
    "file",
    Uint8Array.from([
      0x0a,
      1,
      5,
      0x11,
      ...new Array<number>(8).fill(0),
      0x1d,
      0,
      0,
      0,
      0,
      0x20,
      0x80,
      1,
      0x28,
      6,
    ]),
  );
  const fields: number[] = [];
  for (let field = made.next(); field > 0; field = made.next()) {
    fields.push(field);
    if (field === 5) expect(made.integer()).toBe(6);
    else made.skip();
  }
  expect(fields).toEqual([1, 2, 3, 4, 5]);
});

test.each<[string, number[], (made: ProtobufReader) => unknown, RegExp]>([
  ["a varint without end", [0x08, 0x80], (made) => made.integer(), /byte 2: got the end/],
  [
    "a varint of 11 bytes",
    [0x08, ...new Array<number>(10).fill(0x80), 0],
    (made) => made.integer(),
    /byte 1: got a varint of more than 64 bits/,
  ],
  [
    "a varint of 65 bits",
    [0x08, ...new Array<number>(9).fill(0x80), 2],
    (made) => made.integer(),
    /more than 64 bits/,
  ],
  [
    "a length beyond the end",
    [0x0a, 5, 1],
    (made) => made.bytes(),
    /byte 1: got a length of 5, wanted at most 1/,
  ],
  ["a negative length", [0x0a, ...varint(-1n)], (made) => made.bytes(), /a length of -1/],
  ["no UTF-8", [0x0a, 1, 0xff], (made) => made.string(), /no UTF-8/],
  ["another kind of field", [0x0d, 0, 0, 0, 0], (made) => made.integer(), /got 4 bytes, wanted a varint/],
  ["a float of three bytes", [0x0d, 0, 0, 0], (made) => made.float(), /wanted 4 bytes/],
  ["half a number at the end of a list", [0x0a, 3, 0, 0, 0, 1], (made) => made.floats([]), /across the end/],
])("refuses %s", (_, bytes, read, message) => {
  const made = reader(...bytes);
  expect(() => read(made)).toThrow(FormatError);
  expect(() => read(reader(...bytes))).toThrow(message);
});
test("refuses groups and field 0", () => {
  for (const key of [0x0b, 0x0c, 0x0e, 0x0f, 0x00])
    expect(() => reader(key)).toThrow(/file: byte 0: got (wire type|field number)/);
});
test("goes into messages as deep as it may, and no deeper", () => {
  // Each message is the rest of the bytes.
  const bytes = Array.from({ length: 40 }, (_, k) => [0x0a, 2 * (39 - k)]).flat();
  let made = reader(...bytes);
  let depth = 0;
  expect(() => {
    for (; depth < 100; depth++) {
      made = made.message();
      made.next();
    }
  }).toThrow(/more than 32 messages in each other/);
  expect(depth).toBe(32);
});
