// What normalization means: by group of channels, and by row.
import type { Meaning, Values } from "./elements.ts";

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

/** By the name of the op. */
export const normalizationMeanings: Record<string, Meaning> = {
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
};
