// Gradients against central differences, on the runtime at hand: slopes along random directions.
import { gelu, matmul, mul, reshape, softmax, square, sub, sum, tanh } from "downhill";
import { attention, convolution2d, maxPool, recurrence, slice } from "downhill/layers";
import { differentiable } from "downhill/minimize";

/** Cuts a vector into tensors of these shapes and gives them to a function of them. */
const of = (shapes, f) => (x) => {
  let from = 0;
  const parts = shapes.map((shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const part = reshape(slice(x, [from], [size]), shape);
    from += size;
    return part;
  });
  // A square, so that the slope of a sum is not the same everywhere.
  return sum(square(sub(f(...parts), 0.25)));
};

const CASES = {
  matmul: [[5, 7], [7, 3], [3]],
  gelu: [[33]],
  softmax: [[4, 9]],
  convolution2d: [
    [1, 6, 5, 2],
    [3, 3, 2, 3],
  ],
  maxPool: [[1, 6, 6, 2]],
  attention: [
    [2, 5, 4],
    [2, 6, 4],
    [2, 6, 3],
  ],
  gru: [
    [4, 2, 9],
    [3, 9],
  ],
};
const FUNCTIONS = {
  matmul: (x, w, b) => tanh(matmul(x, w, b)),
  gelu,
  softmax: (x) => mul(softmax(x), 3),
  convolution2d: (x, w) => convolution2d(x, w),
  maxPool: (x) => maxPool(x, 2),
  attention: (q, k, v) => attention(q, k, v),
  gru: (x, weight) => recurrence({ x, weight }, { cell: "gru", reverse: false, sequences: true }),
};

/** Numbers −1 … 1 from a linear congruence of integers, the same everywhere. */
function numbers(count, seed) {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
}

const DIRECTIONS = 4;
// The error of a central difference is of order step², and what rounding adds of order 6e-8 / step, both times a
// value of a few units: at this step both stay below a thousandth of the slope.
const STEP = 2 ** -8;

/** By op: the gradient, and the largest distance from a central difference, over the gradient's length. */
export async function checkGradients(engine) {
  const results = {};
  for (const [name, shapes] of Object.entries(CASES)) {
    const objective = differentiable(of(shapes, FUNCTIONS[name]), { engine });
    const size = shapes.flat(0).reduce((all, shape) => all + shape.reduce((a, b) => a * b, 1), 0);
    // Of a largest value no other may come near, or a step could change places.
    const point = name === "maxPool" ? apart(size) : numbers(size, 1);
    const { gradient } = await objective.valueAndGradient(point);
    const length = Math.sqrt(gradient.reduce((all, g) => all + g * g, 0));
    let error = 0;
    for (let seed = 2; seed < 2 + DIRECTIONS; seed++) {
      const direction = numbers(size, seed);
      const at = (step) => objective.value(point.map((p, i) => p + step * direction[i]));
      const difference = ((await at(STEP)) - (await at(-STEP))) / (2 * STEP);
      const slope = gradient.reduce((all, g, i) => all + g * direction[i], 0);
      error = Math.max(error, Math.abs(difference - slope) / length);
    }
    results[name] = { gradient, error };
  }
  return results;
}

/** Numbers −1 … 1 in a mixed order, each as far from the next as from the one before. */
const apart = (size) => Float64Array.from({ length: size }, (_, i) => (((i * 29) % size) / size) * 2 - 1);
