// The problems that optimizers are proved on, as in test/golden/optimizers.py, and their gradients in 64 bits.
import type { Batch } from "#src/data/index";
import { dense, type Model, sequential, tanh } from "#src/index";
import { curve, numbers, spread } from "../train/setting.ts";

/** Least squares through one or two dense layers with tanh between. */
export interface Problem {
  readonly name: "network" | "quadratic";
  /** Features, hidden units, outputs. */
  readonly sizes: readonly number[];
  /** Taken in turn. */
  readonly batches: readonly Batch[];
  model(): Model;
}

/** Powers of two that the columns of the quadratic are multiplied by: condition number 17 000. */
const EXPONENTS = [0, 0, -1, -1, -1, -2, -2, -2, -3, -3, -4, -4];
const ROWS = 16;

function withWeights(model: Model, biases: "zero" | "drawn"): Model {
  let at = 1000;
  model.setParameters(
    new Map(
      model.weights.segments.map(({ name, shape, size }) => {
        const zero = biases === "zero" && shape.length === 1;
        const values = zero ? new Float32Array(size) : numbers(size, at, 0.5);
        at += size;
        return [name, { shape, values }];
      }),
    ),
  );
  return model;
}

const network: Problem = {
  name: "network",
  sizes: [5, 6, 2],
  batches: [...curve(32).batch(8)],
  model: () => withWeights(sequential({ input: [5] }, dense(6, { activation: tanh }), dense(2)), "zero"),
};

const columns = EXPONENTS.length;
const quadratic: Problem = {
  name: "quadratic",
  sizes: [columns, 1],
  batches: [
    {
      inputs: Float32Array.from(
        { length: ROWS * columns },
        (_, i) => spread(5000 + i) * 2 ** EXPONENTS[i % columns]!,
      ),
      targets: numbers(ROWS, 6000),
      labels: undefined,
      size: ROWS,
    },
  ],
  model: () => withWeights(sequential({ input: [columns] }, dense(1)), "drawn"),
};

export const problems: readonly Problem[] = [network, quadratic];

/** Where each tensor lies in the flat vector: weight and bias of each layer. */
export function tensorsOf({ sizes }: Problem): { readonly from: number; readonly to: number }[] {
  let to = 0;
  return sizes.slice(1).flatMap((units, layer) =>
    [sizes[layer]! * units, units].map((size) => {
      const from = to;
      to += size;
      return { from, to };
    }),
  );
}

/** Mean squared error of a batch and its gradient with respect to the flat vector. */
export function slopeOf(problem: Problem, theta: Float64Array, { inputs, targets, size: rows }: Batch) {
  const { sizes } = problem;
  const tensors = tensorsOf(problem);
  const gradient = new Float64Array(theta.length);
  const outputs = sizes.at(-1)!;
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const layers = [Array.from(inputs.subarray(row * sizes[0]!, (row + 1) * sizes[0]!) as Float32Array)];
    for (let layer = 1; layer < sizes.length; layer++) {
      const [weight, bias] = [tensors[2 * layer - 2]!.from, tensors[2 * layer - 1]!.from];
      const units = sizes[layer]!;
      const y = Array.from({ length: units }, (_, unit) =>
        layers[layer - 1]!.reduce(
          (sum, x, k) => sum + x * theta[weight + k * units + unit]!,
          theta[bias + unit]!,
        ),
      );
      layers.push(layer + 1 < sizes.length ? y.map(Math.tanh) : y);
    }
    const errors = layers.at(-1)!.map((y, unit) => y - targets![row * outputs + unit]!);
    loss += errors.reduce((sum, error) => sum + error ** 2, 0) / (rows * outputs);
    let slopes = errors.map((error) => (2 * error) / (rows * outputs));
    for (let layer = sizes.length - 1; layer > 0; layer--) {
      const [weight, bias] = [tensors[2 * layer - 2]!.from, tensors[2 * layer - 1]!.from];
      const units = sizes[layer]!;
      const below = layers[layer - 1]!;
      for (const [unit, slope] of slopes.entries()) {
        gradient[bias + unit]! += slope;
        for (const [k, x] of below.entries()) gradient[weight + k * units + unit]! += slope * x;
      }
      slopes = below.map(
        (x, k) =>
          (1 - x * x) *
          slopes.reduce((sum, slope, unit) => sum + slope * theta[weight + k * units + unit]!, 0),
      );
    }
  }
  return { loss, gradient };
}
