// Pad in its four modes, axis after axis.
import { sameShape, showShape, sizeOf, stridesOf } from "../../../core/shape.ts";
import { pad } from "../../../ops/movement.ts";
import { padImages } from "../../../ops/padding.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { collect } from "../numbers.ts";
import type { Value } from "../value.ts";
import { takeAlong } from "./selection.ts";

/** What padding holds beside a number. */
const MODES = ["constant", "reflect", "edge", "wrap"] as const;

/** Which element each of a padded axis is; −1: none. */
function padded(
  call: Call,
  size: number,
  [before, behind]: readonly [number, number],
  mode: string,
): number[] {
  const length = before + size + behind;
  if (length < 0) throw call.fail("pads", showShape([before, behind]), `what leaves something of ${size}`);
  if (size < 1) throw call.unsupported("padding of nothing");
  call.spend([length]);
  return Array.from({ length }, (_, k) => {
    const at = k - before;
    if (at >= 0 && at < size) return at;
    if (mode === "constant") return -1;
    if (mode === "edge") return at < 0 ? 0 : size - 1;
    if (mode === "wrap") return ((at % size) + size) % size;
    const turn = Math.max(1, 2 * (size - 1));
    const place = ((at % turn) + turn) % turn;
    return place < size ? place : turn - place;
  });
}

const padding: Operator = (call) => {
  const value = call.input(0);
  const mode = call.choice("mode", MODES, "constant");
  const isOld = call.opset < 11;
  const pads = isOld ? call.integers("pads", call.integers("paddings", [])) : call.list(1);
  const fill = isOld ? call.float("value", 0) : call.number(2, 0);
  const axes =
    !isOld && call.has(3) ? call.axes(call.list(3), value.rank) : value.shape.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length || !pads.every(Number.isSafeInteger))
    throw call.fail("pads", showShape(pads), `${2 * axes.length} whole numbers`);
  const widths = value.shape.map((_, axis): [number, number] => {
    const k = axes.indexOf(axis);
    return k < 0 ? [0, 0] : [pads[k]!, pads[k + axes.length]!];
  });
  const to = value.shape.map((size, axis) => size + widths[axis]![0] + widths[axis]![1]);
  if (sameShape(to, value.shape) && pads.every((width) => width === 0)) return value;
  if (value.fixed) {
    const strides = stridesOf(value.shape);
    const axesOf = value.shape.map((size, axis) =>
      padded(call, size, widths[axis]!, mode).map((at) => (at < 0 ? at : at * strides[axis]!)),
    );
    call.spend(to);
    return call.known(to, collect(value.fixed, axesOf, fill), value.type);
  }
  if (mode === "constant" && pads.every((width) => width >= 0)) {
    const { x, at, like } = value.lying;
    const own = x.shape.map((): [number, number] => [0, 0]);
    for (const [axis, width] of widths.entries()) own[at(axis)] = width;
    return like(pad(x, own, fill));
  }
  return widths.reduce((part, width, axis) => paddedAlong(call, part, axis, { width, mode, fill }), value);
};

/** One axis after the other, seen as the columns of images. */
function paddedAlong(
  call: Call,
  value: Value,
  axis: number,
  { width: [before, behind], mode, fill }: { width: readonly [number, number]; mode: string; fill: number },
): Value {
  if (before === 0 && behind === 0) return value;
  const size = value.shape[axis]!;
  if (Math.min(before, behind) < 0 || mode === "wrap") {
    const [inner, outer]: [[number, number], [number, number]] = [
      [Math.min(before, 0), Math.min(behind, 0)],
      [Math.max(before, 0), Math.max(behind, 0)],
    ];
    if (mode === "wrap" && before >= 0 && behind >= 0)
      return takeAlong(call, value, axis, padded(call, size, [before, behind], mode));
    const less = takeAlong(call, value, axis, padded(call, size, inner, mode));
    return paddedAlong(call, less, axis, { width: outer, mode, fill });
  }
  const { x, at, like } = value.lying;
  const p = at(axis);
  if (mode === "constant")
    return like(
      pad(
        x,
        x.shape.map((_, k): [number, number] => (k === p ? [before, behind] : [0, 0])),
        fill,
      ),
    );
  const image = reshape(x, [sizeOf(x.shape.slice(0, p)), 1, size, sizeOf(x.shape.slice(p + 1))]);
  const widths = [
    [0, 0],
    [before, behind],
  ] as const;
  const y = padImages(call.node.place, image, widths, mode === "edge" ? "edge" : "reflect");
  return like(reshape(y, x.shape.with(p, size + before + behind)));
}

export const paddings: Readonly<Record<string, Operator>> = { Pad: padding };
