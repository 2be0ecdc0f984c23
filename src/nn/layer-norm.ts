// Layer normalization composed of ops, for the blocks of a transformer.
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, rsqrt, square, sub } from "../ops/arithmetic.ts";
import { mean } from "../ops/reduce.ts";
import { ones, zeros } from "./initializers.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** (x − mean) / √(variance + epsilon) over the last axis, times a trained scale, plus a trained offset. Ba et al. 2016. */
export function layerNorm({ epsilon }: { readonly epsilon: number }): Layer {
  return defineLayer("layerNorm", (x: Tensor, { parameter }) => {
    const width = x.shape.at(-1)!;
    const over = { axes: -1, keepDims: true };
    const centred = sub(x, mean(x, over));
    const normal = mul(centred, rsqrt(add(mean(square(centred), over), epsilon)));
    return add(mul(normal, parameter("scale", [width], ones)), parameter("offset", [width], zeros));
  });
}
