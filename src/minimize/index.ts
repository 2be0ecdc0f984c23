// Table of contents of "downhill/minimize".
export { type AnnealingOptions, annealing, type RandomSource } from "./annealing.ts";
export { type CmaEsOptions, cmaEs } from "./cma-es.ts";
export { type DescentOptions, descent } from "./descent.ts";
export { type DifferentiableOptions, differentiable, type TensorFunction } from "./differentiable.ts";
export {
  type AntitheticEvolutionOptions,
  antitheticEvolution,
  type EvolutionStrategyOptions,
  evolutionStrategy,
} from "./evolution.ts";
export { type LbfgsOptions, lbfgs } from "./lbfgs.ts";
export type { Ask, EndReason, EvaluatedPoint, Method, Search, SearchSetting } from "./method.ts";
export {
  type Bounds,
  type MinimizeOptions,
  type MinimizeStep,
  type Minimum,
  minimize,
  minimizeSync,
} from "./minimize.ts";
export { type NelderMeadOptions, nelderMead } from "./nelder-mead.ts";
export { type NewtonCgOptions, newtonCg } from "./newton-cg.ts";
export type {
  AsyncObjective,
  AsyncObjectiveFunction,
  Evaluation,
  Eventually,
  Objective,
  ObjectiveFunction,
} from "./objective.ts";
export {
  ackley,
  beale,
  booth,
  himmelblau,
  type NoisyQuadraticOptions,
  noisyQuadratic,
  type QuadraticOptions,
  quadratic,
  rastrigin,
  rosenbrock,
  type Surface,
  type SurfaceOptions,
  sphere,
  styblinskiTang,
} from "./surfaces.ts";
