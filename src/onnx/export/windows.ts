// Pools and resizing: as the nodes that runtimes have for them where the taps are those, else as products or picked elements.
import type { Tensor } from "../../graph/tensor.ts";
import type { Axes, Axis } from "../../ops/taps.ts";
import type { Value } from "./graph.ts";
import { fixed } from "./sizes.ts";
import type { Exporter, Translation } from "./translation.ts";

/** Windows that lie regularly on an axis. */
interface Regular {
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

const range = (n: number) => Array.from({ length: n }, (_, k) => k);

/** What windows an axis is of; undefined: none that are alike. */
function regular({ size, step: dilation = 1, taps }: Axis): Regular | undefined {
  const window = Math.max(...taps.map(({ weights }) => weights.length));
  const reach = (window - 1) * dilation;
  const ends = taps.map(({ first, weights }) => first + (weights.length - 1) * dilation);
  const steps = taps.slice(1).flatMap(({ first }, k) => [first - taps[k]!.first, ends[k + 1]! - ends[k]!]);
  for (const stride of new Set([...steps, 1])) {
    const starts = taps.flatMap(({ first }, k) => [k * stride - first, k * stride + reach - ends[k]!]);
    for (const before of new Set(starts)) {
      const fits = taps.every(({ first, weights }, k) => {
        const start = k * stride - before;
        const skipped = Math.max(0, Math.ceil(-start / dilation));
        const count = Math.min(window, Math.ceil((size - start) / dilation)) - skipped;
        return first === start + skipped * dilation && count === weights.length;
      });
      const after = Math.max(0, (taps.length - 1) * stride + reach + 1 - size - before);
      if (fits && before >= 0 && stride > 0) return { window, stride, dilation, before, after };
    }
  }
  return undefined;
}

const both = <T>(axes: Axes, of: (axis: Axis) => T | undefined): readonly [T, T] | undefined => {
  const [rows, columns] = axes.map(of);
  return rows !== undefined && columns !== undefined ? [rows, columns] : undefined;
};

const attributesOf = (windows: readonly Regular[]) => ({
  kernel_shape: windows.map(({ window }) => window),
  strides: windows.map(({ stride }) => stride),
  pads: [...windows.map(({ before }) => before), ...windows.map(({ after }) => after)],
});

/** Runtimes want padding to be narrower than the window. */
const isNarrow = ({ window, before, after }: Regular) => Math.max(before, after) < window;

/** Elements of an axis by number. */
function picked({ graph }: Translation, x: Value, axis: number, places: readonly number[]): Value {
  const indices = graph.constant(Int32Array.from(places), [places.length]);
  return graph.add("Gather", [x, indices], x.sizes.with(axis, fixed(places.length)), { axis });
}

/** Largest elements of windows of any kind: all of each picked, the last ones again where there are fewer. */
function widest(to: Translation, x: Value, { step = 1, taps }: Axis, axis: number): Value {
  const { graph } = to;
  const most = Math.max(...taps.map(({ weights }) => weights.length));
  const places = taps.flatMap(({ first, weights }) =>
    range(most).map((k) => first + Math.min(k, weights.length - 1) * step),
  );
  const sizes = x.sizes.toSpliced(axis, 1, fixed(taps.length), fixed(most));
  return graph.reduce("ReduceMax", graph.reshape(picked(to, x, axis, places), sizes), [axis + 1]);
}

/** The weights of an axis as a matrix [positions, size], or turned. */
function matrixOf({ graph }: Translation, { size, step = 1, taps }: Axis, turned: boolean): Value {
  const shape = [taps.length, size];
  const matrix = new Float32Array(taps.length * size);
  for (const [row, { first, weights }] of taps.entries())
    for (const [k, weight] of weights.entries()) matrix[row * size + first + k * step]! += weight;
  return graph.transpose(graph.constant(matrix, shape), turned ? [1, 0] : [0, 1]);
}

/** Whether every element stays what it is. */
const isSame = ({ size, taps }: Axis) =>
  taps.length === size && taps.every(({ first, weights }, k) => first === k && weights.join() === "1");

/** How much larger a whole number of times an axis becomes, each element repeated. */
const repeats = ({ size, taps }: Axis) => {
  const times = taps.length / size;
  const fits = taps.every(
    ({ first, weights }, k) => first === Math.floor(k / times) && weights.join() === "1",
  );
  return Number.isInteger(times) && fits ? times : undefined;
};

const isClose = (a: number, b: number) => Math.abs(a - b) < 1e-6;

/** How much larger an axis becomes along straight lines between neighbours, its corners or its edges held. */
const lines =
  (corners: boolean) =>
  ({ size, taps }: Axis) => {
    const n = taps.length;
    const scale = Math.fround(n / size);
    const fits = taps.every(({ first, weights }, k) => {
      const [own, share = 0, ...others] = weights as [number, number?, ...number[]];
      const at = corners
        ? (k * (size - 1)) / Math.max(1, n - 1)
        : Math.min(Math.max(((k + 0.5) * size) / n - 0.5, 0), size - 1);
      return others.length === 0 && isClose(own + share, 1) && isClose(first + share, at);
    });
    // Runtimes multiply by the factor, and round down.
    return fits && Math.floor(size * scale) === n ? scale : undefined;
  };

/** Windows of means, by what a sum is divided by. */
const averages = (axes: Axes, divisor: (count: number, window: number) => number) =>
  both(axes, (axis) => {
    const found = regular(axis);
    const isMean = axis.taps.every(({ weights }) =>
      weights.every((weight) => isClose(weight * divisor(weights.length, found?.window ?? 0), 1)),
    );
    return found && isMean && isNarrow(found) && found.dilation === 1 ? found : undefined;
  });

export const windows: Readonly<Record<string, Exporter>> = {
  maxPool(to, { inputs: [x], outputs: [y], attributes }) {
    const { graph } = to;
    const axes = attributes as Axes;
    const found = both(axes, regular);
    const image = to.first(x!);
    if (!found) {
      to.setFirst(
        y!,
        axes.reduce((value, axis, k) => (isSame(axis) ? value : widest(to, value, axis, k + 2)), image),
      );
      return;
    }
    const given = { ...attributesOf(found), dilations: found.map(({ dilation }) => dilation) };
    const sizes = [image.sizes[0]!, image.sizes[1]!, ...axes.map(({ taps }) => fixed(taps.length))];
    if (found.every(isNarrow)) {
      to.setFirst(y!, graph.add("MaxPool", [image], sizes, given));
      return;
    }
    const pads = graph.whole([0, 0, given.pads[0]!, given.pads[1]!, 0, 0, given.pads[2]!, given.pads[3]!]);
    const padded = image.sizes.map(([a, b], axis) => {
      const around = axis < 2 ? 0 : found[axis - 2]!.before + found[axis - 2]!.after;
      return [a + around, b + around] as const;
    });
    const surrounded = graph.add("Pad", [image, pads, graph.number(Number.NEGATIVE_INFINITY)], padded);
    to.setFirst(y!, graph.add("MaxPool", [surrounded], sizes, { ...given, pads: [0, 0, 0, 0] }));
  },

  resample(to, { inputs: [x], outputs: [y], attributes }) {
    const axes = attributes as Axes;
    to.setFirst(y!, resampled(to, x!, axes));
  },
};

function resampled(to: Translation, x: Tensor, axes: Axes): Value {
  const { graph } = to;
  const image = to.first(x);
  const sizes = [image.sizes[0]!, image.sizes[1]!, ...axes.map(({ taps }) => fixed(taps.length))];
  const resize = (scales: readonly number[], mode: string, coordinate_transformation_mode: string) => {
    const given = { mode, coordinate_transformation_mode, nearest_mode: "floor" };
    const by = graph.constant(Float32Array.of(1, 1, ...scales), [4]);
    return graph.add("Resize", [image, undefined, by], sizes, given);
  };
  const times = both(axes, repeats);
  if (times) return resize(times, "nearest", "asymmetric");
  const own = averages(axes, (count) => count);
  const means = own ?? averages(axes, (_, window) => window);
  if (means)
    return graph.add("AveragePool", [image], sizes, {
      ...attributesOf(means),
      count_include_pad: own ? 0 : 1,
    });
  const [outer, inner] = [both(axes, lines(false)), both(axes, lines(true))];
  if (outer) return resize(outer, "linear", "half_pixel");
  if (inner) return resize(inner, "linear", "align_corners");
  return axes.reduce((value, axis, k) => {
    if (isSame(axis)) return value;
    if (axis.taps.every(({ weights }) => weights.join() === "1"))
      return picked(
        to,
        value,
        k + 2,
        axis.taps.map(({ first }) => first),
      );
    const matrix = matrixOf(to, axis, k === 1);
    const operands = k === 1 ? [value, matrix] : [matrix, value];
    return graph.add("MatMul", operands, value.sizes.with(k + 2, fixed(axis.taps.length)));
  }, image);
}
