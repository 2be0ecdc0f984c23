// Padding that repeats the image: at a mirror or at its edge.
import { ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, type Op, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Widths } from "./window.ts";

/** For each line and column of the result those of the image that are added up there. */
interface Lists {
  readonly lines: readonly (readonly number[])[];
  readonly columns: readonly (readonly number[])[];
}

/** For each of n places those whose lists hold it. */
const inverse = (lists: Lists["lines"], n: number) =>
  Array.from({ length: n }, (_, place) => lists.flatMap((list, k) => (list.includes(place) ? [k] : [])));

/** Where each list begins and the last one ends, then the lists. */
function tableOf(lists: Lists["lines"]): number[] {
  const starts = [lists.length + 1];
  for (const list of lists) starts.push(starts.at(-1)! + list.length);
  return [...starts, ...lists.flat()];
}

const collectOp: Op<Lists> = defineOp<Lists>({
  name: "collect",
  shape: ([x], { lines, columns }) => ({
    shape: [x!.shape[0]!, lines.length, columns.length, x!.shape[3]!],
    dtype: "f32",
  }),
  gradient({ inputs: [x], attributes: { lines, columns }, dy }) {
    const [, height, width] = x!.shape as [number, number, number];
    const back = { lines: inverse(lines, height), columns: inverse(columns, width) };
    return [dy.graph.apply(collectOp, [dy], back)[0]];
  },
  emit(emitter, { inputs: [x], outputs: [y], attributes: { lines, columns } }) {
    const [images, height, width, channels] = x!.shape as [number, number, number, number];
    emitter.call("collect", [
      images,
      height,
      width,
      lines.length,
      columns.length,
      channels,
      read(emitter.table("lines", tableOf(lines))),
      read(emitter.table("columns", tableOf(columns))),
      read(emitter.buffer(x!)),
      write(emitter.buffer(y!), rows(images * lines.length, columns.length * channels * 4)),
    ]);
  },
});

/** What padding holds: zeros, the image mirrored at its edge, or the pixels of its edge. */
export type PaddingMode = "zeros" | "reflect" | "edge";

/**
 * Surrounds images [batch, height, width, channels] by themselves: mirrored, the edge's pixels not repeated
 * ("reflect"), or by their edge's pixels ("edge").
 * @throws ShapeError where the mirror would show what lies behind the image.
 */
export function padImages(what: string, x: Tensor, widths: Widths, mode: "reflect" | "edge"): Tensor {
  const [lines, columns] = widths.map(([before, after], axis) => {
    const size = x.shape[axis + 1]!;
    if (mode === "reflect" && Math.max(before, after) >= size) {
      throw new ShapeError(
        `${what}: padding by reflection must be narrower than the input: got ${showShape([before, after])} beside ${size} of axis ${axis + 1}`,
      );
    }
    return Array.from({ length: before + size + after }, (_, k) => {
      const at = k - before;
      if (mode === "edge") return [Math.min(Math.max(at, 0), size - 1)];
      return [at < 0 ? -at : at < size ? at : 2 * (size - 1) - at];
    });
  });
  return x.graph.apply(collectOp, [x], { lines: lines!, columns: columns! })[0]!;
}
