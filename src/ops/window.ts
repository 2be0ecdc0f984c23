// Windows that slide along axes: their strides and padding as a user says them, checked and reckoned in elements.
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
export type Sides = number | readonly [number, number];
/** The same along one axis: a number for either side, or [before, after]. */
export type Padding1d = "valid" | "same" | Sides;
/** The same along any axes, one after the other; of a sequence, [before, after] alone will do. */
export type Padding = "valid" | "same" | Sides | readonly Sides[];

/** Elements before and after each axis. */
export type Widths = readonly (readonly [number, number])[];
/** Padding that has been checked. */
export type Around = "valid" | "same" | Widths;

/** A number for each of some axes. @throws OptionError where one is not an integer of at least `least`. */
export function perAxis(
  where: string,
  what: string,
  value: number | readonly number[],
  { count, least = 1 }: { readonly count: number; readonly least?: number },
): number[] {
  const list = typeof value === "number" ? new Array<number>(count).fill(value) : [...value];
  if (list.length !== count || list.some((each) => !Number.isSafeInteger(each) || each < least)) {
    const integer = least === 1 ? "a positive integer" : `an integer ≥ ${least}`;
    throw new OptionError(
      `${where}: ${what}: got ${JSON.stringify(value)}, wanted ${integer}${count > 1 ? ` or ${count} of them` : ""}`,
    );
  }
  return list;
}

/** Both numbers of a pair. @throws OptionError where one is not an integer of at least `least`. */
export function pairOf(what: string, name: string, value: Pair, least = 1): readonly [number, number] {
  return perAxis(what, name, value, { count: 2, least }) as unknown as readonly [number, number];
}

/** A number. @throws OptionError where it is not a positive integer. */
export const countOf = (what: string, name: string, value: number): number =>
  perAxis(what, name, value, { count: 1 })[0]!;

/** Elements from a window's first to its last, and one. */
export const spanOf = (window: number, dilation: number): number => dilation * (window - 1) + 1;

/** Padding of so many axes; where windows are given, narrower than they are. @throws OptionError */
export function aroundOf(
  where: string,
  padding: Padding,
  { count, windows }: { readonly count: number; readonly windows?: readonly number[] },
): Around {
  if (padding === "valid" || padding === "same") return padding;
  const isPair = Array.isArray(padding) && padding.length === 2 && padding.every(Number.isFinite);
  const axes =
    typeof padding === "number"
      ? new Array<number>(count).fill(padding)
      : isPair && count === 1
        ? [padding]
        : padding;
  const fits = (width: unknown, axis: number) =>
    Number.isSafeInteger(width) &&
    (width as number) >= 0 &&
    (width as number) < (windows?.[axis] ?? Number.POSITIVE_INFINITY);
  const widths: unknown[] = Array.isArray(axes)
    ? axes.map((sides) => (typeof sides === "number" ? [sides, sides] : sides))
    : [];
  const known =
    widths.length === count &&
    widths.every(
      (sides, axis) =>
        Array.isArray(sides) && sides.length === 2 && sides.every((width) => fits(width, axis)),
    );
  if (!known) {
    const numbers = windows
      ? `numbers from 0 to below the window ${showShape(windows)}`
      : "numbers from 0 on";
    throw new OptionError(
      `${where}: padding: got ${JSON.stringify(padding)}, wanted "valid", "same", or ${numbers}`,
    );
  }
  return widths as unknown as Widths;
}

/** What padding means for windows along axes of some sizes. */
export function widthsOf(
  around: Around,
  { size, span, stride }: Record<"size" | "span" | "stride", readonly number[]>,
): Widths {
  if (around === "valid") return size.map(() => [0, 0] as const);
  if (around !== "same") return around;
  return size.map((n, axis) => {
    const windows = Math.ceil(n / stride[axis]!);
    const missing = Math.max(0, (windows - 1) * stride[axis]! + span[axis]! - n);
    return [Math.floor(missing / 2), Math.ceil(missing / 2)] as const;
  });
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
