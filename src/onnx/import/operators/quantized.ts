// Quantized operators as the floats that they stand for: whole numbers in f32, which has all of 24 bits exactly.
import { broadcastShapes } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import * as ops from "../../../ops/arithmetic.ts";
import { max, min } from "../../../ops/reduce.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { FLOAT, TYPES } from "../numbers.ts";
import { lastAxes, turned, type Value } from "../value.ts";
import { convolved, kernelFor } from "./convolution.ts";
import { product } from "./products.ts";

const UINT8 = 2;

/** Least and largest of a type of whole numbers. */
function limitsOf(call: Call, type: number): readonly [number, number] {
  const { bits, signed } = TYPES[type]!;
  if (bits < 8 || bits > 16) throw call.unsupported(`quantization to ${TYPES[type]!.name}`);
  return signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}

/** A scale or zero point as it lies along a value: one number, or one for each place of an axis. */
function beside(call: Call, index: number, x: Value): Tensor | undefined {
  if (!call.has(index)) return undefined;
  const value = call.input(index);
  // Scales are not trained: they are numbers of the format of the weights.
  const { numbers } = value;
  const own = numbers ? call.graph.constant(numbers, value.shape) : value.tensor;
  if (value.size === 1) return reshape(own, []);
  if (value.rank !== 1) throw call.unsupported("quantization by blocks");
  const axis = call.axis(call.integer("axis", 1), x.rank);
  const shape = x.shape.map((_, k) => (k === axis ? value.size : 1));
  broadcastShapes("scale", x.shape, shape);
  const spread = reshape(own, shape);
  return x.isLast && x.rank > 2 ? turned(spread, lastAxes(x.rank)) : spread;
}

const quantize: Operator = (call) => {
  const value = call.input(0);
  const [scale, zero] = [beside(call, 1, value)!, beside(call, 2, value)];
  const type = call.has(2) ? call.input(2).type : call.elementType("output_dtype", UINT8);
  const { x, like } = value.lying;
  const steps = ops.round(ops.div(x, scale));
  return like(ops.clamp(zero ? ops.add(steps, zero) : steps, ...limitsOf(call, type)), type);
};

const dequantize: Operator = (call) => {
  const value = call.input(0);
  const [scale, zero] = [beside(call, 1, value)!, beside(call, 2, value)];
  const { x, like } = value.lying;
  return like(ops.mul(zero ? ops.sub(x, zero) : x, scale), FLOAT);
};

/** Less a zero point: one number, or one for each row of the first or column of the second operand. */
function centered(call: Call, index: number, zero: number): Tensor {
  const x = call.tensor(index);
  if (!call.has(zero)) return x;
  const point = call.tensor(zero);
  if (point.size === 1) return ops.sub(x, reshape(point, []));
  return ops.sub(x, point.rank === 1 && index === 0 ? reshape(point, [point.size, 1]) : point);
}

const integerProduct: Operator = (call) => call.value(product(centered(call, 0, 2), centered(call, 1, 3)), 6);

/** a, its scale and zero point, b with its, those of the result. */
const quantizedProduct: Operator = (call) => {
  const y = product(centered(call, 0, 2), centered(call, 3, 5));
  const scale = ops.div(ops.mul(call.tensor(1), call.tensor(4)), call.tensor(6));
  const { type } = call.input(7);
  return call.value(
    ops.clamp(ops.add(ops.round(ops.mul(y, scale)), call.tensor(7)), ...limitsOf(call, type)),
    type,
  );
};

/** [out] behind the channels of a result or a weight; one number is one for all. */
const ofChannels = (x: Tensor): Tensor => (x.size === 1 ? reshape(x, []) : x);

/** Images and a weight less their zero points, convolved: whole numbers. */
function integerConvolution(
  call: Call,
  weightAt: number,
  zeroAt: readonly [number, number],
  bias?: Tensor,
): Tensor {
  const [x, weight] = [call.input(0), call.input(weightAt)];
  const less = (tensor: Tensor, index: number) =>
    call.has(index) ? ops.sub(tensor, ofChannels(call.tensor(index))) : tensor;
  const kernel = less(kernelFor(call, x, weight), zeroAt[1]);
  return convolved(call, [x, weight], { x: less(x.images, zeroAt[0]), kernel, bias });
}

/** x, its scale and zero point, the weight with its, those of the result, a bias. */
const quantizedConvolution: Operator = (call) => {
  const sums = integerConvolution(call, 3, [2, 5], call.has(8) ? call.tensor(8) : undefined);
  const [ofX, ofWeight, ofY] = [1, 4, 6].map((index) => ofChannels(call.tensor(index))) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const { type } = call.input(7);
  const steps = ops.round(ops.mul(sums, ops.div(ops.mul(ofX, ofWeight), ofY)));
  return call.images(ops.clamp(ops.add(steps, ofChannels(call.tensor(7))), ...limitsOf(call, type)), type);
};

/** To uint8, with a scale and zero point from the least and largest of all numbers. */
const dynamic: Operator = (call) => {
  const { x, like } = call.input(0).lying;
  const [least, largest] = [ops.minimum(min(x), 0), ops.maximum(max(x), 0)];
  const scale = ops.div(ops.sub(largest, least), 255);
  const zero = ops.clamp(ops.round(ops.div(ops.neg(least), scale)), 0, 255);
  const y = ops.clamp(ops.add(ops.round(ops.div(x, scale)), zero), 0, 255);
  return [like(y, UINT8), call.value(scale), call.value(zero, UINT8)];
};

export const quantized: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamic,
  MatMulInteger: integerProduct,
  ConvInteger: (call) => call.images(integerConvolution(call, 1, [2, 3]), 6),
  QLinearMatMul: quantizedProduct,
  QLinearConv: quantizedConvolution,
};
