// The heights of a surface's cells for a drawing: logarithms, so that a valley shows as much as the hills around it.
import type { Ground } from "./surfaces.ts";

const CELLS = 160;
/** What is told apart near the minimum, as a share of the middle height. */
const FINEST = 1e-3;

/** Cells from 0, the lowest, to 1, rows from the bottom up. */
export function heightsOf({ value, minimum, corner, side }: Ground): { size: number; heights: Float32Array } {
  const at = (cell: number, axis: 0 | 1) => corner[axis] + ((cell + 0.5) / CELLS) * side;
  const above = Float64Array.from({ length: CELLS * CELLS }, (_, i) =>
    Math.max(0, value([at(i % CELLS, 0), at(Math.floor(i / CELLS), 1)]) - minimum.value),
  );
  const sorted = above.toSorted();
  const floor = FINEST * sorted[sorted.length >> 1]!;
  // The last hundredth are corners, where there is nothing to see.
  const most = Math.log(sorted[Math.floor(0.99 * (sorted.length - 1))]! + floor);
  const least = Math.log(sorted[0]! + floor);
  const heights = Float32Array.from(above, (each) =>
    Math.min(1, Math.max(0, (Math.log(each + floor) - least) / (most - least))),
  );
  return { size: CELLS, heights };
}
