// Samples to figures: medians, minima, rates and ratios.

/**
 * @import { Suite } from "./suites.js"
 * @import { Row } from "./run.js"
 */

function median(/** @type {number[]} */ values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const label = ({ system, threads, instructionSet }) =>
  `${system}, ${threads} ${threads === 1 ? "thread" : "threads"}, ${instructionSet}`;

/**
 * Replaces each row's samples by figures. A ratio is the median over the rounds of the ratios within one round, there of
 * the fastest samples: on a shared machine whole rounds are slow together, and neighbours take turns within them.
 *
 * @param {Row[]} rows
 * @param {Suite} suite
 * @returns {Row[]}
 */
export function summarize(rows, suite) {
  const marked = rows.filter((row) => row.reference).map(label);
  const present = new Set(marked.length ? marked : rows.slice(0, 1).map(label));
  return rows.map(({ rounds, reference, ...row }) => {
    const samples = rounds.flat();
    if (row.skipped || samples.length === 0) return { ...row, skipped: row.skipped ?? "no sample" };
    const medianMs = median(samples);
    const ratios = {};
    for (const other of rows) {
      if (other.case !== row.case || other.skipped || !present.has(label(other))) continue;
      ratios[label(other)] = median(
        rounds.map((round, i) => ratio(suite, row, round, other, other.rounds[i])),
      );
    }
    return {
      ...row,
      medianMs,
      minMs: Math.min(...samples),
      rounds: rounds.length,
      samples: samples.length,
      ...(row.flops && { gigaflops: row.flops / medianMs / 1e6 }),
      ...(row.bytes && { gigabytesPerSecond: row.bytes / medianMs / 1e6 }),
      ratios,
    };
  });
}

function ratio(suite, row, round, other, otherRound) {
  const time = Math.min(...round) / Math.min(...otherRound);
  if (suite.compare === "time") return time;
  const work = (row.flops ?? row.bytes) / (other.flops ?? other.bytes);
  return work / time;
}
