// Ops that move numbers or take them together.
import type { Shape } from "../core/shape.ts";
import { float32 } from "../formats/flatbuffers.ts";
import type { Network, Rule, Value } from "./network.ts";

/** Sums and extremes over neighbouring axes: a tensor seen as [outer, size, inner] becomes [outer, inner]. */
interface Run {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly scale: number;
}

/** The axes of x that are `size` neighbours behind `outer`; with another shape of x, where it has none. */
function reduced(network: Network, x: Value, { outer, size, inner }: Run): [Value, number[]] {
  // From behind: a batch of one is not taken together with what is.
  for (let start = x.shape.length - 1; start >= 0; start--) {
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

export const MOVEMENT: Readonly<Record<string, Rule>> = {
  reshape: (network, { attributes: shape }, [x]) => network.reshape(x!, shape),
  /** Only its gradient goes elsewhere. */
  straightThrough: (_network, _node, [x]) => x!,
  permute: (network, { attributes: axes }, [x]) => network.transpose(x!, axes),
  slice: (network, { attributes: { start, size } }, [x]) => network.slice(x!, start, size),
  pad: (network, { attributes: { widths, value } }, [x]) => network.pad(x!, widths, value),
  concatenate: (network, { attributes: axis }, inputs) => network.concatenate(inputs, axis),
  broadcastTo: (network, { attributes: shape }, [x]) =>
    network.apply("BROADCAST_TO", [x!, network.integers(shape)], shape, { type: x!.type }),
  sum(network, { attributes: run }, [x]) {
    if (run.scale === 1 / run.size && run.size > 1) return reduce(network, "MEAN", x!, run);
    const y = reduce(network, "SUM", x!, run);
    return run.scale === 1 ? y : network.binary("MUL", y, network.number(run.scale));
  },
  max: (network, { attributes: run }, [x]) => reduce(network, "REDUCE_MAX", x!, run),
  softmax: (network, _, [x]) => network.unary("SOFTMAX", x!, { options: [float32(1)] }),
  logSoftmax: (network, _, [x]) => network.unary("LOG_SOFTMAX", x!),
  sumSquares(network, _, [x]) {
    const all = [...x!.shape.keys()];
    return network.reshape(network.reduce("SUM", network.unary("SQUARE", x!), all), []);
  },
};
