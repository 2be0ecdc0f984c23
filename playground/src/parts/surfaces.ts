// The surfaces that can be walked on: which part of each is drawn, where a walk begins, and when it has arrived.
import {
  ackley,
  beale,
  booth,
  himmelblau,
  noisyQuadratic,
  quadratic,
  rastrigin,
  rosenbrock,
  type Surface,
  sphere,
  styblinskiTang,
} from "downhill/minimize";
import { type Lesson, LINE, LOGISTIC, lessonSurface, PLANE } from "./lessons.ts";

export type Point = readonly [x: number, y: number];

/** What is drawn of a function of two numbers. */
export interface Ground {
  value(point: ArrayLike<number>): number;
  readonly minimum: { readonly value: number; readonly points: readonly (readonly number[])[] };
  /** The lower left corner of the square that is drawn, and its side. */
  readonly corner: Point;
  readonly side: number;
  readonly start: Point;
  /** A walk has arrived at a value that is this much above the lowest. */
  readonly tolerance: number;
}

interface Walked extends Ground {
  /** What is descended on, where its gradients are known by formula. */
  readonly surface?: (seed: number) => Surface;
  /** The model whose loss it is, for optimizers that need a model. */
  readonly lesson?: Lesson;
}

function classic(
  make: (seed: number) => Surface,
  view: Pick<Ground, "corner" | "side" | "tolerance"> & { readonly start?: Point; readonly still?: Surface },
): Walked {
  const shown = view.still ?? make(0);
  const [x = 0, y = 0] = shown.start;
  return {
    value: (point) => shown.value(point),
    minimum: shown.minimum,
    corner: view.corner,
    side: view.side,
    start: view.start ?? [x, y],
    tolerance: view.tolerance,
    surface: make,
  };
}

const valley = { dimensions: 2, condition: 100 };
const taught = (lesson: Lesson, view: Pick<Ground, "corner" | "side" | "start" | "tolerance">): Walked => ({
  ...lessonSurface(lesson),
  ...view,
  lesson,
});

const SURFACES = {
  rosenbrock: classic(() => rosenbrock(), { corner: [-2, -1], side: 4, tolerance: 1e-3 }),
  beale: classic(() => beale(), { corner: [-1, -2.25], side: 5, tolerance: 1e-3 }),
  himmelblau: classic(() => himmelblau(), { corner: [-5, -5], side: 10, tolerance: 1e-3 }),
  booth: classic(() => booth(), { corner: [-6, -4], side: 12, start: [-4, -2], tolerance: 1e-3 }),
  // The hollow in which it begins is not the lowest: any of those near the middle will do.
  rastrigin: classic(() => rastrigin(), { corner: [-5.12, -5.12], side: 10.24, tolerance: 5 }),
  ackley: classic(() => ackley(), { corner: [-5, -5], side: 10, tolerance: 0.1 }),
  styblinskiTang: classic(() => styblinskiTang(), { corner: [-5, -5], side: 10, tolerance: 1e-2 }),
  sphere: classic(() => sphere(), { corner: [-3, -3], side: 6, start: [-2, 1.5], tolerance: 1e-3 }),
  quadratic: classic(() => quadratic(valley), { corner: [-4, -4], side: 8, start: [-3, 1], tolerance: 1e-3 }),
  noisyQuadratic: classic((seed) => noisyQuadratic({ ...valley, noise: 0.1, seed }), {
    // What is drawn and measured is the mean of what is descended on.
    still: quadratic(valley),
    ...{ corner: [-4, -4] as Point, side: 8, start: [-3, 1] as Point, tolerance: 0.05 },
  }),
  plane: taught(PLANE, { corner: [-2, -3], side: 5, start: [-1.5, 1.2], tolerance: 1e-3 }),
  line: taught(LINE, { corner: [-2, -3], side: 5, start: [-1.5, 1.2], tolerance: 1e-3 }),
  logistic: taught(LOGISTIC, { corner: [-3, -3], side: 6, start: [-2.5, 1.5], tolerance: 1e-3 }),
} satisfies Record<string, Walked>;

export type SurfaceName = keyof typeof SURFACES;
export const surfaceOf = (name: SurfaceName): Walked => SURFACES[name];

/** Those that every optimizer of one gradient a step can race on. */
export const CLASSICS = (Object.keys(SURFACES) as SurfaceName[]).filter((name) => surfaceOf(name).surface);
