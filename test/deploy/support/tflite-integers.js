// What a TFLite file of 8-bit integers means, in integers of its own: the arithmetic of LiteRT's reference kernels, whose
// multipliers are 32-bit fixed-point numbers, or with `rounding: "float"` that of XNNPACK, which multiplies sums of products
// by floats and rounds once, halves to even. Read from the file alone.
import { readTflite } from "./tflite-reader.js";

const HALF = 1n << 30n;
const WHOLE = 1n << 31n;
const limited = (value, low, high) => Math.min(high, Math.max(low, value));
const away = (value) => Math.sign(value) * Math.round(Math.abs(value));
const int8 = (value) => limited(value, -128, 127);
const trunc = Math.trunc;

/** A positive number as a fixed-point one and a shift. */
function multiplierOf(real) {
  if (real === 0) return { multiplier: 0n, shift: 0 };
  let shift = Math.max(-1074, Math.floor(Math.log2(real)) + 1);
  let fixed = Math.round((real / 2 ** shift) * 2 ** 31);
  if (fixed === 2 ** 31) {
    fixed /= 2;
    shift++;
  }
  return { multiplier: BigInt(fixed), shift };
}

/** x times a multiplier, rounded twice: once in the product, once in the shift. */
function scaled(x, { multiplier, shift }) {
  const product = BigInt(x) * (shift > 0 ? 1n << BigInt(shift) : 1n) * multiplier;
  const high = (product + (product >= 0n ? HALF : 1n - HALF)) / WHOLE;
  const down = BigInt(shift > 0 ? 0 : -shift);
  const mask = (1n << down) - 1n;
  const threshold = (mask >> 1n) + (high < 0n ? 1n : 0n);
  return Number((high >> down) + ((high & mask) > threshold ? 1n : 0n));
}

const only = ({ quantization }) => ({ scale: quantization.scale[0], zero: quantization.zero_point[0] });

/** Lowest and highest integer that an activation leaves. */
function boundsOf(fused = 0, { scale, zero }) {
  const at = (value) => int8(zero + away(value / scale));
  if (fused === 1) return [at(0), 127];
  if (fused === 2) return [at(-1), at(1)];
  if (fused === 3) return [at(0), at(6)];
  return [-128, 127];
}

/** What lies before the first window. */
function before(padding = 0, { size, count, span, stride }) {
  return padding === 1 ? 0 : Math.floor(Math.max(0, (count - 1) * stride + span - size) / 2);
}

/** Every window of an image, with what it holds of it. */
function* windowsOf(x, y, options, [height, width]) {
  const { padding, stride_h: down = 0, stride_w: right = 0 } = options;
  const { dilation_h_factor: dy = 1, dilation_w_factor: dx = 1 } = options;
  const [images, rows, columns] = x.shape;
  const [, tall, wide] = y.shape;
  const top = before(padding, { size: rows, count: tall, span: (height - 1) * dy + 1, stride: down });
  const left = before(padding, { size: columns, count: wide, span: (width - 1) * dx + 1, stride: right });
  for (let image = 0; image < images; image++)
    for (let i = 0; i < tall; i++)
      for (let j = 0; j < wide; j++) {
        const taps = [];
        for (let ky = 0; ky < height; ky++)
          for (let kx = 0; kx < width; kx++) {
            const [row, column] = [i * down - top + ky * dy, j * right - left + kx * dx];
            if (row >= 0 && row < rows && column >= 0 && column < columns)
              taps.push({ tap: ky * width + kx, pixel: (image * rows + row) * columns + column });
          }
        yield { at: (image * tall + i) * wide + j, taps };
      }
}

/** The nearest integer, halves to even. */
function even(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Weighted sums, each with its channel's multiplier. */
function finished(x, weight, y, { fused_activation_function: fused, rounding }) {
  const [input, output] = [only(x), only(y)];
  const { scale } = weight.quantization;
  const factors = scale.map((each) => multiplierOf((input.scale * each) / output.scale));
  const { fround } = Math;
  const floats = scale.map((each) => fround(fround(input.scale * each) / output.scale));
  const [low, high] = boundsOf(fused, output);
  return (sum, channel) => {
    const at = factors.length > 1 ? channel : 0;
    const steps = rounding === "float" ? even(fround(fround(sum) * floats[at])) : scaled(sum, factors[at]);
    return limited(steps + output.zero, low, high);
  };
}

function convolution([x, weight, bias], y, options) {
  const [n, height, width, groupChannels] = weight.shape;
  const channels = x.shape[3];
  const finish = finished(x, weight, y, options);
  const { zero } = only(x);
  const perGroup = n / (channels / groupChannels);
  for (const { at, taps } of windowsOf(x, y, options, [height, width]))
    for (let out = 0; out < n; out++) {
      let sum = bias.values[out];
      const first = Math.floor(out / perGroup) * groupChannels;
      for (const { tap, pixel } of taps)
        for (let c = 0; c < groupChannels; c++)
          sum +=
            (x.values[pixel * channels + first + c] - zero) *
            weight.values[(out * height * width + tap) * groupChannels + c];
      y.values[at * n + out] = finish(sum, out);
    }
}

function depthwise([x, weight, bias], y, options) {
  const [, height, width, n] = weight.shape;
  const channels = x.shape[3];
  const finish = finished(x, weight, y, options);
  const { zero } = only(x);
  for (const { at, taps } of windowsOf(x, y, options, [height, width]))
    for (let out = 0; out < n; out++) {
      let sum = bias.values[out];
      const channel = Math.floor(out / (n / channels));
      for (const { tap, pixel } of taps)
        sum += (x.values[pixel * channels + channel] - zero) * weight.values[tap * n + out];
      y.values[at * n + out] = finish(sum, out);
    }
}

function fullyConnected([x, weight, bias], y, options) {
  const [n, k] = weight.shape;
  const finish = finished(x, weight, y, options);
  const { zero } = only(x);
  for (let row = 0; row < x.values.length / k; row++)
    for (let out = 0; out < n; out++) {
      let sum = bias.values[out];
      for (let i = 0; i < k; i++) sum += (x.values[row * k + i] - zero) * weight.values[out * k + i];
      y.values[row * n + out] = finish(sum, out);
    }
}

function transposed([, weight, x, bias], y, options) {
  const [n, height, width, channels] = weight.shape;
  const [images, rows, columns] = x.shape;
  const [, tall, wide] = y.shape;
  const { padding, stride_h: down, stride_w: right } = options;
  const finish = finished(x, weight, y, options);
  const { zero } = only(x);
  const top = before(padding, { size: tall, count: rows, span: height, stride: down });
  const left = before(padding, { size: wide, count: columns, span: width, stride: right });
  for (let image = 0; image < images; image++)
    for (let i = 0; i < tall; i++)
      for (let j = 0; j < wide; j++)
        for (let out = 0; out < n; out++) {
          let sum = bias.values[out];
          for (let ky = 0; ky < height; ky++)
            for (let kx = 0; kx < width; kx++) {
              const [row, column] = [(i + top - ky) / down, (j + left - kx) / right];
              if (!(Number.isInteger(row) && Number.isInteger(column))) continue;
              if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
              for (let c = 0; c < channels; c++)
                sum +=
                  (x.values[((image * rows + row) * columns + column) * channels + c] - zero) *
                  weight.values[((out * height + ky) * width + kx) * channels + c];
            }
          y.values[((image * tall + i) * wide + j) * n + out] = finish(sum, out);
        }
}

const pooled =
  (join) =>
  ([x], y, options) => {
    const channels = x.shape[3];
    const [low, high] = boundsOf(options.fused_activation_function, only(y));
    for (const { at, taps } of windowsOf(x, y, options, [options.filter_height, options.filter_width]))
      for (let c = 0; c < channels; c++) {
        const values = taps.map(({ pixel }) => x.values[pixel * channels + c]);
        y.values[at * channels + c] = limited(join(values), low, high);
      }
  };
const mean = (values) => {
  const sum = values.reduce((a, b) => a + b, 0);
  const half = Math.floor(values.length / 2);
  return trunc((sum + (sum > 0 ? half : -half)) / values.length);
};

/** Where element k of a result lies in an operand that broadcasts. */
function placesIn({ shape }, wide) {
  const pad = wide.length - shape.length;
  return (k) => {
    let [rest, at, step] = [k, 0, 1];
    for (let axis = wide.length - 1; axis >= 0; axis--) {
      const index = rest % wide[axis];
      rest = Math.floor(rest / wide[axis]);
      if (axis < pad) continue;
      if (shape[axis - pad] > 1) at += index * step;
      step *= shape[axis - pad];
    }
    return at;
  };
}

const summed =
  (sign) =>
  ([a, b], y, options) => {
    const [p, q, r] = [only(a), only(b), only(y)];
    const most = 2 * Math.max(p.scale, q.scale);
    const [left, right] = [multiplierOf(p.scale / most), multiplierOf(q.scale / most)];
    const back = multiplierOf(most / (2 ** 20 * r.scale));
    const [low, high] = boundsOf(options.fused_activation_function, r);
    const [inA, inB] = [placesIn(a, y.shape), placesIn(b, y.shape)];
    for (let k = 0; k < y.values.length; k++) {
      const first = scaled((a.values[inA(k)] - p.zero) * 2 ** 20, left);
      const second = scaled((b.values[inB(k)] - q.zero) * 2 ** 20, right);
      y.values[k] = limited(scaled(first + sign * second, back) + r.zero, low, high);
    }
  };

function multiplied([a, b], y, { fused_activation_function: fused, rounding }) {
  const [p, q, r] = [only(a), only(b), only(y)];
  const factor = multiplierOf((p.scale * q.scale) / r.scale);
  const { fround } = Math;
  const float = fround(fround(p.scale * q.scale) / r.scale);
  const [low, high] = boundsOf(fused, r);
  const [inA, inB] = [placesIn(a, y.shape), placesIn(b, y.shape)];
  for (let k = 0; k < y.values.length; k++) {
    const product = (a.values[inA(k)] - p.zero) * (b.values[inB(k)] - q.zero);
    const steps = rounding === "float" ? even(fround(product * float)) : scaled(product, factor);
    y.values[k] = limited(steps + r.zero, low, high);
  }
}

/** By a function of numbers, as a table of 256 entries has it. */
const looked =
  (f) =>
  ([x], y, options) => {
    const [p, q] = [only(x), only(y)];
    for (let k = 0; k < y.values.length; k++)
      y.values[k] = int8(away(f((x.values[k] - p.zero) * p.scale, options) / q.scale) + q.zero);
  };

function softmax([x], y) {
  const columns = x.shape.at(-1);
  const [p, q] = [only(x), only(y)];
  for (let row = 0; row < x.values.length; row += columns) {
    const part = Array.from(x.values.subarray(row, row + columns));
    const most = Math.max(...part);
    const powers = part.map((value) => Math.exp((value - most) * p.scale));
    const sum = powers.reduce((a, b) => a + b, 0);
    for (const [k, power] of powers.entries()) y.values[row + k] = int8(away(power / sum / q.scale) + q.zero);
  }
}

/** Copies places: an axis order, a box, repeated or padded elements. */
const copied = (placeOf) => (inputs, y, options) => {
  const [x] = inputs;
  const from = placeOf(inputs, y, options);
  for (let k = 0; k < y.values.length; k++) {
    const at = from(indicesOf(k, y.shape));
    y.values[k] = at === undefined ? (inputs[2]?.values[0] ?? only(y).zero) : x.values[at];
  }
};
function indicesOf(k, shape) {
  const indices = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    indices[axis] = k % shape[axis];
    k = Math.floor(k / shape[axis]);
  }
  return indices;
}
const placeOf = (indices, shape) => indices.reduce((at, index, axis) => at * shape[axis] + index, 0);

function concatenated(inputs, y, { axis = 0 }) {
  let first = 0;
  for (const x of inputs) {
    for (let k = 0; k < x.values.length; k++) {
      const indices = indicesOf(k, x.shape);
      indices[axis] += first;
      y.values[placeOf(indices, y.shape)] = x.values[k];
    }
    first += x.shape[axis];
  }
}

function averaged([x, axes], y) {
  const [p, q] = [only(x), only(y)];
  const sums = new Float64Array(y.values.length);
  for (let k = 0; k < x.values.length; k++) {
    const indices = indicesOf(k, x.shape).map((index, axis) => (axes.values.includes(axis) ? 0 : index));
    sums[
      placeOf(
        indices,
        x.shape.map((n, axis) => (axes.values.includes(axis) ? 1 : n)),
      )
    ] += x.values[k] - p.zero;
  }
  const count = x.values.length / y.values.length;
  for (const [k, sum] of sums.entries())
    y.values[k] = int8(away((sum * p.scale) / (count * q.scale)) + q.zero);
}

/** By the number of the operator. */
const KERNELS = {
  0: summed(1),
  41: summed(-1),
  18: multiplied,
  1: pooled(mean),
  17: pooled((values) => Math.max(...values)),
  2: concatenated,
  3: convolution,
  4: depthwise,
  9: fullyConnected,
  67: transposed,
  6: ([x], y) => {
    const { scale, zero } = only(x);
    for (let k = 0; k < y.values.length; k++) y.values[k] = (x.values[k] - zero) * scale;
  },
  114: ([x], y) => {
    const { scale, zero } = only(y);
    const factor = x.quantization && multiplierOf(only(x).scale / scale);
    for (let k = 0; k < y.values.length; k++)
      y.values[k] = factor
        ? int8(scaled(x.values[k] - only(x).zero, factor) + zero)
        : int8(away(x.values[k] / Math.fround(scale)) + zero);
  },
  14: looked((x) => 1 / (1 + Math.exp(-x))),
  28: looked(Math.tanh),
  19: looked((x) => Math.max(0, x)),
  21: looked((x) => Math.min(6, Math.max(0, x))),
  98: looked((x, { alpha }) => (x > 0 ? x : alpha * x)),
  111: looked((x) => (x > 0 ? x : Math.expm1(x))),
  25: softmax,
  22: ([x], y) => y.values.set(x.values),
  40: averaged,
  34: copied(([x, widths]) => (indices) => {
    const own = indices.map((index, axis) => index - widths.values[2 * axis]);
    return own.every((index, axis) => index >= 0 && index < x.shape[axis])
      ? placeOf(own, x.shape)
      : undefined;
  }),
  60: copied(([x, widths]) => (indices) => {
    const own = indices.map((index, axis) => index - widths.values[2 * axis]);
    return own.every((index, axis) => index >= 0 && index < x.shape[axis])
      ? placeOf(own, x.shape)
      : undefined;
  }),
  39: copied(([x, axes], y) => (indices) => {
    const own = new Array(indices.length);
    for (const [axis, from] of axes.values.entries()) own[from] = indices[axis];
    return y && placeOf(own, x.shape);
  }),
  65: copied(
    ([x, start]) =>
      (indices) =>
        placeOf(
          indices.map((index, axis) => index + start.values[axis]),
          x.shape,
        ),
  ),
  36: copied(
    ([x, rows], _, { axis = 0 }) =>
      (indices) =>
        placeOf(
          indices.map((index, at) => (at === axis ? rows.values[index] : index)),
          x.shape,
        ),
  ),
};

/** The nearest pixel, by the centres of both images. */
KERNELS[97] = copied(([x], y) => ([image, row, column, channel]) => {
  const near = (k, axis) => Math.floor(((k + 0.5) * x.shape[axis]) / y.shape[axis]);
  return placeOf([image, near(row, 1), near(column, 2), channel], x.shape);
});

const ARRAYS = { 0: Float32Array, 2: Int32Array, 9: Int8Array };

/** What a file makes of an input. @throws Error naming an operator that it does not know */
export function simulate(file, { rounding = "fixed" } = {}) {
  const { model } = readTflite(file);
  const [graph] = model.subgraphs;
  const tensors = graph.tensors.map(({ shape = [], type = 0, buffer = 0, ...rest }) => {
    const { data } = model.buffers[buffer];
    const size = shape.reduce((product, n) => product * n, 1);
    const values = data ? new ARRAYS[type](data.slice().buffer) : new ARRAYS[type](size);
    return { shape, values, ...rest };
  });
  return (input) => {
    tensors[graph.inputs[0]].values.set(input);
    for (const {
      opcode_index: index = 0,
      inputs,
      outputs,
      builtin_options: options = {},
    } of graph.operators) {
      const { builtin_code: code = 0 } = model.operator_codes[index];
      const kernel = KERNELS[code];
      if (!kernel) throw new Error(`no kernel for operator ${code}`);
      kernel(
        inputs.map((each) => tensors[each]),
        tensors[outputs[0]],
        { ...options, rounding },
      );
    }
    return tensors[graph.outputs[0]];
  };
}
