// Products of stacked matrices: one instruction for the whole stack.
import { INSTRUCTION_BYTES, MATMUL_SCRATCH_BYTES } from "../../assembly/abi.ts";
import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { broadcastShapes, showShape, sizeOf } from "../core/shape.ts";
import { defineOp, type Op, read, rows, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { slopesOf } from "./matmul.ts";
import { permute } from "./movement.ts";
import { reshape } from "./reshape.ts";

/** Which operand is read transposed, by the number that the kernel knows it by. */
const LAYOUTS = { NN: 0, NT: 1, TN: 2 } as const;
type Layout = keyof typeof LAYOUTS;

const sizes = (a: Tensor, b: Tensor, layout: Layout) => ({
  batch: a.shape[0]!,
  m: a.shape[layout === "TN" ? 2 : 1]!,
  k: a.shape[layout === "TN" ? 1 : 2]!,
  n: b.shape[layout === "NT" ? 1 : 2]!,
});

const batchMatmulOp: Op<Layout> = defineOp<Layout>({
  name: "batchMatmul",
  shape([a, b], layout) {
    const { batch, m, n } = sizes(a!, b!, layout);
    return { shape: [batch, m, n], dtype: "f32" };
  },
  gradient({ inputs: [a, b], attributes: layout, dy, wants }) {
    const product = (x: Tensor, y: Tensor, how: Layout) => x.graph.apply(batchMatmulOp, [x, y], how)[0]!;
    return slopesOf(layout, [a!, b!, dy], product, wants);
  },
  emit(emitter, { inputs: [a, b], outputs: [c], attributes: layout }) {
    const { batch, m, k, n } = sizes(a!, b!, layout);
    emitter.call(
      "batchMatmul",
      [
        LAYOUTS[layout],
        batch,
        m,
        n,
        k,
        read(emitter.buffer(a!)),
        read(emitter.buffer(b!)),
        write(emitter.buffer(c!), rows(batch * m, n * 4)),
        scratch(INSTRUCTION_BYTES + MATMUL_SCRATCH_BYTES),
      ],
      { work: batch * m * n * k },
    );
  },
});

/** Options of {@link batchMatmul}. */
export interface BatchMatmulOptions {
  /** a is [..., k, m]. Default: false. */
  readonly transposeA?: boolean;
  /** b is [..., n, k]. Default: false. */
  readonly transposeB?: boolean;
}

const swapped = (x: Tensor): Tensor => permute(x, [...x.shape.slice(0, -2).keys(), x.rank - 1, x.rank - 2]);

/**
 * Products of stacked matrices: [..., m, k] × [..., k, n] → [..., m, n]. Leading axes broadcast, as in PyTorch's matmul.
 * @throws ShapeError where the inner sizes differ, the leading axes do not broadcast, or an operand is no stack of matrices.
 * @example batchMatmul(queries, keys, { transposeB: true }) // [8, 5, 16] × [8, 7, 16] → [8, 5, 7]
 */
export function batchMatmul(a: Tensor, b: Tensor, options: BatchMatmulOptions = {}): Tensor {
  const known = { transposeA: 0, transposeB: 0 } as const;
  const { transposeA = false, transposeB = false } = checkOptions("batchMatmul", options, known);
  if (a.rank < 2 || b.rank < 2 || a.dtype !== "f32" || b.dtype !== "f32") {
    throw new ShapeError(
      `batchMatmul: wanted f32 [..., m, k] × [..., k, n], got ${a.dtype} ${showShape(a.shape)} × ${b.dtype} ${showShape(b.shape)}`,
    );
  }
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const inner = b.shape.at(transposeB ? -1 : -2)!;
  if (k !== inner) {
    throw new ShapeError(
      `batchMatmul: inner sizes differ: ${showShape(a.shape)} × ${showShape(b.shape)} (${k} ≠ ${inner})`,
    );
  }
  const lead = broadcastShapes("batchMatmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const stack = (x: Tensor) =>
    reshape(broadcastTo(x, [...lead, ...x.shape.slice(-2)]), [sizeOf(lead), ...x.shape.slice(-2)]);
  // No kernel takes both transposed.
  const [left, layout]: [Tensor, Layout] =
    transposeA && transposeB ? [swapped(a), "NT"] : [a, transposeA ? "TN" : transposeB ? "NT" : "NN"];
  const [c] = a.graph.apply(batchMatmulOp, [stack(left), stack(b)], layout);
  return reshape(c!, [...lead, ...c!.shape.slice(1)]);
}
