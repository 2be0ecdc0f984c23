// Random changes of which weights are 0, taken back or not by what they do to the loss.
import { Draws } from "../core/draws.ts";
import { OptionError } from "../core/errors.ts";
import { exp } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Model } from "../nn/model.ts";
import { Evaluator } from "../train/evaluate.ts";
import type { Annealed, AnnealOptions } from "./anneal.ts";
import { checkSparsity, prune, segmentsOf } from "./prune.ts";

const KNOWN = {
  data: 0,
  loss: 0,
  sparsity: 0,
  steps: 0,
  temperature: 0,
  share: 0,
  seed: 0,
  parameters: 0,
  engine: 0,
} as const;

/** What `annealedPruning` does. */
export async function annealed(model: Model, options: AnnealOptions): Promise<Annealed> {
  const {
    data,
    loss,
    steps = 200,
    temperature = 0.01,
    share = 0.01,
    seed = 0,
    parameters,
  } = checkOptions("annealedPruning", options, KNOWN);
  const sparsity = checkSparsity("annealedPruning", options.sparsity);
  if (!(Number.isInteger(steps) && steps >= 0 && temperature >= 0 && share > 0 && share <= 1))
    throw new OptionError(
      `annealedPruning: wanted whole steps ≥ 0, a temperature ≥ 0 and 0 < share ≤ 1, got ${steps}, ${temperature} and ${share}`,
    );
  const mine = segmentsOf("annealedPruning", model, parameters);
  const whole = model.parameters();
  const before = model.weights.snapshot();
  prune(model, { sparsity, ...(parameters !== undefined && { parameters }) });
  const current = model.parameters();
  const places = mine.flatMap(({ name, size }) =>
    Array.from({ length: size }, (_, index) => ({ name, index })),
  );
  const isZero = ({ name, index }: (typeof places)[number]) => current.get(name)!.values[index] === 0;
  const zeros = places.filter(isZero);
  const others = places.filter((place) => !isZero(place));
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  const evaluator = new Evaluator(model, engine, data, { loss });
  const draws = new Draws(seed, "annealed pruning");
  const pick = (list: readonly unknown[]) => Math.floor(draws.uniform() * list.length);
  const count = Math.max(1, Math.round(zeros.length * share));
  const put = ({ name, index }: (typeof places)[number], on: boolean) => {
    current.get(name)!.values[index] = on ? whole.get(name)!.values[index]! : 0;
  };
  try {
    await evaluator.prepare();
    let value = (await evaluator.run()).loss;
    const first = value;
    let best = { value, weights: model.weights.snapshot() };
    let accepted = 0;
    for (let step = 0; step < steps && zeros.length > 0 && others.length > 0; step++) {
      const changes = Array.from({ length: count }, () => [pick(zeros), pick(others)] as const);
      const swap = ([a, b]: readonly [number, number]) => {
        [zeros[a], others[b]] = [others[b]!, zeros[a]!];
        put(zeros[a], false);
        put(others[b], true);
      };
      changes.forEach(swap);
      model.setParameters(current);
      const next = (await evaluator.run()).loss;
      const rise = next - value;
      // Drawn in any case, so that the stream does not depend on what is accepted.
      const chance = draws.uniform();
      if (rise <= 0 || chance < exp(-rise / (temperature * (1 - step / steps)))) {
        value = next;
        accepted++;
        if (value < best.value) best = { value, weights: model.weights.snapshot() };
      } else changes.toReversed().forEach(swap);
    }
    model.weights.restore(best.weights);
    return { before: first, after: best.value, accepted };
  } catch (error) {
    model.weights.restore(before);
    throw error;
  } finally {
    evaluator.release();
  }
}
