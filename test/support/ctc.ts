// What connectionist temporal classification means, in logarithms and 64-bit floats.
import { logSoftmaxRow, type Meaning, type Values } from "./elements.ts";

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

export const ctc: Meaning = ({ inputs: [from], attributes: { blank, measured, zeroInfinity } }, [x, all]) => {
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
