// Operators that multiply matrices.
import { broadcastShapes, sameShape } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { add, mul } from "../../../ops/arithmetic.ts";
import { batchMatmul } from "../../../ops/batch-matmul.ts";
import { einsum } from "../../../ops/einsum.ts";
import { matmul } from "../../../ops/matmul.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import type { Value } from "../value.ts";

/** [..., m, k] × [..., k, n]; vectors are rows before and columns behind. */
export function product(a: Tensor, b: Tensor): Tensor {
  if (b.rank === 1) {
    const y = product(a, reshape(b, [b.size, 1]));
    return reshape(y, y.shape.slice(0, -1));
  }
  if (a.rank === 1) {
    const y = product(reshape(a, [1, a.size]), b);
    return reshape(y, y.shape.toSpliced(-2, 1));
  }
  return b.rank === 2 ? matmul(a, b) : batchMatmul(a, b);
}

/** α A B + β C, A and B perhaps transposed. */
const gemm: Operator = (call) => {
  const [a, b] = [call.input(0), call.input(1)];
  if (a.rank !== 2 || b.rank !== 2) throw call.fail("inputs", `${a} and ${b}`, "two matrices");
  const across = (value: Value, name: string) => (call.integer(name, 0) ? value.turn([1, 0]) : value);
  const [left, right] = [across(a, "transA").tensor, across(b, "transB").tensor];
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const n = right.shape[1]!;
  if (!call.has(2) || beta === 0) return call.value(mul(matmul(left, right), alpha));
  const c = call.input(2);
  const isBias = alpha === 1 && beta === 1 && c.size === n && c.shape.at(-1) === n;
  if (isBias && c.rank === 1) return call.value(matmul(left, right, c.tensor));
  if (isBias && c.rank === 2) return call.value(matmul(left, right, reshape(c.tensor, [n])));
  const y = mul(matmul(left, right), alpha);
  if (!sameShape(broadcastShapes("C", y.shape, c.shape), y.shape))
    throw call.fail("C", c, "what broadcasts to A B");
  return call.value(add(y, mul(c.tensor, beta)));
};

/** Equations with an ellipsis, or without their right side, said with letters alone. */
function spelled(call: Call, equation: string, ranks: readonly number[]): string {
  const [left, right] = equation.replaceAll(" ", "").split("->") as [string, string | undefined];
  const terms = left.split(",");
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((letter) => !equation.includes(letter));
  const widths = terms.map((term, k) =>
    term.includes("...") ? (ranks[k] ?? 0) - term.replace("...", "").length : 0,
  );
  const widest = Math.max(...widths);
  if (widest > free.length || widths.some((width) => width < 0))
    throw call.fail("equation", equation, "one that fits");
  const between = (width: number) => free.slice(widest - width, widest).join("");
  const said = terms.map((term, k) => term.replace("...", between(widths[k]!)));
  const letters = [...left.replaceAll(/[^a-zA-Z]/g, "")];
  const once = [...new Set(letters)].filter(
    (letter) => letters.filter((each) => each === letter).length === 1,
  );
  const result = right?.replace("...", between(widest)) ?? `${between(widest)}${once.sort().join("")}`;
  return `${said.join(",")}->${result}`;
}

const summation: Operator = (call) => {
  const values = call.all();
  const equation = spelled(
    call,
    call.string("equation"),
    values.map(({ rank }) => rank),
  );
  const terms = equation.split("->")[0]!.split(",");
  if (values.length > 2 || terms.some((term) => new Set(term).size < term.length))
    throw call.unsupported("a diagonal, or a sum over more than two operands,");
  return call.value(einsum(equation, values[0]!.tensor, values[1]?.tensor));
};

export const products: Readonly<Record<string, Operator>> = {
  Gemm: gemm,
  MatMul: (call) => call.value(product(call.tensor(0), call.tensor(1))),
  Einsum: summation,
};
