// Attention and rotary positions.
import { BOOL, INT32, type Value } from "./graph.ts";
import { fixed, type Size } from "./sizes.ts";
import type { Exporter, Translation } from "./translation.ts";

interface Attention {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly parts: readonly { readonly input: number; readonly column: number }[];
  readonly masked: boolean;
  readonly causal: boolean;
  readonly scale: number;
}

/** Added to a score it hides the key; where all are hidden, what comes out is still a number. */
const HIDDEN = -1e30;

/** What the scores of each key are increased by: [batch, 1, 1, keys]. */
function maskOf({ graph }: Translation, mask: Value): Value {
  const sizes = [mask.sizes[0]!, fixed(1), fixed(1), mask.sizes[1]!];
  const wide = graph.reshape(mask, sizes);
  const hidden = graph.number(HIDDEN);
  return mask.type === INT32
    ? graph.add("Where", [graph.truth(wide), graph.number(0), hidden], sizes)
    : graph.add("Max", [wide, hidden], sizes);
}

export const attentions: Readonly<Record<string, Exporter>> = {
  attention(to, { inputs, outputs: [y], attributes }) {
    const { graph } = to;
    const { heads, queries, keys, keySize, valueSize, parts, masked, causal, scale } =
      attributes as Attention;
    const [batch] = to.sizes(y!) as [Size];
    /** [batch, heads, rows, size], or with the last two turned. */
    const part = (k: 0 | 1 | 2, rows: number, size: number) => {
      const { input, column } = parts[k]!;
      const whole = to.last(inputs[input]!);
      const columns = fixed(heads * size);
      const own = whole.sizes[2]![0] === columns[0] ? whole : graph.slice(whole, 2, fixed(column), columns);
      const cut = graph.reshape(own, [batch, fixed(rows), fixed(heads), fixed(size)]);
      return graph.transpose(cut, k === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3]);
    };
    const sizes = [batch, fixed(heads), fixed(queries), fixed(keys)];
    const scores = graph.add("MatMul", [part(0, queries, keySize), part(1, keys, keySize)], sizes);
    let seen: Value | undefined;
    let heard = graph.add("Mul", [scores, graph.number(scale)], sizes);
    if (causal) {
      const behind = Float32Array.from({ length: queries * keys }, (_, k) =>
        k % keys > Math.floor(k / keys) ? HIDDEN : 0,
      );
      heard = graph.add("Add", [heard, graph.constant(behind, [queries, keys])], sizes);
    }
    if (masked) {
      heard = graph.add("Add", [heard, maskOf(to, to.last(inputs.at(-1)!))], sizes);
      // A query that sees no key would have a mean of all values: it has zeros.
      seen = graph.add("Greater", [heard, graph.number(HIDDEN / 2)], sizes, {}, { type: BOOL });
    }
    let weights = graph.add("Softmax", [heard], sizes, { axis: 3 });
    if (seen) weights = graph.add("Where", [seen, weights, graph.number(0)], sizes);
    const out = [batch, fixed(heads), fixed(queries), fixed(valueSize)];
    const joined = graph.add("MatMul", [weights, part(2, keys, valueSize)], out);
    to.set(y!, graph.reshape(graph.transpose(joined, [0, 2, 1, 3]), to.sizes(y!)));
  },

  // Each number times a cosine, and its neighbour in the pair times a sine.
  rotary(to, { inputs: [x, table], outputs: [y], attributes }) {
    const { graph } = to;
    const { turned, size, sign } = attributes as Record<"turned" | "size" | "sign", number>;
    const [from, sizes] = [to.last(x!), to.sizes(y!)];
    const numbers = to.last(table!).numbers ?? to.fail("its angles are not known beforehand");
    const [, time, columns] = x!.shape as [number, number, number];
    const angles = (row: 0 | 1) => {
      const neutral = 1 - row;
      const each = Float32Array.from({ length: time * columns }, (_, k) => {
        const [t, column] = [Math.floor(k / columns), k % columns];
        const known = Number(numbers[(2 * t + row) * size + (column % size)]);
        return column < turned ? known * (row === 1 ? sign : 1) : neutral;
      });
      return graph.constant(each, [time, columns]);
    };
    const neighbours = Int32Array.from({ length: columns }, (_, k) => (k < turned ? k ^ 1 : k));
    const swapped = graph.add("Gather", [from, graph.constant(neighbours, [columns])], sizes, { axis: 2 });
    const [cosines, sines] = [
      graph.add("Mul", [from, angles(0)], sizes),
      graph.add("Mul", [swapped, angles(1)], sizes),
    ];
    to.set(y!, graph.add("Add", [cosines, sines], sizes));
  },
};
