// What a page has to load stays small.
import { expect, test } from "vitest";
import { scriptSize, wasmSizes } from "../scripts/sizes.js";

test("there are two modules, each of two instruction sets in two kinds of memory", () => {
  const names = ["plain", "plain-shared", "relaxed", "relaxed-shared"];
  const both = [...names, ...names.map((name) => `quantized-${name}`)];
  expect([...wasmSizes().keys()].sort()).toEqual(both.sort());
});

test.each([...wasmSizes()])("%s takes at most 100 kB, or 30 for bytes: %i bytes", (name, bytes) => {
  expect(bytes).toBeLessThanOrEqual(name.startsWith("quantized") ? 30_000 : 100_000);
});

test.each(["node", "browser", "workerd", "edge-light"])(
  "the core takes at most 40 kB, minified and zipped, on %s",
  async (family) => {
    expect(await scriptSize(["index.js"], { family })).toBeLessThanOrEqual(40_000);
  },
);
test("slim has its init within the same 40 kB", async () => {
  expect(await scriptSize(["slim.js"], { family: "slim" })).toBeLessThanOrEqual(40_000);
});

test("race/index.js adds at most 4 kB to what it races: the core, minimize and optim", async () => {
  const raced = ["index.js", "data/index.js", "minimize/index.js", "optim/index.js"];
  const own = (await scriptSize([...raced, "race/index.js"])) - (await scriptSize(raced));
  expect(own).toBeLessThanOrEqual(4_000);
});

test("keras/index.js adds at most 8 kB to the layers that its models are made of", async () => {
  const made = ["index.js", "data/index.js", "layers.js"];
  const own = (await scriptSize([...made, "keras/index.js"])) - (await scriptSize(made));
  expect(own).toBeLessThanOrEqual(8_000);
});

test("standalone/index.js adds at most 8 kB to what it stands on: the core, replay, and what freezes models", async () => {
  const under = ["index.js", "data/index.js", "replay/index.js", "inference/frozen.js"];
  const own = (await scriptSize([...under, "standalone/index.js"])) - (await scriptSize(under));
  expect(own).toBeLessThanOrEqual(8_000);
});

test("quantize/index.js adds at most 10 kB to the core, frozen models and the ops on bytes", async () => {
  const bytes = ["", "-convolution", "-elements", "-floats", "-recurrence"].map(
    (name) => `ops/quantized${name}.js`,
  );
  const below = [
    "index.js",
    "data/index.js",
    "inference/frozen.js",
    "inference/prepared.js",
    "engine/extend.js",
    ...bytes,
  ];
  const own = (await scriptSize([...below, "quantize/index.js"])) - (await scriptSize(below));
  expect(own).toBeLessThanOrEqual(10_000);
});

test.each([
  ["onnx/export.js", 16_000],
  // A fourth of it are the ops that 141 operators are said in.
  ["onnx/import.js", 38_000],
  ["tflite/index.js", 19_000],
  // Half of it are the ops on bytes.
  ["quantize/index.js", 24_000],
])("%s adds at most %i bytes with all that it loads when it is used", async (entry, limit) => {
  const base = ["index.js", "data/index.js", "ops/movement.js"];
  const all = true;
  const own = (await scriptSize([...base, entry], { all })) - (await scriptSize(base, { all }));
  expect(own).toBeLessThanOrEqual(limit);
});

test.each([
  ["data/index.js", 2_000],
  ["minimize/index.js", 10_000],
  ["optim/index.js", 16_000],
  // Most of it the optimizers, the surfaces and what drives them.
  ["race/index.js", 10_000],
  ["instruments.js", 4_000],
  ["regularize.js", 2_000],
  ["layers.js", 20_000],
  ["losses.js", 6_000],
  ["images.js", 5_000],
  ["text.js", 5_000],
  ["tables.js", 5_000],
  ["replay/index.js", 4_000],
  ["onnx/index.js", 12_000],
  ["tflite/index.js", 8_000],
  ["torch/index.js", 3_000],
  ["compress/index.js", 10_000],
  // A fourth of it freezes models, as the exporters do, and lays out programs, as replay does.
  ["standalone/index.js", 10_000],
])(
  "%s adds at most %i bytes to the core, its datasets and the ops that move numbers",
  async (entry, limit) => {
    // Those are shared by most: who takes two rooms has them once.
    const base = ["index.js", "data/index.js", "ops/movement.js"].filter((each) => each !== entry);
    const both = await scriptSize([...base, entry]);
    expect(both - (await scriptSize(base))).toBeLessThanOrEqual(limit);
  },
);
