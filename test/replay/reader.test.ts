// The reader of program files takes what the layout allows, and nothing else.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { encode } from "#src/replay/encoder";
import { type Place, type ProgramFile, readPrograms } from "#src/replay/index";

const place = (change: Partial<Place> = {}): Place => ({
  role: "input",
  type: "f32",
  address: 65_600,
  shape: [2, 3],
  ...change,
});
const program = {
  control: [[1088, 65_536]] as const,
  steps: 1096,
  mostSteps: 7,
  places: new Map([["x", place()]]),
};
/** A small file, with a change. */
const source = (change: Partial<ProgramFile> = {}): ProgramFile => ({
  producer: "downhill 0.1.0",
  instructionSet: "plain",
  pages: 2,
  firstSlot: 1024,
  kernels: ["add", "matmulNN"],
  programs: new Map([["predict", program]]),
  runs: [{ address: 65_536, bytes: Uint8Array.of(1, 2, 3, 4) }],
  ...change,
});
const withPlace = (change: Partial<Place>) =>
  source({ programs: new Map([["predict", { ...program, places: new Map([["x", place(change)]]) }]]) });
const good = encode(source());

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 });
const places = fc.uniqueArray(
  fc.tuple(
    name,
    fc.record({
      role: fc.constantFrom("input" as const, "output" as const, "parameter" as const),
      type: fc.constantFrom("f32" as const, "i32" as const, "u8" as const),
      address: fc.nat(1000).map((n) => n * 4),
      shape: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
    }),
  ),
  { maxLength: 3, selector: ([key]) => key },
);
const programs = fc.uniqueArray(
  fc.tuple(
    name,
    fc.record({
      control: fc.array(
        fc.tuple(
          fc.nat(1000).map((n) => n * 4),
          fc.nat(2 ** 32 - 1),
        ),
        { maxLength: 4 },
      ),
      steps: fc.nat(1000).map((n) => n * 4),
      mostSteps: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      places: places.map((all) => new Map(all)),
    }),
  ),
  { minLength: 1, maxLength: 3, selector: ([key]) => key },
);
const files: fc.Arbitrary<ProgramFile> = fc.record({
  producer: name,
  instructionSet: fc.constantFrom("plain" as const, "relaxed" as const),
  pages: fc.integer({ min: 1, max: 16_384 }),
  firstSlot: fc.integer({ min: 1, max: 65_536 }),
  kernels: fc.uniqueArray(name, { maxLength: 4 }),
  programs: programs.map((all) => new Map(all)),
  // One behind the other, some with a gap.
  runs: fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 4 })), { maxLength: 4 }).map((all) => {
    let end = 0;
    return all.map(([gap, words]) => {
      const address = end + gap * 4;
      end = address + words * 4;
      return { address, bytes: Uint8Array.from({ length: words * 4 }, (_, i) => i + address) };
    });
  }),
});

describe("what is good", () => {
  test("is read as it was written, from any offset of a larger buffer", () => {
    fc.assert(
      fc.property(files, fc.nat(9), (file, offset) => {
        const written = encode(file);
        const moved = new Uint8Array(offset + written.length);
        moved.set(written, offset);
        expect(readPrograms(moved.subarray(offset))).toEqual(file);
      }),
    );
  });

  test("the layout, byte by byte", () => {
    const text = (length: number, letters: string) => [length, 0, 0, 0, ...Buffer.from(letters)];
    const word = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];
    expect([...good]).toEqual([
      ...Buffer.from("DOWNHILL"),
      ...[1, 0, 2, 1024].flatMap(word),
      ...text(14, "downhill 0.1.0\0\0"),
      ...word(2),
      ...text(3, "add\0"),
      ...text(8, "matmulNN"),
      ...word(1),
      ...text(7, "predict\0"),
      ...[1096, 7, 1, 1088, 65_536, 1].flatMap(word),
      ...text(1, "x\0\0\0"),
      ...[0, 0, 65_600, 2, 2, 3].flatMap(word),
      ...[1, 65_536, 4].flatMap(word),
      ...[1, 2, 3, 4],
    ]);
  });
});

describe("what is bad", () => {
  const message = (bytes: Uint8Array, limits = {}) => {
    try {
      readPrograms(bytes, limits);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      return (error as Error).message;
    }
    return "no error";
  };

  test("every truncation says where the file ends too soon", () => {
    for (let length = 0; length < good.length; length++)
      expect(message(good.subarray(0, length))).toMatch(
        /^program file: .* cut off at byte \d+: got \d+ bytes, wanted \d+$|: number at byte \d+: got \d+, wanted \d to \d+$/,
      );
  });

  test.each<[string, Uint8Array, string]>([
    [
      "other first bytes",
      Uint8Array.from(good, (byte, i) => (i === 3 ? 88 : byte)),
      'first bytes at byte 0: got "DOWXHILL", wanted "DOWNHILL"',
    ],
    [
      "a version to come",
      Uint8Array.from(good, (byte, i) => (i === 8 ? 2 : byte)),
      "version at byte 8: got 2, wanted 1 to 1",
    ],
    [
      "no instruction set",
      Uint8Array.from(good, (byte, i) => (i === 12 ? 2 : byte)),
      "instruction set at byte 12: got 2, wanted 0 to 1",
    ],
    ["no memory", encode(source({ pages: 0 })), "pages at byte 16: got 0, wanted 1 to 16384"],
    ["too much memory", encode(source({ pages: 16_385 })), "pages at byte 16: got 16385, wanted 1 to 16384"],
    [
      "a table beyond measure",
      encode(source({ firstSlot: 65_537 })),
      "first slot at byte 20: got 65537, wanted 1 to 65536",
    ],
    ["no name", encode(source({ producer: "" })), "producer: length at byte 24: got 0, wanted 1 to 1024"],
    [
      "a long name",
      encode(source({ producer: "x".repeat(1025) })),
      "producer: length at byte 24: got 1025, wanted 1 to 1024",
    ],
    [
      "a kernel twice",
      encode(source({ kernels: ["add", "add"] })),
      'kernels at byte 56: got "add" twice, wanted each name once',
    ],
    [
      "no program",
      encode(source({ programs: new Map() })),
      "programs: number at byte 68: got 0, wanted 1 to 1",
    ],
    [
      "something behind the end",
      Uint8Array.of(...good, 0),
      `end at byte ${good.length}: got 1 bytes more, wanted none`,
    ],
    [
      "padding with something in it",
      Uint8Array.from(good, (byte, i) => (i === 43 ? 1 : byte)),
      "producer: padding at byte 43: got 1, wanted 0",
    ],
    [
      "letters that are none",
      Uint8Array.from(good, (byte, i) => (i === 30 ? 0xff : byte)),
      "producer at byte 28: got bytes that are not UTF-8, wanted UTF-8",
    ],
  ])("%s", (_, bytes, wanted) => expect(message(bytes)).toBe(`program file: ${wanted}`));

  const entry = (change: object) => source({ programs: new Map([["predict", { ...program, ...change }]]) });
  const run = (address: number, length = 4) => ({ address, bytes: new Uint8Array(length) });
  test.each<[string, ProgramFile, RegExp]>([
    [
      "steps outside",
      entry({ steps: 131_072 }),
      /address of steps at byte \d+: got 131072, wanted 0 to 131068$/,
    ],
    [
      "steps not aligned",
      entry({ steps: 1097 }),
      /address of steps at byte \d+: got 1097, wanted a multiple of 4$/,
    ],
    ["no steps", entry({ mostSteps: 0 }), /most steps at byte \d+: got 0, wanted 1 to 2147483647$/],
    ["a control word outside", entry({ control: [[131_072, 1]] }), /control word: address .*got 131072/],
    [
      "a control word not aligned",
      entry({ control: [[2, 1]] }),
      /control word: address .*got 2, wanted a multiple of 4$/,
    ],
    ["a place outside", withPlace({ address: 131_072 }), /place "x": address .*got 131072/],
    [
      "a place that ends outside",
      withPlace({ address: 131_052 }),
      /place "x": bytes .*got 24, wanted up to 20$/,
    ],
    [
      "a place of bytes that ends outside",
      withPlace({ type: "u8", address: 131_067 }),
      /place "x": bytes .*got 6, wanted up to 5$/,
    ],
    [
      "a place not aligned",
      withPlace({ address: 65_601 }),
      /place "x": address .*got 65601, wanted a multiple of 4$/,
    ],
    ["a place of nothing", withPlace({ shape: [0] }), /place "x": size .*got 0/],
    [
      "a size beyond numbers",
      withPlace({ shape: Array(32).fill(2 ** 32 - 1) }),
      /place "x": bytes .*got Infinity|e\+/,
    ],
    ["a long shape", withPlace({ shape: Array(33).fill(1) }), /place "x": sizes .*got 33, wanted up to 32$/],
    ["a run outside", source({ runs: [run(131_072)] }), /run: address .*got 131072, wanted 0 to 131068$/],
    ["a run that ends outside", source({ runs: [run(131_068, 8)] }), /run: bytes .*got 8, wanted 4 to 4$/],
    ["a run not aligned", source({ runs: [run(2)] }), /run: address .*got 2, wanted a multiple of 4$/],
    ["a run of an odd length", source({ runs: [run(0, 6)] }), /run: bytes .*got 6, wanted a multiple of 4$/],
    ["a run of nothing", source({ runs: [run(0, 0), run(4, 8)] }), /run: bytes .*got 0, wanted 4/],
    ["runs that overlap", source({ runs: [run(0, 8), run(4)] }), /run: address .*got 4, wanted 8 to 131068$/],
  ])("%s", (_, file, wanted) => expect(message(encode(file))).toMatch(wanted));

  test("a number of items that the file cannot hold, before there is room for them", () => {
    // The number of kernels, of programs, of control words, of places, of sizes, of runs: wherever 0xffffffff fits.
    for (const at of [44, 68, 92, 104, 128, 140]) {
      const bytes = good.slice();
      new DataView(bytes.buffer).setUint32(at, 2 ** 32 - 1, true);
      expect(message(bytes)).toMatch(
        new RegExp(`: number at byte ${at}: got 4294967295, wanted \\d to \\d+$`),
      );
    }
  });

  test("with a name and a limit of the caller's", () => {
    expect(message(good, { name: "digits.program", maxPages: 1 })).toBe(
      "digits.program: pages at byte 16: got 2, wanted 1 to 1",
    );
  });

  test("whatever is changed, there is a FormatError or a file whose addresses lie in its memory", () => {
    const base = encode(source({ runs: [run(8), run(16, 8), run(65_536)] }));
    const changes = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    let read = 0;
    fc.assert(
      fc.property(changes, (all) => {
        const bytes = base.slice();
        for (const [at, value] of all) bytes[at] = value;
        let file: ProgramFile;
        try {
          file = readPrograms(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          return;
        }
        read++;
        const end = file.pages * 65_536;
        for (const { address, bytes } of file.runs) expect(address + bytes.length).toBeLessThanOrEqual(end);
        for (const { control, places, steps } of file.programs.values()) {
          for (const address of [steps, ...control.map(([each]) => each)]) expect(address).toBeLessThan(end);
          for (const { address, shape } of places.values())
            expect(address + shape.reduce((a, b) => a * b, 1)).toBeLessThanOrEqual(end);
        }
        // What is read can be written: nothing was lost or made up.
        expect(encode(file)).toEqual(bytes);
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
