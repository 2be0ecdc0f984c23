// Normalization with its statistics, forward and gradient: by channel over groups of rows, and by row.
import { ShapeError } from "../core/errors.ts";
import { showShape, sizeOf } from "../core/shape.ts";
import { defineOp, elements, float, local, nothing, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { slice } from "./movement.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** A tensor seen as [outer, size, channels]; `width` neighbouring channels of each of `outer` have their statistics together. */
interface ChannelRun {
  readonly outer: number;
  readonly size: number;
  readonly channels: number;
  readonly width: number;
  readonly epsilon: number;
}

/** Rows of which sums are taken together: as many as stay in the first-level cache, unless that leaves too many sums. */
const blockOf = (size: number, columns: number) => Math.min(size, Math.max(32, Math.floor(8192 / columns)));

/** The sizes of a run as the kernels of its sums want them, and how its blocks and channels are shared among threads. */
function blocksOf({ outer, size, channels, width, epsilon }: ChannelRun) {
  const block = blockOf(size, channels);
  const blocks = outer * Math.ceil(size / block);
  const whole = outer === 1 || size % block === 0;
  return {
    sizes: [outer, size, channels, block],
    shared: [width, float(epsilon)],
    bytes: blocks * channels * 8,
    sums: rows(blocks, channels * 8),
    block: whole ? rows(blocks, block * channels * 4) : undefined,
    groups: rows((outer * channels) / width, width * 4),
  };
}

const ofChannels = ({ outer, channels }: ChannelRun) => ({ shape: [outer, channels], dtype: "f32" }) as const;

const channelNormOp = defineOp<ChannelRun>({
  name: "channelNorm",
  shape: ([x], run) => [{ shape: x!.shape, dtype: "f32" }, ofChannels(run), ofChannels(run)],
  gradient({ inputs: [x, scale], outputs: [, mean, variance], attributes: run, dy, wants }) {
    const [dx, scaleSlope, offsetSlope] = x!.graph.apply(
      channelNormGradientOp,
      [dy, x!, mean!, variance!, scale!],
      run,
    ) as [Tensor, Tensor, Tensor];
    const joined = (slope: Tensor) => sum(slope, { axes: 0 });
    return [
      wants(0) ? dx : undefined,
      wants(1) ? joined(scaleSlope) : undefined,
      wants(2) ? joined(offsetSlope) : undefined,
    ];
  },
  emit(emitter, { inputs: [x, scale, offset], outputs: [y, mean, variance], attributes: run }) {
    const { size, channels } = run;
    const { sizes, shared, bytes, sums: cut, block, groups } = blocksOf(run);
    const n = x!.size;
    const sums = emitter.temporary("moments of blocks", bytes);
    const factor = emitter.temporary("factors", mean!.size * 4);
    const from = emitter.buffer(x!);
    emitter.call("channelSums", [...sizes, read(from, block), nothing, nothing, write(sums, cut)], {
      work: n,
    });
    emitter.call("channelMoments", [
      ...sizes,
      ...shared,
      read(sums),
      read(emitter.buffer(scale!)),
      ...[emitter.buffer(mean!), emitter.buffer(variance!), factor].map((each) => write(each, groups)),
    ]);
    emitter.call(
      "channelAffine",
      [
        n,
        size,
        channels,
        read(from, elements(n)),
        read(emitter.buffer(mean!)),
        read(factor),
        read(emitter.buffer(offset!)),
        channels,
        nothing,
        nothing,
        write(emitter.buffer(y!), elements(n)),
        local,
      ],
      { head: y!, passing: true, work: n },
    );
  },
});

/** Of dy, x, mean, variance, scale: dx, and for each of `outer` the gradients of scale and offset. */
const channelNormGradientOp = defineOp<ChannelRun>({
  name: "channelNormGradient",
  shape: ([dy], run) => [{ shape: dy!.shape, dtype: "f32" }, ofChannels(run), ofChannels(run)],
  gradient: "none",
  emit(emitter, { inputs, outputs: [dx, scaleSlope, offsetSlope], attributes: run }) {
    const { size, channels } = run;
    const { sizes, shared, bytes, sums: cut, block, groups } = blocksOf(run);
    const [dy, x, mean, variance, scale] = inputs.map((input) => emitter.buffer(input)) as [
      Parameters<typeof read>[0],
      ...Parameters<typeof read>[0][],
    ];
    const n = dx!.size;
    const sums = emitter.temporary("slopes of blocks", bytes);
    const parts = ["factors of dy", "factors of x", "shifts"].map((name) =>
      emitter.temporary(name, scaleSlope!.size * 4),
    );
    const [ofDy, ofX, shift] = parts as [typeof dy, typeof dy, typeof dy];
    emitter.call("channelSums", [...sizes, read(x!, block), read(dy, block), read(mean!), write(sums, cut)], {
      work: 2 * n,
    });
    emitter.call("channelSlopes", [
      ...sizes,
      ...shared,
      read(sums),
      read(scale!),
      read(variance!),
      ...[emitter.buffer(scaleSlope!), emitter.buffer(offsetSlope!), ...parts].map((each) =>
        write(each, groups),
      ),
    ]);
    if (!emitter.used(dx!)) return;
    emitter.call(
      "channelAffine",
      [
        n,
        size,
        channels,
        read(x!, elements(n)),
        read(mean!),
        read(ofX),
        read(shift),
        sizeOf(scaleSlope!.shape),
        read(dy, elements(n)),
        read(ofDy),
        write(emitter.buffer(dx!), elements(n)),
        local,
      ],
      { head: dx!, passing: true, work: 2 * n },
    );
  },
});

/** What a normalization by channel has beside its result, [outer, channels] each; no gradient goes through them. */
export interface ChannelNorm {
  readonly y: Tensor;
  readonly mean: Tensor;
  /** Σ (x − mean)² / n. */
  readonly variance: Tensor;
}

/**
 * y = (x − mean) / √(variance + ε) · scale + offset over [outer, size, channels], with the statistics of each group of
 * `width` neighbouring channels in each of `outer`; scale and offset are [channels].
 */
export function channelNorm(
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  { outer, width, epsilon }: Pick<ChannelRun, "outer" | "width" | "epsilon">,
): ChannelNorm {
  const channels = x.shape.at(-1)!;
  const run = { outer, size: x.size / outer / channels, channels, width, epsilon };
  const [y, mean, variance] = x.graph.apply(channelNormOp, [x, scale, offset], run) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return { y, mean, variance };
}

/** A tensor seen as [rows, columns], each row with its own statistics. */
interface RowRun {
  readonly columns: number;
  /** Whether the mean is taken away. */
  readonly centered: boolean;
  readonly epsilon: number;
}

const rowNormOp = defineOp<RowRun>({
  name: "rowNorm",
  shape: ([x], { columns }) => [
    { shape: x!.shape, dtype: "f32" },
    { shape: [x!.size / columns, 2], dtype: "f32" },
  ],
  gradient({ inputs: [x, scale, offset], outputs: [, statistics], attributes: run, dy, wants }) {
    const { columns } = run;
    const [dx, blocks] = x!.graph.apply(rowNormGradientOp, [dy, x!, scale!, statistics!], run) as [
      Tensor,
      Tensor,
    ];
    const slopes = wants(1) || (offset && wants(2)) ? sum(blocks, { axes: 0 }) : undefined;
    const part = (at: number, of: Tensor) => reshape(slice(slopes!, [at, 0], [1, columns]), of.shape);
    return [
      wants(0) ? dx : undefined,
      wants(1) ? part(0, scale!) : undefined,
      ...(offset && wants(2) ? [part(1, offset)] : []),
    ];
  },
  emit(emitter, { inputs: [x, scale, offset], outputs: [y, statistics], attributes }) {
    const { columns, centered, epsilon } = attributes;
    const count = x!.size / columns;
    const cut = rows(count, columns * 4);
    emitter.call(
      "rowNorm",
      [
        count,
        columns,
        Number(centered),
        float(epsilon),
        read(emitter.buffer(x!), cut),
        read(emitter.buffer(scale!)),
        offset ? read(emitter.buffer(offset)) : nothing,
        write(emitter.buffer(y!), cut),
        write(emitter.buffer(statistics!), rows(count, 8)),
      ],
      { head: y!, work: 3 * x!.size },
    );
  },
});

/** Of dy, x, scale and the rows' statistics: dx, and for each block of rows the gradients of scale and offset. */
const rowNormGradientOp = defineOp<RowRun>({
  name: "rowNormGradient",
  shape: ([dy], { columns }) => {
    const count = dy!.size / columns;
    return [
      { shape: dy!.shape, dtype: "f32" },
      { shape: [Math.ceil(count / blockOf(count, columns)), 2, columns], dtype: "f32" },
    ];
  },
  gradient: "none",
  emit(emitter, { inputs: [dy, x, scale, statistics], outputs: [dx, slopes], attributes }) {
    const { columns, centered } = attributes;
    const count = dy!.size / columns;
    const block = blockOf(count, columns);
    const blocks = Math.ceil(count / block);
    const cut = rows(blocks, block * columns * 4);
    emitter.call(
      "rowNormGradient",
      [
        count,
        columns,
        block,
        Number(centered),
        read(emitter.buffer(dy!), cut),
        read(emitter.buffer(x!), cut),
        read(emitter.buffer(scale!)),
        read(emitter.buffer(statistics!), rows(blocks, block * 8)),
        emitter.used(dx!) ? write(emitter.buffer(dx!), cut) : nothing,
        write(emitter.buffer(slopes!), rows(blocks, columns * 8)),
      ],
      { work: 4 * dy!.size },
    );
  },
});

/**
 * y = (x − mean) / √(variance + ε) · scale + offset over the last axes, as many as scale has; without `centered` the mean
 * is left in, and the variance is the mean of the squares.
 */
export function rowNorm(
  x: Tensor,
  scale: Tensor,
  offset: Tensor | undefined,
  { centered, epsilon }: Pick<RowRun, "centered" | "epsilon">,
): Tensor {
  if (scale.shape.some((size, axis) => x.shape[x.rank - scale.rank + axis] !== size))
    throw new ShapeError(`rowNorm: scale has shape ${showShape(scale.shape)}, x has ${showShape(x.shape)}`);
  const run = { columns: scale.size, centered, epsilon };
  return x.graph.apply(rowNormOp, offset ? [x, scale, offset] : [x, scale], run)[0]!;
}
