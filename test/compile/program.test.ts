import { expect, test } from "vitest";
import { ROOM_BYTES } from "#abi";
import type { Placement } from "#src/compile/emit";
import { compile } from "#src/compile/program";
import { VerifyError } from "#src/core/errors";
import { type Buffer, defineOp, read, write } from "#src/graph/op";
import { Graph, type Tensor } from "#src/graph/tensor";
import { relu } from "#src/ops/activation";
import { add, exp, mul, sin } from "#src/ops/arithmetic";
import { matmul } from "#src/ops/matmul";
import { permute } from "#src/ops/movement";
import { dropoutMask } from "#src/ops/random";
import { sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";

const at = (region: string, offset = 0): Placement => ({ region, offset });
const program = (graph: Graph, ...placements: [Tensor, Placement][]) =>
  compile({ graph, placements: new Map(placements) });

test("memory is said before anything runs, region by region, in whole cache lines", () => {
  const graph = new Graph();
  const x = graph.input("x", [5, 3]);
  const y = sum(exp(permute(x)), { axes: 0 });
  const { memory, words, scratchBytes } = program(graph, [x, at("in")], [y, at("out", 128)]);
  expect(memory).toEqual({
    in: 64,
    out: 192,
    constants: 64,
    activations: 64,
    program: words.byteLength,
    scratch: scratchBytes,
    total: 64 + 192 + 64 + 64 + words.byteLength + scratchBytes,
  });
  expect(words.byteLength % 64).toBe(0);
});

test("only what is asked for is computed", () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const asked = sin(x);
  exp(asked);
  expect(program(graph, [x, at("in")], [asked, at("out")]).listing()).toBe(
    "  0  map 4\n     · sin x → sin#1",
  );
});

test("equal constants are kept once, unequal ones apart", () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const one = add(mul(x, 3), 3);
  const two = mul(
    add(one, [1, 2, 3, 4]),
    graph.constant([1, 2, 3, 4], [2, 2, 1]).graph.constant([1, 2, 3, 5]),
  );
  const { constants } = program(graph, [x, at("in")], [two, at("out")]);
  expect(
    constants.map(({ bytes }) => [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)]),
  ).toEqual([[3], [1, 2, 3, 4], [1, 2, 3, 5]]);
});

test("tables of like copies are kept once too", () => {
  const graph = new Graph();
  const [x, y] = [graph.input("x", [2, 3, 4]), graph.input("y", [2, 3, 4])];
  const moved = [x, y].map((tensor) => permute(tensor, [1, 0, 2]));
  const { constants } = program(
    graph,
    [x, at("in")],
    [y, at("in", 128)],
    [moved[0]!, at("out")],
    [moved[1]!, at("out", 128)],
  );
  expect(constants.length).toBe(1);
});

test("a result is computed where it belongs, also under another name", () => {
  const graph = new Graph();
  const x = graph.input("x", [6]);
  const y = sin(x);
  const { relocations } = program(graph, [x, at("in")], [reshape(y, [2, 3]), at("out", 64)]);
  expect(relocations.map(({ region, offset }) => `${region} ${offset}`)).toEqual(["out 64", "in 0"]);
});

test("where it has a place already, or is given from outside, it is copied", () => {
  const graph = new Graph();
  const x = graph.input("x", [6]);
  const y = sin(x);
  const twice = program(graph, [x, at("in")], [y, at("out")], [reshape(y, [2, 3]), at("out", 64)]);
  expect(twice.listing()).toBe("  0  map 6\n     · sin x → sin#1\n     · identity sin#1 → out 64");
  const input = program(graph, [x, at("in")], [reshape(x, [3, 2]), at("out")]);
  expect(input.listing()).toContain("identity x → out 0");
  const constant = graph.constant([1, 2]);
  const known = program(graph, [x, at("in")], [constant, at("out")], [y, at("out", 64)]);
  expect(known.listing()).toContain("→ out");
});

test("a word of the program is relocated where it is an address, and only there", () => {
  const graph = new Graph();
  const [x, w] = [graph.input("x", [2, 3]), graph.input("w", [3, 4])];
  const y = relu(matmul(x, w));
  const { words, kernels, relocations } = program(graph, [x, at("in")], [w, at("in", 64)], [y, at("out")]);
  expect(kernels).toEqual(["matmulNN", "relu"]);
  // Slot and fused count; m n k, a and its row, b and its row, c, bias, scratch behind what the group keeps inside.
  expect([...words.slice(0, 12)]).toEqual([0, 1, 2, 4, 3, 0, 3, 0, 4, 0, 0, 0]);
  expect(relocations.map(({ word }) => word)).toEqual([5, 7, 9, 21, 22]);
});

test("work is multiply-adds and elements, and tells whether threads are worth waking", () => {
  const graph = new Graph();
  const [x, w] = [graph.input("x", [10, 20]), graph.input("w", [20, 30])];
  const y = relu(matmul(x, w));
  expect(program(graph, [x, at("in")], [w, at("w")], [y, at("out")]).work).toBe(10 * 20 * 30 + 300);
});

test("scratch holds odd ends, what lives inside a group and what its head asks for", () => {
  const graph = new Graph();
  const x = graph.input("x", [40]);
  const chain = exp(sin(exp(x)));
  expect(program(graph, [x, at("in")], [sin(x), at("out")]).scratchBytes).toBe(ROOM_BYTES);
  expect(program(graph, [x, at("in")], [chain, at("out")]).scratchBytes).toBe(ROOM_BYTES + 2 * 4096);
});

test("ops that count steps need a place for the step", () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const y = dropoutMask(x, 0.5, "dropout");
  const placements = new Map([
    [x, at("in")],
    [y, at("out")],
  ]);
  expect(() => compile({ graph, placements })).toThrow("a program that counts no steps has no step word");
  expect(compile({ graph, placements, step: at("hyper") }).memory.hyper).toBe(64);
});

test("instructions before and after those of the graph, and memory that they reserve", () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const y = sin(x);
  let log: Buffer | undefined;
  const { memory, ...rest } = compile({
    graph,
    placements: new Map(),
    fed: [x],
    kept: [x, y],
    before: (emitter) => emitter.call("feed", [write(emitter.buffer(x))]),
    after: (emitter) => {
      log = emitter.reserve("log", "first", 8);
      emitter.call("record", [
        read(emitter.buffer(y)),
        write(log),
        write(emitter.reserve("log", "second", 60)),
      ]);
    },
  });
  expect(memory.log).toBe(128);
  expect(rest.kernels).toEqual(["feed", "barrier", "map", "sin", "barrier", "record"]);
});

test("an op that breaks a rule is refused", () => {
  const graph = new Graph();
  const x = graph.input("x", [4]);
  const lazy = defineOp({
    name: "lazy",
    shape: ([from]) => from!,
    gradient: "none",
    emit: () => {},
  });
  const [y] = graph.apply(lazy, [x], undefined);
  expect(() => program(graph, [x, at("in")], [sin(y!), at("out")])).toThrow(
    new VerifyError(
      "instruction 0, map: reads lazy#1, which nothing has written or something has overwritten",
    ),
  );
});
