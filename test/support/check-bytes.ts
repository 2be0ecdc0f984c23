// The same as checkOp for ops of quantized models: their results are not near what is wanted, they are it, on any number of
// threads, from both instruction sets, and from both ways to multiply bytes by the relaxed one.
import { expect, vi } from "vitest";
import { createEngine, type Engine } from "#src/engine/engine";
import { extendQuantized } from "#src/engine/extend";
import { Graph, type Tensor } from "#src/graph/tensor";
import { numbersOf, runEverywhere } from "./check-op.ts";
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

let other: Promise<Engine> | undefined;

/** An engine whose kernels take this processor to have an instruction for four products if it has none, and the reverse. */
async function otherEngine(): Promise<Engine> {
  const engine = await createEngine({ threads: 1, numerics: "fast" });
  const instantiate = vi.spyOn(WebAssembly, "instantiate");
  try {
    await extendQuantized(engine);
    const { exports } = (await instantiate.mock.results.at(-1)!.value) as unknown as WebAssembly.Instance;
    const { hasDot } = exports as { hasDot: WebAssembly.Global<"i32"> };
    hasDot.value = 1 - hasDot.value;
  } finally {
    instantiate.mockRestore();
  }
  return engine;
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
  const check = (where: string, k: number, numbers: ArrayLike<number>) => {
    const want = wanted[k]!;
    expect(numbers.length, where).toBe(want.length);
    for (let i = 0; i < want.length; i++) {
      const limit = limits[k]?.[i] ?? 0;
      if (numbers[i] === want[i] || Math.abs(numbers[i]! - want[i]!) <= limit) continue;
      expect.fail(
        `${where}: element ${i} of ${want.length}: got ${numbers[i]}, wanted ${want[i]} ± ${limit}`,
      );
    }
  };
  await runEverywhere(trial, outputs, check);
  // Node 20 has relaxed SIMD behind a flag, with an instruction that is wrong until code is optimized: kernels leave it alone.
  if (!numericsToTest.includes("fast") || process.versions.node.startsWith("20.")) return;
  other ??= otherEngine();
  const words = await trial.run(await other);
  for (const [k, { name, tensor }] of outputs.entries())
    check(`${name}, multiplied the other way`, k, numbersOf(tensor, words[k]!));
}
