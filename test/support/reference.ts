// What a graph means: an interpreter in 64-bit floats and plain loops, that knows nothing of kernels, programs or memory.
import type { Shape } from "#src/core/shape";
import type { Node, Tensor } from "#src/graph/tensor";
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
      y[k * classes + label] = 1;
    });
    return [y];
  },
  equalLabels: (_, [a, b]) => [a!.map((label, k) => Number(label === b![k]))],

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
