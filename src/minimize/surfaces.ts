// Functions that minimizers are tried on: value, gradient, Hessian-vector product, minimum, box and start of each.
// Formulas, boxes and minima after Surjanovic & Bingham's Virtual Library of Simulation Experiments.

import { Draws } from "../core/draws.ts";
import { cosPi, exp, pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkPositive } from "../optim/transform.ts";
import type { Evaluation, Objective } from "./objective.ts";
import { notNegative, whole } from "./range.ts";

/** A function with all that is known of it. */
export interface Surface extends Objective {
  readonly name: string;
  readonly dimensions: number;
  value(point: ArrayLike<number>): number;
  valueAndGradient(point: ArrayLike<number>): Evaluation & { readonly gradient: Float64Array };
  hessianVector(point: ArrayLike<number>, vector: ArrayLike<number>): Float64Array;
  /** The lowest value, and every point that has it. */
  readonly minimum: { readonly value: number; readonly points: readonly (readonly number[])[] };
  /** Where each coordinate is usually searched. */
  readonly domain: readonly [low: number, high: number];
  /** Where to begin. */
  readonly start: readonly number[];
}

/** Options of {@link sphere}, {@link rosenbrock}, {@link rastrigin}, {@link ackley} and {@link styblinskiTang}. */
export interface SurfaceOptions {
  /** n. Default: 2. */
  readonly dimensions?: number;
}

const sinPi = (x: number) => cosPi(x - 0.5);

type About = Pick<Surface, "name" | "minimum" | "domain" | "start">;

interface Formulas {
  value(x: ArrayLike<number>): number;
  gradient(x: ArrayLike<number>, dx: Float64Array): void;
  product(x: ArrayLike<number>, v: ArrayLike<number>, y: Float64Array): void;
}

function surface(about: About, { value, gradient, product }: Formulas): Surface {
  const dimensions = about.start.length;
  return {
    ...about,
    dimensions,
    value,
    valueAndGradient(x) {
      const dx = new Float64Array(dimensions);
      gradient(x, dx);
      return { value: value(x), gradient: dx };
    },
    hessianVector(x, v) {
      const y = new Float64Array(dimensions);
      product(x, v, y);
      return y;
    },
  };
}

/** A sum of functions of one coordinate each; `term` gives value, first and second derivative. */
function separable(about: About, term: (x: number, i: number) => readonly [number, number, number]): Surface {
  return surface(about, {
    value: (x) => about.start.reduce((sum, _, i) => sum + term(x[i]!, i)[0], 0),
    gradient: (x, dx) => dx.set(dx.map((_, i) => term(x[i]!, i)[1])),
    product: (x, v, y) => y.set(y.map((_, i) => term(x[i]!, i)[2] * v[i]!)),
  });
}

/** A function of two coordinates; `terms` gives f, f_x, f_y, f_xx, f_xy, f_yy. */
function planar(about: About, terms: (x: number, y: number) => readonly number[]): Surface {
  const at = (x: ArrayLike<number>) =>
    terms(x[0]!, x[1]!) as [number, number, number, number, number, number];
  return surface(about, {
    value: (x) => at(x)[0],
    gradient: (x, dx) => dx.set(at(x).slice(1, 3)),
    product: (x, v, y) => {
      const [, , , xx, xy, yy] = at(x);
      y.set([xx * v[0]! + xy * v[1]!, xy * v[0]! + yy * v[1]!]);
    },
  });
}

function about(
  name: string,
  start: readonly number[],
  domain: readonly [number, number],
  points: readonly (readonly number[])[],
  value = 0,
): About {
  return { name, start, domain, minimum: { value, points } };
}

const count = (name: string, options: SurfaceOptions, least = 1) =>
  whole(`${name}: dimensions`, checkOptions(name, options, { dimensions: 0 }).dimensions ?? 2, least);
const all = (n: number, x: number) => new Array<number>(n).fill(x);

/** Σ x². */
export function sphere(options: SurfaceOptions = {}): Surface {
  const n = count("sphere", options);
  return separable(about("sphere", all(n, 1), [-5.12, 5.12], [all(n, 0)]), (x) => [x * x, 2 * x, 2]);
}

/** Options of {@link quadratic}. */
export interface QuadraticOptions extends SurfaceOptions {
  /** Ratio of the largest to the smallest second derivative, at least 1. Default: 1e4. */
  readonly condition?: number;
}

const QUADRATIC = { dimensions: 0, condition: 0 } as const;

/** h from 1 to the condition, in equal ratios. */
function curvatures(name: string, { condition = 1e4, ...rest }: QuadraticOptions): number[] {
  const n = count(name, rest, 2);
  checkPositive(`${name}: condition`, condition);
  return all(n, 0).map((_, i) => pow(condition, i / (n - 1)));
}

/** ½ Σ hᵢ xᵢ², with hᵢ from 1 to the condition in equal ratios: a long narrow valley. */
export function quadratic(options: QuadraticOptions = {}): Surface {
  const h = curvatures("quadratic", checkOptions("quadratic", options, QUADRATIC));
  const n = h.length;
  return separable(about("quadratic", all(n, 1), [-5, 5], [all(n, 0)]), (x, i) => [
    0.5 * h[i]! * x * x,
    h[i]! * x,
    h[i]!,
  ]);
}

/** Options of {@link noisyQuadratic}. */
export interface NoisyQuadraticOptions extends QuadraticOptions {
  /** σ ≥ 0, deviation of the minimum. Default: 0.1. */
  readonly noise?: number;
  /** Default: 0. */
  readonly seed?: number;
}

/**
 * ½ Σ hᵢ (xᵢ − cᵢ)², whose minimum c is drawn anew, normal around 0, at every call: what a gradient of a batch is like.
 * Zhang et al. 2019, "Which algorithmic choices matter at which batch sizes?". The minimum given is that of the mean.
 */
export function noisyQuadratic(options: NoisyQuadraticOptions = {}): Surface {
  const known = { ...QUADRATIC, noise: 0, seed: 0 } as const;
  const { noise = 0.1, seed = 0, ...valley } = checkOptions("noisyQuadratic", options, known);
  const h = curvatures("noisyQuadratic", valley);
  notNegative("noisyQuadratic: noise", noise);
  const draws = new Draws(seed, "noisy quadratic");
  const still = quadratic(valley);
  const moved = (x: ArrayLike<number>) => draws.normals(h.length).map((c, i) => x[i]! - noise * c);
  const lowest = 0.5 * noise * noise * h.reduce((sum, each) => sum + each, 0);
  return {
    ...still,
    ...about("noisyQuadratic", still.start, still.domain, still.minimum.points, lowest),
    value: (x) => still.value(moved(x)),
    valueAndGradient: (x) => still.valueAndGradient(moved(x)),
  };
}

/** Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², a curved valley. Rosenbrock 1960. From four dimensions on it has a second minimum. */
export function rosenbrock(options: SurfaceOptions = {}): Surface {
  const n = count("rosenbrock", options, 2);
  const start = all(n, 0).map((_, i) => (i % 2 === 0 ? -1.2 : 1));
  return surface(about("rosenbrock", start, [-2.048, 2.048], [all(n, 1)]), {
    value(x) {
      let sum = 0;
      for (let i = 0; i < n - 1; i++) {
        const rise = x[i + 1]! - x[i]! * x[i]!;
        sum += 100 * rise * rise + (1 - x[i]!) * (1 - x[i]!);
      }
      return sum;
    },
    gradient(x, dx) {
      for (let i = 0; i < n - 1; i++) {
        const rise = x[i + 1]! - x[i]! * x[i]!;
        dx[i]! -= 400 * x[i]! * rise + 2 * (1 - x[i]!);
        dx[i + 1]! += 200 * rise;
      }
    },
    product(x, v, y) {
      for (let i = 0; i < n - 1; i++) {
        const cross = -400 * x[i]!;
        y[i]! += (1200 * x[i]! * x[i]! - 400 * x[i + 1]! + 2) * v[i]! + cross * v[i + 1]!;
        y[i + 1]! += cross * v[i]! + 200 * v[i + 1]!;
      }
    },
  });
}

/** Σ (cₖ − x (1 − yᵏ))² for c = 1.5, 2.25, 2.625: flat, with steep corners. */
export function beale(): Surface {
  return planar(about("beale", [1, 1], [-4.5, 4.5], [[3, 0.5]]), (x, y) => {
    const sums = [0, 0, 0, 0, 0, 0] as [number, number, number, number, number, number];
    // Powers of y: the one before the last, the last, this one.
    let [y2, y1, y0] = [0, 1, y];
    [1.5, 2.25, 2.625].forEach((c, index) => {
      const k = index + 1;
      const a = c - x * (1 - y0);
      const ax = y0 - 1;
      const ay = x * k * y1;
      sums[0] += a * a;
      sums[1] += 2 * a * ax;
      sums[2] += 2 * a * ay;
      sums[3] += 2 * ax * ax;
      sums[4] += 2 * (ay * ax + a * k * y1);
      sums[5] += 2 * (ay * ay + a * x * k * (k - 1) * y2);
      [y2, y1, y0] = [y1, y0, y0 * y];
    });
    return sums;
  });
}

/** (x² + y − 11)² + (x + y² − 7)²: four equal minima. */
export function himmelblau(): Surface {
  const points = [
    [3, 2],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.28318599128617],
    [3.584428340330492, -1.848126526964404],
  ];
  return planar(about("himmelblau", [0, 0], [-5, 5], points), (x, y) => {
    const a = x * x + y - 11;
    const b = x + y * y - 7;
    const [fx, fy] = [4 * x * a + 2 * b, 2 * a + 4 * y * b];
    return [a * a + b * b, fx, fy, 12 * x * x + 4 * y - 42, 4 * (x + y), 12 * y * y + 4 * x - 26];
  });
}

/** (x + 2y − 7)² + (2x + y − 5)²: a bowl. */
export function booth(): Surface {
  return planar(about("booth", [0, 0], [-10, 10], [[1, 3]]), (x, y) => {
    const a = x + 2 * y - 7;
    const b = 2 * x + y - 5;
    return [a * a + b * b, 2 * a + 4 * b, 4 * a + 2 * b, 10, 8, 10];
  });
}

/** Σ x² − 10 cos 2πx + 10: a bowl full of equal hollows. */
export function rastrigin(options: SurfaceOptions = {}): Surface {
  const n = count("rastrigin", options);
  const w = 2 * Math.PI;
  return separable(about("rastrigin", all(n, 3), [-5.12, 5.12], [all(n, 0)]), (x) => [
    x * x - 10 * cosPi(2 * x) + 10,
    2 * x + 10 * w * sinPi(2 * x),
    2 + 10 * w * w * cosPi(2 * x),
  ]);
}

/** −20 exp(−√(mean x²) / 5) − exp(mean cos 2πx) + 20 + e: a rough plain with one deep hole. */
export function ackley(options: SurfaceOptions = {}): Surface {
  const n = count("ackley", options);
  const w = 2 * Math.PI;
  const mean = (x: ArrayLike<number>, f: (each: number, i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += f(x[i]!, i);
    return sum / n;
  };
  const radius = (x: ArrayLike<number>) => Math.sqrt(mean(x, (each) => each * each));
  const waves = (x: ArrayLike<number>) => exp(mean(x, (each) => cosPi(2 * each)));
  /** The gradient of the first term is k x; at its tip, where there is none, 0. */
  const slopeOf = (r: number) => (r > 0 ? (4 * exp(-r / 5)) / (n * r) : 0);
  return surface(about("ackley", all(n, 3), [-32.768, 32.768], [all(n, 0)]), {
    value: (x) => 20 - 20 * exp(-radius(x) / 5) + (Math.E - waves(x)),
    gradient(x, dx) {
      const k = slopeOf(radius(x));
      const c = (w / n) * waves(x);
      for (let i = 0; i < n; i++) dx[i] = k * x[i]! + c * sinPi(2 * x[i]!);
    },
    product(x, v, y) {
      const r = radius(x);
      const k = slopeOf(r);
      const bend = r > 0 ? (-k * (1 / 5 + 1 / r) * mean(x, (each, i) => each * v[i]!)) / r : 0;
      const c = (w / n) * waves(x);
      const turn = w * mean(x, (each, i) => sinPi(2 * each) * v[i]!);
      for (let i = 0; i < n; i++) {
        y[i] = k * v[i]! + bend * x[i]! + c * (w * cosPi(2 * x[i]!) * v[i]! - sinPi(2 * x[i]!) * turn);
      }
    },
  });
}

/** ½ Σ x⁴ − 16x² + 5x: two hollows along each axis, one of them deeper. */
export function styblinskiTang(options: SurfaceOptions = {}): Surface {
  const n = count("styblinskiTang", options);
  const minimum = [all(n, -2.903534027771177)];
  return separable(about("styblinskiTang", all(n, 0), [-5, 5], minimum, -39.16616570377141 * n), (x) => [
    0.5 * (x * x * x * x - 16 * x * x + 5 * x),
    2 * x * x * x - 16 * x + 2.5,
    6 * x * x - 16,
  ]);
}
