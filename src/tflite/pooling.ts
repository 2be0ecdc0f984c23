// Windows: pools, and images of another size. What an op knows is which elements each position takes of an axis; TFLite
// wants a window, a stride and a padding, so those are sought that take the same elements.
import { int8, int32 } from "../formats/flatbuffers.ts";
import type { Axes, Axis } from "../ops/taps.ts";
import type { Network, Rule, Value } from "./network.ts";
import { sameBefore } from "./padding.ts";
import { PADDING, type PaddingName } from "./schema.ts";

/** How windows lie on an axis: at both ends so many elements are added. */
interface Windows {
  readonly window: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
}

/** Windows that take just these elements; `whole` says that a window's elements count 1/n with n the whole window. */
function* windowsOn({ size, taps }: Axis, whole: boolean): Generator<Windows> {
  const positions = taps.length;
  const longest = whole
    ? Math.round(1 / taps[0]!.weights[0]!)
    : Math.max(...taps.map(({ weights }) => weights.length));
  const later = taps.findIndex(({ first }, k) => k > 0 && first > 0);
  for (let window = longest; window <= longest + (whole ? 0 : size); window++) {
    for (let before = 0; before < window; before++) {
      // A window that begins behind the edge tells the stride; if none does, they all begin in the padding.
      const least = later > 0 ? (taps[later]!.first + before) / later : 1;
      const most = later > 0 ? least : positions > 1 ? before : 1;
      if (!Number.isInteger(least)) continue;
      for (let stride = least; stride <= most; stride++) {
        const fits = taps.every(({ first, weights }, k) => {
          const start = k * stride - before;
          const from = Math.max(0, start);
          return from === first && Math.min(size, start + window) - from === weights.length;
        });
        const after = Math.max(0, (positions - 1) * stride - before + window - size);
        if (fits) yield { window, stride, before, after };
      }
    }
  }
}

/** Windows of both axes with one padding. */
interface Pool {
  readonly rows: Windows;
  readonly columns: Windows;
  /** Undefined: what is added must be added beforehand. */
  readonly padding: PaddingName | undefined;
}

/** Whether a padding adds the same as the windows want. */
function fits(padding: PaddingName, { size, taps }: Axis, windows: Windows): boolean {
  const { window, stride, before, after } = windows;
  if (padding === "VALID")
    return before + after === 0 && taps.length === Math.floor((size - window) / stride) + 1;
  return (
    taps.length === Math.ceil(size / stride) &&
    before === sameBefore(size, taps.length, { span: window, stride })
  );
}

function poolOf([rowAxis, columnAxis]: Axes, whole: boolean): Pool | undefined {
  const [rows, columns] = [[...windowsOn(rowAxis, whole)], [...windowsOn(columnAxis, whole)]];
  for (const padding of whole ? (["VALID"] as const) : (["VALID", "SAME"] as const)) {
    const [row, column] = [
      rows.find((each) => fits(padding, rowAxis, each)),
      columns.find((each) => fits(padding, columnAxis, each)),
    ];
    if (row && column) return { rows: row, columns: column, padding };
  }
  const [row] = rows;
  const [column] = columns;
  return row && column && { rows: row, columns: column, padding: undefined };
}

/** Lowest of the floats: what padding holds where the largest element is sought. */
const LOWEST = -3.4028234663852886e38;

function pool(network: Network, kind: "MAX" | "AVERAGE", x: Value, axes: Axes, found: Pool): Value {
  const { rows, columns, padding } = found;
  const around = [
    [0, 0],
    [rows.before, rows.after],
    [columns.before, columns.after],
    [0, 0],
  ] as const;
  const from = padding ? x : network.pad(x, around, kind === "MAX" ? LOWEST : 0);
  return network.apply(`${kind}_POOL_2D`, [from], shapeOf(x, axes), {
    options: [
      int8(PADDING[padding ?? "VALID"]),
      int32(columns.stride),
      int32(rows.stride),
      int32(columns.window),
      int32(rows.window),
    ],
  });
}

const shapeOf = ({ shape }: Value, [rows, columns]: Axes) => [
  shape[0]!,
  rows.taps.length,
  columns.taps.length,
  shape[3]!,
];

/** Largest elements, window by window along one axis, where no pool has such windows. */
function largestAlong(network: Network, x: Value, axis: number, { taps, step = 1 }: Axis): Value {
  const parts = taps.map(({ first, weights }) => {
    const places = weights.map((_, k) => first + k * step);
    const taken = network.gather(x, network.integers(places), axis);
    return places.length === 1 ? taken : network.reduce("REDUCE_MAX", taken, [axis]);
  });
  return network.concatenate(parts, axis);
}

/** Each position takes one element, which is itself. */
const isWhole = ({ size, taps }: Axis) =>
  taps.length === size && taps.every(({ first, weights }, k) => first === k && weights.length === 1);

/** Largest elements of windows. */
function maxPool(network: Network, x: Value, axes: Axes): Value {
  const [rows, columns] = axes;
  const dilated = axes.some(({ step = 1 }) => step > 1);
  const found = dilated ? undefined : poolOf(axes, false);
  if (found) return pool(network, "MAX", x, axes, found);
  const y = isWhole(rows) ? x : largestAlong(network, x, 1, rows);
  return isWhole(columns) ? y : largestAlong(network, y, 2, columns);
}

/** How sizes are changed, as the options of TFLite say it. */
type Corners = "aligned" | "half";

/** Where TFLite takes a position from. */
function takenAt(k: number, axis: Axis, corners: Corners): number {
  const { size, taps } = axis;
  if (corners === "aligned") return taps.length > 1 ? (k * (size - 1)) / (taps.length - 1) : 0;
  return Math.min(Math.max(((2 * k + 1) * size) / (2 * taps.length) - 0.5, 0), size - 1);
}

/** Whether an axis is a straight line between neighbours. */
const isBilinear = (axis: Axis, corners: Corners) =>
  axis.taps.every(({ first, weights }, k) => {
    const at = takenAt(k, axis, corners);
    const mean = weights.reduce((sum, weight, j) => sum + weight * (first + j), 0);
    return weights.length <= 2 && first === Math.floor(at) && Math.abs(mean - at) < 1e-5 * axis.size;
  });

const isNearest = ({ size, taps }: Axis) =>
  taps.every(
    ({ first, weights }, k) =>
      weights.length === 1 &&
      weights[0] === 1 &&
      first === Math.min(size - 1, Math.floor(Math.fround(k + 0.5) * Math.fround(size / taps.length))),
  );

/** Means: each position's elements count alike. */
const isMean = ({ taps }: Axis, whole: boolean) =>
  taps.every(({ weights }) =>
    weights.every((weight) => weight === (whole ? taps[0]!.weights[0] : Math.fround(1 / weights.length))),
  );

/** Weighted sums along one axis, as a product with the weights. */
function weighted(network: Network, x: Value, axis: 1 | 2, { size, taps, step = 1 }: Axis): Value {
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const weights = new Float32Array(taps.length * size);
  for (const [k, tap] of taps.entries())
    for (const [j, weight] of tap.weights.entries()) weights[k * size + tap.first + j * step] = weight;
  const other = x.shape[3 - axis]!;
  const turned = network.transpose(x, axis === 1 ? [0, 2, 3, 1] : [0, 1, 3, 2]);
  const y = network.fullyConnected(
    network.reshape(turned, [batch * other * channels, size]),
    network.constant(weights, [taps.length, size]),
    network.zeros(taps.length),
  );
  const wide = network.reshape(y, [batch, other, channels, taps.length]);
  return network.transpose(wide, axis === 1 ? [0, 3, 1, 2] : [0, 1, 3, 2]);
}

/** Weighted sums of windows: averages, images of another size, and whatever else is one. */
function resample(network: Network, x: Value, axes: Axes): Value {
  const [rows, columns] = axes;
  const dense = axes.every(({ step = 1 }) => step === 1);
  for (const whole of dense ? [false, true] : []) {
    const found = axes.every((axis) => isMean(axis, whole)) ? poolOf(axes, whole) : undefined;
    // Without weights of the whole window, padding must not count: TFLite's own does not, zeros beforehand would.
    if (found && (whole || found.padding)) return pool(network, "AVERAGE", x, axes, found);
  }
  const size = network.integers([rows.taps.length, columns.taps.length]);
  const resized = (name: "RESIZE_BILINEAR" | "RESIZE_NEAREST_NEIGHBOR", corners: Corners) => {
    const own = [int8(Number(corners === "aligned")), int8(Number(corners === "half"))];
    // The bilinear one has two options more in front, which nobody reads any longer.
    const options = name === "RESIZE_BILINEAR" ? [undefined, undefined, ...own] : own;
    return network.apply(name, [x, size], shapeOf(x, axes), { options });
  };
  if (axes.every(isNearest)) return resized("RESIZE_NEAREST_NEIGHBOR", "half");
  for (const corners of ["half", "aligned"] as const)
    if (axes.every((axis) => isBilinear(axis, corners))) return resized("RESIZE_BILINEAR", corners);
  const y = isWhole(rows) ? x : weighted(network, x, 1, rows);
  return isWhole(columns) ? y : weighted(network, y, 2, columns);
}

export const RULES: Readonly<Record<string, Rule>> = {
  maxPool: (network, { attributes: axes }, [x]) => maxPool(network, x!, axes),
  resample: (network, { attributes: axes }, [x]) => resample(network, x!, axes),
};
