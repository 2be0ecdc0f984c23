// Floats that are rounded as integers would be, in a model that still learns.
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, clamp, div, equal, minimum, mul, neg, round, sub, where } from "../ops/arithmetic.ts";
import type { TensorLike } from "../ops/elementwise.ts";
import { max } from "../ops/reduce.ts";
import { straightThrough } from "../ops/straight-through.ts";
import { LARGEST } from "./numbers.ts";

/** Which integers there are, and what they stand for. */
interface Grid {
  readonly scale: Tensor;
  readonly zeroPoint: TensorLike;
  readonly least: number;
  readonly most: number;
  readonly name?: string;
}

/**
 * (clamp(round(x / scale) + zeroPoint, least, most) − zeroPoint) · scale, broadcasting; the gradient passes where nothing
 * is clamped. PyTorch's `fake_quantize_per_channel_affine`; Jacob et al. 2018, section 3.
 */
export function fakeQuantize(x: Tensor, { scale, zeroPoint, least, most, name }: Grid): Tensor {
  const integers = add(round(div(x, scale)), zeroPoint);
  const held = clamp(integers, least, most);
  const value = mul(sub(held, zeroPoint), scale);
  const share = x.graph.mode === "train" ? equal(integers, held) : undefined;
  return straightThrough(value, { to: x, share, name });
}

/** A scale, but 1 where there is nothing to scale, or so little that its step is 0. */
function scaleOf(width: Tensor): Tensor {
  const scale = div(width, LARGEST);
  return where(equal(scale, 0), 1, scale);
}

/** Activations on 0 … 127, as `affineOf` has them for a range that holds 0. */
export function fakeActivations(
  x: Tensor,
  { min, max, name }: { readonly min: Tensor; readonly max: Tensor; readonly name: string },
): Tensor {
  const scale = scaleOf(sub(max, min));
  const zeroPoint = minimum(round(div(neg(min), scale)), LARGEST);
  return fakeQuantize(x, { scale, zeroPoint, least: 0, most: LARGEST, name });
}

/** Weights on −127 … 127, as `toInt8` has them for the channels of an axis. */
export function fakeWeights(weight: Tensor, axis: number): Tensor {
  const axes = weight.shape.flatMap((_, each) => (each === axis ? [] : [each]));
  const scale = scaleOf(max(abs(weight), { axes, keepDims: true }));
  return fakeQuantize(weight, { scale, zeroPoint: 0, least: -LARGEST, most: LARGEST });
}
