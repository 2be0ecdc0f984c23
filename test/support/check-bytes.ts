// The same as checkOp for ops of quantized models: their results are not near what is wanted, they are it, on any number of
// threads and from both instruction sets.
import { expect } from "vitest";
import { extendQuantized } from "#src/engine/extend";
import { Graph, type Tensor } from "#src/graph/tensor";
import { runEverywhere } from "./check-op.ts";
import type { Drawn } from "./draw.ts";
import { enginesWith, numericsToTest } from "./engines.ts";
import { Trial } from "./run.ts";

/** One use of an op, and what comes of it. */
export interface BytesCase {
  readonly label: string;
  readonly inputs: readonly Drawn[];
  readonly build: (...inputs: readonly Tensor[]) => Tensor;
  readonly want: (...inputs: readonly ArrayLike<number>[]) => ArrayLike<number>;
  /** How far from it the result may be, an element. Default: not at all. */
  readonly allowed?: (...inputs: readonly ArrayLike<number>[]) => ArrayLike<number>;
}

/** Runs all cases as one program, on every engine that has the kernels on bytes. */
export async function checkBytes(cases: readonly BytesCase[]): Promise<void> {
  for (const numerics of numericsToTest)
    for (const engine of await enginesWith(numerics)) await extendQuantized(engine);
  const graph = new Graph("predict");
  const given = new Map<Tensor, readonly number[]>();
  const outputs = cases.map(({ label, inputs, build }, number) => {
    const tensors = inputs.map(({ shape, dtype, values }, k) => {
      const tensor = graph.input(`case ${number} input ${k}`, shape, dtype);
      given.set(tensor, values);
      return tensor;
    });
    return { name: label, tensor: build(...tensors) };
  });
  const wanted = cases.map(({ inputs, want }) => want(...inputs.map(({ values }) => values)));
  const limits = cases.map(({ inputs, allowed }) => allowed?.(...inputs.map(({ values }) => values)));
  const trial = new Trial(
    given,
    outputs.map(({ tensor }) => tensor),
  );
  await runEverywhere(trial, outputs, (where, k, numbers) => {
    const want = wanted[k]!;
    expect(numbers.length, where).toBe(want.length);
    for (let i = 0; i < want.length; i++) {
      const limit = limits[k]?.[i] ?? 0;
      if (numbers[i] === want[i] || Math.abs(numbers[i]! - want[i]!) <= limit) continue;
      expect.fail(
        `${where}: element ${i} of ${want.length}: got ${numbers[i]}, wanted ${want[i]} ± ${limit}`,
      );
    }
  });
}
