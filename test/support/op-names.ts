// The names of all ops, read from their sources, so that no table of exports forgets one.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Why an op is in no graph that predicts. */
const TRAINING: Readonly<Record<string, string>> = {
  checkpoint: "in prediction its block stands alone",
  resume: "of a checkpoint's second trace",
  convolutionWeights: "a gradient",
  recurrentWeightGradient: "a gradient",
  scatterAdd: "a gradient",
  takeMaxima: "a gradient's gradient",
  ctc: "a loss",
  huber: "a loss",
  bceWithLogits: "a loss",
  softmaxCrossEntropy: "a loss",
  dropout: "in prediction it does nothing",
  random: "draws initial weights, which are numbers by then, or noise of a training",
  orthogonal: "makes initial weights, which are numbers by then",
};

/** Why no model predicts with an op; undefined: one may. */
export const trainsOnly = (name: string): string | undefined =>
  /Gradient$/.test(name) ? "a gradient" : TRAINING[name];

/** Names of all ops. @throws Error where a declaration is written in a way that is not read here. */
export function opNames(): readonly string[] {
  const folder = fileURLToPath(new URL("../../src/ops/", import.meta.url));
  const text = readdirSync(folder)
    .map((name) => readFileSync(folder + name, "utf8"))
    .join("\n");
  const declared = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name!);
  const own = declared(/\bdefineOp(?:<[^>]*>)?\(\{\s*name: "(\w+)"/g);
  const names = [
    ...declared(/\bwithGradientKernel\("(\w+)"/g),
    ...declared(/\bactivation\(\s*"(\w+)"/g),
    ...declared(/\browsOp\("(\w+)"/g),
    ...declared(/(?<!\.)\belementwise\("(\w+)"/g),
    ...declared(/\bextreme\("(\w+)"/g),
    ...declared(/\breduceOp\("(\w+)"/g),
    ...own,
  ];
  // But for those that others are made by: of rows, of reductions, and of elements.
  const makers = declared(/\b(defineOp)(?:<[^>]*>)?\(\{/g).length - own.length;
  if (makers !== 4 || names.length <= 80)
    throw new Error(
      `got ${names.length} ops and ${makers} declarations without a name, wanted 80 and more, and 4`,
    );
  return names;
}
