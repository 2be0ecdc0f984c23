// One declaration of an op's cases, many checks: values against the reference, gradients against differences of the
// reference, the same bits on any number of threads, each instruction set, nothing written outside the outputs.
import { describe, expect, test } from "vitest";
import { Random } from "#src/core/random";
import { Graph, type Node, type Tensor } from "#src/graph/tensor";
import { add, mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import type { Drawn } from "./draw.ts";
import type { Values } from "./elements.ts";
import { enginesWith, numericsToTest } from "./engines.ts";
import { evaluate, neededFor } from "./reference.ts";
import { roundings } from "./rounding.ts";
import { Trial } from "./run.ts";

/** Sizes around those of vectors, cache lines and tiles. */
export const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 257] as const;

/** One use of an op. */
export interface OpCase {
  readonly inputs: readonly Drawn[];
  readonly build: (...inputs: readonly Tensor[]) => Tensor | readonly Tensor[];
  /** Said where the shapes of the inputs do not tell cases apart. */
  readonly label?: string;
  /**
   * The result in plain numbers. The reference takes the graph at its word; this tells whether the graph says what
   * was meant, where a function builds it of several ops, or reckons sizes for them.
   */
  readonly want?: (...inputs: readonly (readonly number[])[]) => readonly number[];
  /** False: the op has none, or the inputs lie where it jumps. Default: true. */
  readonly gradient?: boolean;
}

/** A case in a graph. */
interface Built {
  readonly name: string;
  readonly inputs: ReadonlyMap<Tensor, readonly number[]>;
  readonly outputs: readonly Tensor[];
}

function buildCase(graph: Graph, { inputs, build, label = "" }: OpCase, number: number): Built {
  const tensors = inputs.map(({ shape, dtype }, k) => graph.input(`case ${number} input ${k}`, shape, dtype));
  const result = build(...tensors);
  const shapes = inputs.map(({ shape, dtype }) => `${dtype === "i32" ? "i32 " : ""}[${shape.join(", ")}]`);
  return {
    name: `${label} ${shapes.join(" ")}`.trim(),
    inputs: new Map(tensors.map((tensor, k) => [tensor, inputs[k]!.values])),
    outputs: Array.isArray(result) ? result : [result as Tensor],
  };
}

const merged = <K, V>(maps: readonly ReadonlyMap<K, V>[]): Map<K, V> =>
  new Map(maps.flatMap((map) => [...map]));

/** A result as numbers. */
export function numbersOf(tensor: Tensor, words: Int32Array): ArrayLike<number> {
  if (tensor.dtype === "i32") return words;
  if (tensor.dtype === "i8") return new Int8Array(words.buffer, words.byteOffset, tensor.size);
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}

/** Compares element by element; what is beyond the largest float is infinity. */
export function expectClose(where: string, got: ArrayLike<number>, want: Values, allowed: Values): void {
  for (let i = 0; i < want.length; i++) {
    const [x, y, limit] = [got[i]!, want[i]!, allowed[i]!];
    if (Object.is(x, Math.fround(y)) || x === Math.fround(y)) continue;
    if (Number.isNaN(x) === Number.isNaN(y) && (Number.isNaN(y) || Math.abs(x - y) <= limit)) continue;
    if (Math.abs(y) + limit > 3.4e38 && x === Math.sign(y) * Number.POSITIVE_INFINITY) continue;
    expect.fail(`${where}: element ${i} of ${want.length}: got ${x}, wanted ${y} ± ${limit}`);
  }
}

/** The first word in which two results differ. Which of the many NaNs one is depends on how the runtime compiled the kernel. */
export function firstDifference(tensor: Tensor, a: Int32Array, b: Int32Array): number {
  const [x, y] = [numbersOf(tensor, a), numbersOf(tensor, b)];
  return a.findIndex((word, i) => word !== b[i] && !(Number.isNaN(x[i]) && Number.isNaN(y[i])));
}

/** Runs on 1, 2, 3 and 4 threads of each instruction set, wants the same bits of them, and passes the numbers on. */
export async function runEverywhere(
  trial: Trial,
  outputs: readonly { readonly name: string; readonly tensor: Tensor }[],
  check: (where: string, output: number, numbers: ArrayLike<number>) => void,
): Promise<void> {
  for (const numerics of numericsToTest) {
    const [first, ...others] = await enginesWith(numerics);
    const alone = await trial.run(first!);
    for (const [k, { name, tensor }] of outputs.entries()) {
      check(`${name}, ${first!.instructionSet}`, k, numbersOf(tensor, alone[k]!));
    }
    for (const engine of others) {
      const together = await trial.run(engine);
      for (const [k, { name, tensor }] of outputs.entries()) {
        const at = firstDifference(tensor, alone[k]!, together[k]!);
        if (at < 0) continue;
        const [one, many] = [alone, together].map((words) => numbersOf(tensor, words[k]!)[at]);
        const where = `${name}, ${engine.instructionSet}: element ${at}`;
        expect.fail(`${where}: one thread gives ${one}, ${engine.threads} threads give ${many}`);
      }
    }
  }
}

async function checkForward(cases: readonly OpCase[]): Promise<void> {
  const graph = new Graph();
  const built = cases.map((each, number) => buildCase(graph, each, number));
  const inputs = merged(built.map((each) => each.inputs));
  const outputs = built.flatMap(({ name, outputs: tensors }) => tensors.map((tensor) => ({ name, tensor })));
  const tensors = outputs.map(({ tensor }) => tensor);
  const nodes = neededFor(tensors);
  const values = evaluate(nodes, inputs);
  const allowed = roundings(nodes, values);
  for (const [k, { want, inputs: drawn }] of cases.entries()) {
    if (!want) continue;
    const { name, outputs: made } = built[k]!;
    const meant = Float64Array.from(want(...drawn.map((each) => each.values)));
    expect(made[0]!.size, `${name}: elements`).toBe(meant.length);
    // Both are in doubles; only parameters of elementwise ops are rounded, to 32 bits.
    expectClose(
      `${name}: the graph`,
      values.get(made[0]!)!,
      meant,
      meant.map((x) => 1e-7 * Math.abs(x) + 1e-12),
    );
  }
  await runEverywhere(new Trial(inputs, tensors), outputs, (where, k, numbers) => {
    expectClose(where, numbers, values.get(tensors[k]!)!, allowed.get(tensors[k]!)!);
  });
}

/** Half the distance of a central difference: its error is of order STEP², and 1e-16 / STEP of the values. */
const STEP = 2 ** -16;
/** Elements of an input whose difference is taken one by one, fewer of a long one. */
const samplesOf = (n: number) => (n > 1000 ? 6 : 12);

/** What changes with one input, and what does not. */
interface Around {
  readonly nodes: readonly Node[];
  readonly fixed: ReadonlyMap<Tensor, Values>;
}

function changingWith(input: Tensor, { inputs, outputs }: Built): Around {
  const all = neededFor(outputs);
  const fixed = evaluate(all, inputs);
  const changing = new Set([input.node]);
  for (const node of all) if (node.inputs.some((each) => changing.has(each.node))) changing.add(node);
  for (const node of changing) for (const output of node.outputs) fixed.delete(output);
  return { nodes: all.filter((node) => changing.has(node)), fixed };
}

/** The derivative of Σ weight · output along a direction of one input, and the sum of its terms' magnitudes. */
function difference(
  { outputs, inputs }: Built,
  { nodes, fixed }: Around,
  weights: readonly Values[],
  input: Tensor,
  direction: (element: number) => number,
): { slope: number; magnitude: number } {
  const at = (step: number) => {
    const moved = Float64Array.from(inputs.get(input)!, (x, i) => x + step * direction(i));
    const values = evaluate(nodes, new Map([[input, moved]]), fixed);
    return outputs.map((output) => values.get(output)!);
  };
  const [above, below] = [at(STEP), at(-STEP)];
  let slope = 0;
  let magnitude = 0;
  for (const [k, weight] of weights.entries()) {
    for (const [i, w] of weight.entries()) {
      const term = (w * (above[k]![i]! - below[k]![i]!)) / (2 * STEP);
      slope += term;
      magnitude += Math.abs(term);
    }
  }
  return { slope, magnitude };
}

/** The first and last elements of n, and some between. */
function samples(n: number, random: Random): number[] {
  const count = samplesOf(n);
  if (n <= count) return Array.from({ length: n }, (_, i) => i);
  const ends = [0, 1, n - 2, n - 1];
  return [...new Set([...ends, ...Array.from({ length: count - ends.length }, () => random.below(n))])];
}

/**
 * Compares the gradient with differences: some elements by themselves, and all of them along a direction of signs.
 * A gradient adds up w ∂y/∂x; each term is a product of a few floats, each off by a few units in the last place:
 * 1e-5 of the terms' magnitude are 80 such units. Where a derivative passes through zero an absolute error stays, and
 * one that is taken from the output, as 1 − y², is off by some 2e-7 dy where y nears 1: hence 1e-6 of the largest.
 */
export function expectGradient(
  where: string,
  built: Built,
  weights: readonly Values[],
  input: Tensor,
  got: ArrayLike<number>,
  tolerance = 1e-5,
): void {
  const random = new Random(4, where);
  const around = changingWith(input, built);
  const along = (direction: (element: number) => number) =>
    difference(built, around, weights, input, direction);
  const sampled = samples(input.size, random).map((i) => ({ i, ...along((k) => Number(k === i)) }));
  const heaviest = weights.reduce((most, weight) => Math.max(most, ...weight.map(Math.abs)), 0);
  const largest = Math.max(heaviest, ...sampled.map(({ magnitude }) => magnitude));
  for (const { i, slope, magnitude } of sampled) {
    const limit = tolerance * magnitude + (tolerance / 10) * largest + 1e-9;
    if (!(Math.abs(got[i]! - slope) <= limit)) {
      expect.fail(
        `${where}: gradient of element ${i} of ${input.size}: got ${got[i]}, wanted ${slope} ± ${limit}`,
      );
    }
  }
  const signs = Array.from({ length: input.size }, () => (random.below(2) === 0 ? -1 : 1));
  const { slope } = along((k) => signs[k]!);
  const total = signs.reduce((sofar, sign, i) => sofar + sign * got[i]!, 0);
  const terms = signs.reduce((sofar, _, i) => sofar + Math.abs(got[i]!), 0);
  const limit = tolerance * (terms + largest) + 1e-8;
  if (!(Math.abs(total - slope) <= limit)) {
    expect.fail(`${where}: gradient along random signs: got ${total}, wanted ${slope} ± ${limit}`);
  }
}

/** Σ weight · output over all outputs, with the weights as further inputs. */
export function weightedSum(
  graph: Graph,
  built: Built,
  stream: number,
): { loss: Tensor; given: Map<Tensor, Values> } {
  const random = new Random(5, stream);
  const given = new Map<Tensor, Values>();
  const terms = built.outputs.map((output, k) => {
    const weight = graph.input(`weights ${stream} ${k}`, output.shape);
    const numbers = Float64Array.from(
      { length: output.size },
      () => (random.below(2) === 0 ? -1 : 1) * (0.5 + random.below(64) / 64),
    );
    given.set(weight, numbers);
    return sum(mul(output, weight));
  });
  return { loss: terms.reduce((a, b) => add(a, b)), given };
}

async function checkGradient(cases: readonly OpCase[]): Promise<void> {
  const graph = new Graph();
  const built = cases.map((each, number) => buildCase(graph, each, number));
  const inputs = merged(built.map((each) => each.inputs)) as Map<Tensor, ArrayLike<number>>;
  const wanted = built.flatMap((each, number) => {
    const floats = [...each.inputs.keys()].filter((input) => input.dtype === "f32");
    const { loss, given } = weightedSum(graph, each, number);
    for (const [tensor, numbers] of given) inputs.set(tensor, numbers);
    return gradients(loss, floats).map((tensor, k) => {
      const name = `${each.name}, input ${k}`;
      return {
        name,
        built: each,
        weights: [...given.values()],
        input: floats[k]!,
        tensor: tensor ?? mul(floats[k]!, 0),
      };
    });
  });
  const tensors = wanted.map(({ tensor }) => tensor);
  await runEverywhere(new Trial(inputs, tensors), wanted, (where, k, numbers) => {
    const { built: each, weights, input } = wanted[k]!;
    expectGradient(where, each, weights, input, numbers);
  });
}

/** Declares the tests of an op. */
export function checkOp(name: string, cases: readonly OpCase[]): void {
  describe(name, () => {
    test("values", () => checkForward(cases));
    const smooth = cases.filter(({ gradient = true }) => gradient);
    if (smooth.length > 0) test("gradients", () => checkGradient(smooth));
  });
}
