// DoG, DoWG and Polyak's step size against the authors' and optax's, in 64 bits.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import { type DogOptions, dog, dowg, type PolyakSgdOptions, polyakSgd } from "#src/optim/index";
import { checkOptimizer, type Parameter64, run, sumSquares64, type Update64 } from "./network.ts";

/** What lies between two lists of vectors. */
const away = (parameters: readonly Parameter64[], starts: readonly Float64Array[]) =>
  sumSquares64(...parameters.map(({ theta }, index) => theta.map((x, i) => x - starts[index]![i]!)));

/** formll/dog, src/dog/torch/dog.py: DoG, of the parameters given. */
function dogAuthors({ relativeDistance = 1e-6, weightDecay = 0, learningRate = 1 }: DogOptions): Update64 {
  let starts: Float64Array[] | undefined;
  let distance = 0;
  let squares = 1e-8;
  return (parameters) => {
    for (const { theta, gradient } of parameters)
      for (const [i, x] of theta.entries()) gradient[i]! += weightDecay * x;
    if (!starts) {
      starts = parameters.map(({ theta }) => theta.slice());
      distance = relativeDistance * (1 + Math.sqrt(sumSquares64(...starts)));
    } else distance = Math.max(distance, Math.sqrt(away(parameters, starts)));
    squares += sumSquares64(...parameters.map(({ gradient }) => gradient));
    const eta = ((learningRate as number) * distance) / Math.sqrt(squares);
    for (const { theta, gradient } of parameters)
      for (const [i, g] of gradient.entries()) theta[i]! -= eta * g;
  };
}

/** LDoG of the same: each tensor by itself. */
function layerwise(make: () => Update64): Update64 {
  const each = new Map<string, Update64>();
  return (parameters, step, loss) => {
    for (const parameter of parameters) {
      const update = each.get(parameter.name) ?? make();
      each.set(parameter.name, update);
      update([parameter], step, loss);
    }
  };
}

/** optax/contrib/_dog.py, scale_by_dowg. */
function dowgOptax(initial: number, epsilon: number): Update64 {
  let starts: Float64Array[] | undefined;
  let distance = initial;
  let weighted = 0;
  return (parameters) => {
    starts ??= parameters.map(({ theta }) => theta.slice());
    distance = Math.max(distance, away(parameters, starts));
    weighted += distance * sumSquares64(...parameters.map(({ gradient }) => gradient));
    const eta = distance / (Math.sqrt(weighted) + epsilon);
    for (const { theta, gradient } of parameters)
      for (const [i, g] of gradient.entries()) theta[i]! -= eta * g;
  };
}

/** optax/_src/transform.py, scale_by_polyak. */
function polyakOptax(options: PolyakSgdOptions): Update64 {
  const { largestRate = 1, leastLoss = 0, epsilon = 0, variant = "sps", learningRate = 1 } = options;
  return (parameters, _, loss) => {
    const squares = sumSquares64(...parameters.map(({ gradient }) => gradient)) + epsilon;
    const gap = variant === "sps+" ? Math.max(loss - leastLoss, 0) : loss - leastLoss;
    const size = squares <= 2 ** -52 ? 0 : Math.min(gap / squares, largestRate);
    for (const { theta, gradient } of parameters)
      for (const [i, g] of gradient.entries()) theta[i]! -= (learningRate as number) * size * g;
  };
}

// Weights near 0.5 are known to 3e-8, so a first distance of 3e-3 to 1e-5 of itself; all distances after it grow from it,
// to about 1. A false sum or norm is off by more than 1e-2.
const tolerance = 1e-4;

const far = { relativeDistance: 1e-3 };
checkOptimizer("dog", dog(far), () => dogAuthors(far), {
  tolerance,
  steps: 80,
  still: dog({ learningRate: 0 }),
});
const decayed = { ...far, weightDecay: 0.01, learningRate: 0.5 };
checkOptimizer("dog, weight decay", dog(decayed), () => dogAuthors(decayed), { tolerance, steps: 80 });
checkOptimizer("dog, layerwise", dog({ ...far, layerwise: true }), () => layerwise(() => dogAuthors(far)), {
  tolerance,
  steps: 80,
  still: dog({ learningRate: 0, layerwise: true }),
});
checkOptimizer("dowg", dowg(), () => dowgOptax(1e-4, 1e-4), { tolerance, still: dowg({ learningRate: 0 }) });
checkOptimizer("dowg, first distance", dowg({ squaredDistance: 0.01 }), () => dowgOptax(0.01, 1e-4), {
  tolerance,
});

const polyak: [string, PolyakSgdOptions][] = [
  ["polyakSgd", {}],
  ["polyakSgd, a least loss", { leastLoss: 0.1, variant: "sps+", largestRate: 0.5 }],
  ["polyakSgd, scaled", { learningRate: 0.3, epsilon: 0.1, largestRate: 10 }],
];
for (const [name, options] of polyak) {
  checkOptimizer(name, polyakSgd(options), () => polyakOptax(options), {
    tolerance,
    still: polyakSgd({ ...options, learningRate: 0 }),
  });
}

test("dog finds its step size from the default distance", () => {
  const { losses } = run(dog(), 300);
  expect(Math.min(...losses.slice(-4))).toBeLessThan(0.5 * losses[0]!);
});

test("polyakSgd steps back below the least loss, by sps+ stays", () => {
  const options = { leastLoss: 1e3, largestRate: 1e-3 } as const;
  const [back, stays] = [polyakSgd(options), polyakSgd({ ...options, variant: "sps+" })];
  const [moved, stayed] = [back, stays].map((optimizer) => run(optimizer, 40).losses) as [number[], number[]];
  expect(moved[36]!).toBeGreaterThan(moved[0]!);
  expect(stayed[36]).toBe(stayed[0]);
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["dog: learningRate", () => dog({ learningRate: -1 })],
    ["dog: weightDecay", () => dog({ weightDecay: -1 })],
    ["dog: relativeDistance", () => dog({ relativeDistance: 0 })],
    ["dog: epsilon", () => dog({ epsilon: Number.NaN })],
    ["dowg: squaredDistance", () => dowg({ squaredDistance: 0 })],
    ["dowg: squaredDistance", () => dowg({ epsilon: 0 })],
    ["dowg: epsilon", () => dowg({ epsilon: -1 })],
    ["polyakSgd: learningRate", () => polyakSgd({ learningRate: -1 })],
    ["polyakSgd: largestRate", () => polyakSgd({ largestRate: -1 })],
    ["polyakSgd: leastLoss", () => polyakSgd({ leastLoss: Number.NaN })],
    ["polyakSgd: epsilon", () => polyakSgd({ epsilon: -1 })],
    ["polyakSgd: variant", () => polyakSgd({ variant: "max" as never })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
