// Structured pruning: a model with fewer channels, which is smaller and faster on every engine.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sizeOf, stridesOf } from "../core/shape.ts";
import type { Model } from "../nn/model.ts";
import { type Instead, reparametrize } from "../nn/reparametrize.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { type ParameterSelection, selects } from "../optim/groups.ts";
import { oneOf } from "../optim/transform.ts";
import { type ChannelGroup, type Channels, channelsOf } from "./channels.ts";
import { checkFinite } from "./finite.ts";

/** What tells which channels matter least. */
export type ChannelMeasure = "l1" | "l2" | "scale";

/** Options of {@link shrink}. */
export interface ShrinkOptions {
  /** Share of the channels that go, 0 ≤ ratio < 1. Default: 0. */
  readonly ratio?: number;
  /**
   * How many channels stay, or which, by the name of a parameter that makes them, such as conv2d.weight; other groups go by
   * the ratio.
   */
  readonly keep?: Readonly<Record<string, number | readonly number[]>>;
  /**
   * What goes first: channels whose weights are small by their sum of magnitudes, "l1" (Li et al. 2017), or their Euclidean
   * norm, "l2", or whose scale in the normalization behind is, "scale" (Liu et al. 2017). Default: "l2".
   */
  readonly by?: ChannelMeasure;
  /** Whether the ratio is that of each group, or of all channels, by their measures over the mean of their group. Default: "layer". */
  readonly scope?: "layer" | "model";
  /** Groups keep a multiple of so many channels. Default: 1. */
  readonly multipleOf?: number;
  /** Which parameters' channels may go. Default: all but those that make the model's output. */
  readonly parameters?: ParameterSelection;
}

/**
 * The channels of a model that can go: what makes them and all that goes with them. It follows them through products,
 * convolutions with groups, normalization by channel, elementwise work, pooling, reshaping and joining.
 * @example channelGroups(model).map(({ name, size }) => [name, size]);
 */
export function channelGroups(model: Model): readonly ChannelGroup[] {
  return channelsOf(model).groups.map(({ roots: _, ...group }) => group);
}

/** How much each channel of a group counts. */
function measured(
  { name, size, slices }: ChannelGroup,
  values: ReadonlyMap<string, ParameterValues>,
  by: ChannelMeasure,
): number[] {
  const scores = new Array<number>(size).fill(0);
  const counted = slices.filter(({ parameter, makes }) =>
    by === "scale" ? /\.scale$/.test(parameter) : makes,
  );
  if (counted.length === 0)
    throw new OptionError(`shrink: by: wanted a normalization with a scale behind ${name}, got none`);
  for (const { parameter, axis, indices } of counted) {
    checkFinite("shrink", values, [parameter]);
    const { shape, values: numbers } = values.get(parameter)!;
    const step = stridesOf(shape)[axis]!;
    const channelOf = new Map(
      indices.flatMap((list, channel) => list.map((index) => [index, channel] as const)),
    );
    for (const [at, value] of numbers.entries()) {
      const channel = channelOf.get(Math.floor(at / step) % shape[axis]!);
      if (channel !== undefined) scores[channel]! += by === "l2" ? value * value : Math.abs(value);
    }
  }
  return by === "l2" ? scores.map(Math.sqrt) : scores;
}

/** The numbers of the largest scores, in order; of equal ones the first. */
const largest = (scores: readonly number[], count: number) =>
  [...scores.keys()]
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);

function wanted(given: number | readonly number[], { name, size }: ChannelGroup): number | readonly number[] {
  const list = typeof given === "number" ? [given - 1] : given;
  const known =
    Array.isArray(list) && list.every((each) => Number.isInteger(each) && each >= 0 && each < size);
  if (!known || list.length === 0)
    throw new OptionError(`shrink: keep: ${name}: wanted 1 to ${size} channels, got [${given}]`);
  return given;
}

/** The channels that go, by group. */
function removed({ groups }: Channels, model: Model, options: ShrinkOptions): Set<number> {
  const { ratio = 0, keep = {}, multipleOf = 1, parameters } = options;
  const by = oneOf<ChannelMeasure>("shrink: by", options.by ?? "l2", ["l1", "l2", "scale"]);
  const scope = oneOf("shrink: scope", options.scope ?? "layer", ["layer", "model"]);
  if (!(ratio >= 0 && ratio < 1)) throw new OptionError(`shrink: ratio: wanted 0 ≤ x < 1, got ${ratio}`);
  if (!(Number.isInteger(multipleOf) && multipleOf >= 1))
    throw new OptionError(`shrink: multipleOf: wanted a positive integer, got ${multipleOf}`);
  const makers = (group: ChannelGroup) => [
    group.name,
    ...group.slices.flatMap(({ parameter, makes }) => (makes ? [parameter] : [])),
  ];
  const given = (group: ChannelGroup) => {
    const mine = Object.entries(keep).filter(([name]) => makers(group).includes(name));
    const [first] = mine;
    if (mine.some(([, each]) => String(each) !== String(first![1])))
      throw new OptionError(
        `shrink: keep: wanted the same for ${mine.map(([name]) => name).join(" and ")}, whose channels are the same, got ${mine.map(([, each]) => `[${each}]`).join(" and ")}`,
      );
    return first?.[1];
  };
  for (const name of Object.keys(keep)) {
    if (!groups.some((group) => makers(group).includes(name)))
      throw new OptionError(
        `shrink: keep: wanted one of ${groups.map((group) => group.name).join(", ")}, got ${name}`,
      );
  }
  const meant = groups.filter((group) => {
    const named = given(group) !== undefined;
    const selected = parameters !== undefined && makers(group).some((name) => selects(parameters, name));
    if (!named && !(ratio > 0 && (selected || parameters === undefined))) return false;
    if (group.bound === undefined) return true;
    // The output has its channels by definition, and is left alone unless it is asked for.
    if (group.bound === "output" && !named && !selected) return false;
    throw new OptionError(
      `shrink: the channels of ${group.name} cannot go: ${group.bound} needs all of them: leave them out by parameters`,
    );
  });
  if (meant.length === 0) {
    const missing = ratio > 0 ? "a layer whose channels are not the output's" : "a ratio > 0 or keep";
    throw new OptionError(`shrink: no channels can go: wanted ${missing}, got none`);
  }
  const values = model.parameters();
  const scored = meant.map((group) => {
    const scores = measured(group, values, by);
    const mean = scores.reduce((sum, score) => sum + score, 0) / group.size || 1;
    return { group, scores: scope === "model" ? scores.map((score) => score / mean) : scores };
  });
  const all = scored.flatMap(({ group, scores }) => (given(group) === undefined ? scores : []));
  const limit = all.toSorted((a, b) => a - b)[Math.round(all.length * ratio)]!;
  const gone = new Set<number>();
  for (const { group, scores } of scored) {
    const choice = wanted(given(group) ?? group.size, group);
    const share =
      scope === "model"
        ? scores.filter((score) => score >= limit).length
        : Math.round(group.size * (1 - ratio));
    const count = given(group) === undefined ? Math.ceil(share / multipleOf) * multipleOf : Number(choice);
    const stays = new Set(
      typeof choice === "number" ? largest(scores, Math.min(group.size, Math.max(1, count))) : choice,
    );
    for (const [channel, root] of group.roots.entries()) if (!stays.has(channel)) gone.add(root);
  }
  return gone;
}

/** The numbers at some indices of each axis. */
function part({ shape, values }: ParameterValues, kept: readonly (readonly number[])[]): ParameterValues {
  const strides = stridesOf(shape);
  const places = kept.reduce<number[]>(
    (outer, indices, axis) => outer.flatMap((at) => indices.map((index) => at + index * strides[axis]!)),
    [0],
  );
  const smaller = kept.map((indices) => indices.length);
  return {
    shape: smaller,
    values: Float32Array.from({ length: sizeOf(smaller) }, (_, i) => values[places[i]!]!),
  };
}

/**
 * A model without the channels of convolutions and the neurons of dense layers that matter least: its parameters, and all
 * that read these channels, are smaller, and its predictions are those of the model with the weights of these channels,
 * and those that read them, at 0. Train it further to get back what it lost. The model given stays as it is.
 * @throws OptionError for options out of range, and naming the op through which channels cannot be followed, or that needs
 * all of them. @throws DataError naming a weight that is measured and not finite. @throws EngineError where the model has no
 * weights yet.
 * @example
 * const model = sequential({ input: [784] }, dense(64, { activation: "relu" }), dense(10));
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 * const smaller = shrink(model, { ratio: 0.5 });
 * await train(smaller, { data, loss: softmaxCrossEntropy, optimizer: adam() });
 */
export function shrink(model: Model, options: ShrinkOptions): Model {
  checkOptions("shrink", options, { ratio: 0, keep: 0, by: 0, scope: 0, multipleOf: 0, parameters: 0 });
  const channels = channelsOf(model);
  const gone = removed(channels, model, options);
  const values = new Map(
    [...model.parameters()].map(([name, numbers]) => {
      const axes = channels.axes.get(name);
      const kept = axes?.map((axis) => axis.flatMap((root, index) => (gone.has(root) ? [] : [index])));
      return [name, kept ? part(numbers, kept) : numbers] as const;
    }),
  );
  const instead: Instead = (_, own) =>
    new Map(
      model.weights.segments.map(({ name, trained, initializer }) => {
        const { shape } = values.get(name)!;
        return [name, own[trained ? "parameter" : "state"](name, shape, initializer)];
      }),
    );
  try {
    const smaller = reparametrize(model, instead);
    smaller.setParameters(values);
    return smaller;
  } catch (error) {
    if (error instanceof ShapeError || error instanceof OptionError)
      throw new OptionError(`shrink: the model cannot do with fewer channels: ${error.message}`);
    throw error;
  }
}
