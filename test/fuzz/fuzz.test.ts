// Readers on broken files: a few cases of each, and that a bad reader would be found. `npm run test:fuzz` runs many more.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { fuzz, judge, LIMITS, type Reader } from "./fuzz.js";
import { casesOf } from "./mutations.js";
import { readers } from "./readers.js";

/** A busy machine is no fault. */
const limits = { ...LIMITS, milliseconds: 30_000 };

test.each(readers.map((reader) => [reader.name, reader] as const))(
  "%s answers or says what is wrong",
  async (_, reader) => {
    expect(reader.seeds.length).toBeGreaterThan(0);
    const { count, faults } = await fuzz(reader, { prefixes: 40, changes: 50, limits });
    expect(
      faults.map(({ number, fault, bytes }) => [number, fault, Buffer.from(bytes).toString("base64")]),
    ).toEqual([]);
    expect(count).toBeGreaterThan(60);
  },
);

test("every seed has a reader", () => {
  const names = readers.map(({ name }) => `${name}-`);
  const seeds = readdirSync(new URL("corpus/", import.meta.url));
  const others = seeds.filter((seed) => !names.some((name) => seed.startsWith(name)));
  expect(others.filter((seed) => !/^(onnx|quantized)-/.test(seed))).toEqual([]);
});

test("the seeds are what corpus.js writes: formats have not changed behind them", () => {
  const [script, corpus] = ["corpus.js", "corpus/"].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  const folder = mkdtempSync(join(tmpdir(), "corpus-"));
  try {
    execFileSync(process.execPath, [script!, folder]);
    const names = readdirSync(corpus!);
    expect(readdirSync(folder)).toEqual(names);
    const differ = (name: string) =>
      !readFileSync(join(folder, name)).equals(readFileSync(join(corpus!, name)));
    expect(names.filter(differ)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("the judge", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i);
  const reader = (run: (bytes: Uint8Array) => unknown): Reader => ({
    name: "bad",
    kind: "bytes",
    seeds: [bytes],
    run,
  });
  const spin = (milliseconds: number) => {
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < milliseconds * 1000) Math.sqrt(2);
  };
  test.each<[string, (bytes: Uint8Array) => unknown, RegExp | undefined]>([
    ["an answer", () => 1, undefined],
    ["one of our errors", () => Promise.reject(new FormatError("bad")), undefined],
    ["another error", () => (undefined as unknown as unknown[])[0], /^threw TypeError/],
    ["a rejection with another", () => Promise.reject(new RangeError("bad")), /^threw RangeError/],
    ["something that is none", () => Promise.reject("bad"), /^threw bad/],
    ["much time", () => spin(60), /^took \d+ ms/],
    ["much memory", () => new Uint8Array(5e6).fill(1), /^left \d+ MB/],
  ])("%s", async (_, run, wanted) => {
    const fault = await judge(reader(run), bytes, { bytes: 4e6, milliseconds: 50 });
    if (wanted) expect(fault).toMatch(wanted);
    else expect(fault).toBeUndefined();
  });
  test("a seed that is refused is a fault", async () => {
    const { faults } = await fuzz(
      reader(() => Promise.reject(new FormatError("good"))),
      { prefixes: 0 },
    );
    expect(faults[0]!.fault).toContain("seed 0 is refused");
  });
  test("what breaks at one length is found, with the bytes that do it", async () => {
    const run = (given: Uint8Array) => {
      if (given.length === 17) throw new Error("seventeen");
    };
    const { faults } = await fuzz(reader(run));
    expect(faults.map(({ bytes: found }) => found.length)).toEqual([17]);
  });
});

describe("cases", () => {
  const seeds = [new TextEncoder().encode('{"name":["a",1,{"size":12}]}\0abc')];
  test("are the same for a seed, and others for another", () => {
    const [one, again, other] = [1, 1, 2].map((seed) => casesOf({ seeds, kind: "json" }, seed));
    const list = (cases: typeof one) =>
      Array.from({ length: 50 }, (_, k) => Buffer.from(cases!.at(cases!.prefixes + k)).toString("latin1"));
    expect(list(again)).toEqual(list(one));
    expect(list(other)).not.toEqual(list(one));
  });
  test("begin with every beginning", () => {
    const cases = casesOf({ seeds, kind: "bytes" }, 1);
    expect(cases.prefixes).toBe(seeds[0]!.length + 1);
    expect(Array.from({ length: cases.prefixes }, (_, k) => cases.at(k).length)).toEqual(
      Array.from({ length: cases.prefixes }, (_, k) => k),
    );
  });
  test("hold changed trees whose other half stays", () => {
    const cases = casesOf({ seeds, kind: "json" }, 1);
    const texts = Array.from({ length: 300 }, (_, k) =>
      Buffer.from(cases.at(cases.prefixes + k)).toString("latin1"),
    );
    const whole = texts.filter((text) => text.endsWith("\0abc"));
    const trees = whole.filter((text) => {
      try {
        return JSON.stringify(JSON.parse(text.slice(0, -4))) !== '{"name":["a",1,{"size":12}]}';
      } catch {
        return false;
      }
    });
    expect(trees.length).toBeGreaterThan(50);
  });
});
