// What a recurrence means, in plain loops of 64-bit floats, and how far 32-bit rounding may carry each of its values:
// every number goes with a bound of its error, step by step.
import type { Node } from "#src/graph/tensor";

type Values = Float64Array;

/** Half a unit in the last place of 1. */
const UNIT = 2 ** -24;
/** A number and a bound of its error. */
interface Number2 {
  readonly x: number;
  readonly e: number;
}
const exact = (x: number): Number2 => ({ x, e: 0 });
/** After an operation that rounds a few times. */
const rounded = (x: number, e: number, roundings = 1): Number2 => ({
  x,
  e: e + roundings * UNIT * Math.abs(x),
});
const plus = (a: Number2, b: Number2) => rounded(a.x + b.x, a.e + b.e);
const times = (a: Number2, b: Number2) =>
  rounded(a.x * b.x, Math.abs(a.x) * b.e + Math.abs(b.x) * a.e + a.e * b.e);
/** Both functions are monotone and steepest at 0; they are off by up to 3 units in the last place. */
const sigmoid = ({ x, e }: Number2) => {
  const of = (at: number) => 1 / (1 + Math.exp(-at));
  return rounded(of(x), Math.max(of(x + e) - of(x), of(x) - of(x - e)), 8);
};
const tanh = ({ x, e }: Number2) =>
  rounded(Math.tanh(x), Math.max(Math.tanh(x + e) - Math.tanh(x), Math.tanh(x) - Math.tanh(x - e)), 8);
const relu = ({ x, e }: Number2) => ({ x: Math.max(0, x), e });
const minus = (a: Number2): Number2 => ({ x: -a.x, e: a.e });

/** The states at all steps, or the last, and their bounds. */
export function recur(
  { inputs: tensors, attributes }: Node,
  values: readonly Values[],
  errors: readonly Values[] = values.map(({ length }) => new Float64Array(length)),
): { values: Values; errors: Values } {
  const { cell, reverse, sequences, bias: hasBias, state: hasState, mask: hasMask } = attributes;
  const [time, batch, columns] = tensors[0]!.shape as [number, number, number];
  const units = tensors[1]!.shape[0]!;
  const at = (input: number, index: number): Number2 => ({
    x: values[input]![index]!,
    e: errors[input]![index]!,
  });
  let next = 2;
  const [bias, state, mask] = [hasBias, hasState, hasMask].map((has) => (has ? next++ : undefined));
  const more = attributes.withCell ? 1 : 0;
  const result = new Float64Array(((sequences ? time : 1) + more) * batch * units);
  const bounds = new Float64Array(result.length);
  for (let b = 0; b < batch; b++) {
    const initial = (block: number) =>
      Array.from({ length: units }, (_, j) =>
        state === undefined ? exact(0) : at(state, ((block * batch + b) * units + j) | 0),
      );
    let h = initial(0);
    let c = cell === "lstm" ? initial(1) : h;
    for (let s = 0; s < time; s++) {
      const t = reverse ? time - 1 - s : s;
      const before = h;
      /** The sum that a gate's product is, begun at x or at a bias. */
      const gate = (g: number, j: number, begin: Number2): Number2 => {
        const column = g * units + j;
        let { x, e } = begin;
        let magnitude = Math.abs(x);
        for (let k = 0; k < units; k++) {
          const u = at(1, k * columns + column);
          const { x: hx, e: he } = before[k]!;
          x += hx * u.x;
          magnitude += Math.abs(hx * u.x);
          e += Math.abs(hx) * u.e + Math.abs(u.x) * he + he * u.e;
        }
        return { x, e: e + UNIT * (Math.min(units, 8 * Math.sqrt(units)) + 2) * magnitude };
      };
      const given = (g: number, j: number) => at(0, (t * batch + b) * columns + g * units + j);
      if (mask === undefined || values[mask]![b * time + t] !== 0) {
        const cells: Number2[] = [];
        h = before.map((old, j) => {
          if (cell === "lstm") {
            const [i, f, g, o] = [0, 1, 2, 3].map((k) => gate(k, j, given(k, j))) as [
              Number2,
              Number2,
              Number2,
              Number2,
            ];
            cells[j] = plus(times(sigmoid(f), c[j]!), times(sigmoid(i), tanh(g)));
            return times(sigmoid(o), tanh(cells[j]!));
          }
          if (cell === "gru") {
            const begin = (k: number) => (bias === undefined ? exact(0) : at(bias, k * units + j));
            const [r, z] = [0, 1].map((k) => sigmoid(plus(given(k, j), gate(k, j, begin(k))))) as [
              Number2,
              Number2,
            ];
            const n = tanh(plus(given(2, j), times(r, gate(2, j, begin(2)))));
            return plus(n, times(z, plus(old, minus(n))));
          }
          const z = gate(0, j, given(0, j));
          return cell === "rnnRelu" ? relu(z) : tanh(z);
        });
        if (cell === "lstm") c = cells;
      }
      const put = (row: number, numbers: readonly Number2[]) => {
        for (const [j, { x, e }] of numbers.entries()) {
          result[row * units + j] = x;
          bounds[row * units + j] = e;
        }
      };
      if (sequences || s === time - 1) put((sequences ? t : 0) * batch + b, h);
      if (more && s === time - 1) put((sequences ? time : 1) * batch + b, c);
    }
  }
  return { values: result, errors: bounds };
}
