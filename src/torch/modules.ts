// Which of our layers is which module of PyTorch's, and so the names of its tensors.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { quote } from "../formats/json.ts";
import type { Model } from "../nn/model.ts";
import type { Segment } from "../nn/weights.ts";
import { type Entry, entriesOf, type Parts } from "./layouts.ts";
import { traceModel } from "./views.ts";

/** A layer of a stack of recurrences, which is one module in PyTorch. */
export interface StackedModule {
  readonly module: string;
  /** From 0. */
  readonly layer: number;
}

/** Options of {@link toPyTorch} and {@link fromPyTorch}. */
export interface PyTorchOptions {
  /**
   * The module for each of our layers that owns something: by our names (`{ dense: "fc1" }`), or in their order
   * (`["fc1", "fc2"]`). Default: their places in a `torch.nn.Sequential` of all layers, where an activation that is an
   * option of ours is a module of its own.
   */
  readonly names?: Readonly<Record<string, string | StackedModule>> | readonly string[];
  /**
   * Whether channels stand before pixels where an image is laid flat or made of a row: then rows and columns of the weights
   * there are reordered. "first": also of sequences; "last": nowhere. Default: of images, not of sequences.
   */
  readonly channels?: "first" | "last";
}

/** The tensors of a model in PyTorch. */
export function tensorsOf(where: string, model: Model, options: PyTorchOptions): Entry[] {
  const { names, channels } = checkOptions(where, options, { names: 0, channels: 0 });
  if (channels !== undefined && channels !== "first" && channels !== "last")
    throw new OptionError(
      `${where}: channels: got ${JSON.stringify(channels)}, wanted "first", "last" or none`,
    );
  const layers = layersOf(model.weights.segments);
  const { modules, ...views } = traceModel(model, channels);
  const own = [...layers.keys()].filter((name) => !isReverse(name, layers));
  const known = `the model has ${own.join(", ")}`;
  if (Array.isArray(names) && names.length !== own.length)
    throw new OptionError(`${where}: names: got ${names.length}, wanted ${own.length}: ${known}`);
  const stranger = Array.isArray(names)
    ? undefined
    : Object.keys(names ?? {}).find((name) => !own.includes(name));
  if (stranger !== undefined) throw new OptionError(`${where}: names: ${stranger} is no layer: ${known}`);
  const moduleOf = (name: string, at: number): string | StackedModule => {
    if (!names) return `${modules.indexOf(name)}`;
    const given = (names as Readonly<Record<string | number, string | StackedModule>>)[
      Array.isArray(names) ? at : name
    ];
    if (given === undefined) throw new OptionError(`${where}: names: ${name} is missing: ${known}`);
    return given;
  };
  const entries = own.flatMap((name, at) => {
    const given = moduleOf(name, at);
    const { module, layer } = typeof given === "string" ? { module: given, layer: 0 } : (given ?? {});
    if (typeof module !== "string" || !(Number.isSafeInteger(layer) && layer! >= 0))
      throw new OptionError(
        `${where}: names: ${name}: got ${JSON.stringify(given)}, wanted the name of a module, or a module and a layer from 0 on`,
      );
    return entriesOf(layers.get(name)!, layers.get(`${name}_reverse`), views, layer).map((entry) => ({
      ...entry,
      name: module === "" ? entry.name : `${module}.${entry.name}`,
    }));
  });
  const once = new Set<string>();
  for (const { name } of entries) {
    if (once.has(name)) throw new OptionError(`${where}: names: got ${quote(name)} twice, wanted it once`);
    once.add(name);
  }
  return entries;
}

const isReverse = (name: string, layers: ReadonlyMap<string, Parts>) =>
  name.endsWith("_reverse") && layers.has(name.slice(0, -"_reverse".length));

/** The parts of each layer. Those of attention have a name of two words: projection.weight. */
function layersOf(segments: readonly Segment[]): Map<string, Parts> {
  const all = new Set(segments.map(({ name }) => name));
  const layers = new Map<string, Map<string, Segment>>();
  for (const segment of segments) {
    const [, outer, inner] = /^(.+)\.((?:projection|query|context|output)\.\w+)$/.exec(segment.name) ?? [];
    const isAttention = all.has(`${outer}.projection.weight`) || all.has(`${outer}.query.weight`);
    const dot = segment.name.lastIndexOf(".");
    const [layer, part] =
      outer && inner && isAttention
        ? [outer, inner]
        : [segment.name.slice(0, Math.max(dot, 0)), segment.name.slice(dot + 1)];
    const parts = layers.get(layer) ?? new Map<string, Segment>();
    layers.set(layer, parts.set(part, segment));
  }
  return layers;
}
