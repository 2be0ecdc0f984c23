// FlatBuffers, held against bytes laid by hand and read back by another's rules.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import {
  float32,
  int8,
  int32,
  integers,
  numbers,
  table,
  tables,
  text,
  uint8,
  uint32,
  writeFlatBuffer,
} from "#src/formats/flatbuffers";
import { FlatReader } from "../support/flatbuffers.ts";

const words = (...values: readonly number[]) => [...new Uint8Array(Uint16Array.from(values).buffer)];
const word = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];

describe("bytes laid by hand", () => {
  test("a number and a text", () => {
    const bytes = writeFlatBuffer(table(uint32(3), text("hi")), "TFL3");
    expect([...bytes]).toEqual([
      ...word(16), // the root
      ...[0x54, 0x46, 0x4c, 0x33],
      ...words(8, 12, 4, 8), // 8: vtable of 8 bytes, table of 12, its fields
      ...word(8), // 16: the vtable lies 8 before
      ...word(3),
      ...word(4), // 24: the text lies 4 behind
      ...word(2),
      ...[0x68, 0x69, 0],
    ]);
  });
  test("one byte behind four, and a field left out", () => {
    const bytes = writeFlatBuffer(table(int8(-1), undefined, int32(-2)), "abcd");
    expect([...bytes]).toEqual([
      ...word(20),
      ...[0x61, 0x62, 0x63, 0x64],
      ...words(10, 9, 8, 0, 4), // 8: ends at 18, the table begins at a multiple of 4
      ...[0, 0],
      ...word(12), // 20
      ...word(2 ** 32 - 2),
      0xff,
    ]);
  });
  test("an empty table has an empty vtable", () => {
    expect([...writeFlatBuffer(table(), "TFL3")].slice(8)).toEqual([...words(4, 4), ...word(4)]);
  });
});

describe("what is read back", () => {
  test("every kind of field", () => {
    const inner = table(float32(0.5), uint8(200));
    const root = table(
      inner,
      integers([1, -2, 3]),
      numbers(Float32Array.of(1.5, -2)),
      numbers(BigInt64Array.of(-5n, 7n)),
      tables([table(int32(1)), table(int32(2))]),
      text("Füße"),
      tables([]),
      text(""),
    );
    const read = FlatReader.root(writeFlatBuffer(root, "TEST"));
    expect(read.table(0)!.float32(0)).toBe(0.5);
    expect(read.table(0)!.uint8(1)).toBe(200);
    expect(read.integers(1)).toEqual([1, -2, 3]);
    expect(read.floats(2)).toEqual([1.5, -2]);
    expect(read.longs(3)).toEqual([-5, 7]);
    expect(read.tables(4).map((each) => each.int32(0))).toEqual([1, 2]);
    expect(read.text(5)).toBe("Füße");
    expect(read.tables(6)).toEqual([]);
    expect(read.text(7)).toBe("");
    expect(read.place(8)).toBeUndefined();
  });
  test("numbers lie at multiples of their size, or of what is asked for", () => {
    for (let length = 0; length < 20; length++) {
      const root = table(
        text("x".repeat(length)),
        numbers(new Uint8Array(3), 16),
        numbers(BigInt64Array.of(1n)),
        numbers(new Uint8Array(5)),
        int8(1),
      );
      const read = FlatReader.root(writeFlatBuffer(root, "TEST"));
      expect((read.pointed(1)! + 4) % 16).toBe(0);
      expect((read.pointed(2)! + 4) % 8).toBe(0);
      for (const field of [0, 1, 2, 3]) expect(read.pointed(field)! % 4).toBe(0);
      expect(read.at % 4).toBe(0);
    }
  });
  test("tables alike share a vtable", () => {
    const alike = [1, 2, 3].map((value) => table(int32(value), text("a")));
    const read = FlatReader.root(writeFlatBuffer(table(tables([...alike, table(int32(4))])), "TEST"));
    const [a, b, c, d] = read.tables(0).map(({ vtable }) => vtable);
    expect([b, c]).toEqual([a, a]);
    expect(d).not.toBe(a);
  });
  test("many bytes make the file grow, and stay", () => {
    const values = Float32Array.from({ length: 100_000 }, (_, k) => k);
    const read = FlatReader.root(writeFlatBuffer(table(numbers(values, 16)), "TEST"));
    expect(Float32Array.from(read.floats(0))).toEqual(values);
  });
});

test("an identifier is four letters", () => {
  expect(() => writeFlatBuffer(table(), "TFL")).toThrow(OptionError);
  expect(() => writeFlatBuffer(table(), "TFLä")).toThrow('got "TFLä", wanted four letters of ASCII');
});
