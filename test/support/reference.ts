// What a graph means: an interpreter in 64-bit floats and plain loops, that knows nothing of kernels, programs or memory.
import type { Node, Tensor } from "#src/graph/tensor";
import { attend } from "./attend.ts";
import { ctc } from "./ctc.ts";
import {
  broadcastIndex,
  broadcastIndices,
  byRow,
  forEach,
  indexOf,
  logSoftmaxRow,
  type Meaning,
  sizeOf,
  type Values,
} from "./elements.ts";
import { normalizationMeanings } from "./moments.ts";
import { recur } from "./recurrence.ts";
import { formulas } from "./scalar.ts";
import { windowMeanings } from "./windows.ts";

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

function argmaxOf(run: readonly number[]): number {
  const nan = run.findIndex(Number.isNaN);
  return nan >= 0 ? nan : run.indexOf(Math.max(...run));
}

const meanings: Record<string, Meaning> = {
  ...windowMeanings,
  ...normalizationMeanings,
  ctc,
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
  sharedWeights({ attributes: { assignment } }, [codebook]) {
    return [Float64Array.from(assignment as Int32Array, (k) => codebook![k]!)];
  },
  sharedWeightsGradient({ outputs: [to], attributes: { assignment } }, [dy]) {
    const y = new Float64Array(to!.size);
    for (const [i, k] of (assignment as Int32Array).entries()) y[k] = y[k]! + dy![i]!;
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
