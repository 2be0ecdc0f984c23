import { expect, test } from "vitest";
import { addBarriers, conflict } from "#src/compile/barriers";
import { type Access, BARRIER, instruction, type Place } from "#src/compile/instruction";
import { compile } from "#src/compile/program";
import { type Cut, elements, read, rows, single, update, write } from "#src/graph/op";
import { Graph, type Tensor } from "#src/graph/tensor";
import { relu } from "#src/ops/activation";
import { gradients } from "#src/ops/gradients";
import { matmul } from "#src/ops/matmul";
import { softmaxCrossEntropy } from "#src/ops/softmax";

const place = (name: string, offset = 0, bytes = 256): Place => ({ name, region: "region", offset, bytes });
const x = place("x");
const touch = (
  mode: "reads" | "writes",
  start: number,
  end: number,
  cut?: Cut,
  region = "region",
): Access => ({
  place: { ...x, region },
  start,
  end,
  reads: mode === "reads",
  writes: mode === "writes",
  cut,
  element: false,
});

test("only what overlaps, and is written, conflicts", () => {
  expect(conflict(touch("writes", 0, 64), touch("reads", 32, 96))).toBe(true);
  expect(conflict(touch("reads", 0, 64), touch("writes", 32, 96))).toBe(true);
  expect(conflict(touch("writes", 0, 64), touch("writes", 63, 64))).toBe(true);
  expect(conflict(touch("reads", 0, 64), touch("reads", 0, 64))).toBe(false);
  expect(conflict(touch("writes", 0, 64), touch("reads", 64, 96))).toBe(false);
  expect(conflict(touch("writes", 64, 96), touch("reads", 0, 64))).toBe(false);
  expect(conflict(touch("writes", 0, 64), touch("reads", 0, 64, undefined, "other"))).toBe(false);
});

test("what threads share alike does not conflict", () => {
  const pair = (a: Cut | undefined, b: Cut | undefined, start = 0) =>
    conflict(touch("writes", 0, 256, a), touch("reads", start, 256, b));
  expect(pair(rows(4, 64), rows(4, 64))).toBe(false);
  expect(pair(elements(64), rows(4, 64))).toBe(false);
  expect(pair(single, single, 128)).toBe(false);
  expect(pair(rows(4, 64), rows(4, 64), 64)).toBe(true);
  expect(pair(rows(4, 64), rows(4, 32))).toBe(true);
  expect(pair(rows(4, 64), rows(3, 64))).toBe(true);
  expect(pair(rows(4, 64), undefined)).toBe(true);
  expect(pair(single, rows(4, 64))).toBe(true);
});

test("a barrier stands before the first that needs it, and settles all before it", () => {
  const [a, b, c] = [place("a", 0), place("b", 256), place("c", 512)];
  const list = [
    instruction("make a", [write(a)]),
    instruction("make b", [write(b)]),
    instruction("take a", [read(a), write(c, single)]),
    instruction("take b", [read(b)]),
    instruction("take c", [update(c, single)]),
    instruction("make a again", [write(a)]),
  ];
  expect(addBarriers(list).map(({ kernel }) => kernel)).toEqual([
    "make a",
    "make b",
    BARRIER,
    "take a",
    "take b",
    "take c",
    BARRIER,
    "make a again",
  ]);
});

test("a training step of a small network", () => {
  const graph = new Graph();
  const [images, labels] = [graph.input("images", [32, 8]), graph.input("labels", [32], "i32")];
  const start = () => graph.constant(0);
  const shapes = { "w 1": [8, 16], "b 1": [16], "w 2": [16, 10], "b 2": [10] };
  const weights = Object.entries(shapes).map(([name, shape]) => graph.parameter(name, shape, start));
  const [w1, b1, w2, b2] = weights as [Tensor, Tensor, Tensor, Tensor];
  const loss = softmaxCrossEntropy(matmul(relu(matmul(images, w1, b1)), w2, b2), labels);
  let length = 0;
  const offsets = weights.map((weight) => {
    const at = length;
    length += Math.ceil(weight.size / 16) * 16;
    return at * 4;
  });
  const slopes = gradients(loss, weights);
  const program = compile({
    graph,
    placements: new Map([
      [images, { region: "input", offset: 0 }],
      [labels, { region: "target", offset: 0 }],
      ...weights.map((weight, k) => [weight, { region: "parameters", offset: offsets[k]! }] as const),
      ...slopes.map((slope, k) => [slope!, { region: "gradients", offset: offsets[k]! }] as const),
    ]),
    kept: [loss],
    after: (emitter) => {
      const [parameters, slopes] = ["parameters", "gradients"].map((region) =>
        emitter.part(region, region, 0, length * 4),
      );
      const log = emitter.reserve("log", "log", 4);
      emitter.call("record", [1, 0, read(emitter.buffer(loss), single), update(log, single)]);
      const hyper = emitter.reserve("hyper", "hyper", 16);
      emitter.update("sgd", {
        gradients: slopes!,
        parameters: parameters!,
        states: [],
        hyper,
      });
    },
  });
  expect(`\n${program.listing()}\n`).toMatchInlineSnapshot(`
    "
      0  matmulNN 32 16 8 images@input:0 8 w 1@parameters:0 16 → matmul#6@activations:0 b 1@parameters:512
         · relu matmul#6 → relu#7
      1  ──────
      2  matmulNN 32 10 16 relu#7@activations:0 16 w 2@parameters:576 10 → matmul#8@activations:2048 b 2@parameters:1216
      3  ──────
      4  softmaxCrossEntropy 32 10 matmul#8@activations:2048 labels@target:0 → softmaxCrossEntropy#9@activations:3328 → softmaxCrossEntropy#9.1@activations:4096
      5  ──────
      6  reduceSum 1 32 1 0.03125 softmaxCrossEntropy#9@activations:3328 → sum#10@activations:5376
      7  map 320
         · mul softmaxCrossEntropy#9.1 constant#16[i % 1] → mul#20
      8  ──────
      9  matmulNT 32 16 10 mul#20@activations:4096 10 w 2@parameters:576 10 → matmul#21@activations:2048 –
         · reluGradient matmul#21 relu#7 → reluGradient#25
     10  matmulTN 16 10 32 relu#7@activations:0 16 mul#20@activations:4096 10 → matmul#22@gradients:576 –
     11  reduceSum 1 32 10 1 mul#20@activations:4096 → sum#23@gradients:1216
     12  ──────
     13  matmulTN 8 16 32 images@input:0 8 reluGradient#25@activations:2048 16 → matmul#26@gradients:0 –
     14  reduceSum 1 32 16 1 reluGradient#25@activations:2048 → sum#27@gradients:512
     15  record 1 0 sum#10@activations:5376 ↔ log@log:0
     16  ──────
     17  map 320
         · sgd gradients parameters hyper[i % 1] → parameters
    "
  `);
});
