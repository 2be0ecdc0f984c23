// How far rounding may carry attention.
import type { Node } from "#src/graph/tensor";
import { attend } from "./attend.ts";
import type { Values } from "./elements.ts";
import { magnitudes, ROUNDINGS, summed, TINY, UNIT } from "./rounding-units.ts";

/**
 * A weight is off by its score's error, the mean of the row's errors, and the exponential's and the sum's own; the output
 * by that relative to Σ weight |v|, and by the roundings of its own sum. Weights below 2⁻⁴⁰ of the largest are left out.
 */
export function attentionErrors(
  node: Node,
  values: readonly Values[],
  errors: readonly Values[],
  outputs: readonly Values[],
): Values[] {
  const { heads, queries, keySize, valueSize, parts, scale } = node.attributes;
  const [q, k] = [values[parts[0].input]!, values[parts[1].input]!];
  const [dq, dk] = [errors[parts[0].input]!, errors[parts[1].input]!];
  const [y, sums] = outputs as [Values, Values];
  const relative = new Float64Array(sums.length);
  attend(node, values, (row, terms) => {
    const wrong = terms.map(({ score, qAt, kAt }) => {
      if (score === Number.NEGATIVE_INFINITY) return 0;
      let size = 0;
      let carried = 0;
      for (let c = 0; c < keySize; c++) {
        const [a, b] = [Math.abs(q[qAt + c]!), Math.abs(k[kAt + c]!)];
        size += a * b;
        carried += a * dk[kAt + c]! + (b + dk[kAt + c]!) * dq[qAt + c]!;
      }
      const rounded = 4 * UNIT * (Math.abs(score) + Math.abs(score - sums[row]!));
      return Math.abs(scale) * (carried + summed(keySize) * size) + rounded;
    });
    const mean = wrong.reduce((sum, each, j) => sum + each * terms[j]!.weight, 0);
    relative[row] =
      Math.expm1(Math.max(0, ...wrong) + mean) +
      ROUNDINGS * UNIT +
      2 * summed(terms.length) +
      terms.length * 2 ** -40;
  });
  // What errors of v come to, and the size of the sum's terms: attention to them with the same weights.
  const [part] = parts.slice(2);
  const through = (of: Values) => {
    const [first, second] = [parts[0].input, parts[1].input].map((input: number) => values[input]!);
    const count = values.length;
    const apart = {
      ...node,
      inputs: [
        node.inputs[parts[0].input]!,
        node.inputs[parts[1].input]!,
        node.inputs[part.input]!,
        ...(node.attributes.masked ? [node.inputs[count - 1]!] : []),
      ],
      attributes: {
        ...node.attributes,
        parts: parts.map((each: { column: number }, input: number) => ({ input, column: each.column })),
      },
    };
    return attend(apart as Node, [
      first!,
      second!,
      of,
      ...(node.attributes.masked ? [values[count - 1]!] : []),
    ])[0]!;
  };
  const size = through(magnitudes(values[part.input]!));
  const carried = through(errors[part.input]!);
  const width = heads * valueSize;
  return [
    y.map((_, i) => {
      const row =
        (Math.floor(i / (queries * width)) * heads + Math.floor((i % width) / valueSize)) * queries +
        (Math.floor(i / width) % queries);
      return carried[i]! * (1 + relative[row]!) + size[i]! * relative[row]! + TINY;
    }),
    sums.map((each, row) => relative[row]! + 4 * UNIT * Math.abs(each)),
  ];
}
