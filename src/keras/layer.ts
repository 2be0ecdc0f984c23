// What a kind of layer is made from: its settings, its name, and the weights that become its parameters.
import { FormatError } from "../core/errors.ts";
import type { Layer } from "../nn/layer.ts";
import type { Config } from "./config.ts";
import type { KerasWeight } from "./weights.ts";

/** A layer of a file. */
export interface KerasLayer {
  readonly config: Config;
  /** Its name here: that of the file, behind those of the models that it is in. */
  readonly name: string;
  /** The weights of this name on its path. */
  readonly found: (name: string) => readonly KerasWeight[];
  /** Where values of parameters go, by their names here. */
  readonly values: Map<string, KerasWeight>;
}

/** Makes a layer of ours. */
export type Builder = (layer: KerasLayer) => Layer;

/** A weight of a layer. @throws FormatError where there is none, or several. */
export function weightOf({ config, found }: KerasLayer, name: string): KerasWeight {
  const [weight, another] = found(name);
  if (!weight || another)
    throw new FormatError(
      `fromKeras: ${config.where}: weight ${name}: got ${weight ? "several" : "none"}, wanted one on the layer's path`,
    );
  return weight;
}

/** Gives a parameter of ours the values of a weight. */
export function give(
  layer: KerasLayer,
  [name, part]: readonly [string, string],
  change: (weight: KerasWeight) => KerasWeight = (weight) => weight,
): void {
  layer.values.set(`${layer.name}.${part}`, change(weightOf(layer, name)));
}

/** Gives weights and, where there is one, the bias. */
export function giveAll(layer: KerasLayer, names: readonly (readonly [string, string])[]): { bias: boolean } {
  for (const pair of names) give(layer, pair);
  const bias = layer.config.flag("use_bias", true);
  if (bias) give(layer, ["bias", "bias"]);
  return { bias };
}
