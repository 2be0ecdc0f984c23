// Which index of which axis of which parameter belongs to which channel: what has to go together when a channel goes.
import { Graph, type Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { Coupling } from "./coupling.ts";
import { FIXED, type Labels } from "./ties.ts";

/** The part of a parameter that belongs to the channels of a group: for each of them its indices along an axis. */
export interface ChannelSlice {
  readonly parameter: string;
  readonly axis: number;
  /** By channel. */
  readonly indices: readonly (readonly number[])[];
  /** Whether the parameter makes these channels; else it reads them, or changes each by itself. */
  readonly makes: boolean;
}

/** Channels that layers make together: those of one layer, or of several whose results are added. */
export interface ChannelGroup {
  /** The first parameter that makes them. */
  readonly name: string;
  /** How many there are. */
  readonly size: number;
  readonly slices: readonly ChannelSlice[];
  /** Why they have to stay: the op that cannot do without any, "output" where the model's own output is made of them. */
  readonly bound: string | undefined;
}

/** Channels by what they are tied to, and where a parameter's axes have them. */
export interface Channels {
  readonly groups: readonly (ChannelGroup & { readonly roots: readonly number[] })[];
  /** The channel of each index of each axis of each parameter. */
  readonly axes: ReadonlyMap<string, Labels>;
}

/** Looks through a model for its channels. */
export function channelsOf(model: Model): Channels {
  const graph = new Graph("predict");
  const { ties, labels, makers } = new Coupling(
    model.trace(graph, graph.input("input", [1, ...model.inputShape], model.inputType)),
  );
  const axes = new Map<string, Labels>();
  const sets: { name: string; axis: number; roots: number[] }[] = [];
  for (const [name, tensor] of graph.parameters) {
    const own = labels.get(tensor);
    if (!own) continue;
    axes.set(
      name,
      own.map((axis) => axis.map((label) => ties.find(label))),
    );
  }
  const nameOf = ({ node: { source } }: Tensor) => (source?.kind === "parameter" ? source.name : "");
  for (const [tensor, axis] of makers) {
    const name = nameOf(tensor);
    const roots = [...new Set(axes.get(name)![axis]!.filter((root) => root > FIXED))];
    const held = axes.get(name)![axis]!.includes(FIXED);
    if (roots.length === 0 && !held) continue;
    const met = sets.find((set) => roots.some((root) => set.roots.includes(root)));
    if (met) met.roots = [...new Set([...met.roots, ...roots])];
    else sets.push({ name, axis, roots: roots.length > 0 ? roots : [FIXED] });
  }
  const groups = sets.map(({ name, axis, roots }) => {
    const slices: ChannelSlice[] = [];
    for (const [parameter, list] of axes) {
      for (const [place, own] of list.entries()) {
        const indices = roots.map((root) => own.flatMap((each, index) => (each === root ? [index] : [])));
        const makes = makers.get(graph.parameters.get(parameter)!) === place;
        if (roots[0] !== FIXED && indices.some((each) => each.length > 0))
          slices.push({ parameter, axis: place, indices, makes });
      }
    }
    const bound = roots.map((root) => ties.holder(root)).find((holder) => holder !== undefined);
    const size = roots[0] === FIXED ? axes.get(name)![axis]!.length : roots.length;
    return { name, size, slices, bound, roots };
  });
  return { groups, axes };
}
