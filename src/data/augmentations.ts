// The random changes of images. Each draws as many numbers as it needs, in a fixed order, from what it is given.

import { OptionError } from "../core/errors.ts";
import { cosPi } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkRange, type Image, type ImageSize, movedBy, sizesOf, transformed } from "./image.ts";

/** Random numbers of one example. */
export interface ImageDraws {
  /** The next number in 0 < x < 1. */
  uniform(): number;
  /** The next number of the standard normal distribution. */
  normal(): number;
}

/** A change of an image. It leaves its input alone; the size of its result must not depend on what it draws. */
export type Augmentation = (image: Image, draws: ImageDraws) => Image;

/** Options of {@link shift}, {@link rotate}, {@link zoom} and {@link cutout}. */
export interface FillOptions {
  /** What lies outside the image. Default: 0. */
  readonly fill?: number | undefined;
}

/** One of the integers from −limit to limit. */
const offset = (draws: ImageDraws, limit: number) => Math.floor(draws.uniform() * (2 * limit + 1)) - limit;

const between = (draws: ImageDraws, low: number, high: number) => low + draws.uniform() * (high - low);

/** A change with a probability; the draw is made in any case. */
function sometimes(where: string, probability: number, change: (image: Image) => Image): Augmentation {
  checkRange(where, "probability", probability, 0, 1);
  return (image, draws) => (draws.uniform() < probability ? change(image) : image);
}

/** The image with its pixels in another order. */
function reordered(image: Image, place: (row: number, column: number) => readonly [number, number]): Image {
  const { values, height, width, channels } = image;
  const result = new Float32Array(values.length);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += channels) {
      const [r, c] = place(row, column);
      const from = (r * width + c) * channels;
      for (let k = 0; k < channels; k++) result[at + k] = values[from + k]!;
    }
  }
  return { ...image, values: result };
}

/**
 * Left and right changed over, with a probability, by default one half.
 * @throws OptionError for a probability that is none.
 * @example augment(photos, [horizontalFlip()])
 */
export function horizontalFlip(probability = 0.5): Augmentation {
  return sometimes("horizontalFlip", probability, (image) =>
    reordered(image, (row, column) => [row, image.width - 1 - column]),
  );
}

/**
 * Top and bottom changed over, with a probability, by default one half.
 * @throws OptionError for a probability that is none.
 * @example augment(photos, [verticalFlip(0.2)])
 */
export function verticalFlip(probability = 0.5): Augmentation {
  return sometimes("verticalFlip", probability, (image) =>
    reordered(image, (row, column) => [image.height - 1 - row, column]),
  );
}

/**
 * Moved by whole pixels, each of −distance … distance equally likely along each axis.
 * @throws OptionError for a distance that is no integer from 0 on, or two of them: [vertical, horizontal].
 * @example augment(photos, [shift([0, 2])])
 */
export function shift(distance: ImageSize, options: FillOptions = {}): Augmentation {
  const { fill = 0 } = checkOptions("shift", options, { fill: 0 });
  const [vertical, horizontal] = sizesOf("shift", "distance", distance, 0);
  return (image, draws) => {
    const { height, width } = image;
    const [row, column] = [offset(draws, vertical), offset(draws, horizontal)];
    return movedBy(image, { row, column, height, width }, fill);
  };
}

/** Options of {@link randomCrop}. */
export interface CropOptions extends FillOptions {
  /** Of the result. Default: that of the image. */
  readonly size?: ImageSize | undefined;
  /** Pixels put around the image before the crop. Default: 0. */
  readonly padding?: ImageSize | undefined;
}

/**
 * A part of the image, every place equally likely; with `padding: 4` the usual one of CIFAR-10. He et al. 2016, section 4.2.
 * @throws OptionError for sizes that are no integers, and where there is an image, for a part that is larger.
 * @example augment(photos, [randomCrop({ padding: 4 })])
 */
export function randomCrop(options: CropOptions = {}): Augmentation {
  const {
    size,
    padding = 0,
    fill = 0,
  } = checkOptions("randomCrop", options, { fill: 0, size: 0, padding: 0 });
  const [top, left] = sizesOf("randomCrop", "padding", padding, 0);
  const wanted = size === undefined ? undefined : sizesOf("randomCrop", "size", size);
  return (image, draws) => {
    const [height, width] = wanted ?? [image.height, image.width];
    const [rows, columns] = [image.height + 2 * top - height, image.width + 2 * left - width];
    if (rows < 0 || columns < 0) {
      throw new OptionError(
        `randomCrop: size: got [${height}, ${width}], wanted at most [${image.height + 2 * top}, ${image.width + 2 * left}]`,
      );
    }
    const row = Math.floor(draws.uniform() * (rows + 1)) - top;
    const column = Math.floor(draws.uniform() * (columns + 1)) - left;
    return movedBy(image, { row, column, height, width }, fill);
  };
}

/**
 * Turned about its middle by an angle spread evenly over −degrees … degrees, read bilinearly.
 * @throws OptionError for degrees not in 0 … 180.
 * @example augment(photos, [rotate(15)])
 */
export function rotate(degrees: number, options: FillOptions = {}): Augmentation {
  const { fill = 0 } = checkOptions("rotate", options, { fill: 0 });
  checkRange("rotate", "degrees", degrees, 0, 180);
  return (image, draws) => {
    const halfTurns = between(draws, -degrees, degrees) / 180;
    const [cos, sin] = [cosPi(halfTurns), cosPi(halfTurns - 0.5)];
    return transformed(image, [cos, sin, -sin, cos], fill);
  };
}

/**
 * Made larger or smaller about its middle by a factor spread evenly over from … to, read bilinearly; the size stays.
 * @throws OptionError for factors that are not in 0.01 ≤ from ≤ to ≤ 100.
 * @example augment(photos, [zoom(0.9, 1.2)])
 */
export function zoom(from: number, to: number, options: FillOptions = {}): Augmentation {
  const { fill = 0 } = checkOptions("zoom", options, { fill: 0 });
  checkRange("zoom", "from", from, 0.01, 100);
  checkRange("zoom", "to", to, from, 100);
  return (image, draws) => {
    const step = 1 / between(draws, from, to);
    return transformed(image, [step, 0, 0, step], fill);
  };
}

/**
 * Normally distributed numbers added to every value, each its own. Bishop 1995.
 * @throws OptionError for a deviation below 0.
 * @example augment(photos, [noise(0.05)])
 */
export function noise(deviation: number): Augmentation {
  checkRange("noise", "deviation", deviation, 0, Number.MAX_VALUE);
  return (image, draws) => ({ ...image, values: image.values.map((x) => x + deviation * draws.normal()) });
}

/**
 * A rectangle of so many pixels, around any pixel of the image, is filled; at the border less of it. DeVries and Taylor 2017.
 * @throws OptionError for a size that is no positive integer.
 * @example augment(photos, [cutout(8, { fill: 0.5 })])
 */
export function cutout(size: ImageSize, options: FillOptions = {}): Augmentation {
  const { fill = 0 } = checkOptions("cutout", options, { fill: 0 });
  const [rows, columns] = sizesOf("cutout", "size", size);
  return (image, draws) => {
    const { height, width, channels } = image;
    const top = Math.floor(draws.uniform() * height) - (rows >> 1);
    const left = Math.floor(draws.uniform() * width) - (columns >> 1);
    const values = image.values.slice();
    const [first, last] = [Math.max(0, left), Math.min(width, left + columns)];
    for (let row = Math.max(0, top); row < Math.min(height, top + rows); row++)
      values.fill(fill, (row * width + first) * channels, (row * width + last) * channels);
    return { ...image, values };
  };
}

/**
 * All values times a number spread evenly over 1 − amount … 1 + amount; nothing is clamped.
 * @throws OptionError for an amount not in 0 … 1.
 * @example augment(photos, [brightness(0.2)])
 */
export function brightness(amount: number): Augmentation {
  checkRange("brightness", "amount", amount, 0, 1);
  return (image, draws) => {
    const factor = between(draws, 1 - amount, 1 + amount);
    return { ...image, values: image.values.map((x) => factor * x) };
  };
}

/**
 * All values' distance from their mean times a number spread evenly over 1 − amount … 1 + amount; nothing is clamped.
 * @throws OptionError for an amount not in 0 … 1.
 * @example augment(photos, [contrast(0.2)])
 */
export function contrast(amount: number): Augmentation {
  checkRange("contrast", "amount", amount, 0, 1);
  return (image, draws) => {
    const factor = between(draws, 1 - amount, 1 + amount);
    const mean = image.values.reduce((sum, x) => sum + x, 0) / image.values.length;
    return { ...image, values: image.values.map((x) => mean + factor * (x - mean)) };
  };
}
