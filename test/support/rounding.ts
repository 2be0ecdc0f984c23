// How far 32-bit rounding may carry each value of a graph from the reference: a bound for every element, by running
// error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3). It is what tests
// allow, so no test needs a tolerance of its own.
import type { Node, Tensor } from "#src/graph/tensor";
import { attentionErrors } from "./attention-bounds.ts";
import { broadcastIndices, type Values } from "./elements.ts";
import { normalizationErrors } from "./normalization-bounds.ts";
import { recur } from "./recurrence.ts";
import { compute, parametersOf } from "./reference.ts";
import { magnitudes, ROUNDINGS, summed, TINY, UNIT } from "./rounding-units.ts";
import { formulas } from "./scalar.ts";

/** Ops that do not round: their result is one of their operands, or exact. */
const EXACT = new Set(
  "neg abs sign floor ceil round clamp relu relu6 hardTanh maximum minimum where equal notEqual greater greaterEqual less lessEqual".split(
    " ",
  ),
);
/** Ops of one correctly rounded operation. */
const ROUNDED_ONCE = new Set("add sub mul div square sqrt leakyRelu".split(" "));
/** Ops that pass through numbers larger than their result, so that the error is relative to those. */
const MAGNITUDE: Record<string, (operands: readonly number[], y: number) => number> = {
  gelu: ([x]) => Math.abs(x!),
  geluTanh: ([x]) => Math.abs(x!),
  huber: ([d], y) => Math.max(d! * d!, y),
  bceWithLogits: ([x, target], y) => Math.abs(x!) + Math.abs(x! * target!) + y,
  hardSwish: ([x], y) => Math.abs(x!) + Math.abs(y),
  hardSigmoid: ([x]) => 1 + Math.abs(x!) / 6,
  // The argument's distance from a multiple of π is found in doubles, but the result then is relative to 1.
  sin: (_, y) => Math.abs(y) + 1e-3,
  cos: (_, y) => Math.abs(y) + 1e-3,
};

function elementwise(node: Node, values: readonly Values[], errors: readonly Values[], y: Values): Values {
  const { name } = node.op!;
  const formula = formulas.get(name)!;
  const parameters = parametersOf(node);
  const indices = node.inputs.map((input) => broadcastIndices(input.shape, node.outputs[0]!.shape));
  const units = EXACT.has(name) ? 0 : ROUNDED_ONCE.has(name) ? 1 : ROUNDINGS;
  return y.map((result, i) => {
    const pick = (list: readonly Values[]) => list.map((each, k) => each[indices[k]?.[i] ?? i]!);
    const operands = pick(values);
    const wrong = pick(errors);
    let moved = 0;
    // The corners of the box that the operands lie in: every formula here is monotone between them, or nearly flat.
    for (let corner = 0; corner < 2 ** operands.length; corner++) {
      if (operands.some((_, k) => wrong[k] === 0 && (corner >> k) & 1)) continue;
      const shifted = operands.map((x, k) => x + ((corner >> k) & 1 ? wrong[k]! : -wrong[k]!));
      const distance = Math.abs(formula(shifted, parameters) - result);
      moved = Math.max(
        moved,
        Number.isNaN(distance) && !Number.isNaN(result) ? Number.POSITIVE_INFINITY : distance || 0,
      );
    }
    const scale = MAGNITUDE[name]?.(operands, result) ?? Math.abs(result);
    return moved + (units === 0 || !Number.isFinite(scale) ? 0 : units * UNIT * scale + TINY);
  });
}

/** Error of each row's log Σ exp, and of exp(x − that), as one relative error. */
function softmaxErrors(x: Values, error: Values, columns: number): Values {
  const result = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += columns) {
    const row = x.subarray(from, from + columns);
    const wrong = error.subarray(from, from + columns);
    const shift = row.reduce((a, b) => Math.max(a, b));
    const weights = row.map((value) => Math.exp(value - shift));
    const total = weights.reduce((a, b) => a + b);
    const mean = weights.reduce((sum, weight, j) => sum + (weight / total) * wrong[j]!, 0);
    for (let j = 0; j < columns; j++) {
      const depth = Math.abs(row[j]! - shift);
      result[from + j] = Math.expm1(wrong[j]! + mean) + UNIT * (ROUNDINGS + depth) + summed(columns);
    }
  }
  return result;
}

/** The longest window of a node of windows. */
function longestWindow({ attributes }: Node): number {
  const lengths = attributes.map(({ taps }: { taps: readonly { weights: readonly number[] }[] }) =>
    Math.max(...taps.map(({ weights }) => weights.length)),
  );
  return lengths[0] * lengths[1];
}

/** The bound for each output of a node, from the values of its inputs, their bounds, and the values of its outputs. */
function roundingOf(
  node: Node,
  values: readonly Values[],
  errors: readonly Values[],
  outputs: readonly Values[],
): Values[] {
  const { name } = node.op!;
  const [y] = outputs as [Values];
  if (formulas.has(name)) return [elementwise(node, values, errors, y)];
  const apply = (inputs: readonly Values[]) => compute(node, inputs)[0]!;
  switch (name) {
    case "matmul": {
      const {
        inputs: [a],
        attributes: layout,
      } = node;
      const terms = (layout === "TN" ? a!.shape[0]! : a!.shape[1]!) + 1;
      const [x, w, bias = new Float64Array(y.length)] = values.map(magnitudes) as [Values, Values, Values?];
      const [dx, dw, dBias = new Float64Array(y.length)] = errors as [Values, Values, Values?];
      const none = bias.map(() => 0);
      const parts = [apply([dx, w, dBias]), apply([x.map((each, i) => each + dx[i]!), dw, none])];
      const size = apply([x, w, bias]);
      return [size.map((each, i) => parts[0]![i]! + parts[1]![i]! + summed(terms) * each)];
    }
    case "convolution":
    case "convolutionTransposed":
    case "convolutionWeights": {
      const [a, b, bias] = values.map(magnitudes) as [Values, Values, Values?];
      const [da, db, dBias] = errors as [Values, Values, Values?];
      const parts = [
        apply([da, b.map((each, i) => each + db[i]!), ...(dBias ? [dBias] : [])]),
        apply([a, db]),
      ];
      const size = apply([a, b, ...(bias ? [bias] : [])]);
      // As many products meet in an element as there are where every factor is one.
      const terms = apply([a.map(() => 1), b.map(() => 1)]);
      return [size.map((each, i) => parts[0]![i]! + parts[1]![i]! + summed(terms[i]! + 1) * each)];
    }
    case "collect": {
      const size = apply([magnitudes(values[0]!)]);
      const carried = apply([errors[0]!]);
      return [size.map((each, i) => carried[i]! + summed(4) * each)];
    }
    case "batchMatmul": {
      const [x, w] = values.map(magnitudes) as [Values, Values];
      const [dx, dw] = errors as [Values, Values];
      const parts = [apply([dx, w]), apply([x.map((each, i) => each + dx[i]!), dw])];
      const terms = x.length / node.outputs[0]!.shape[0]! / node.outputs[0]!.shape[1]!;
      return [apply([x, w]).map((each, i) => parts[0]![i]! + parts[1]![i]! + summed(terms) * each)];
    }
    case "rotary": {
      const [x, table] = values.map(magnitudes) as [Values, Values];
      // Two products and their sum, of a table that is rounded to 32 bits before either side sees it.
      const of = (from: Values) =>
        compute({ ...node, attributes: { ...node.attributes, sign: 1 } }, [from, table])[0]!;
      const carried = of(errors[0]!);
      return [of(x).map((each, i) => carried[i]! + 4 * UNIT * each)];
    }
    case "attention":
      return attentionErrors(node, values, errors, outputs);
    case "sum": {
      const size = apply([magnitudes(values[0]!)]);
      const carried = apply([errors[0]!]);
      return [size.map((each, i) => carried[i]! + summed(node.attributes.size) * each)];
    }
    case "scatterAdd": {
      const size = apply([magnitudes(values[0]!), values[1]!]);
      const carried = apply([errors[0]!, values[1]!]);
      return [size.map((each, i) => carried[i]! + summed(values[1]!.length) * each)];
    }
    case "sharedWeightsGradient": {
      const size = apply([magnitudes(values[0]!)]);
      const carried = apply([errors[0]!]);
      return [size.map((each, i) => carried[i]! + summed(values[0]!.length) * each)];
    }
    case "resample": {
      const size = apply([magnitudes(values[0]!)]);
      const carried = apply([errors[0]!]);
      // Each product of two weights is rounded too.
      return [size.map((each, i) => carried[i]! + (summed(longestWindow(node)) + UNIT) * each)];
    }
    case "maxPool": {
      const wrong = errors[0]!.some((error) => error > 0) ? Number.POSITIVE_INFINITY : 0;
      return [apply([errors[0]!]), y.map(() => wrong)];
    }
    case "maxPoolGradient": {
      const size = apply([magnitudes(values[0]!), values[1]!]);
      const carried = apply([errors[0]!, values[1]!]);
      return [size.map((each, i) => carried[i]! + summed(longestWindow(node)) * each)];
    }
    case "takeMaxima":
      return [apply([errors[0]!, values[1]!])];
    case "min":
      return [compute({ ...node, op: { ...node.op!, name: "max" } }, [errors[0]!])[0]!];
    case "pad":
      return [compute({ ...node, attributes: { ...node.attributes, value: 0 } }, [errors[0]!])[0]!];
    case "gather":
      return [apply([errors[0]!, values[1]!])];
    case "sharedWeights":
    case "max":
    case "reshape":
    case "broadcastTo":
    case "permute":
    case "slice":
    case "concatenate":
      return [apply(errors)];
    case "argmax":
    case "oneHot":
    case "equalLabels":
      // Integers: exact where what they come from is, anything otherwise.
      return [
        y.map(() => (errors.some((error) => error.some((each) => each > 0)) ? Number.POSITIVE_INFINITY : 0)),
      ];
    case "recurrence":
      return [recur(node, values, errors).errors];
    case "channelNorm":
    case "rowNorm":
      return normalizationErrors(node, values, errors, outputs);
    case "softmax": {
      const relative = softmaxErrors(values[0]!, errors[0]!, node.inputs[0]!.shape.at(-1)!);
      return [y.map((each, i) => each * relative[i]! + TINY)];
    }
    case "logSoftmax": {
      const relative = softmaxErrors(values[0]!, errors[0]!, node.inputs[0]!.shape.at(-1)!);
      return [y.map((each, i) => relative[i]! + 4 * UNIT * (Math.abs(each) + Math.abs(values[0]![i]!)))];
    }
    case "softmaxCrossEntropy": {
      const [x, labels] = values as [Values, Values];
      const columns = node.inputs[0]!.shape.at(-1)!;
      const relative = softmaxErrors(x, errors[0]!, columns);
      const losses = y.map((each, row) => {
        const label = row * columns + labels[row]!;
        const largest = x
          .subarray(row * columns, (row + 1) * columns)
          .reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        return relative[label]! + 4 * UNIT * (each + largest);
      });
      const residual = outputs[1]!.map((each, i) => {
        const isLabel = i % columns === labels[Math.floor(i / columns)];
        return UNIT * (Math.abs(each) + 1) + Math.abs(isLabel ? each + 1 : each) * relative[i]! + TINY;
      });
      return [losses, residual];
    }
    case "ctc": {
      // Each frame adds the logarithm of a sum of three, and of a softmax, near the largest that there is.
      const [, frames, classes] = node.inputs[0]!.shape as [number, number, number];
      const x = values[0]!;
      const largest = x.reduce((most, each) => Math.max(most, Math.abs(each)), 1);
      const wrong = errors[0]!.reduce((most, each) => Math.max(most, each), 0);
      const frame = 2 * wrong + UNIT * (2 * ROUNDINGS + 4 * largest) + summed(classes);
      const carried = frame * frames;
      return outputs.map((output) =>
        output.map((each) => (Number.isFinite(each) ? carried + 4 * UNIT * Math.abs(each) : 0)),
      );
    }
    default:
      throw new Error(`no bound is known for ${name}`);
  }
}

/** The bound for every value of a graph, whose inputs are exact. */
export function roundings(nodes: readonly Node[], values: ReadonlyMap<Tensor, Values>): Map<Tensor, Values> {
  const errors = new Map<Tensor, Values>();
  for (const node of nodes) {
    const results = node.op
      ? roundingOf(
          node,
          node.inputs.map((input) => values.get(input)!),
          node.inputs.map((input) => errors.get(input)!),
          node.outputs.map((output) => values.get(output)!),
        )
      : [new Float64Array(values.get(node.outputs[0]!)!.length)];
    for (const [k, output] of node.outputs.entries()) errors.set(output, results[k]!);
  }
  return errors;
}
