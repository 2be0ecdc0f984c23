// Where to cut a distribution before it is quantized, from its histogram: by share, or by the information that is lost.

/** Levels of a magnitude with 8 bits, the sign aside. */
const LEVELS = 128;

/** How many numbers lie in each of equal parts of a range. */
export class Histogram {
  readonly counts: Float64Array;
  readonly low: number;
  readonly high: number;
  readonly #scale: number;

  constructor(bins: number, low: number, high: number) {
    this.counts = new Float64Array(bins);
    this.low = low;
    this.high = high;
    this.#scale = high > low ? bins / (high - low) : 0;
  }

  /** Counts a number of the range. */
  add(value: number): void {
    const last = this.counts.length - 1;
    const bin = Math.min(last, Math.floor((value - this.low) * this.#scale));
    this.counts[bin] = this.counts[bin]! + 1;
  }

  /** The lower end of a bin; of the bin behind the last, the upper end of the range. */
  edge(bin: number): number {
    return this.low + ((this.high - this.low) * bin) / this.counts.length;
  }
}

/** The range outside of which a share of the numbers lies, half of it on each side, to the next edge of a bin. */
export function withinShare(histogram: Histogram, outside: number): readonly [low: number, high: number] {
  const { counts } = histogram;
  const most = (counts.reduce((sum, count) => sum + count, 0) * outside) / 2;
  const from = (step: 1 | -1) => {
    let bin = step === 1 ? 0 : counts.length - 1;
    for (let left = counts[bin]!; left <= most; left += counts[bin]!) bin += step;
    return bin;
  };
  return [histogram.edge(from(1)), histogram.edge(from(-1) + 1)];
}

/** Of the first bins of a histogram, what 128 levels keep: each level's count spread over its bins that are not empty. */
function spread(counts: Float64Array, bins: number): Float64Array {
  const result = new Float64Array(bins);
  for (let level = 0; level < LEVELS; level++) {
    const from = Math.ceil((level * bins) / LEVELS);
    const to = Math.ceil(((level + 1) * bins) / LEVELS);
    let sum = 0;
    let filled = 0;
    for (let bin = from; bin < to; bin++) {
      sum += counts[bin]!;
      if (counts[bin]! > 0) filled++;
    }
    for (let bin = from; bin < to; bin++) if (counts[bin]! > 0) result[bin] = sum / filled;
  }
  return result;
}

/** Σ p log(p / q) of two lists of counts; infinite where q has nothing and p has something. */
function divergence(p: Float64Array, q: Float64Array): number {
  let [sumP, sumQ] = [0, 0];
  for (let bin = 0; bin < p.length; bin++) {
    sumP += p[bin]!;
    sumQ += q[bin]!;
  }
  let result = 0;
  for (let bin = 0; bin < p.length; bin++) {
    const share = p[bin]! / sumP;
    if (share > 0) result += share * Math.log(share / (q[bin]! / sumQ));
  }
  return result;
}

/**
 * The magnitude to cut at: of all ends of bins from the 128th on, the one whose distribution, outliers gathered in the last
 * bin, diverges least from what 128 levels keep of it; of equal ones the largest. Migacz 2017, "8-bit inference with TensorRT".
 * The first bin counts as the second does, as in NVIDIA's pytorch-quantization: the zeros of a ReLU are exact at any scale,
 * and would have every cut but the lowest lose. No cut gathers more than it keeps: of numbers far from 0 the first bin that has
 * some would by itself be like all of them gathered in it, and lose nothing.
 */
export function leastDivergence(magnitudes: Histogram): number {
  const counts = magnitudes.counts.slice();
  counts[0] = counts[1]!;
  const all = counts.reduce((sum, count) => sum + count, 0);
  let outliers = counts.reduce((sum, count, bin) => (bin < LEVELS ? sum : sum + count), 0);
  let [least, best] = [Number.POSITIVE_INFINITY, counts.length];
  for (let bins = LEVELS; bins <= counts.length; bins++) {
    if (2 * outliers <= all) {
      const p = counts.slice(0, bins);
      p[bins - 1] = p[bins - 1]! + outliers;
      const lost = divergence(p, spread(counts, bins));
      if (lost <= least) [least, best] = [lost, bins];
    }
    outliers -= counts[bins] ?? 0;
  }
  return magnitudes.edge(best);
}
