// Ops that move numbers or take them by number.
import { FormatError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { int8, int32 } from "../formats/flatbuffers.ts";
import type { Node } from "../graph/tensor.ts";
import { countOf, type Network, type Value } from "./network.ts";
import { TYPES } from "./schema.ts";

/** What an op becomes. */
export type Rule = (network: Network, node: Node, inputs: readonly Value[]) => Value;

/** Sums and extremes over neighbouring axes: a tensor seen as [outer, size, inner] becomes [outer, inner]. */
interface Run {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly scale: number;
}

/** The axes of x that are `size` neighbours behind `outer`; with another shape of x, where it has none. */
function reduced(network: Network, x: Value, { outer, size, inner }: Run): [Value, number[]] {
  for (let start = 0; start < x.shape.length; start++) {
    for (let end = start + 1; end <= x.shape.length; end++) {
      const product = (part: Shape) => part.reduce((all, n) => all * n, 1);
      if (product(x.shape.slice(0, start)) !== outer || product(x.shape.slice(start, end)) !== size) continue;
      return [x, Array.from({ length: end - start }, (_, k) => start + k)];
    }
  }
  return [network.reshape(x, [outer, size, inner]), [1]];
}

function reduce(network: Network, name: "SUM" | "MEAN" | "REDUCE_MAX", x: Value, run: Run): Value {
  const [from, axes] = reduced(network, x, run);
  const y = network.reduce(name, from, axes);
  return network.reshape(y, [run.outer, run.inner]);
}

/** Every element of a list of one; the gradient of a padding has more, which no prediction holds. */
const single = (lists: readonly (readonly number[])[]) => lists.map((list) => list[0]!);

export const MOVEMENT: Readonly<Record<string, Rule>> = {
  reshape: (network, { attributes: shape }, [x]) => network.reshape(x!, shape),
  permute: (network, { attributes: axes }, [x]) => network.transpose(x!, axes),
  slice: (network, { attributes: { start, size } }, [x]) => network.slice(x!, start, size),
  pad: (network, { attributes: { widths, value } }, [x]) => network.pad(x!, widths, value),
  concatenate: (network, { attributes: axis }, inputs) => network.concatenate(inputs, axis),
  broadcastTo: (network, { attributes: shape }, [x]) =>
    network.apply("BROADCAST_TO", [x!, network.integers(shape)], shape, { type: x!.type }),
  collect(network, { attributes: { lines, columns } }, [x]) {
    const tall = network.gather(x!, network.integers(single(lines)), 1);
    return network.gather(tall, network.integers(single(columns)), 2);
  },
  gather(network, { outputs: [y] }, [x, indices]) {
    const flat = network.reshape(indices!, [countOf(indices!)]);
    return network.reshape(network.gather(x!, flat, 0), y!.shape);
  },
  oneHot(network, { attributes: classes, outputs: [y] }, [labels]) {
    const operands = [labels!, network.integers([classes], []), network.number(1), network.number(0)];
    return network.apply("ONE_HOT", operands, y!.shape, { options: [int32(-1)], span: { min: 0, max: 1 } });
  },
  sum(network, { attributes: run }, [x]) {
    if (run.scale === 1 / run.size && run.size > 1) return reduce(network, "MEAN", x!, run);
    const y = reduce(network, "SUM", x!, run);
    return run.scale === 1 ? y : network.binary("MUL", y, network.number(run.scale));
  },
  max: (network, { attributes: run }, [x]) => reduce(network, "REDUCE_MAX", x!, run),
  argmax(network, { attributes: { outer, size, inner } }, [x]) {
    const wide = network.reshape(x!, [outer, size, inner]);
    const options = [int8(TYPES.int32)];
    return network.apply("ARG_MAX", [wide, network.integers([1], [])], [outer, inner], {
      type: "int32",
      options,
    });
  },
  sumSquares(network, _, [x]) {
    const all = [...x!.shape.keys()];
    return network.reshape(network.reduce("SUM", network.unary("SQUARE", x!), all), []);
  },
};

/** @throws FormatError naming an op that has no translation. */
export function unknown(what: string, name: string): never {
  throw new FormatError(
    `toTflite: ${what}: the op ${name} has no translation, wanted one that docs/tflite.md lists`,
  );
}
