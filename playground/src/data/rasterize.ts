// A drawing as a picture of MNIST: scaled to fit into 20 × 20 pixels, and put so that its centre of mass is in the
// middle of 28 × 28, as LeCun's files have it. Without that a network that knows MNIST does not know a drawing.
import { PIXELS, SIDE } from "./digits.ts";

const FIT = 20;

/** A line of a drawing: points between 0 and 1 across and down. */
export type Stroke = readonly (readonly [x: number, y: number])[];

/** Half the width of a line, as a share of the larger side of the drawing: MNIST's are some two of twenty pixels. */
const PEN = 0.055;
/** Places of a pixel's side at which its ink is asked. */
const FINE = 3;

/** The picture, 28 × 28 numbers from 0 to 1, row after row; undefined where nothing is drawn. */
export function rasterize(strokes: readonly Stroke[]): Float32Array | undefined {
  const points = strokes.flat();
  if (points.length === 0) return undefined;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  // A dot or a short dash stays small.
  const side = Math.max(width, height, 0.2);
  const pen = PEN * FIT;
  const scale = (FIT - 2 * pen) / side;
  const placed = strokes.map((stroke) =>
    stroke.map(
      ([x, y]) =>
        [SIDE / 2 + (x - left - width / 2) * scale, SIDE / 2 + (y - top - height / 2) * scale] as const,
    ),
  );
  const first = inked(placed, pen, 0, 0);
  let [mass, across, down] = [0, 0, 0];
  for (let i = 0; i < PIXELS; i++) {
    mass += first[i]!;
    across += first[i]! * ((i % SIDE) + 0.5);
    down += first[i]! * (Math.floor(i / SIDE) + 0.5);
  }
  return inked(placed, pen, Math.round(SIDE / 2 - across / mass), Math.round(SIDE / 2 - down / mass));
}

/** How much of each pixel is nearer than `pen` to a line, with the lines moved. */
function inked(strokes: readonly Stroke[], pen: number, right: number, down: number): Float32Array {
  const image = new Float32Array(PIXELS);
  const fine = SIDE * FINE;
  const inside = new Uint8Array(fine * fine);
  for (const stroke of strokes)
    for (let i = 0; i < stroke.length; i++) {
      const [x1, y1] = stroke[Math.max(0, i - 1)]!;
      const [x2, y2] = stroke[i]!;
      mark(inside, [x1 + right, y1 + down], [x2 + right, y2 + down], pen);
    }
  for (let i = 0; i < inside.length; i++) {
    if (!inside[i]) continue;
    const at = Math.floor(Math.floor(i / fine) / FINE) * SIDE + Math.floor((i % fine) / FINE);
    image[at]! += 1 / FINE ** 2;
  }
  return image;
}

type Place = readonly [x: number, y: number];

function mark(inside: Uint8Array, [x1, y1]: Place, [x2, y2]: Place, pen: number): void {
  const fine = SIDE * FINE;
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length = dx * dx + dy * dy;
  const from = (low: number) => Math.max(0, Math.floor((low - pen) * FINE));
  const to = (high: number) => Math.min(fine - 1, Math.ceil((high + pen) * FINE));
  for (let row = from(Math.min(y1, y2)); row <= to(Math.max(y1, y2)); row++)
    for (let column = from(Math.min(x1, x2)); column <= to(Math.max(x1, x2)); column++) {
      const [x, y] = [(column + 0.5) / FINE, (row + 0.5) / FINE];
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / length));
      const [ex, ey] = [x1 + along * dx - x, y1 + along * dy - y];
      if (ex * ex + ey * ey <= pen * pen) inside[row * fine + column] = 1;
    }
}
