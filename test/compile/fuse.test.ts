import { describe, expect, test } from "vitest";
import { fuse } from "#src/compile/fuse";
import {
  ACTIVATIONS,
  type Elementwise,
  type Instruction,
  instruction,
  localBytes,
  MAP,
  type Place,
  type Update,
} from "#src/compile/instruction";
import { elements, read, write } from "#src/graph/op";

const place = (name: string, n = 64, region = ACTIVATIONS): Place => ({
  name,
  region,
  offset: 0,
  bytes: n * 4,
});
const input = place("input", 64, "input");
const output = place("output", 64, "output");

function map(y: Place, inputs: readonly Place[], period = 0): Instruction {
  const elementwise: Elementwise = {
    kernel: "op",
    y,
    inputs: inputs.map((from) => ({ place: from, repeat: 1, period })),
    parameters: [0],
  };
  const n = y.bytes / 4;
  return instruction(MAP, [n], { head: { place: undefined, n }, fused: [elementwise] });
}
const product = (y: Place) => instruction("product", [write(y)], { head: { place: y, n: y.bytes / 4 } });

/** Each group as the names of what it makes; in parentheses what stays inside. */
const groups = (list: readonly Instruction[]) =>
  fuse(list).map(({ kernel, fused, locals }) =>
    [kernel === MAP ? [] : [kernel], fused.map(({ y }) => (locals.has(y) ? `(${y.name})` : y.name))]
      .flat()
      .join(" "),
  );

test("a chain becomes one group, whose inner values never reach memory", () => {
  const [a, b] = [place("a"), place("b")];
  expect(groups([map(a, [input]), map(b, [a, input]), map(output, [b, a])])).toEqual(["(a) (b) output"]);
});

test("what is read outside its group is kept in memory", () => {
  const [a, b] = [place("a"), place("b")];
  const outside = instruction("reduce", [read(a), write(place("y", 1, "output"))]);
  expect(groups([map(a, [input]), map(b, [a]), map(output, [b]), outside])).toEqual([
    "a (b) output",
    "reduce",
  ]);
});

test("results and what nobody reads are kept", () => {
  const a = place("a");
  expect(groups([map(a, [input])])).toEqual(["a"]);
  expect(groups([map(output, [input]), map(a, [output])])).toEqual(["output a"]);
});

test("what a product makes is taken up behind it, and itself stays in memory", () => {
  const [c, a] = [place("c"), place("a")];
  expect(groups([product(c), map(a, [c, input]), map(output, [a])])).toEqual(["product (a) output"]);
});

test("another number of elements begins another group", () => {
  const a = place("a", 16);
  expect(groups([map(a, [input]), map(output, [input, a], 16)])).toEqual(["a", "output"]);
});

test("what a group makes is not broadcast inside it", () => {
  const a = place("a");
  expect(groups([map(a, [input]), map(output, [a], 8)])).toEqual(["a", "output"]);
});

test("an instruction joins the latest maker of its inputs, past others that do not matter", () => {
  const [a, b] = [place("a"), place("b")];
  const reduce = instruction("reduce", [read(input), write(place("y", 1))]);
  expect(groups([map(a, [input]), reduce, map(output, [a])])).toEqual(["(a) output", "reduce"]);
  expect(groups([map(a, [input]), product(b), map(output, [a, b])])).toEqual(["a", "product output"]);
});

test("nothing joins a group that runs before all of its inputs are made", () => {
  const [a, b] = [place("a"), place("b")];
  const reduce = instruction("reduce", [read(a), write(b)]);
  expect(groups([map(a, [input]), reduce, map(output, [a, b])])).toEqual(["a", "reduce", "output"]);
});

test("an instruction without the elements of a group takes up nothing", () => {
  const a = place("a");
  const copy = instruction("copy", [read(input), write(a, elements(64))]);
  expect(groups([copy, map(output, [a])])).toEqual(["copy", "output"]);
});

test("values inside a group share scratch once nobody reads them any more", () => {
  const chain = Array.from({ length: 10 }, (_, k) => place(`v${k}`));
  const list = [
    map(chain[0]!, [input]),
    ...chain.slice(1).map((y, k) => map(y, [chain[k]!])),
    map(output, [chain[9]!]),
  ];
  const [group] = fuse(list);
  expect(group!.locals.size).toBe(10);
  expect(localBytes(group!)).toBeLessThanOrEqual(2 * 4096);
});

test("values that live at once have scratch of their own", () => {
  const [a, b, c] = [place("a"), place("b"), place("c")];
  const [group] = fuse([map(a, [input]), map(b, [a]), map(c, [b, a]), map(output, [c, b])]);
  const slots = [a, b, c].map((each) => group!.locals.get(each));
  expect(slots[0]).not.toBe(slots[1]);
  expect(slots[1]).not.toBe(slots[2]);
});

describe("an update", () => {
  const theta = place("theta", 64, "parameters");
  const hyper = place("hyper", 4, "hyper");
  const slopes = place("slopes");
  /** θ and what else changes with it, by its gradient. */
  const change = (gradients = slopes, ...states: Place[]): Instruction => {
    const vectors = [gradients, theta, ...states];
    const update: Update = {
      kernel: "change",
      y: theta,
      inputs: [
        ...vectors.map((from) => ({ place: from, repeat: 1, period: 0 })),
        { place: hyper, repeat: 1, period: 1 },
      ],
      update: { gradients, hyper, states },
    };
    return instruction(MAP, [64], { head: { place: undefined, n: 64 }, fused: [update] });
  };
  const passing = instruction("outer", [write(slopes)], { head: { place: slopes, n: 64, passing: true } });
  const fence = instruction("guard", [], { fence: true });
  const other = place("other", 64, "elsewhere");

  test("joins the maker of its gradient, which need not reach memory if its maker can keep it", () => {
    const [fused] = fuse([passing, change()]);
    expect(groups([passing, change()])).toEqual(["outer theta"]);
    expect([...fused!.locals.keys()]).toEqual([slopes]);
    expect(fuse([product(slopes), change()])[0]!.locals.size).toBe(0);
  });

  test("leaves in memory a gradient that others read, or that has its place", () => {
    const reads = instruction("norm", [read(slopes), write(place("n", 1))]);
    expect(fuse([passing, reads, change()])[0]!.locals.size).toBe(0);
    const kept = place("kept", 64, "gradients");
    const makes = instruction("outer", [write(kept)], { head: { place: kept, n: 64, passing: true } });
    expect(groups([makes, change(kept)])).toEqual(["outer theta"]);
    expect(fuse([makes, change(kept)])[0]!.locals.size).toBe(0);
  });

  test("follows another update of the same parameters", () => {
    expect(groups([passing, change(), change(slopes, place("v", 64, "state"))])).toEqual([
      "outer theta theta",
    ]);
  });

  test.each([
    ["a fence", fence],
    ["a reader of the parameters", instruction("product", [read(theta), write(other)])],
    ["a reader of a part of them", instruction("product", [read(place("part", 8, "parameters"))])],
    ["a writer of its state", instruction("fill", [write(place("v", 64, "state"))])],
    ["a writer of its numbers", instruction("schedule", [write(hyper)])],
  ])("does not pass %s", (_, between) => {
    const list = [passing, between, change(slopes, place("v", 64, "state"))];
    expect(fuse(list).map(({ fused }) => fused.length)).toEqual([0, 0, 1]);
  });

  test("passes what has nothing to do with it", () => {
    const between = instruction("product", [read(input), write(other)]);
    expect(groups([passing, between, change()])).toEqual(["outer theta", "product"]);
  });

  test("does not join a maker that reads the parameters", () => {
    const reader = instruction("outer", [read(theta), write(slopes)], {
      head: { place: slopes, n: 64, passing: true },
    });
    expect(groups([reader, change()])).toEqual(["outer", "theta"]);
    expect(groups([map(slopes, [theta], 8), change()])).toEqual(["slopes", "theta"]);
    expect(groups([map(slopes, [theta]), change()])).toEqual(["(slopes) theta"]);
  });
});
