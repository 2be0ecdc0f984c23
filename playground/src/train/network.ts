// A network as the page describes it, and the model that it is: layers, then one layer more for the answer.
import { type ActivationName, defineModel, dense, dropout, flatten, type Layer, type Model } from "downhill";
import { batchNorm, conv2d, maxPool2d } from "downhill/layers";
import type { TrainingData } from "../data/training-data.ts";

export const ACTIVATIONS = [
  "relu",
  "tanh",
  "sigmoid",
  "gelu",
  "silu",
  "elu",
  "leakyRelu",
] as const satisfies readonly ActivationName[];
type Activation = (typeof ACTIVATIONS)[number];

export type LayerSettings =
  | { readonly kind: "dense"; readonly units: number; readonly activation: Activation }
  | {
      readonly kind: "conv2d";
      readonly filters: number;
      readonly kernel: number;
      readonly activation: Activation;
    }
  | { readonly kind: "maxPool2d"; readonly window: number }
  | { readonly kind: "batchNorm" }
  | { readonly kind: "dropout"; readonly rate: number };
export type LayerKind = LayerSettings["kind"];

/** What a layer is when it is added. */
export const NEW_LAYERS: { readonly [Kind in LayerKind]: Extract<LayerSettings, { kind: Kind }> } = {
  dense: { kind: "dense", units: 16, activation: "relu" },
  conv2d: { kind: "conv2d", filters: 8, kernel: 3, activation: "relu" },
  maxPool2d: { kind: "maxPool2d", window: 2 },
  batchNorm: { kind: "batchNorm" },
  dropout: { kind: "dropout", rate: 0.2 },
};

function layerOf(settings: LayerSettings): Layer {
  switch (settings.kind) {
    case "dense": {
      const { units, activation } = settings;
      return flat(dense(units, { activation }));
    }
    case "conv2d": {
      const { filters, kernel, activation } = settings;
      return conv2d(filters, kernel, { activation });
    }
    case "maxPool2d":
      return maxPool2d(settings.window);
    case "batchNorm":
      return batchNorm();
    case "dropout":
      return dropout(settings.rate);
  }
}

/** A dense layer sees an image as one row of numbers. */
const flat = (layer: Layer): Layer => {
  const row = flatten();
  return (x) => layer(x.shape.length > 2 ? row(x) : x);
};

/** What is known of a network before it is trained. */
export interface Network {
  readonly model?: Model;
  /** Shapes of one example: of the input, then behind each layer as far as it goes, at last the answer's. */
  readonly shapes: readonly (readonly number[])[];
  /** What the library says of the layer behind the last shape. */
  readonly error?: unknown;
}

/** Builds the model; what does not fit is in the result. */
export function buildNetwork(
  layers: readonly LayerSettings[],
  { train, task, names }: Pick<TrainingData, "train" | "task" | "names">,
): Network {
  const input = train.inputShape;
  let shapes: number[][] = [[...input]];
  try {
    const made = [...layers.map(layerOf), flat(dense(task === "classes" ? train.classes! : names.length))];
    const model = defineModel({ input }, (x) => {
      shapes = [[...input]];
      return made.reduce((h, layer) => {
        const next = layer(h);
        shapes.push(next.shape.slice(1));
        return next;
      }, x);
    });
    return { model, shapes: [...shapes] };
  } catch (error) {
    return { shapes, error };
  }
}
