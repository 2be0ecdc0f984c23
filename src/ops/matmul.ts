// The matrix product, with an optional bias added in its epilogue.
import { FEW_TERMS, MATMUL_SCRATCH_BYTES } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, local, nothing, type Op, read, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** Which operand is read transposed. */
type Layout = "NN" | "NT" | "TN";

const sizes = (a: Tensor, b: Tensor, layout: Layout) => ({
  m: layout === "TN" ? a.shape[1]! : a.shape[0]!,
  k: layout === "TN" ? a.shape[0]! : a.shape[1]!,
  n: layout === "NT" ? b.shape[0]! : b.shape[1]!,
  inner: layout === "NT" ? b.shape[1]! : b.shape[0]!,
});

/** Gradients of a product with respect to both factors, each a product again, of another layout. */
export function slopesOf(
  layout: Layout,
  [a, b, dy]: readonly [Tensor, Tensor, Tensor],
  product: (x: Tensor, y: Tensor, how: Layout) => Tensor,
  wants: (input: number) => boolean,
): (Tensor | undefined)[] {
  const da = {
    NN: () => product(dy, b, "NT"),
    NT: () => product(dy, b, "NN"),
    TN: () => product(b, dy, "NT"),
  };
  const db = {
    NN: () => product(a, dy, "TN"),
    NT: () => product(dy, a, "TN"),
    TN: () => product(a, dy, "NN"),
  };
  return [wants(0) ? da[layout]() : undefined, wants(1) ? db[layout]() : undefined];
}

const matmulOp: Op<Layout> = defineOp<Layout>({
  name: "matmul",
  shape([a, b, bias], layout) {
    const { m, n, k, inner } = sizes(a!, b!, layout);
    if (k !== inner) {
      throw new ShapeError(
        `matmul: inner sizes differ: ${showShape(a!.shape)} × ${showShape(b!.shape)} (${k} ≠ ${inner})`,
      );
    }
    if (bias && (bias.rank !== 1 || bias.shape[0] !== n)) {
      throw new ShapeError(`matmul: bias has shape ${showShape(bias.shape)}, wanted [${n}]`);
    }
    return { shape: [m, n], dtype: "f32" };
  },
  gradient({ inputs: [a, b, bias], attributes: layout, dy, wants }) {
    const product = (x: Tensor, y: Tensor, how: Layout) => x.graph.apply(matmulOp, [x, y], how)[0]!;
    return [
      ...slopesOf(layout, [a!, b!, dy], product, wants),
      ...(bias && wants(2) ? [sum(dy, { axes: 0 })] : []),
    ];
  },
  emit(emitter, { inputs: [a, b, bias], outputs: [c], attributes: layout }) {
    const { m, n, k } = sizes(a!, b!, layout);
    emitter.call(
      `matmul${layout}`,
      [
        m,
        n,
        k,
        read(emitter.buffer(a!)),
        a!.shape[1]!,
        read(emitter.buffer(b!)),
        b!.shape[1]!,
        write(emitter.buffer(c!)),
        bias ? read(emitter.buffer(bias)) : nothing,
        scratch(MATMUL_SCRATCH_BYTES),
        local,
      ],
      { head: c!, passing: layout === "TN" && k <= FEW_TERMS, work: m * n * k },
    );
  },
});

/**
 * Matrix product: [..., m, k] × [k, n] → [..., m, n]; with a bias of shape [n], it is added to every row.
 * Leading axes of the first operand are rows.
 * @throws ShapeError where the inner sizes differ.
 * @example matmul(x, weight, bias)
 */
export function matmul(a: Tensor, b: Tensor, bias?: Tensor): Tensor {
  if (a.rank < 1 || b.rank !== 2) {
    throw new ShapeError(
      `matmul: wanted [..., m, k] × [k, n], got ${showShape(a.shape)} × ${showShape(b.shape)}`,
    );
  }
  const rows = a.rank === 2 ? a : reshape(a, [a.size / a.shape.at(-1)!, a.shape.at(-1)!]);
  const inputs = bias ? [rows, b, bias] : [rows, b];
  if (inputs.some((input) => input.dtype !== "f32"))
    throw new ShapeError("matmul: wanted f32 operands, got i32");
  return reshape(a.graph.apply(matmulOp, inputs, "NN")[0]!, [...a.shape.slice(0, -1), b.shape[1]!]);
}
