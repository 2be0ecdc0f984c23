// Products of matrices: of dense layers, whose weights TFLite has as [out, in], and of any others.
import type { Shape } from "../core/shape.ts";
import { int8 } from "../formats/flatbuffers.ts";
import type { Network, Rule, Value } from "./network.ts";

/** Known numbers in another order of axes. */
export function reordered(network: Network, weight: Value, axes: readonly number[]): Value {
  const { shape, values } = weight as Value & { values: Float32Array };
  const to = axes.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
  const steps = axes.map((axis) => strides[axis]!);
  const y = new Float32Array(values.length);
  const place = to.map(() => 0);
  let from = 0;
  for (let index = 0; index < y.length; index++) {
    y[index] = values[from]!;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++place[axis]! < to[axis]!) break;
      from -= to[axis]! * steps[axis]!;
      place[axis] = 0;
    }
  }
  return network.constant(y, to, weight.name);
}

/** Products of anything with a weight [in, out], or with one [out, in] where the layout says NT. */
export function productWith(
  network: Network,
  layout: string,
  weight: Value,
  bias: Value | undefined,
): (x: Value) => Value {
  if (weight.values && layout !== "TN" && (!bias || bias.values)) {
    const rows = layout === "NT" ? weight : reordered(network, weight, [1, 0]);
    const start = bias ?? network.zeros(rows.shape[0]!);
    return (x) => network.fullyConnected(x, rows, start);
  }
  return (x) => {
    const y = multiply(network, layout, x, weight);
    return bias ? network.binary("ADD", y, bias) : y;
  };
}

/** Products of stacked matrices, or of two. */
export function multiply(network: Network, layout: string, a: Value, b: Value): Value {
  const left = layout === "TN" ? network.transpose(a, swapped(a.shape)) : a;
  const right = layout === "NT" ? b.shape.at(-2)! : b.shape.at(-1)!;
  return network.apply("BATCH_MATMUL", [left, b], [...left.shape.slice(0, -1), right], {
    options: [int8(0), int8(Number(layout === "NT"))],
  });
}
const swapped = (shape: Shape) => [...shape.slice(0, -2).keys(), shape.length - 1, shape.length - 2];

export const PRODUCTS: Readonly<Record<string, Rule>> = {
  /** [m, k] × [k, n] + bias, either transposed. */
  matmul: (network, { attributes: layout }, [a, b, bias]) => productWith(network, layout, b!, bias)(a!),
  batchMatmul: (network, { attributes: layout }, [a, b]) => multiply(network, layout, a!, b!),
};
