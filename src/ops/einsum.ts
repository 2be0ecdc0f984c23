// Einstein's summation, brought back to sums, permutations and products of stacked matrices.
import { OptionError, ShapeError } from "../core/errors.ts";
import { showShape, sizeOf } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchMatmul } from "./batch-matmul.ts";
import { permute } from "./movement.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** A tensor whose axes have names. */
interface Named {
  readonly x: Tensor;
  readonly axes: readonly string[];
}

/** Sums over every axis that is not kept. */
function sumOut({ x, axes }: Named, kept: ReadonlySet<string>): Named {
  const gone = axes.flatMap((name, axis) => (kept.has(name) ? [] : [axis]));
  return gone.length === 0
    ? { x, axes }
    : { x: sum(x, { axes: gone }), axes: axes.filter((name) => kept.has(name)) };
}

const ordered = ({ x, axes }: Named, wanted: readonly string[]): Tensor =>
  permute(
    x,
    wanted.map((name) => axes.indexOf(name)),
  );

/** The parts of an equation. @throws OptionError where it is none. */
function parse(equation: string, operands: readonly Tensor[]): { inputs: string[][]; output: string[] } {
  const fail = (problem: string): never => {
    throw new OptionError(
      `einsum: ${problem}: got ${JSON.stringify(equation)}, wanted letters such as "bik,bkj->bij"`,
    );
  };
  const parts = /^([a-zA-Z]*)(?:,([a-zA-Z]*))?->([a-zA-Z]*)$/.exec(equation.replaceAll(" ", ""));
  if (!parts) return fail("cannot be read");
  const [, first, second, result] = parts;
  const inputs = [first, second].flatMap((axes) => (axes === undefined ? [] : [[...axes]]));
  const output = [...result!];
  if (inputs.length !== operands.length)
    fail(`names ${inputs.length} operands, ${operands.length} are given`);
  for (const axes of [...inputs, output])
    if (new Set(axes).size < axes.length) fail("names an axis twice in one place");
  for (const name of output)
    if (!inputs.some((axes) => axes.includes(name))) fail(`no operand has the axis ${name}`);
  return { inputs, output };
}

/**
 * Einstein's summation over one or two tensors: each letter names an axis, letters missing on the right are summed over.
 * Without ellipses, diagonals (a letter twice in one operand) and the form that leaves out the arrow.
 * @throws OptionError where the equation cannot be read. @throws ShapeError where sizes differ or ranks do not fit.
 * @example einsum("bqd,bkd->bqk", queries, keys) // [8, 5, 16], [8, 7, 16] → [8, 5, 7]
 */
export function einsum(equation: string, a: Tensor, b?: Tensor): Tensor {
  const operands = b ? [a, b] : [a];
  const { inputs, output } = parse(equation, operands);
  const sizes = new Map<string, number>();
  for (const [k, axes] of inputs.entries()) {
    const { shape, rank } = operands[k]!;
    if (rank !== axes.length) {
      throw new ShapeError(
        `einsum: "${axes.join("")}" names ${axes.length} axes, got shape ${showShape(shape)}`,
      );
    }
    for (const [axis, name] of axes.entries()) {
      const known = sizes.get(name) ?? shape[axis]!;
      if (known !== shape[axis])
        throw new ShapeError(`einsum: axis ${name} has two sizes: ${known} and ${shape[axis]}`);
      sizes.set(name, known);
    }
  }
  if (!b) return ordered(sumOut({ x: a, axes: inputs[0]! }, new Set(output)), output);

  const [own, others] = inputs as [string[], string[]];
  const left = sumOut({ x: a, axes: own }, new Set([...others, ...output]));
  const right = sumOut({ x: b, axes: others }, new Set([...own, ...output]));
  const both = left.axes.filter((name) => right.axes.includes(name));
  const batch = both.filter((name) => output.includes(name));
  const inner = both.filter((name) => !output.includes(name));
  const m = left.axes.filter((name) => !both.includes(name));
  const n = right.axes.filter((name) => !both.includes(name));
  const count = (names: readonly string[]) => sizeOf(names.map((name) => sizes.get(name)!));
  const stack = (operand: Named, ...groups: (readonly string[])[]) =>
    reshape(ordered(operand, groups.flat()), groups.map(count));
  // An operand is read transposed where that spares a permutation.
  const turned = left.axes.at(-1) === m.at(-1) && m.length > 0 && inner.length > 0;
  const flipped = !turned && right.axes.at(-1) === inner.at(-1) && inner.length > 0;
  const product = batchMatmul(
    turned ? stack(left, batch, inner, m) : stack(left, batch, m, inner),
    flipped ? stack(right, batch, n, inner) : stack(right, batch, inner, n),
    { transposeA: turned, transposeB: flipped },
  );
  const axes = [...batch, ...m, ...n];
  return ordered(
    {
      x: reshape(
        product,
        axes.map((name) => sizes.get(name)!),
      ),
      axes,
    },
    output,
  );
}
