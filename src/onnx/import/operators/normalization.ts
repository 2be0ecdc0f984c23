// Operators that normalize, and softmax. A batch normalization has its statistics as state of the model, and renews it in training.
import { sameShape, sizeOf } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { add, div, mul, pow, rsqrt, sqrt, square, sub } from "../../../ops/arithmetic.ts";
import { broadcastTo } from "../../../ops/broadcast.ts";
import { oneHot } from "../../../ops/gather.ts";
import { permute } from "../../../ops/movement.ts";
import { channelNorm, rowNorm } from "../../../ops/normalization.ts";
import { dropoutMask } from "../../../ops/random.ts";
import { argmax, mean } from "../../../ops/reduce.ts";
import { averagePool } from "../../../ops/resample.ts";
import { reshape } from "../../../ops/reshape.ts";
import { logSoftmax, softmax } from "../../../ops/softmax.ts";
import type { Operator } from "../call.ts";
import { BOOL } from "../numbers.ts";
import type { Lying, Value } from "../value.ts";

/** Channels behind all other axes, whether there are any or not. */
const channelsLast = (value: Value): Lying => (value.rank > 2 ? value.asImages : value.asPlain);

/** Neighbours of a channel. */
const WIDEST = 2 ** 16;

/** Below 2⁻¹⁰³ a running mean is 0: subnormal numbers are slow. */
const TINY = 2 ** -80;

const batchNormalization: Operator = (call) => {
  const value = call.input(0);
  if (value.rank < 2) throw call.fail("input 0", value, "[batch, channels, ...]");
  if (call.opset < 9 && call.integer("spatial", 1) === 0) throw call.unsupported("spatial 0");
  const { x, like } = channelsLast(value);
  const [scale, offset] = [call.tensor(1), call.tensor(2)];
  const epsilon = call.float("epsilon", 1e-5);
  const momentum = call.float("momentum", 0.9);
  const isTraining = call.integer("training_mode", 0) !== 0;
  const states = [3, 4].map((index) => call.scope.state(call.input(index)));
  const [means, variances] = states.map((state, k) => state ?? call.tensor(3 + k)) as [Tensor, Tensor];
  const running = (before: Tensor, now: Tensor) =>
    sub(add(add(mul(before, momentum), mul(now, 1 - momentum)), TINY), TINY);
  if (isTraining || (call.graph.mode === "train" && states[0] && states[1])) {
    const norm = channelNorm(x, scale, offset, { outer: 1, width: 1, epsilon });
    const [of, around] = [reshape(norm.mean, means.shape), reshape(norm.variance, means.shape)];
    if (x.size > scale.size) {
      if (states[0]) call.graph.renew(states[0], of, running);
      if (states[1]) call.graph.renew(states[1], around, running);
    }
    return [
      like(norm.y),
      call.wants(1) ? call.value(running(means, of)) : undefined,
      call.wants(2) ? call.value(running(variances, around)) : undefined,
    ];
  }
  const factor = mul(scale, rsqrt(add(variances, epsilon)));
  return like(add(mul(x, factor), sub(offset, mul(means, factor))));
};

/** Each channel, or each group of them, of each example by itself. */
const instances =
  (isGroups: boolean): Operator =>
  (call) => {
    const value = call.input(0);
    if (value.rank < 3 - Number(isGroups)) throw call.fail("input 0", value, "[batch, channels, ...]");
    const { x, like } = channelsLast(value);
    const channels = value.shape[1]!;
    const width = isGroups ? channels / call.integer("num_groups") : 1;
    if (!(Number.isSafeInteger(width) && width > 0))
      throw call.fail("num_groups", width, `a divisor of ${channels}`);
    // Before opset 21 there is a scale a group, not a channel.
    const [scale, offset] = [1, 2].map((index) => {
      const own = call.tensor(index);
      if (own.size === channels) return own;
      const groups = channels / width;
      if (own.size !== groups) throw call.fail(`input ${index}`, call.input(index), `[${channels}]`);
      return reshape(broadcastTo(reshape(own, [groups, 1]), [groups, width]), [channels]);
    }) as [Tensor, Tensor];
    const epsilon = call.float("epsilon", 1e-5);
    return like(channelNorm(x, scale, offset, { outer: x.shape[0]!, width, epsilon }).y);
  };

/** Over all axes from one on. */
const rows =
  (centered: boolean): Operator =>
  (call) => {
    const value = call.input(0);
    const x = value.tensor;
    const from = call.axis(call.integer("axis", -1), x.rank);
    const own = x.shape.slice(from);
    const epsilon = call.float("epsilon", 1e-5);
    const fits = (index: number) => {
      const given = call.tensor(index);
      return sameShape(given.shape, own) ? given : broadcastTo(given, own);
    };
    const offset = centered && call.has(2) ? fits(2) : undefined;
    const y = call.value(rowNorm(x, fits(1), offset, { centered, epsilon }), value.type);
    if (!centered || !(call.wants(1) || call.wants(2))) return y;
    const axes = own.map((_, k) => from + k);
    const middle = mean(x, { axes, keepDims: true });
    const variance = mean(square(sub(x, middle)), { axes, keepDims: true });
    return [y, call.value(middle), call.value(rsqrt(add(variance, epsilon)))];
  };

/** Without scale, over some axes of all examples. */
const meanVariance: Operator = (call) => {
  const x = call.tensor(0);
  const axes = call.axes(call.integers("axes", [0, 2, 3]), x.rank);
  const rest = sub(x, mean(x, { axes, keepDims: true }));
  return call.value(div(rest, add(sqrt(mean(square(rest), { axes, keepDims: true })), 1e-9)));
};

/** Across neighbouring channels: x / (bias + α / size · Σ x²)^β. Krizhevsky et al. 2012. */
const localResponse: Operator = (call) => {
  const { x, like } = channelsLast(call.input(0));
  const size = call.integer("size");
  if (!(size >= 1 && size <= WIDEST)) throw call.fail("attribute size", size, `1 to ${WIDEST}`);
  const channels = x.shape.at(-1)!;
  const padding = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)] as const;
  const squares = reshape(square(x), [x.size / channels, channels, 1]);
  const means = averagePool(squares, size, { stride: 1, padding: [padding], countPadding: true });
  const base = add(mul(reshape(means, x.shape), call.float("alpha", 1e-4)), call.float("bias", 1));
  return like(div(x, pow(base, call.float("beta", 0.75))));
};

/** Over one axis; before opset 13 over all from one on, as if they were one. */
const soft =
  (along: (x: Tensor) => Tensor): Operator =>
  (call) => {
    const value = call.input(0);
    const isNew = call.opset >= 13;
    const given = call.integer("axis", isNew ? -1 : 1);
    if (!isNew) {
      const axis = call.cut(given, value.rank);
      const x = value.tensor;
      const flat = reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
      return call.value(reshape(along(flat), x.shape), value.type);
    }
    const { x, at, like } = value.lying;
    const own = at(call.axis(given, value.rank));
    if (own === x.rank - 1) return like(along(x));
    const swapped = x.shape.map((_, k) => (k === own ? x.rank - 1 : k === x.rank - 1 ? own : k));
    return like(permute(along(permute(x, swapped)), swapped));
  };

/** 1 at the first of the largest along an axis, or before opset 13 along all from one on; 0 elsewhere. */
const hard = (x: Tensor): Tensor => oneHot(argmax(x), x.shape.at(-1)!);

/** In training, as the file says how often; else nothing. */
const dropout: Operator = (call) => {
  const value = call.input(0);
  const ratio = call.opset < 12 ? call.float("ratio", 0.5) : call.number(1, 0.5);
  const asked = call.opset >= 12 && call.has(2) && call.number(2) !== 0;
  const isOff = ratio === 0 || !(asked || (call.graph.mode === "train" && call.scope.batch));
  if (isOff) {
    const ones = () => call.known(value.shape, new Float64Array(call.spend(value.shape)).fill(1), BOOL);
    return [value, call.wants(1) ? ones() : undefined];
  }
  if (!call.scope.batch || call.wants(1)) throw call.unsupported("a mask of random numbers");
  if (!(ratio > 0 && ratio < 1)) throw call.fail("ratio", ratio, "0 to below 1");
  const { x, like } = value.lying;
  return like(dropoutMask(x, ratio, x.graph.stream("dropout")));
};

export const normalization: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instances(false),
  GroupNormalization: instances(true),
  LayerNormalization: rows(true),
  RMSNormalization: rows(false),
  MeanVarianceNormalization: meanVariance,
  LRN: localResponse,
  Softmax: soft(softmax),
  LogSoftmax: soft(logSoftmax),
  Hardmax: soft(hard),
  Dropout: dropout,
};
