// How far rounding may carry what is normalized.
import type { Node } from "#src/graph/tensor";
import type { Values } from "./elements.ts";
import { ROUNDINGS, summed, TINY, UNIT } from "./rounding-units.ts";

/**
 * Of numbers taken as they are: a mean is off by a part of the largest of the magnitudes in it, what lies about it by as
 * much, and a factor by the roundings of a sum of squares, a root and a quotient.
 */
export function normalizationErrors(
  { op, attributes: run }: Node,
  values: readonly Values[],
  errors: readonly Values[],
  outputs: readonly Values[],
): Values[] {
  if (errors.some((each) => each.some((error) => error > 0))) throw new Error("wanted inputs that are exact");
  const [x, scale, offset] = values as [Values, Values, Values?];
  const byChannel = op!.name === "channelNorm";
  const [y, first, second] = outputs as [Values, Values, Values?];
  const count = byChannel ? run.size * run.width : run.columns;
  const share = summed(count) + ROUNDINGS * UNIT;
  // The statistics' place of an element, and the scale's.
  const unitOf = (at: number) =>
    byChannel
      ? Math.floor(at / (run.size * run.channels)) * run.channels + (at % run.channels)
      : Math.floor(at / run.columns);
  const partOf = (at: number) => at % scale.length;
  const units = byChannel ? first.length : first.length / 2;
  const largest = new Float64Array(units);
  for (const at of x.keys()) largest[unitOf(at)] = Math.max(largest[unitOf(at)]!, Math.abs(x[at]!));
  const widest = largest.map((each, unit) => {
    const from = byChannel ? unit - (unit % run.width) : unit;
    return Math.max(each, ...largest.subarray(from, from + (run.width ?? 1)));
  });
  const inverse = (unit: number) =>
    byChannel ? 1 / Math.sqrt(second![unit]! + run.epsilon) : first[2 * unit + 1]!;
  const yError = y.map((_, at) => {
    const unit = unitOf(at);
    const factor = Math.abs(scale[partOf(at)]!) * inverse(unit);
    // What the mean is off by shifts the row, and what its square is of the variance turns it.
    const off = share * widest[unit]!;
    return share * (2 * widest[unit]! * factor + Math.abs(offset?.[partOf(at)] ?? 0)) + off * factor + TINY;
  });
  if (byChannel)
    return [
      yError,
      widest.map((each) => share * each),
      second!.map((each, c) => share * (each + share * widest[c]! ** 2)),
    ];
  return [
    yError,
    first.map((each, k) =>
      k % 2 === 0 ? share * widest[k >> 1]! : share * each * (1 + widest[k >> 1]! * each),
    ),
  ];
}
