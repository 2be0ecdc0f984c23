// Two-dimensional sets of points on which one sees what a network does.
import { dataset } from "downhill/data";
import { type Draws, draws } from "./draws.ts";
import type { TrainingData } from "./training-data.ts";

type Point = readonly [x: number, y: number];

interface Toy {
  readonly classes: number;
  /** The point of a class before noise; `share` runs from 0 to 1 over the class. */
  readonly point: (label: number, share: number, draw: Draws) => Point;
  /** Standard deviation of what noise 1 adds. */
  readonly spread: number;
}

/** Turns a point a tenth of a radian at a time; the constants are cos 0.1 and sin 0.1. */
function turned([x, y]: Point, tenths: number): Point {
  let at: Point = [x, y];
  for (let i = 0; i < tenths; i++)
    at = [
      0.9950041652780258 * at[0] - 0.09983341664682815 * at[1],
      0.09983341664682815 * at[0] + 0.9950041652780258 * at[1],
    ];
  return at;
}

/** Points come between −3 and 3: in a smaller plane the first layer would take long to see a spiral's turns. */
const SCALE = 3;

const CENTRES: readonly Point[] = [
  [-0.7, -0.55],
  [0.75, -0.5],
  [0.05, 0.75],
];

const TOYS = {
  moons: {
    classes: 2,
    spread: 0.3,
    point(label, _, draw) {
      const [x, y] = draw.direction();
      const height = Math.abs(y);
      return label === 0 ? [0.65 * x - 0.33, 0.65 * height - 0.2] : [0.65 * x + 0.33, 0.2 - 0.65 * height];
    },
  },
  circles: {
    classes: 2,
    spread: 0.3,
    point(label, _, draw) {
      const [x, y] = draw.direction();
      const radius = label === 0 ? 0.4 : 0.95;
      return [radius * x, radius * y];
    },
  },
  spirals: {
    classes: 2,
    spread: 0.15,
    point(label, share) {
      const [x, y] = turned([0.08 + 0.92 * share, 0], Math.round(100 * share));
      return label === 0 ? [x, y] : [-x, -y];
    },
  },
  blobs: {
    classes: 3,
    spread: 0.6,
    point: (label) => CENTRES[label]!,
  },
  xor: {
    classes: 2,
    spread: 0.3,
    point(label, _, { uniform }) {
      const [x, y] = [0.08 + 0.87 * uniform(), 0.08 + 0.87 * uniform()];
      const sign = uniform() < 0.5 ? -1 : 1;
      return label === 0 ? [sign * x, sign * y] : [sign * x, -sign * y];
    },
  },
} as const satisfies Record<string, Toy>;

export type ToyName = keyof typeof TOYS;
export const TOY_NAMES = Object.keys(TOYS) as ToyName[];

export interface ToyOptions {
  /** Points in all, of which three in ten are kept apart. */
  readonly examples: number;
  /** From 0 to 1. */
  readonly noise: number;
  readonly seed: number;
}

/** The points of a toy set, in turn of each class. */
export function toyData(name: ToyName, { examples, noise, seed }: ToyOptions): TrainingData {
  const toy: Toy = TOYS[name];
  const draw = draws(seed);
  const inputs = new Float32Array(2 * examples);
  const labels = new Int32Array(examples);
  for (let i = 0; i < examples; i++) {
    const label = (labels[i] = i % toy.classes);
    const [x, y] = toy.point(label, i / examples, draw);
    inputs[2 * i] = SCALE * (x + noise * toy.spread * draw.normal());
    inputs[2 * i + 1] = SCALE * (y + noise * toy.spread * draw.normal());
  }
  const all = dataset({ inputs: { values: inputs, shape: [2] }, labels, classes: toy.classes });
  const { train, validation } = all.split({ train: 0.7, validation: 0.3 }, { seed });
  return {
    train,
    validation,
    task: "classes",
    names: Array.from({ length: toy.classes }, (_, label) => String(label)),
    axes: ["x", "y"],
  };
}
