// Covariance matrix adaptation: a normal distribution that learns the shape of the valley from its best samples.
// Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), Figure 6 and Table 1, whose letters it uses.

import { Draws } from "../core/draws.ts";
import { exp, log } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkPositive, oneOf } from "../optim/transform.ts";
import { eigen } from "./eigen.ts";
import { evaluate, type Method } from "./method.ts";
import { notNegative, whole } from "./range.ts";
import { addScaled, along, dot, norm, order } from "./vector.ts";

/** Options of {@link cmaEs}. */
export interface CmaEsOptions {
  /** σ, the first generation's standard deviation in every coordinate; about a third of where to search. Default: 0.3. */
  readonly sigma?: number;
  /** λ, samples a generation; more find a better one of many minima. Default: 4 + ⌊3 ln n⌋. */
  readonly population?: number;
  /**
   * "full": every pair of coordinates, n² numbers and n³ work now and then. "diagonal": separable, n of each, for many
   * coordinates that hardly depend on each other. Ros & Hansen 2008. Default: "full".
   */
  readonly covariance?: "full" | "diagonal";
  /** Converged when the distribution is narrower than this share of the first σ … Default: 1e-12. */
  readonly pointTolerance?: number;
  /** … or the last generation and the best of some before it lie within this. Default: 1e-12. */
  readonly valueTolerance?: number;
}

/** Ratio of the longest to the shortest axis, squared, beyond which the distribution has degenerated. */
const CONDITION_LIMIT = 1e14;

/**
 * CMA-ES, for functions without a gradient, rugged ones too; active, that is bad samples count as well. A step is a
 * generation. Samples beyond the bounds are moved into them, and rank behind by how far they were (section B.5).
 * @throws OptionError for an option out of range.
 * @example await minimize(rastrigin({ dimensions: 5 }), [3, 3, 3, 3, 3], cmaEs({ sigma: 2, population: 100 }), { seed: 1 })
 */
export function cmaEs(options: CmaEsOptions = {}): Method {
  const {
    sigma: sigma0 = 0.3,
    population,
    covariance = "full",
  } = checkOptions("cmaEs", options, {
    sigma: 0,
    population: 0,
    covariance: 0,
    pointTolerance: 0,
    valueTolerance: 0,
  });
  const { pointTolerance = 1e-12, valueTolerance = 1e-12 } = options;
  checkPositive("cmaEs: sigma", sigma0);
  if (population !== undefined) whole("cmaEs: population", population, 4);
  oneOf("cmaEs: covariance", covariance, ["full", "diagonal"]);
  notNegative("cmaEs: pointTolerance", pointTolerance);
  notNegative("cmaEs: valueTolerance", valueTolerance);
  return {
    name: "cmaEs",
    needs: "value",
    *search(start, { seed, clamp }) {
      const n = start.point.length;
      const draws = new Draws(seed, "cma-es");
      const lambda = population ?? 4 + Math.floor(3 * log(n));
      const { weights, mu, muEff, cSigma, dSigma, cC, c1, cMu } = constants(n, lambda, covariance === "full");
      const sumOfWeights = weights.reduce((sum, w) => sum + w, 0);
      const expectedNorm = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
      const distribution = covariance === "full" ? new Full(n) : new Diagonal(n);
      const lazy = Math.max(1, Math.floor(1 / (10 * n * (c1 + cMu))));

      let mean = start.point;
      let sigma = sigma0;
      const pSigma = new Float64Array(n);
      const pC = new Float64Array(n);
      const bests: number[] = [];
      const remembered = 10 + Math.ceil((30 * n) / lambda);
      /** (1 − cσ)^(2g). */
      let fading = 1;
      for (let generation = 1; ; generation++) {
        const ys: Float64Array[] = [];
        const points: Float64Array[] = [];
        const values: number[] = [];
        const beyond: number[] = [];
        for (let k = 0; k < lambda; k++) {
          const y = distribution.color(draws.normals(n));
          const x = along(mean, sigma, y);
          const point = clamp(x.slice());
          const outside = along(x, -1, point);
          const square = dot(outside, outside);
          ys.push(square > 0 ? point.map((xi, i) => (xi - mean[i]!) / sigma) : y);
          points.push(point);
          values.push((yield* evaluate(point)).value);
          beyond.push(square);
        }
        const finite = values.filter((value) => value < Infinity);
        const spread = finite.length > 0 ? Math.max(...finite) - Math.min(...finite) : 0;
        const furthest = Math.max(...beyond);
        const ranked = order(
          furthest > 0 ? values.map((value, k) => value + (spread * beyond[k]!) / furthest) : values,
        );

        const y = new Float64Array(n);
        for (let i = 0; i < mu; i++) addScaled(weights[i]!, ys[ranked[i]!]!, y);
        mean = along(mean, sigma, y);
        const whitened = distribution.whiten(y);
        const gain = Math.sqrt(cSigma * (2 - cSigma) * muEff);
        for (let i = 0; i < n; i++) pSigma[i] = (1 - cSigma) * pSigma[i]! + gain * whitened[i]!;
        const length = norm(pSigma);
        fading *= (1 - cSigma) * (1 - cSigma);
        // h_σ stalls the path of C while σ grows fast.
        const calm = length / Math.sqrt(1 - fading) < (1.4 + 2 / (n + 1)) * expectedNorm;
        const gainC = calm ? Math.sqrt(cC * (2 - cC) * muEff) : 0;
        for (let i = 0; i < n; i++) pC[i] = (1 - cC) * pC[i]! + gainC * y[i]!;
        const kept = 1 + (calm ? 0 : c1 * cC * (2 - cC)) - c1 - cMu * sumOfWeights;
        distribution.fade(kept);
        distribution.add(c1, pC);
        ranked.forEach((k, i) => {
          const w = weights[i]!;
          const z = w < 0 ? distribution.whiten(ys[k]!) : y;
          // A bad sample takes away no more than a sample of average length. One on the mean takes nothing.
          const size = dot(z, z);
          if (w >= 0 || size > 0) distribution.add(cMu * (w < 0 ? (w * n) / size : w), ys[k]!);
        });
        sigma *= exp((cSigma / dSigma) * (length / expectedNorm - 1));

        const best = ranked[0]!;
        yield { want: "step", point: points[best]!, value: values[best]! };
        bests.push(values[best]!);
        if (bests.length > remembered) bests.shift();
        const recent = [...bests, ...values];
        if (bests.length === remembered && Math.max(...recent) - Math.min(...recent) <= valueTolerance) {
          return "converged";
        }
        const limit = pointTolerance * sigma0;
        if (
          distribution.deviations().every((d) => sigma * d < limit) &&
          pC.every((p) => sigma * Math.abs(p) < limit)
        ) {
          return "converged";
        }
        if (generation % lazy === 0) distribution.refresh();
        if (!(distribution.condition() < CONDITION_LIMIT && sigma < Infinity)) return "stuck";
      }
    },
  };
}

/** Table 1, and of Ros & Hansen's section 3 the faster learning of n numbers instead of n². */
function constants(n: number, lambda: number, full: boolean) {
  const raw = Array.from({ length: lambda }, (_, i) => log((lambda + 1) / 2) - log(i + 1));
  const mu = Math.floor(lambda / 2);
  const effective = (part: readonly number[]) => {
    const sum = part.reduce((a, w) => a + w, 0);
    return (sum * sum) / part.reduce((a, w) => a + w * w, 0);
  };
  const muEff = effective(raw.slice(0, mu));
  const cSigma = (muEff + 2) / (n + muEff + 5);
  const dSigma = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma;
  const cC = (4 + muEff / n) / (n + 4 + (2 * muEff) / n);
  const faster = full ? 1 : (n + 2) / 3;
  const c1 = Math.min(1, (faster * 2) / ((n + 1.3) * (n + 1.3) + muEff));
  const cMu = Math.min(1 - c1, (faster * 2 * (muEff - 2 + 1 / muEff)) / ((n + 2) * (n + 2) + muEff));
  // Negative weights: equations 49 to 53.
  const muEffNegative = effective(raw.slice(mu));
  const most = Math.min(1 + c1 / cMu, 1 + (2 * muEffNegative) / (muEff + 2), (1 - c1 - cMu) / (n * cMu));
  const sum = (sign: number) => raw.reduce((a, w) => a + Math.max(0, sign * w), 0);
  const [positiveSum, negativeSum] = [sum(1), sum(-1)];
  const weights = raw.map((w) => (w >= 0 ? w / positiveSum : (most * w) / negativeSum));
  return { weights, mu, muEff, cSigma, dSigma, cC, c1, cMu };
}

/** A covariance C = B D² Bᵀ. */
interface Distribution {
  /** B D z. */
  color(z: Float64Array): Float64Array;
  /** C^(−½) y. */
  whiten(y: Float64Array): Float64Array;
  /** C ← a C. */
  fade(a: number): void;
  /** C ← C + a y yᵀ. */
  add(a: number, y: Float64Array): void;
  /** Takes what was added into B and D. */
  refresh(): void;
  /** Square roots of C's diagonal. */
  deviations(): Float64Array;
  /** Of the largest to the smallest eigenvalue. */
  condition(): number;
}

const ratio = (d: Float64Array) => {
  const [longest, shortest] = [Math.max(...d), Math.min(...d)];
  return (longest / shortest) * (longest / shortest);
};

class Full implements Distribution {
  readonly n: number;
  readonly c: Float64Array;
  b: Float64Array;
  d: Float64Array;

  constructor(n: number) {
    this.n = n;
    this.c = new Float64Array(n * n);
    for (let i = 0; i < n; i++) this.c[i * n + i] = 1;
    this.b = this.c.slice();
    this.d = new Float64Array(n).fill(1);
  }
  color(z: Float64Array): Float64Array {
    return this.#rotate(z.map((x, i) => x * this.d[i]!));
  }
  whiten(y: Float64Array): Float64Array {
    const { n, b, d } = this;
    const inside = new Float64Array(n);
    for (let i = 0; i < n; i++) addScaled(y[i]!, b.subarray(i * n, i * n + n), inside);
    return this.#rotate(inside.map((x, i) => x / d[i]!));
  }
  #rotate(x: Float64Array): Float64Array {
    const { n, b } = this;
    return x.map((_, i) => dot(b.subarray(i * n, i * n + n), x));
  }
  fade(a: number): void {
    for (let i = 0; i < this.c.length; i++) this.c[i]! *= a;
  }
  add(a: number, y: Float64Array): void {
    const { n, c } = this;
    // (yᵢyⱼ)a, not (a yᵢ)yⱼ: C stays symmetric to the bit.
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) c[i * n + j]! += a * (y[i]! * y[j]!);
  }
  refresh(): void {
    const { values, vectors } = eigen(this.c, this.n);
    this.b = vectors;
    this.d = values.map(Math.sqrt);
  }
  deviations(): Float64Array {
    return this.d.map((_, i) => Math.sqrt(this.c[i * this.n + i]!));
  }
  condition(): number {
    return ratio(this.d);
  }
}

class Diagonal implements Distribution {
  readonly c: Float64Array;
  d: Float64Array;

  constructor(n: number) {
    this.c = new Float64Array(n).fill(1);
    this.d = this.c.slice();
  }
  color(z: Float64Array): Float64Array {
    return z.map((x, i) => x * this.d[i]!);
  }
  whiten(y: Float64Array): Float64Array {
    return y.map((x, i) => x / this.d[i]!);
  }
  fade(a: number): void {
    for (let i = 0; i < this.c.length; i++) this.c[i]! *= a;
  }
  add(a: number, y: Float64Array): void {
    for (let i = 0; i < this.c.length; i++) this.c[i]! += a * (y[i]! * y[i]!);
  }
  refresh(): void {
    this.d = this.c.map(Math.sqrt);
  }
  deviations(): Float64Array {
    return this.c.map(Math.sqrt);
  }
  condition(): number {
    return ratio(this.d);
  }
}
