// The module that facts.ts makes of the sources while the page is built.
declare module "virtual:optimizers" {
  export const optimizers: readonly import("../../facts.ts").OptimizerFacts[];
}

// What the benchmarks measure with, beside the public names; vite.config.ts says where it lies.
declare module "downhill/internals";
