// Ops that move numbers, and those that go by integers.
import type { Tensor } from "../../graph/tensor.ts";
import { BOOL, FLOAT } from "./graph.ts";
import { equal, fixed, pairs, type Size } from "./sizes.ts";
import { type Exporter, firstAxes, Translation } from "./translation.ts";

interface Box {
  readonly start: readonly number[];
}
interface Padding {
  readonly widths: readonly (readonly [number, number])[];
  readonly value: number;
}

export const movement: Readonly<Record<string, Exporter>> = {
  reshape: (to, { inputs: [x], outputs: [y] }) => to.reshape(x!, y!),
  // Only its gradient is another.
  straightThrough: (to, { inputs: [x], outputs: [y] }) => to.reshape(x!, y!),

  broadcastTo(to, { inputs: [x], outputs: [y] }) {
    const { graph } = to;
    const [from, sizes] = [to.sizes(x!), to.sizes(y!)];
    const lead = sizes.length - from.length;
    // What need not be stretched is 1: so the batch is asked for only where it is new.
    const wanted = sizes.map((size, axis) =>
      axis >= lead && equal(from[axis - lead]!, size) ? fixed(1) : size,
    );
    const kind = { type: Translation.typeOf(y!) };
    to.set(y!, graph.add("Expand", [to.last(x!), graph.counts(wanted)], sizes, {}, kind));
  },

  permute(to, { inputs: [x], outputs: [y], attributes: axes }) {
    const isFirst = x!.rank > 2 && to.isFirst(x!);
    const places = firstAxes(x!.rank);
    const from = isFirst ? to.first(x!) : to.last(x!);
    const turned = isFirst ? (axes as number[]).map((axis) => places.indexOf(axis)) : axes;
    to.set(y!, to.graph.transpose(from, turned));
  },

  slice(to, node, twin) {
    const starts = pairs((node.attributes as Box).start, (twin.attributes as Box).start);
    to.inOrder(node, (x, order, sizes) =>
      order(starts).reduce(
        (part, start, axis) =>
          equal(part.sizes[axis]!, sizes[axis]!) ? part : to.graph.slice(part, axis, start, sizes[axis]!),
        x,
      ),
    );
  },

  pad(to, node, twin) {
    const { widths, value } = node.attributes as Padding;
    const { widths: others, value: same } = twin.attributes as Padding;
    to.checkFixed(value, same);
    to.inOrder(node, (x, order, sizes) => {
      const { graph } = to;
      const side = (end: 0 | 1) => order(widths.map((pair, axis): Size => [pair[end], others[axis]![end]]));
      const pads = graph.counts([...side(0), ...side(1)]);
      const filled = graph.number(value, x.type);
      return graph.add("Pad", [x, pads, filled], sizes, {}, { type: x.type });
    });
  },

  concatenate(to, { inputs, outputs: [y], attributes: axis }) {
    const isFirst = to.wantsFirst(inputs, y!.rank);
    const parts = inputs.map((x) => to.along(x, y!.rank, isFirst));
    const value = to.graph.concat(parts, isFirst ? firstAxes(y!.rank).indexOf(axis) : axis);
    if (isFirst) to.setFirst(y!, value);
    else to.set(y!, value);
  },

  gather(to, { inputs: [x, indices], outputs: [y] }) {
    const { graph } = to;
    const taken = [...to.sizes(indices!), to.sizes(x!)[1]!];
    const value = graph.add("Gather", [to.last(x!), to.last(indices!)], taken, { axis: 0 });
    to.set(y!, graph.reshape(value, to.sizes(y!)));
  },

  // A label that names no class is nobody's equal, as it should be.
  oneHot(to, { inputs: [labels], outputs: [y], attributes: classes }) {
    const { graph } = to;
    const sizes = to.sizes(y!);
    const column = graph.reshape(to.last(labels!), [...to.sizes(labels!), fixed(1)]);
    const names = graph.constant(
      Int32Array.from({ length: classes }, (_, k) => k),
      [classes],
    );
    to.set(y!, graph.cast(graph.add("Equal", [column, names], sizes, {}, { type: BOOL }), FLOAT));
  },

  collect(to, node) {
    const { lines, columns } = node.attributes as Record<"lines" | "columns", readonly (readonly number[])[]>;
    if (![...lines, ...columns].every(({ length }) => length === 1)) return to.fail("a sum of pixels");
    const [x, y] = [node.inputs[0] as Tensor, node.outputs[0] as Tensor];
    const value = [lines, columns].reduce((image, lists, k) => {
      const axis = k + 2;
      const places = Int32Array.from(lists, ([place]) => place!);
      if (places.length === x.shape[k + 1] && places.every((place, at) => place === at)) return image;
      const sizes = image.sizes.with(axis, fixed(places.length));
      return to.graph.add("Gather", [image, to.graph.constant(places, [places.length])], sizes, { axis });
    }, to.first(x));
    to.setFirst(y, value);
  },
};
