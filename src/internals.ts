// What the benchmarks measure with, beside the public names; no part of the published interface.
export { compile } from "./compile/program.ts";
export { write } from "./graph/op.ts";
export { Graph } from "./graph/tensor.ts";
export { StepRunner } from "./train/runner.ts";
export { Update } from "./train/update.ts";
