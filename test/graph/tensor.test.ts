import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { defineOp } from "#src/graph/op";
import { Graph, scalarOf } from "#src/graph/tensor";

const copyOp = defineOp({
  name: "copyTwice",
  shape: ([x]) => [x!, { shape: [], dtype: "i32" as const }],
  gradient: "none",
  emit: () => {},
});

test("a tensor knows its shape, its element type and who makes it", () => {
  const graph = new Graph("predict", 7);
  expect([graph.mode, graph.seed]).toEqual(["predict", 7]);
  const x = graph.input("x", [2, 3], "i32");
  expect([x.rank, x.size, x.dtype, x.index]).toEqual([2, 6, "i32", 0]);
  expect(x.graph).toBe(graph);
  expect(graph.inputs.get("x")).toBe(x);
  const [y, z] = graph.apply(copyOp, [x], undefined);
  expect([y!.shape, y!.dtype, z!.rank, z!.size, z!.index]).toEqual([[2, 3], "i32", 0, 1, 1]);
  expect(y!.node).toBe(z!.node);
  expect(graph.nodes.map((node) => node.id)).toEqual([0, 1]);
});

test("a parameter asked for again is the same", () => {
  const graph = new Graph();
  const initializer = () => graph.constant(0);
  const w = graph.parameter("w", [2], initializer);
  expect(graph.parameter("w", [2], initializer)).toBe(w);
  expect([...graph.parameters.keys()]).toEqual(["w"]);
});

test("constants are scalars, lists, or lists under a shape", () => {
  const graph = new Graph();
  expect(graph.constant(2).shape).toEqual([]);
  expect(graph.constant([1, 2, 3]).shape).toEqual([3]);
  expect(graph.constant([1, 2, 3, 4], [2, 2]).shape).toEqual([2, 2]);
  expect(scalarOf(graph.constant(2))).toBe(2);
  expect(scalarOf(graph.constant([2], [1, 1]))).toBe(2);
  expect(scalarOf(graph.constant([1, 2]))).toBeUndefined();
  expect(scalarOf(graph.input("x", []))).toBeUndefined();
  expect(() => graph.constant([1, 2, 3], [2])).toThrow(
    new ShapeError("constant: got 3 values, wanted 2 for shape [2]"),
  );
});

test("sizes are positive integers", () => {
  const graph = new Graph();
  expect(() => graph.input("x", [2, 0])).toThrow(
    new ShapeError("input x: sizes must be positive integers: got 0 at axis 1 of [2, 0]"),
  );
  expect(() => graph.parameter("w", [1.5], () => graph.constant(0))).toThrow(
    new ShapeError("parameter w: sizes must be positive integers: got 1.5 at axis 0 of [1.5]"),
  );
  expect([graph.inputs.size, graph.parameters.size, graph.nodes.length]).toEqual([0, 0, 0]);
});

test("a tensor of another graph is refused", () => {
  const x = new Graph().input("x", [2]);
  expect(() => new Graph().apply(copyOp, [x], undefined)).toThrow(
    new ShapeError("copyTwice: a tensor belongs to another model's graph"),
  );
});

test("names count up by kind, and an owner keeps its own", () => {
  const graph = new Graph();
  const [a, b] = [{}, {}];
  expect(graph.nameFor("dense", a)).toBe("dense");
  expect(graph.nameFor("dense", b)).toBe("dense_1");
  expect(graph.nameFor("dense", a)).toBe("dense");
  expect(graph.nameFor("conv", {})).toBe("conv");
});
