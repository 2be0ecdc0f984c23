// What a graph means: an interpreter in 64-bit floats and plain loops, that knows nothing of kernels, programs or memory.
import type { Shape } from "#src/core/shape";
import type { Node, Tensor } from "#src/graph/tensor";
import type { Windows } from "#src/ops/patches";
import { recur } from "./recurrence.ts";
import { formulas } from "./scalar.ts";

/** The elements of a tensor in row-major order. */
export type Values = Float64Array;

const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);

/** Where an element lies along each axis. */
export function positionOf(index: number, shape: Shape): number[] {
  const position = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = index % shape[axis]!;
    index = Math.floor(index / shape[axis]!);
  }
  return position;
}

function indexOf(position: readonly number[], shape: Shape): number {
  return position.reduce((index, at, axis) => index * shape[axis]! + at, 0);
}

/** Calls back for each element of a shape. */
function forEach(shape: Shape, visit: (position: number[], index: number) => void): void {
  const count = sizeOf(shape);
  for (let index = 0; index < count; index++) visit(positionOf(index, shape), index);
}

/** The element of an operand that stands for a position of the shape it broadcasts to. */
function broadcastIndex(position: readonly number[], from: Shape): number {
  const own = position.slice(position.length - from.length);
  return indexOf(
    own.map((at, axis) => (from[axis] === 1 ? 0 : at)),
    from,
  );
}

/** For each element of a shape the element of an operand that stands for it. */
export function broadcastIndices(from: Shape, to: Shape): Int32Array | undefined {
  if (sizeOf(from) === sizeOf(to)) return undefined;
  const indices = new Int32Array(sizeOf(to));
  forEach(to, (position, index) => {
    indices[index] = broadcastIndex(position, from);
  });
  return indices;
}

/** One op: the values of each output from those of the inputs. */
type Meaning = (node: Node, inputs: readonly Values[]) => Values[];

/** The parameters of an elementwise op; they are 32-bit floats. */
export const parametersOf = (node: Node): number[] => node.attributes.map(Math.fround);

function elementwise(node: Node, inputs: readonly Values[]): Values[] {
  const formula = formulas.get(node.op!.name)!;
  const shape = node.outputs[0]!.shape;
  const parameters = parametersOf(node);
  const indices = node.inputs.map((input) => broadcastIndices(input.shape, shape));
  const y = new Float64Array(sizeOf(shape));
  const operands = inputs.map(() => 0);
  for (let i = 0; i < y.length; i++) {
    for (let k = 0; k < inputs.length; k++) operands[k] = inputs[k]![indices[k]?.[i] ?? i]!;
    y[i] = formula(operands, parameters);
  }
  return [y];
}

/** Combines the elements [o, 0 … size − 1, i] of [outer, size, inner]. */
function reduceBy(combine: (run: readonly number[], scale: number) => number): Meaning {
  return ({ attributes: { outer, size, inner, scale } }, [x]) => {
    const y = new Float64Array(outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const run = Array.from({ length: size }, (_, k) => x![(o * size + k) * inner + i]!);
        y[o * inner + i] = combine(run, scale);
      }
    }
    return [y];
  };
}

/** Applies a function to each row of the last axis. */
function byRow(x: Values, columns: number, map: (row: Values, at: number) => ArrayLike<number>): Values {
  const y = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += columns) y.set(map(x.subarray(at, at + columns), at / columns), at);
  return y;
}

function logSoftmaxRow(row: Values): Values {
  const shift = row.reduce((a, b) => Math.max(a, b));
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - shift), 0));
  return row.map((x) => x - shift - total);
}

function argmaxOf(run: readonly number[]): number {
  const nan = run.findIndex(Number.isNaN);
  return nan >= 0 ? nan : run.indexOf(Math.max(...run));
}

/** Calls back for each input that a position of the result takes; indices of elements of [n, height, width, channels]. */
function forEachTaken(
  node: Node,
  [from, to]: readonly [Shape, Shape],
  visit: (y: number, x: number, weight: number) => void,
): void {
  const [rows, columns] = node.attributes;
  forEach(to, ([image, row, column, channel], index) => {
    const [u, v] = [rows.taps[row!], columns.taps[column!]];
    for (const [j, a] of u.weights.entries()) {
      for (const [k, b] of v.weights.entries()) {
        const at = [image!, u.first + j * (rows.step ?? 1), v.first + k * (columns.step ?? 1), channel!];
        visit(index, indexOf(at, from), a * b);
      }
    }
  });
}

/** For each element of [n, height, width, channels] pooled into `shape`, where the maximum of its index lies. */
function placesOf(indices: Values, shape: Shape, node: Node): number[] {
  const [rows, columns] = node.attributes;
  const channels = shape[3]!;
  const perImage = sizeOf(shape.slice(1));
  return Array.from(indices, (place, i) => {
    const image = Math.floor(i / perImage);
    return (image * rows.size * columns.size + place) * channels + (i % channels);
  });
}

/** Every product of a convolution: the elements of input, weight and output that meet. */
function forEachProduct(
  [x, weight, y]: readonly [Shape, Shape, Shape],
  { stride, dilation, before, groups }: Windows,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [images, lines, columns, outputs] = y as [number, number, number, number];
  const [height, width, groupChannels] = weight as [number, number, number];
  for (let at = 0, k = 0; k < images * lines * columns; k++) {
    const [image, line, column] = positionOf(k, [images, lines, columns]) as [number, number, number];
    for (let output = 0; output < outputs; output++, at++) {
      const channel = Math.floor((output * groups) / outputs) * groupChannels;
      for (let tap = 0; tap < height * width; tap++) {
        const a = line * stride[0] + Math.floor(tap / width) * dilation[0] - before[0];
        const b = column * stride[1] + (tap % width) * dilation[1] - before[1];
        if (a < 0 || b < 0 || a >= x[1]! || b >= x[2]!) continue;
        const from = ((image * x[1]! + a) * x[2]! + b) * x[3]! + channel;
        const by = tap * groupChannels * outputs + output;
        for (let c = 0; c < groupChannels; c++) visit(from + c, by + c * outputs, at);
      }
    }
  }
}

/** Every element begins at that of a bias over the last axis. */
function begun(shape: Shape, bias: Values | undefined): Values {
  return new Float64Array(sizeOf(shape)).map((_, i) => bias?.[i % bias.length] ?? 0);
}

/** The places of a group's elements in [outer, size, channels]. */
function groupOf(o: number, group: number, run: { size: number; channels: number; width: number }): number[] {
  const { size, channels, width } = run;
  return Array.from(
    { length: size * width },
    (_, k) => (o * size + Math.floor(k / width)) * channels + group * width + (k % width),
  );
}

/** Mean and variance of some elements. */
function momentsOf(x: Values, places: readonly number[]): { mean: number; variance: number } {
  const mean = places.reduce((sum, at) => sum + x[at]!, 0) / places.length;
  const variance = places.reduce((sum, at) => sum + (x[at]! - mean) ** 2, 0) / places.length;
  return { mean, variance };
}

/** Attention by its definition; `visit` is told each score of a row with its weight, and where its key lies. */
export function attend(
  { inputs, attributes }: Node,
  values: readonly Values[],
  visit: (row: number, terms: readonly AttentionTerm[]) => void = () => {},
): Values[] {
  const { heads, queries, keys, keySize, valueSize, parts, masked, causal } = attributes;
  const scale = Math.fround(attributes.scale);
  const batch = inputs[0]!.shape[0]!;
  const y = new Float64Array(batch * queries * heads * valueSize);
  const sums = new Float64Array(batch * heads * queries);
  const mask = masked
    ? values[1 + Math.max(...parts.map((part: { input: number }) => part.input))]
    : undefined;
  const isBoolean = mask && inputs.findLast(({ rank }) => rank === 2)!.dtype === "i32";
  const [q, k, v] = parts.map(({ input }: { input: number }) => values[input]!) as [Values, Values, Values];
  const rowAt = (part: number, of: number, time: number, column: number) => {
    const [, length, width] = inputs[parts[part].input]!.shape as [number, number, number];
    return (of * length + time) * width + parts[part].column + column;
  };
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queries; i++) {
        const qAt = rowAt(0, b, i, h * keySize);
        const terms: AttentionTerm[] = [];
        for (let j = 0; j < (causal ? i + 1 : keys); j++) {
          const kAt = rowAt(1, b, j, h * keySize);
          let score = 0;
          for (let c = 0; c < keySize; c++) score += q[qAt + c]! * k[kAt + c]!;
          const added = mask ? mask[b * keys + j]! : 0;
          score = scale * score + (isBoolean ? (added === 0 ? Number.NEGATIVE_INFINITY : 0) : added);
          terms.push({ key: j, score, weight: 0, qAt, kAt });
        }
        const top = terms.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
        const dead = top === Number.NEGATIVE_INFINITY;
        const total = terms.reduce((sum, { score }) => sum + (dead ? 0 : Math.exp(score - top)), 0);
        const row = (b * heads + h) * queries + i;
        sums[row] = dead ? 0 : top + Math.log(total);
        const yAt = (b * queries + i) * heads * valueSize + h * valueSize;
        for (const term of terms) {
          term.weight = dead ? 0 : Math.exp(term.score - top) / total;
          const vAt = rowAt(2, b, term.key, h * valueSize);
          for (let c = 0; c < valueSize; c++) y[yAt + c]! += term.weight * v[vAt + c]!;
        }
        visit(row, terms);
      }
    }
  }
  return [y, sums];
}

/** A score of a row of attention. */
export interface AttentionTerm {
  readonly key: number;
  readonly score: number;
  weight: number;
  /** Where the factors of the score begin, in q and in k. */
  readonly qAt: number;
  readonly kAt: number;
}

const meanings: Record<string, Meaning> = {
  resample(node, [x]) {
    const to = node.outputs[0]!.shape;
    const y = new Float64Array(sizeOf(to));
    forEachTaken(node, [node.inputs[0]!.shape, to], (at, from, weight) => {
      y[at]! += weight * x![from]!;
    });
    return [y];
  },
  maxPool(node, [x]) {
    const [from, to] = [node.inputs[0]!.shape, node.outputs[0]!.shape];
    const y = new Float64Array(sizeOf(to)).fill(Number.NEGATIVE_INFINITY);
    const indices = new Float64Array(y.length).fill(-1);
    forEachTaken(node, [from, to], (at, k) => {
      if (indices[at]! >= 0 && !(x![k]! > y[at]! || Number.isNaN(x![k]))) return;
      y[at] = x![k]!;
      indices[at] = Math.floor(k / from[3]!) % (from[1]! * from[2]!);
    });
    return [y, indices];
  },
  maxPoolGradient(node, [dy, indices]) {
    const dx = new Float64Array(sizeOf(node.outputs[0]!.shape));
    for (const [i, place] of placesOf(indices!, node.inputs[0]!.shape, node).entries()) dx[place]! += dy![i]!;
    return [dx];
  },
  takeMaxima(node, [x, indices]) {
    return [Float64Array.from(placesOf(indices!, node.outputs[0]!.shape, node), (place) => x![place]!)];
  },
  convolution({ inputs: [from, by], outputs: [to], attributes }, [x, weight, bias]) {
    const y = begun(to!.shape, bias);
    forEachProduct([from!.shape, by!.shape, to!.shape], attributes.windows, (a, b, c) => {
      y[c] = y[c]! + x![a]! * weight![b]!;
    });
    return [y];
  },
  convolutionTransposed({ inputs: [from, by], outputs: [to], attributes }, [x, weight, bias]) {
    const y = begun(to!.shape, bias);
    forEachProduct([to!.shape, by!.shape, from!.shape], attributes.windows, (a, b, c) => {
      y[a] = y[a]! + x![c]! * weight![b]!;
    });
    return [y];
  },
  convolutionWeights({ inputs: [from, by], outputs: [to], attributes }, [x, dy]) {
    const y = begun(to!.shape, undefined);
    forEachProduct([from!.shape, to!.shape, by!.shape], attributes.windows, (a, b, c) => {
      y[b] = y[b]! + x![a]! * dy![c]!;
    });
    return [y];
  },
  collect({ inputs: [from], outputs: [to], attributes: { lines, columns } }, [x]) {
    const y = new Float64Array(sizeOf(to!.shape));
    forEach(to!.shape, ([image, line, column, channel], index) => {
      for (const a of lines[line!])
        for (const b of columns[column!])
          y[index] = y[index]! + x![indexOf([image!, a, b, channel!], from!.shape)]!;
    });
    return [y];
  },
  channelNorm({ attributes: run }, [x, scale, offset]) {
    const { outer, channels, width, epsilon } = run;
    const y = new Float64Array(x!.length);
    const [means, variances] = [new Float64Array(outer * channels), new Float64Array(outer * channels)];
    for (let unit = 0; unit < (outer * channels) / width; unit++) {
      const [o, group] = [Math.floor((unit * width) / channels), unit % (channels / width)];
      const places = groupOf(o, group, run);
      const { mean, variance } = momentsOf(x!, places);
      means.fill(mean, unit * width, (unit + 1) * width);
      variances.fill(variance, unit * width, (unit + 1) * width);
      for (const at of places) {
        const c = at % channels;
        y[at] = ((x![at]! - mean) / Math.sqrt(variance + Math.fround(epsilon))) * scale![c]! + offset![c]!;
      }
    }
    return [y, means, variances];
  },
  rowNorm({ attributes: { columns, centered, epsilon } }, [x, scale, offset]) {
    const y = new Float64Array(x!.length);
    const statistics = new Float64Array((2 * x!.length) / columns);
    for (let row = 0; row < x!.length / columns; row++) {
      const places = Array.from({ length: columns }, (_, k) => row * columns + k);
      const moments = momentsOf(x!, places);
      const mean = centered ? moments.mean : 0;
      const variance = centered ? moments.variance : moments.variance + moments.mean ** 2;
      const inverse = 1 / Math.sqrt(variance + Math.fround(epsilon));
      statistics.set([mean, inverse], 2 * row);
      for (const [k, at] of places.entries())
        y[at] = (x![at]! - mean) * inverse * scale![k]! + (offset?.[k] ?? 0);
    }
    return [y, statistics];
  },

  matmul({ inputs: [a, b, bias], attributes: layout }, [x, w, start]) {
    const [m, k] = layout === "TN" ? [a!.shape[1]!, a!.shape[0]!] : [a!.shape[0]!, a!.shape[1]!];
    const n = layout === "NT" ? b!.shape[0]! : b!.shape[1]!;
    const y = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = bias ? start![j]! : 0;
        for (let p = 0; p < k; p++) {
          sum += x![layout === "TN" ? p * m + i : i * k + p]! * w![layout === "NT" ? j * k + p : p * n + j]!;
        }
        y[i * n + j] = sum;
      }
    }
    return [y];
  },

  batchMatmul({ inputs: [a, b], outputs: [c], attributes: layout }, [x, w]) {
    const [batch, m, n] = c!.shape as [number, number, number];
    const k = x!.length / batch / m;
    const y = new Float64Array(batch * m * n);
    for (let at = 0; at < batch; at++) {
      const own = (values: Values, size: number) => values.subarray(at * size, (at + 1) * size);
      const one = { inputs: [a, b].map((each) => ({ shape: each!.shape.slice(1) })), attributes: layout };
      const [product] = meanings.matmul!(one as unknown as Node, [own(x!, m * k), own(w!, k * n)]);
      y.set(product!, at * m * n);
    }
    return [y];
  },
  attention: (node, inputs) => attend(node, inputs),
  rotary({ inputs: [of], attributes: { turned, size, sign } }, [x, table]) {
    const [, time, columns] = of!.shape as [number, number, number];
    return [
      x!.map((each, i) => {
        const column = i % columns;
        if (column >= turned) return each;
        const at = 2 * size * (Math.floor(i / columns) % time) + (column % size);
        return each * table![at]! + x![i + (column % 2 === 0 ? 1 : -1)]! * sign * table![at + size]!;
      }),
    ];
  },

  sum: reduceBy((run, scale) => scale * run.reduce((sum, x) => sum + x, 0)),
  max: reduceBy((run) => run.reduce((a, b) => Math.max(a, b))),
  min: reduceBy((run) => run.reduce((a, b) => Math.min(a, b))),
  argmax: reduceBy(argmaxOf),

  reshape: (_, [x]) => [x!.slice()],
  broadcastTo({ inputs: [from], attributes: shape }, [x]) {
    const y = new Float64Array(sizeOf(shape));
    forEach(shape, (position, index) => {
      y[index] = x![broadcastIndex(position, from!.shape)]!;
    });
    return [y];
  },
  permute({ inputs: [from], outputs: [to], attributes: axes }, [x]) {
    const y = new Float64Array(x!.length);
    forEach(to!.shape, (position, index) => {
      const source = from!.shape.map((_, axis) => position[axes.indexOf(axis)]!);
      y[index] = x![indexOf(source, from!.shape)]!;
    });
    return [y];
  },
  slice({ inputs: [from], attributes: { start, size } }, [x]) {
    const y = new Float64Array(sizeOf(size));
    forEach(size, (position, index) => {
      y[index] =
        x![
          indexOf(
            position.map((at, axis) => at + start[axis]),
            from!.shape,
          )
        ]!;
    });
    return [y];
  },
  pad({ inputs: [from], outputs: [to], attributes: { widths, value } }, [x]) {
    const y = new Float64Array(sizeOf(to!.shape)).fill(Math.fround(value));
    forEach(from!.shape, (position, index) => {
      y[
        indexOf(
          position.map((at, axis) => at + widths[axis][0]),
          to!.shape,
        )
      ] = x![index]!;
    });
    return [y];
  },
  concatenate({ inputs: from, outputs: [to], attributes: axis }, inputs) {
    const y = new Float64Array(sizeOf(to!.shape));
    let before = 0;
    for (const [k, { shape }] of from.entries()) {
      forEach(shape, (position, index) => {
        y[indexOf(position.with(axis, position[axis]! + before), to!.shape)] = inputs[k]![index]!;
      });
      before += shape[axis]!;
    }
    return [y];
  },

  gather({ inputs: [from] }, [x, indices]) {
    const columns = from!.shape[1]!;
    const y = new Float64Array(indices!.length * columns);
    indices!.forEach((row, k) => {
      y.set(x!.subarray(row * columns, (row + 1) * columns), k * columns);
    });
    return [y];
  },
  scatterAdd({ inputs: [from], attributes: count }, [x, indices]) {
    const columns = from!.shape[1]!;
    const y = new Float64Array(count * columns);
    for (let i = 0; i < x!.length; i++) {
      const at = indices![Math.floor(i / columns)]! * columns + (i % columns);
      y[at] = y[at]! + x![i]!;
    }
    return [y];
  },
  oneHot({ attributes: classes }, [labels]) {
    const y = new Float64Array(labels!.length * classes);
    labels!.forEach((label, k) => {
      if (label >= 0 && label < classes) y[k * classes + label] = 1;
    });
    return [y];
  },
  equalLabels: (_, [a, b]) => [a!.map((label, k) => Number(label === b![k]))],

  // Only what is asked for has a meaning of its own, not what is kept for the gradient.
  recurrence: (node, inputs) => [recur(node, inputs).values],

  softmax: ({ inputs: [from] }, [x]) => [
    byRow(x!, from!.shape.at(-1)!, (row) => logSoftmaxRow(row).map(Math.exp)),
  ],
  logSoftmax: ({ inputs: [from] }, [x]) => [byRow(x!, from!.shape.at(-1)!, logSoftmaxRow)],
  softmaxCrossEntropy({ inputs: [from] }, [x, labels]) {
    const columns = from!.shape.at(-1)!;
    const logs = byRow(x!, columns, logSoftmaxRow);
    const losses = Float64Array.from(labels!, (label, row) => -logs[row * columns + label]!);
    const residual = byRow(logs, columns, (row, at) =>
      row.map((log, j) => Math.exp(log) - Number(j === labels![at])),
    );
    return [losses, residual];
  },
};

/** log Σ eˣ. */
function logSum(...terms: readonly number[]): number {
  const most = Math.max(...terms);
  return most === Number.NEGATIVE_INFINITY
    ? most
    : most + Math.log(terms.reduce((sum, x) => sum + Math.exp(x - most), 0));
}

/** Graves et al. 2006, equations 6 to 16, of one example: the loss and its gradient by the logits. */
function ctcOf(
  logs: readonly Values[],
  labels: readonly number[],
  blank: number,
): { loss: number; slope: Values[] } {
  const states = [blank, ...labels.flatMap((label) => [label, blank])];
  const reach = (at: (s: number) => number, s: number, step: number) => {
    const differ = states[s] !== blank && states[s] !== states[s + 2 * step];
    return logSum(at(s), at(s + step), differ ? at(s + 2 * step) : Number.NEGATIVE_INFINITY);
  };
  const chances = (frames: readonly Values[], own: readonly number[], step: number) => {
    let before: number[] | undefined;
    return frames.map((frame) => {
      const at = (s: number) => before?.[s] ?? Number.NEGATIVE_INFINITY;
      const row = states.map(
        (label, s) =>
          frame[label]! + (before ? reach(at, s, step) : own.includes(s) ? 0 : Number.NEGATIVE_INFINITY),
      );
      before = row;
      return row;
    });
  };
  const ends = [states.length - 1, states.length - 2];
  const forward = chances(logs, [0, 1], -1);
  const backward = chances([...logs].reverse(), ends, 1).reverse();
  const total = logSum(...ends.map((s) => forward.at(-1)![s] ?? Number.NEGATIVE_INFINITY));
  const slope = logs.map((frame, t) =>
    frame.map((log, k) => {
      const through = states.flatMap((label, s) =>
        label === k ? [forward[t]![s]! + backward[t]![s]! - log] : [],
      );
      return Math.exp(log) - Math.exp(logSum(...through, Number.NEGATIVE_INFINITY) - total);
    }),
  );
  return { loss: -total, slope };
}

meanings.ctc = ({ inputs: [from], attributes: { blank, measured, zeroInfinity } }, [x, all]) => {
  const [examples, frames, classes] = from!.shape as [number, number, number];
  const columns = all!.length / examples;
  const losses = new Float64Array(examples);
  const residual = new Float64Array(x!.length);
  for (let k = 0; k < examples; k++) {
    const row = [...all!.subarray(k * columns, (k + 1) * columns)];
    const given = measured ? row.shift()! : frames;
    const end = row.indexOf(blank);
    const labels = end < 0 ? row : row.slice(0, end);
    const logs = Array.from({ length: given }, (_, t) =>
      logSoftmaxRow(x!.subarray((k * frames + t) * classes, (k * frames + t + 1) * classes)),
    );
    const { loss, slope } = ctcOf(logs, labels, blank);
    const scale = 1 / Math.max(1, labels.length);
    losses[k] = loss === Number.POSITIVE_INFINITY && zeroInfinity ? 0 : loss * scale;
    if (loss === Number.POSITIVE_INFINITY) continue;
    for (const [t, each] of slope.entries()) {
      residual.set(
        each.map((value) => value * scale),
        (k * frames + t) * classes,
      );
    }
  }
  return [losses, residual];
};

/** Computes one node. */
export function compute(node: Node, inputs: readonly Values[]): Values[] {
  const name = node.op!.name;
  const meaning = formulas.has(name) ? elementwise : meanings[name];
  if (!meaning) throw new Error(`the reference does not know ${name}`);
  return meaning(node, inputs);
}

/** The nodes that some tensors depend on, in order. */
export function neededFor(outputs: readonly Tensor[]): Node[] {
  const needed = new Set<Node>();
  const visit = (node: Node) => {
    if (needed.has(node)) return;
    for (const input of node.inputs) visit(input.node);
    needed.add(node);
  };
  for (const output of outputs) visit(output.node);
  return [...needed];
}

/** Every value that some nodes make; those that are known already are not computed again. */
export function evaluate(
  nodes: readonly Node[],
  inputs: ReadonlyMap<Tensor, ArrayLike<number>>,
  known: ReadonlyMap<Tensor, Values> = new Map(),
): Map<Tensor, Values> {
  const values = new Map(known);
  for (const node of nodes) {
    if (node.op) {
      const results = compute(
        node,
        node.inputs.map((input) => values.get(input)!),
      );
      for (const [k, output] of node.outputs.entries()) values.set(output, results[k]!);
    } else {
      const [tensor] = node.outputs;
      const given = node.source?.kind === "constant" ? node.source.values : inputs.get(tensor!);
      if (!given) throw new Error("the reference has no values for an input");
      values.set(tensor!, Float64Array.from(given));
    }
  }
  return values;
}
