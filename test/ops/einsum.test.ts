import { expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { einsum } from "#src/ops/einsum";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { uniform } from "../support/draw.ts";

const SIZES: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: 5, e: 1, f: 6 };

/** By its definition: over every value of every letter. */
function summed(equation: string, operands: readonly (readonly number[])[]): number[] {
  const [left, right] = equation.split("->") as [string, string];
  const inputs = left.split(",");
  const names = [...new Set([...inputs.join("")])];
  const at = (axes: string, place: ReadonlyMap<string, number>) =>
    [...axes].reduce((index, name) => index * SIZES[name]! + place.get(name)!, 0);
  const y = new Array<number>([...right].reduce((size, name) => size * SIZES[name]!, 1)).fill(0);
  const count = names.reduce((size, name) => size * SIZES[name]!, 1);
  for (let k = 0; k < count; k++) {
    let rest = k;
    const place = new Map(
      names.map((name) => {
        const value = rest % SIZES[name]!;
        rest = Math.floor(rest / SIZES[name]!);
        return [name, value];
      }),
    );
    const product = inputs.reduce((all, axes, n) => all * operands[n]![at(axes, place)]!, 1);
    y[at(right, place)]! += product;
  }
  return y;
}

checkOp(
  "einsum",
  [
    "ab->ba",
    "abc->b",
    "abc->",
    "ab->ab",
    "ab,bc->ac",
    "ab,cb->ac",
    "ba,bc->ac",
    "ba,cb->ca",
    "abc,acd->abd",
    "abc,adc->abd",
    "acb,acd->bda",
    "abcd,aecd->abce",
    "a,b->ab",
    "a,a->a",
    "a,a->",
    "ab,ab->",
    "abc,bd->d",
    "abf,cfb->ca",
    "abcd,d->abc",
  ].map((equation): OpCase => {
    const inputs = equation.split("->")[0]!.split(",");
    return {
      label: equation,
      inputs: inputs.map((axes, n) =>
        uniform(
          [...axes].map((name) => SIZES[name]!),
          -2,
          2,
          n + 1,
        ),
      ),
      build: (a, b) => einsum(equation, a!, b),
      want: (...operands) => summed(equation, operands),
    };
  }),
);

test("einsum names what does not fit", () => {
  const graph = new Graph();
  const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [4, 5])];
  const wanted = (equation: string) =>
    `got ${JSON.stringify(equation)}, wanted letters such as "bik,bkj->bij"`;
  expect(() => einsum("ab", a)).toThrow(new OptionError(`einsum: cannot be read: ${wanted("ab")}`));
  expect(() => einsum("aa->a", a)).toThrow(
    new OptionError(`einsum: names an axis twice in one place: ${wanted("aa->a")}`),
  );
  expect(() => einsum("ab->c", a)).toThrow(
    new OptionError(`einsum: no operand has the axis c: ${wanted("ab->c")}`),
  );
  expect(() => einsum("ab,bc->ac", a)).toThrow(
    new OptionError(`einsum: names 2 operands, 1 are given: ${wanted("ab,bc->ac")}`),
  );
  expect(() => einsum("ab,bc->ac", a, b)).toThrow(new ShapeError("einsum: axis b has two sizes: 3 and 4"));
  expect(() => einsum("abc->a", a)).toThrow(new ShapeError('einsum: "abc" names 3 axes, got shape [2, 3]'));
});
