// Movement pruning: scores say which weights stay, and are trained with them.
import { checkOptions } from "../core/options.ts";
import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constant, zeros } from "../nn/initializers.ts";
import type { Model } from "../nn/model.ts";
import { type Reparametrized, reparametrize } from "../nn/reparametrize.ts";
import { greater, mul } from "../ops/arithmetic.ts";
import type { ParameterSelection } from "../optim/groups.ts";
import type { Callback } from "../train/callbacks.ts";
import { checkFinite } from "./finite.ts";
import {
  checkScope,
  checkSparsity,
  limitOf,
  type PruningOptions,
  scheduledPruning,
  segmentsOf,
} from "./prune.ts";

/** The first input; its gradient is the second's. */
const straightThroughOp = defineOp({
  name: "straightThrough",
  shape: ([hard]) => hard!,
  gradient: ({ dy }) => [undefined, dy],
  emit: (emitter, { inputs: [hard], outputs: [y] }) => emitter.alias(y!, hard!),
});

/** Has the values of one tensor and gives its gradient to another. Bengio, Léonard and Courville 2013. */
function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  return hard.graph.apply(straightThroughOp, [hard, soft], undefined)[0]!;
}

/** Options of {@link movementPruning}. */
export interface MovementOptions extends Pick<PruningOptions, "schedule" | "every"> {
  /** Whether the share is that of each parameter, or of all together. Default: "model". */
  readonly scope?: "layer" | "model";
  /** Which parameters. Default: those of two axes and more. */
  readonly parameters?: ParameterSelection;
}

/** What movement pruning trains with. */
export interface MovementPruning {
  /** The model with a score for each weight; `settle` makes one of it that has weights alone. */
  readonly model: Reparametrized;
  /** Sets the scores' thresholds by the schedule, behind epochs or steps. */
  readonly callback: Callback;
  /**
   * Sets the thresholds so that a share of the weights is 0, for who owns the loop. Of scores that are equal, as those that
   * never moved, all go together. @throws OptionError for a share out of range. @throws DataError for scores not finite.
   */
  prune(sparsity: number): void;
}

/** Below any score. */
const NONE = -1e30;

/**
 * Prunes the weights that training moves towards 0: each has a score, 0 at first, and stays where that is above a threshold,
 * behind which the scheduled share of the scores lies after each epoch, or each so many steps. The mask's gradient goes to the scores straight
 * through: ∂L/∂S = ∂L/∂W′ · W, so a score grows where the weight grows away from 0. Sanh, Wolf and Rush 2020.
 * @throws OptionError for options out of range, or where the selection means no parameter.
 * @example
 * const { model: scored, callback } = movementPruning(model, { schedule: gradualSparsity({ to: 0.8, end: 2 }) });
 * await train(scored, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 3, callbacks: [callback] });
 * const sparse = await settle(scored);
 */
export function movementPruning(model: Model, options: MovementOptions): MovementPruning {
  const known = { schedule: 0, every: 0, scope: 0, parameters: 0 } as const;
  const { parameters } = checkOptions("movementPruning", options, known);
  const scope = checkScope("movementPruning", options.scope);
  const mine = segmentsOf("movementPruning", model, parameters);
  const scored = reparametrize(
    model,
    (_, own) =>
      new Map(
        mine.map(({ name, shape, initializer }) => {
          const scores = own.parameter(`${name}.scores`, shape, zeros);
          const mask = greater(scores, own.state(`${name}.threshold`, [], constant(NONE)));
          return [name, mul(own.parameter(name, shape, initializer), straightThrough(mask, scores))];
        }),
      ),
  );
  if (model.weights.initialized) {
    const values = new Map(model.parameters());
    for (const { name, shape, size } of mine) {
      values.set(`${name}.scores`, { shape, values: new Float32Array(size) });
      values.set(`${name}.threshold`, { shape: [], values: Float32Array.of(NONE) });
    }
    scored.setParameters(values);
  }
  const pruneTo = (sparsity: number) => {
    checkSparsity("movementPruning", sparsity);
    const values = scored.parameters();
    checkFinite(
      "movementPruning",
      values,
      mine.map(({ name }) => `${name}.scores`),
    );
    for (const group of scope === "model" ? [mine] : mine.map((segment) => [segment])) {
      const all = new Float32Array(group.reduce((sum, { size }) => sum + size, 0));
      let from = 0;
      for (const { name, size } of group) {
        all.set(values.get(`${name}.scores`)!.values, from);
        from += size;
      }
      const count = Math.round(all.length * sparsity);
      const limit = count === 0 ? NONE : limitOf(all, count);
      for (const { name } of group) values.get(`${name}.threshold`)!.values[0] = limit;
    }
    scored.setParameters(values);
  };
  // At the start all scores are equal, so there is nothing to choose by.
  const { onBegin: _, ...callback } = scheduledPruning("movementPruning", options, pruneTo);
  return { model: scored, callback, prune: pruneTo };
}
