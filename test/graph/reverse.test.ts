import { expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { defineOp, type GradientRule, type Op } from "#src/graph/op";
import { reverse } from "#src/graph/reverse";
import { Graph, type Tensor } from "#src/graph/tensor";

const opOf = (name: string, gradient: GradientRule<undefined> | "none"): Op<undefined> =>
  defineOp({ name, shape: () => ({ shape: [], dtype: "f32" }), gradient, emit: () => {} });
const joinOp = opOf("join", "none");
const join = (a: Tensor, b: Tensor) => a.graph.apply(joinOp, [a, b], undefined)[0]!;
const use = (op: Op<undefined>, ...inputs: Tensor[]) => inputs[0]!.graph.apply(op, inputs, undefined)[0]!;
const scalar = (graph: Graph, name: string) => graph.input(name, []);

test("gradients of a tensor that is used more than once are joined, once for each use after the first", () => {
  const graph = new Graph();
  const x = scalar(graph, "x");
  const both = opOf("both", ({ dy }) => [dy, dy]);
  const twice = use(both, x, x);
  const [dx] = reverse(use(both, twice, x), [x], join);
  const joins = (tensor: Tensor): number =>
    tensor.node.op === joinOp ? 1 + tensor.node.inputs.reduce((sum, input) => sum + joins(input), 0) : 0;
  expect(joins(dx!)).toBe(2);
});

test("a rule is asked only where a gradient arrives", () => {
  const graph = new Graph();
  const [x, y] = [scalar(graph, "x"), scalar(graph, "y")];
  const first = opOf("first", ({ dy }) => [dy, undefined]);
  const untouched = opOf("untouched", () => {
    throw new Error("no gradient arrives here");
  });
  const [dx, dy] = reverse(use(first, x, use(untouched, y)), [x, y], join);
  expect(dx).toBeDefined();
  expect(dy).toBeUndefined();
});

test("what does not depend on anything wanted is not walked", () => {
  const graph = new Graph();
  const [x, y] = [scalar(graph, "x"), scalar(graph, "y")];
  const asked: boolean[][] = [];
  const op = opOf("op", ({ dy, wants }) => {
    asked.push([wants(0), wants(1)]);
    // What is given though nobody wants it is not even looked at.
    return [dy, dy.graph.input("unwanted", [3])];
  });
  const refusing = opOf("refusing", "none");
  const [dx] = reverse(use(op, x, use(refusing, y)), [x], join);
  expect(asked).toEqual([[true, false]]);
  expect(dx?.node.source?.kind).toBe("constant");
});

test("what is asked for may be made by an op without a gradient", () => {
  const graph = new Graph();
  const x = scalar(graph, "x");
  const y = use(opOf("hard", "none"), x);
  const both = opOf("both", ({ dy }) => [dy]);
  expect(reverse(use(both, y), [y], join)[0]).toBeDefined();
});

test("errors name the op", () => {
  const graph = new Graph();
  const x = scalar(graph, "x");
  expect(() => reverse(graph.input("v", [2]), [x], join)).toThrow(
    new ShapeError("gradients: wanted a scalar, got shape [2]"),
  );
  expect(() => reverse(use(opOf("hard", "none"), x), [x], join)).toThrow(
    new OptionError("hard: has no gradient, but the loss depends on parameters through it"),
  );
  const wrong = opOf("wrong", ({ dy }) => [dy.graph.input("dx", [3])]);
  expect(() => reverse(use(wrong, x), [x], join)).toThrow(
    new ShapeError("wrong: its gradient rule gives [3] for input 0, wanted []"),
  );
});

test("a second output carries no gradient", () => {
  const graph = new Graph();
  const x = scalar(graph, "x");
  const twoOp = defineOp({
    name: "two",
    shape: () => [
      { shape: [], dtype: "f32" as const },
      { shape: [], dtype: "f32" as const },
    ],
    gradient: ({ dy }) => [dy],
    emit: () => {},
  });
  const residual = graph.apply(twoOp, [x], undefined)[1]!;
  expect(() =>
    reverse(
      use(
        opOf("next", ({ dy }) => [dy]),
        residual,
      ),
      [x],
      join,
    ),
  ).toThrow(new OptionError("two: not differentiable twice: next depends on its residual"));
});

test("what comes after the scalar does not matter", () => {
  const graph = new Graph();
  const x = scalar(graph, "x");
  const pass = opOf("pass", ({ dy }) => [dy]);
  const loss = use(pass, x);
  const after = use(opOf("after", "none"), loss);
  expect(reverse(loss, [x, after], join)).toEqual([expect.anything(), undefined]);
});
