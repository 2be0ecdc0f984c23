// Images of digits: the sample of MNIST that lies beside the page, and those that are drawn in it.
import { dataset } from "downhill/data";
import type { TrainingData } from "./training-data.ts";

/** Pixels of a side, as MNIST has them. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const SHAPE = [SIDE, SIDE, 1];
export const DIGITS = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Of the sample: the images and labels of all, the first of them to train on. */
export interface Sample {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Reads digits.bin, as digits.js writes it: deflated; first the labels, then the images. */
export async function readSample(deflated: Blob): Promise<Sample> {
  const stream = deflated.stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const examples = bytes.length / (1 + PIXELS);
  return { labels: bytes.subarray(0, examples), images: bytes.subarray(examples) };
}

/** Four in five to train on; the sample is in no order already. */
export function sampleData({ images, labels }: Sample): TrainingData {
  const all = dataset({
    inputs: { values: images, shape: SHAPE, scale: 1 / 255 },
    labels: Int32Array.from(labels),
    classes: 10,
  });
  const { train, validation } = all.split({ train: 0.8, validation: 0.2 }, { shuffle: false });
  return { train, validation, task: "classes", names: DIGITS, digits: true };
}

/** A digit drawn and labelled by hand: what rasterize gives. */
export interface DrawnDigit {
  readonly image: Float32Array;
  readonly label: number;
}

/** From ten examples on, one in five is kept apart. */
export function drawnData(drawn: readonly DrawnDigit[], seed: number): TrainingData {
  const values = new Float32Array(drawn.length * PIXELS);
  for (const [i, { image }] of drawn.entries()) values.set(image, i * PIXELS);
  const all = dataset({
    inputs: { values, shape: SHAPE },
    labels: drawn.map(({ label }) => label),
    classes: 10,
  });
  const common = { task: "classes", names: DIGITS, digits: true } as const;
  if (drawn.length < 10) return { ...common, train: all, validation: undefined };
  return { ...common, ...all.split({ train: 0.8, validation: 0.2 }, { seed }) };
}
