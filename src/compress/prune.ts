// Unstructured pruning: which weights become 0, when, and how they stay 0 whatever trains the others.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { permutation } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import type { Model } from "../nn/model.ts";
import { notEqual, where } from "../ops/arithmetic.ts";
import { type ParameterSelection, type SelectionOptions, selected, selects } from "../optim/groups.ts";
import { checkCount, oneOf, type Transform } from "../optim/transform.ts";
import type { Callback } from "../train/callbacks.ts";
import type { SparsitySchedule } from "./sparsity.ts";

/** Which weights are pruned, and what by. */
export interface PruneOptions {
  /** Share of zeros, 0 ≤ sparsity < 1. */
  readonly sparsity?: number;
  /** In place of a share: of each m weights that lie one after the other along the inputs, n stay. */
  readonly pattern?: readonly [n: number, m: number];
  /** Whether the share is that of each parameter, or of all together. Default: "model". */
  readonly scope?: "layer" | "model";
  /** What stays: the largest by magnitude, or any. Default: "magnitude". */
  readonly by?: "magnitude" | "random";
  /** Of "random". Default: 0. */
  readonly seed?: number;
  /** Which parameters. Default: those of two axes and more. */
  readonly parameters?: ParameterSelection;
}

const SELECTION = { scope: 0, by: 0, seed: 0, parameters: 0 } as const;
const KNOWN = { sparsity: 0, pattern: 0, ...SELECTION } as const;

export const checkScope = (where: string, scope: "layer" | "model" = "model") =>
  oneOf(`${where}: scope`, scope, ["layer", "model"]);

/** What stands in options of `prune` and `pruning`. @throws OptionError for other words than these. */
function checkSelection(where: string, { scope, by = "magnitude" }: PruneOptions) {
  return { scope: checkScope(where, scope), by: oneOf(`${where}: by`, by, ["magnitude", "random"]) };
}

/** The parameters of a model that a selection means. @throws OptionError where it means none. */
export function segmentsOf(where: string, model: Model, selection: ParameterSelection | undefined) {
  const trained = model.weights.segments.filter((segment) => segment.trained);
  if (trained.length === 0)
    throw new OptionError(`${where}: parameters: wanted weights to prune, the model has none`);
  const mine = trained.filter(({ name, shape }) =>
    selection === undefined ? shape.length >= 2 : selects(selection, name),
  );
  if (mine.length === 0)
    throw new OptionError(
      `${where}: parameters: wanted some of ${trained.map(({ name }) => name).join(", ")}, got none`,
    );
  return mine;
}

/** The largest of so many smallest scores, of one at least. */
export const limitOf = (scores: Float32Array, count: number): number => scores.toSorted()[count - 1]!;

/** The places of the smallest scores, of equal ones the first. */
function smallest(scores: Float32Array, count: number): Int32Array {
  if (count === 0) return new Int32Array(0);
  const limit = limitOf(scores, count);
  let ties = count;
  for (const score of scores) if (score < limit) ties--;
  const found = new Int32Array(count);
  let at = 0;
  for (let index = 0; at < count && index < scores.length; index++)
    if (scores[index]! < limit || (scores[index] === limit && ties-- > 0)) found[at++] = index;
  // NaN is neither less nor equal, so such weights stay.
  return found.subarray(0, at);
}

/** Along the inputs of each output, of each m neighbours all but the n largest become 0; m − n of them even where fewer are left. */
function patterned(values: Float32Array, shape: readonly number[], [n, m]: readonly [number, number]): void {
  const outputs = shape.at(-1)!;
  const inputs = shape.at(-2)!;
  for (let start = 0; start < values.length; start += inputs * outputs) {
    for (let from = 0; from < inputs; from += m) {
      const count = Math.min(m, inputs - from);
      for (let output = 0; output < outputs; output++) {
        const places = Array.from({ length: count }, (_, k) => start + (from + k) * outputs + output);
        const sizes = Float32Array.from(places, (place) => Math.abs(values[place]!));
        for (const each of smallest(sizes, Math.max(0, count - n))) values[places[each]!] = 0;
      }
    }
  }
}

export function checkSparsity(where: string, sparsity: number): number {
  if (!(sparsity >= 0 && sparsity < 1))
    throw new OptionError(`${where}: sparsity: wanted 0 ≤ x < 1, got ${sparsity}`);
  return sparsity;
}

/**
 * Sets the weights of a model that matter least to 0; of n weights the share rounded to whole ones. What is 0 already counts.
 * Weights that are no numbers stay as they are. `keepZeros` around the optimizer keeps them 0 in a training. Global magnitude pruning: Han et al. 2015; patterns of n of m,
 * such as 2 of 4: Mishra et al. 2021.
 * @throws OptionError for options out of range. @throws EngineError where the model has no weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(64, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * prune(model, { sparsity: 0.9 });
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: keepZeros(adam()) });
 */
export function prune(model: Model, options: PruneOptions): void {
  const { sparsity, pattern, seed = 0 } = checkOptions("prune", options, KNOWN);
  const { scope, by } = checkSelection("prune", options);
  if ((sparsity === undefined) === (pattern === undefined))
    throw new OptionError("prune: wanted either a sparsity or a pattern");
  const names = segmentsOf("prune", model, options.parameters);
  const all = model.parameters();
  const parts = names.map(({ name }) => all.get(name)!);
  if (pattern) {
    const [n, m] = pattern;
    if (!(Number.isInteger(n) && Number.isInteger(m) && 0 < n && n < m))
      throw new OptionError(`prune: pattern: wanted integers 0 < n < m, got [${pattern}]`);
    for (const { shape, values } of parts) if (shape.length >= 2) patterned(values, shape, pattern);
  } else {
    const share = checkSparsity("prune", sparsity!);
    for (const group of scope === "model" ? [parts] : parts.map((part) => [part])) {
      const scores = new Float32Array(group.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
      let from = 0;
      for (const { values } of group) {
        scores.set(by === "random" ? values.map((x) => (x === 0 ? 0 : 1)) : values.map(Math.abs), from);
        from += values.length;
      }
      if (by === "random") {
        const order = permutation(scores.length, seed, "prune");
        for (const [rank, index] of order.entries()) if (scores[index] !== 0) scores[index] = rank + 1;
      }
      const gone = new Uint8Array(scores.length);
      for (const index of smallest(scores, Math.round(scores.length * share))) gone[index] = 1;
      from = 0;
      for (const { values } of group) {
        for (const index of values.keys()) if (gone[from + index]) values[index] = 0;
        from += values.length;
      }
    }
  }
  model.setParameters(all);
}

/**
 * The share of zeros in some parameters, by default those of two axes and more.
 * @throws OptionError where the selection means no parameter.
 * @example
 * await model.initialize();
 * prune(model, { sparsity: 0.5 });
 * sparsityOf(model, "dense.weight"); // 0.5
 */
export function sparsityOf(model: Model, parameters?: ParameterSelection): number {
  const all = model.parameters();
  let [zeros, count] = [0, 0];
  for (const { name } of segmentsOf("sparsityOf", model, parameters)) {
    for (const value of all.get(name)!.values) if (value === 0) zeros++;
    count += all.get(name)!.values.length;
  }
  return zeros / count;
}

/**
 * Weights that are 0 before a step are exactly 0 after it, whatever the optimizer inside does with momentum or decay, and
 * their gradients are 0 to it. An average that it keeps of the weights is not kept sparse.
 * @throws OptionError for an unknown option, and while a step is compiled, where the selection holds no parameter.
 * @example keepZeros(adamW({ learningRate: 1e-3 }))
 */
export function keepZeros(inner: Transform, options: SelectionOptions = {}): Transform {
  const { parameters } = checkOptions("keepZeros", options, { parameters: 0 });
  return {
    name: "keepZeros",
    hyperWords: inner.hyperWords,
    hyper: (step) => inner.hyper(step),
    apply(context) {
      const kept = selected("keepZeros", context.parameters, parameters).map((parameter) => {
        const mask = notEqual(parameter.tensor, 0);
        parameter.gradient = where(mask, parameter.gradient, 0);
        return { parameter, mask };
      });
      inner.apply(context.within(inner.name, 0));
      for (const { parameter, mask } of kept) context.change(parameter, where(mask, parameter.tensor, 0));
    },
  };
}

/** Options of {@link pruning}. */
export interface PruningOptions extends Omit<PruneOptions, "sparsity" | "pattern"> {
  /** The share of zeros from the end of each epoch on; before the first, of epoch 0. With `every`, of steps. */
  readonly schedule: SparsitySchedule;
  /** Steps from one pruning to the next: behind each whose number is a multiple of it. Default: prunes behind epochs. */
  readonly every?: number;
}

/** Asks a schedule behind each epoch, or behind each so many steps, and has a model pruned to what it says. */
export function scheduledPruning(
  where: string,
  { schedule, every }: Pick<PruningOptions, "schedule" | "every">,
  pruneTo: (sparsity: number, model: Model) => void,
): Required<Pick<Callback, "onBegin">> & Callback {
  if (typeof schedule !== "function")
    throw new OptionError(`${where}: schedule: wanted a function of the time, got ${typeof schedule}`);
  const unit = every === undefined ? "epoch" : "step";
  const at = (time: number, model: Model) => {
    const sparsity = checkSparsity(`${where}: ${unit} ${time}`, schedule(time));
    if (sparsity > 0) pruneTo(sparsity, model);
  };
  const onBegin: Callback["onBegin"] = ({ model }) => at(0, model);
  if (every === undefined) return { onBegin, onEpoch: ({ epoch }, { model }) => at(epoch, model) };
  return {
    every: checkCount(`${where}: every`, every),
    onBegin,
    onProgress({ step }, { model }) {
      if (step % every === 0) at(step, model);
    },
  };
}

/**
 * Prunes while a model trains: at the start and after each epoch, or each so many steps, it sets as many weights to 0 as a
 * schedule says. The optimizer stands in `keepZeros`. Let the schedule end before the training does, for what it takes away
 * is learned anew behind it. The zeros are all that it leaves, so who owns the loop has the same bits from
 * `prune(model, { sparsity: schedule(trainer.steps) })`, also where the training is resumed. Zhu and Gupta 2017.
 * @throws OptionError for options out of range, and in the training for a sparsity that is.
 * @example
 * await train(model, {
 *   data, loss: softmaxCrossEntropy, optimizer: keepZeros(adam()), epochs: 4,
 *   callbacks: [pruning({ schedule: gradualSparsity({ to: 0.9, end: 60 }), every: 10 })],
 * });
 */
export function pruning(options: PruningOptions): Callback {
  const { schedule, every, ...rest } = checkOptions("pruning", options, {
    schedule: 0,
    every: 0,
    ...SELECTION,
  });
  checkSelection("pruning", rest);
  return scheduledPruning("pruning", options, (sparsity, model) => prune(model, { ...rest, sparsity }));
}
