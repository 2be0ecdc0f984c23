// Movement pruning: scores say which weights stay, and are trained with them.

import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constant, zeros } from "../nn/initializers.ts";
import type { Model } from "../nn/model.ts";
import { type Reparametrized, reparametrize } from "../nn/reparametrize.ts";
import { greater, mul } from "../ops/arithmetic.ts";
import type { ParameterSelection } from "../optim/groups.ts";
import type { Callback } from "../train/callbacks.ts";
import { checkSparsity, segmentsOf, smallest } from "./prune.ts";
import type { SparsitySchedule } from "./sparsity.ts";

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
export interface MovementOptions {
  /** The share of zeros from the end of each epoch on: of scores that are equal, as those that never moved, all go together. */
  readonly schedule: SparsitySchedule;
  /** Whether the share is that of each parameter, or of all together. Default: "model". */
  readonly scope?: "layer" | "model";
  /** Which parameters. Default: those of two axes and more. */
  readonly parameters?: ParameterSelection;
}

/** What movement pruning trains with. */
export interface MovementPruning {
  /** The model with a score for each weight; `settle` makes one of it that has weights alone. */
  readonly model: Reparametrized;
  /** Sets the scores' thresholds by the schedule. */
  readonly callback: Callback;
}

/** Below any score. */
const NONE = -1e30;

/**
 * Prunes the weights that training moves towards 0: each has a score, 0 at first, and stays where that is above a threshold,
 * behind which the scheduled share of the scores lies after each epoch. The mask's gradient goes to the scores straight
 * through: ∂L/∂S = ∂L/∂W′ · W, so a score grows where the weight grows away from 0. Sanh, Wolf and Rush 2020.
 * @throws OptionError where the selection means no parameter.
 * @example
 * const { model: scored, callback } = movementPruning(model, { schedule: gradualSparsity({ to: 0.8, end: 2 }) });
 * await train(scored, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 3, callbacks: [callback] });
 * const sparse = await settle(scored);
 */
export function movementPruning(model: Model, options: MovementOptions): MovementPruning {
  const { schedule, scope = "model", parameters } = options;
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
  const at = (epoch: number) => {
    const sparsity = checkSparsity(`movementPruning: epoch ${epoch}`, schedule(epoch));
    if (sparsity === 0) return;
    const values = scored.parameters();
    const scores = mine.map(({ name }) => values.get(`${name}.scores`)!.values);
    for (const [group, names] of scope === "model"
      ? [[scores, mine] as const]
      : scores.map((each, index) => [[each], [mine[index]!]] as const)) {
      const all = Float32Array.from(group.flatMap((each) => [...each]));
      const last = smallest(all, Math.round(all.length * sparsity)).at(-1);
      for (const { name } of names)
        values.get(`${name}.threshold`)!.values[0] = last === undefined ? NONE : all[last]!;
    }
    scored.setParameters(values);
  };
  return {
    model: scored,
    callback: { onEpoch: ({ epoch }) => at(epoch) },
  };
}
