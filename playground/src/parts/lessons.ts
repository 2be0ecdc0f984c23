// Models of two weights, for optimizers that want more than a gradient: matrices, or a model's own labels. Their losses can
// be drawn, and the data is written out, so that every runtime trains on the same numbers.
import { defineModel, dense, meanSquaredError, mul, softmaxCrossEntropy } from "downhill";
import { concatenate } from "downhill/layers";

type Model = ReturnType<typeof defineModel>;

export interface Lesson {
  model(): Model;
  readonly loss: typeof meanSquaredError | typeof softmaxCrossEntropy;
  /** One batch, the same at every step. */
  readonly batch: {
    readonly inputs: Float32Array;
    readonly targets: Float32Array | undefined;
    readonly labels: Int32Array | undefined;
    readonly size: number;
  };
  /** The loss of the two weights, in the order of the model's parameters. */
  value(x: number, y: number): number;
  readonly minimum: readonly [number, number];
}

type Row = readonly [number, number];

/** Two inputs that go together: the valley of the loss lies across the axes. */
const ROWS: readonly Row[] = [
  [1.5, 1.5],
  [0.25, -0.25],
  [-1.5, -1.5],
  [-0.25, 0.25],
];
const BEST = [1, -0.5] as const;
const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

/** y = w₁x₁ + w₂x₂: one matrix of two weights. */
export const PLANE: Lesson = {
  model: () => defineModel({ input: [2] }, (x) => dense(1, { bias: false })(x)),
  loss: meanSquaredError,
  batch: {
    inputs: Float32Array.from(ROWS.flat()),
    targets: Float32Array.from(ROWS, ([a, b]) => a * BEST[0] + b * BEST[1]),
    labels: undefined,
    size: ROWS.length,
  },
  value: (x, y) => mean(ROWS.map(([a, b]) => (a * (x - BEST[0]) + b * (y - BEST[1])) ** 2)),
  minimum: BEST,
};

const PLACES = [-0.5, 0.5, 1, 1.5, 2.5];

/** y = wx + b: a matrix of one weight, and a bias. */
export const LINE: Lesson = {
  model: () => defineModel({ input: [1] }, (x) => dense(1)(x)),
  loss: meanSquaredError,
  batch: {
    inputs: Float32Array.from(PLACES),
    targets: Float32Array.from(PLACES, (x) => BEST[0] * x + BEST[1]),
    labels: undefined,
    size: PLACES.length,
  },
  value: (w, b) => mean(PLACES.map((x) => ((w - BEST[0]) * x + (b - BEST[1])) ** 2)),
  minimum: BEST,
};

/** Points of two classes that no line parts, so that the best weights are finite. */
const POINTS: readonly Row[] = [
  [1, 0.5],
  [2, 1],
  [0.5, -1],
  [1.5, -2],
  [-0.5, -1.5],
  [-0.25, 0.5],
  [-1, 1],
  [-2, 0.5],
  [-0.5, 2],
  [-1.5, -1],
  [0.5, 1.5],
  [0.25, -0.5],
];
const labelOf = (index: number) => (index < POINTS.length / 2 ? 0 : 1);

/** Two classes by w₁x₁ + w₂x₂ against 0. */
export const LOGISTIC: Lesson = {
  model: () =>
    defineModel({ input: [2] }, (x) => {
      const logit = dense(1, { bias: false })(x);
      return concatenate([logit, mul(logit, 0)], 1);
    }),
  loss: softmaxCrossEntropy,
  batch: {
    inputs: Float32Array.from(POINTS.flat()),
    targets: undefined,
    labels: Int32Array.from(POINTS, (_, i) => labelOf(i)),
    size: POINTS.length,
  },
  value: (x, y) =>
    mean(POINTS.map(([a, b], i) => Math.log1p(Math.exp((labelOf(i) === 0 ? -1 : 1) * (a * x + b * y))))),
  minimum: [2.0076, -1.268],
};

/** The loss as a surface. */
export const lessonSurface = ({ value, minimum: [x, y] }: Lesson) => ({
  value: (point: ArrayLike<number>) => value(point[0] ?? 0, point[1] ?? 0),
  minimum: { value: value(x, y), points: [[x, y]] },
});
