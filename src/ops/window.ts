// Windows that slide over images: their strides and padding as a user says them, checked and reckoned in pixels.
import { OptionError, ShapeError } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";

/** One number for both axes, or one for each: [y, x]. */
export type Pair = number | readonly [number, number];

/**
 * "valid": none. "same": as much as gives ⌈size / stride⌉ windows, the odd pixel at the end, as TensorFlow has it.
 * A number: on every side. Two: above and below, left and right. Two pairs: [[top, bottom], [left, right]].
 */
export type Padding2d = "valid" | "same" | number | readonly [Sides, Sides];
/** As many on either side, or [before, after]. */
type Sides = number | readonly [number, number];
/** The same along one axis: a number for either side, or [before, after]. */
export type Padding1d = "valid" | "same" | Sides;

/** Pixels before and after each axis. */
export type Widths = readonly [readonly [number, number], readonly [number, number]];

/** Both numbers of a pair. @throws OptionError where one is not an integer of at least `least`. */
export function pairOf(what: string, name: string, value: Pair, least = 1): readonly [number, number] {
  const pair = typeof value === "number" ? ([value, value] as const) : value;
  if (
    !Array.isArray(pair) ||
    pair.length !== 2 ||
    !pair.every((n) => Number.isSafeInteger(n) && n >= least)
  ) {
    throw new OptionError(
      `${what}: ${name}: wanted an integer ≥ ${least} or a pair of them, got ${JSON.stringify(value)}`,
    );
  }
  return pair as readonly [number, number];
}

/** A number. @throws OptionError where it is not an integer ≥ 1. */
export function countOf(what: string, name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new OptionError(`${what}: ${name}: wanted an integer ≥ 1, got ${JSON.stringify(value)}`);
  return value;
}

/** Pixels from a window's first to its last, and one. */
export const spanOf = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/** What padding means for windows over an image of a size. @throws OptionError */
export function widthsOf(
  what: string,
  padding: Padding2d,
  { size, span, stride }: Record<"size" | "span" | "stride", readonly [number, number]>,
): Widths {
  if (padding === "valid") {
    return [
      [0, 0],
      [0, 0],
    ];
  }
  if (padding === "same") {
    const sides = (axis: 0 | 1): [number, number] => {
      const windows = Math.ceil(size[axis] / stride[axis]);
      const all = Math.max(0, (windows - 1) * stride[axis] + span[axis] - size[axis]);
      return [Math.floor(all / 2), Math.ceil(all / 2)];
    };
    return [sides(0), sides(1)];
  }
  const both = typeof padding === "number" ? [padding, padding] : padding;
  const fail = (): never => {
    throw new OptionError(
      `${what}: padding: wanted "valid", "same", an integer ≥ 0 or [[top, bottom], [left, right]], got ${JSON.stringify(padding)}`,
    );
  };
  if (!Array.isArray(both) || both.length !== 2) fail();
  const widths = both.map((sides) => (typeof sides === "number" ? [sides, sides] : sides));
  for (const sides of widths) {
    const fits = Array.isArray(sides) && sides.length === 2;
    if (!fits || !sides.every((n) => Number.isSafeInteger(n) && n >= 0)) fail();
  }
  return widths as unknown as Widths;
}

/** Windows along each axis of a padded image. @throws ShapeError where not even one fits. */
export function windowsOf(
  what: string,
  widths: Widths,
  { size, span, stride }: Record<"size" | "span" | "stride", readonly [number, number]>,
): [number, number] {
  const padded = size.map((n, axis) => n + widths[axis]![0] + widths[axis]![1]);
  if (padded.some((n, axis) => n < span[axis]!)) {
    throw new ShapeError(
      `${what}: the kernel is larger than the padded input: it spans ${showShape(span)}, got ${showShape(padded)}`,
    );
  }
  return padded.map((n, axis) => Math.floor((n - span[axis]!) / stride[axis]!) + 1) as [number, number];
}
