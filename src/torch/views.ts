// What a trace of a model tells beside its parameters: tables of embeddings, images laid flat, the order of its modules.
import { OptionError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Op } from "../graph/op.ts";
import { Graph, type Initializer, type Node, type Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { activations } from "../ops/activation.ts";

/** What PyTorch has otherwise for a reason that lies outside the layer; by names of parameters. */
export interface Views {
  /** [height, width, channels] of images whose pixels the rows of a weight are. */
  readonly rows: ReadonlyMap<string, Shape>;
  /** The same of its columns, and of vectors. */
  readonly columns: ReadonlyMap<string, Shape>;
  /** Parameters whose rows are looked up, not multiplied. */
  readonly tables: ReadonlySet<string>;
}

/** A graph that remembers what would be a module of PyTorch's. */
class Trace extends Graph {
  /** Names of layers, and of the activations in their options. */
  readonly modules: string[] = [];

  override nameFor(kind: string, owner: object): string {
    const { owners } = this.trace;
    const isNew = !owners.has(owner);
    const name = super.nameFor(kind, owner);
    if (isNew) this.modules.push(name);
    return name;
  }

  override parameter(name: string, shape: Shape, initializer: Initializer): Tensor {
    this.#note(name);
    return super.parameter(name, shape, initializer);
  }

  override state(name: string, shape: Shape, initializer: Initializer): Tensor {
    this.#note(name);
    return super.state(name, shape, initializer);
  }

  override apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
    const isLayer = this.modules.at(-1)?.replace(/_\d+$/, "") === op.name;
    if (Object.hasOwn(activations, op.name) && !isLayer) this.modules.push(op.name);
    return super.apply(op, inputs, attributes);
  }

  /** A layer that has a name of its own is known by what it owns. */
  #note(parameter: string): void {
    const isOf = (module: string) =>
      parameter.startsWith(`${module}.`) || parameter.startsWith(`${module}_reverse.`);
    if (!this.modules.some(isOf)) this.modules.push(parameter.replace(/\.((projection|query)\.)?\w+$/, ""));
  }
}

/** Ops of which an operand's rows are taken as they are. */
const TAKES_ROWS: ReadonlySet<string> = new Set(["gather", "add", "slice"]);

/**
 * Traces a model. PyTorch has channels before pixels: where an image is laid flat, or made of a row, the numbers of the
 * weights there have another order. `channels` tells whether it is so of images, of sequences too, or of nothing.
 */
export function traceModel(
  model: Model,
  channels: "first" | "last" | undefined,
): Views & { readonly modules: readonly string[] } {
  const graph = new Trace("predict");
  model.trace(graph, graph.input("input", [1, ...model.inputShape], model.inputType));
  const [rows, columns] = [new Map<string, Shape>(), new Map<string, Shape>()];
  const tables = new Set<string>();
  for (const { op, inputs } of graph.nodes)
    for (const { node, rank } of inputs)
      if (rank === 2 && node.source?.kind === "parameter" && TAKES_ROWS.has(op?.name ?? ""))
        tables.add(node.source.name);

  const images = flatImages(graph.nodes, channels);
  /** The parameters that a tensor is made of alone. */
  const madeOf = new Map<Tensor, readonly Tensor[]>();
  for (const { source, inputs, outputs } of graph.nodes) {
    const made = inputs.map((each) => madeOf.get(each));
    const parameters = source?.kind === "parameter" ? outputs : made.flatMap((each) => each ?? []);
    if (source?.kind !== "input" && made.every(Boolean)) for (const y of outputs) madeOf.set(y, parameters);
  }
  for (const { op, inputs, outputs } of graph.nodes) {
    const isProduct = op?.name === "matmul";
    const [before, after] = [images.get(inputs[0]!), images.get(outputs[0]!)];
    for (const [at, input] of inputs.entries()) {
      for (const { rank, shape, node } of madeOf.get(input) ?? []) {
        const { name } = node.source as { readonly name: string };
        const isWeight = isProduct && at === 1 && rank === 2;
        if (before && isWeight) rows.set(name, before);
        if (after && (isWeight || rank === 1) && shape.at(-1) === outputs[0]!.shape[1])
          columns.set(name, after);
      }
    }
  }
  return { rows, columns, tables, modules: graph.modules };
}

/** The tensors [batch, numbers] that are images, with the shapes of these. */
function flatImages(nodes: readonly Node[], channels: "first" | "last" | undefined): Map<Tensor, Shape> {
  const images = new Map<Tensor, Shape>();
  const isImage = ({ rank }: Tensor) => channels !== "last" && rank >= (channels === "first" ? 3 : 4);
  const spread = (from: Tensor, to: Tensor) => {
    const image = images.get(from);
    if (!image || images.has(to) || to.rank !== 2 || to.shape[1] !== from.shape[1]) return false;
    images.set(to, image);
    return true;
  };
  for (const { op, inputs, outputs } of nodes) {
    if (op?.name !== "reshape") continue;
    const [x, y] = [inputs[0]!, outputs[0]!];
    for (const [flat, image] of [[y, x] as const, [x, y] as const])
      if (flat.rank === 2 && flat.shape[0] === 1 && image.shape[0] === 1 && isImage(image))
        images.set(flat, image.shape.slice(1));
  }
  // Both ways: what lies before an image made of a row is one too.
  let changed = images.size > 0;
  while (changed) {
    changed = false;
    for (const { op, inputs, outputs } of nodes) {
      if (!op || op.name === "matmul") continue;
      for (const x of inputs) changed = spread(x, outputs[0]!) || spread(outputs[0]!, x) || changed;
      const joined = inputs.find((x) => images.has(x));
      if (joined && (op.name === "concatenate" || op.name === "slice"))
        throw new OptionError(
          `PyTorch: channels: got a flat image as a part of "${op.name}", wanted channels: "last" and the same order there`,
        );
    }
  }
  return images;
}
