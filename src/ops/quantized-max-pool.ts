// Pools of maxima over bytes, channels last.
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { MAX_POOL } from "./max-pool.ts";
import { type Axes, asImages, averagingAxis, type MaxPoolOptions, shapeOf, spansOf } from "./taps.ts";

/** Largest bytes of windows that are known. */
export const quantizedMaxPoolOp = defineOp<Axes>({
  name: "quantizedMaxPool",
  bytes: true,
  shape: ([q], axes) => ({ shape: shapeOf(q!, axes), dtype: "i8" }),
  gradient: "none",
  emit(emitter, { inputs: [q], outputs: [y], attributes: axes }) {
    const [images, height, width, channels] = y!.shape as [number, number, number, number];
    const table = (axis: Axes[0]) => axis.taps.flatMap(({ first, weights }) => [first, weights.length]);
    emitter.call("maxPoolBytes", [
      images * height * width,
      height,
      width,
      q!.shape[1]!,
      q!.shape[2]!,
      channels,
      axes[0].step ?? 1,
      axes[1].step ?? 1,
      read(emitter.table("rows", table(axes[0]))),
      read(emitter.table("columns", table(axes[1]))),
      read(emitter.buffer(q!)),
      write(emitter.buffer(y!), rows(images * height * width, channels)),
    ]);
  },
});

/**
 * Largest bytes of windows of images [batch, height, width, channels] or sequences [batch, length, channels]; windows as of
 * `maxPool`. What bytes stand for stays as it is.
 * @throws OptionError, ShapeError as `maxPool`.
 * @example quantizedMaxPool(q, 2)
 */
export function quantizedMaxPool(
  q: Tensor,
  window: number | readonly number[],
  options: MaxPoolOptions = {},
): Tensor {
  const what = "quantizedMaxPool";
  if (q.dtype !== "i8" || q.rank < 3 || q.rank > 4)
    throw new ShapeError(`${what}: wanted i8 images or sequences, got ${q.dtype} ${showShape(q.shape)}`);
  const spans = spansOf(what, window, options, { count: q.rank - 2, known: MAX_POOL });
  return asImages(
    q,
    (size, axis) => averagingAxis(what, size, spans[axis]!, false),
    (images, axes) => images.graph.apply(quantizedMaxPoolOp, [images], axes)[0]!,
  );
}
