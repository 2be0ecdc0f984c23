// The tables that tell the kernels of convolutions where patches lie, see assembly/gemm/patches.ts.
import { PATCHES_BYTES } from "../../assembly/abi.ts";
import type { Shape } from "../core/shape.ts";

/** How the windows of a convolution lie on its input. */
export interface Windows {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Zeros before each axis; those behind it follow from the number of windows. */
  readonly before: readonly [number, number];
  readonly groups: number;
}

type Size = readonly [number, number];

/** One axis of a grid of windows: window t holds, for each tap j, the pixel t · stride − before + j · dilation. */
interface Axis {
  readonly grid: number;
  readonly taps: readonly number[];
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  /** Where the grid's first pixel goes. */
  readonly first: number;
}

interface Table {
  /** [batch, height, width, channels] of what the patches are of. */
  readonly source: Shape;
  readonly groups: number;
  readonly axes: readonly [Axis, Axis];
  /** The first tap's row in the matrix of taps. */
  readonly tap: number;
  /** Of a grid that fills an image by steps, that image's size, and the steps. */
  readonly to?: { readonly size: Size; readonly step: Size };
  /** Whether taps are told apart even if they lie side by side. */
  readonly depthwise: boolean;
}

function tableOf({ source, groups, axes: [y, x], tap, to, depthwise }: Table): number[] {
  const [images, height, width, channels] = source as [number, number, number, number];
  const groupChannels = channels / groups;
  const joined = !depthwise && groups === 1 && (x.dilation === 1 || x.taps.length === 1);
  const words = [
    y.grid,
    x.grid,
    images * y.grid * x.grid,
    y.taps.length * x.taps.length * groupChannels,
    height,
    width,
    channels,
    groupChannels,
    joined ? x.taps.length * channels : groupChannels,
    joined ? 1 : x.taps.length,
    y.stride,
    x.stride,
    y.dilation,
    x.dilation,
    y.before,
    x.before,
    tap,
    to ? 1 : 0,
    ...(to?.size ?? [0, 0]),
    y.first,
    x.first,
    ...(to?.step ?? [0, 0]),
  ];
  if (words.length * 4 !== PATCHES_BYTES) throw new Error("a table of patches does not fit its place");
  return words;
}

const count = (n: number) => Array.from({ length: n }, (_, k) => k);

/** Each window of a convolution, over all taps. */
export function forwardTable(
  source: Shape,
  { kernel, grid, windows, depthwise }: { kernel: Size; grid: Size; windows: Windows; depthwise: boolean },
): number[] {
  const { stride, dilation, before, groups } = windows;
  const axis = (k: 0 | 1): Axis => ({
    grid: grid[k],
    taps: count(kernel[k]),
    stride: stride[k],
    dilation: dilation[k],
    before: before[k],
    first: 0,
  });
  return tableOf({ source, groups, axes: [axis(0), axis(1)], tap: 0, depthwise });
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/**
 * Every pixel of a convolution's input, over the windows that it lies in. Pixels that lie alike to the strides form a
 * phase: their taps are the same, and meet windows side by side. With the order in which the phases name the taps.
 */
export function backwardTables(
  source: Shape,
  { kernel, size, windows, depthwise }: { kernel: Size; size: Size; windows: Windows; depthwise: boolean },
): { tables: number[]; phases: number; order: number[] } {
  const { stride, dilation, before, groups } = windows;
  const axes = (k: 0 | 1): Axis[] =>
    count(Math.min(stride[k], size[k])).map((phase) => {
      const at = (tap: number) => phase + before[k] - tap * dilation[k];
      // In the order of the windows, which is that of the taps reversed.
      const taps = count(kernel[k])
        .filter((tap) => at(tap) % stride[k] === 0)
        .reverse();
      return {
        grid: Math.ceil((size[k] - phase) / stride[k]),
        taps,
        stride: 1,
        dilation: dilation[k] / divisor(dilation[k], stride[k]),
        before: taps.length > 0 ? -at(taps[0]!) / stride[k] : 0,
        first: phase,
      };
    });
  const tables: number[] = [];
  const order: number[] = [];
  const columns = axes(1);
  const pairs = axes(0).flatMap((y) => columns.map((x) => [y, x] as const));
  const groupRows = source[3]! / groups;
  for (const [y, x] of pairs) {
    const to = pairs.length > 1 ? { size, step: stride } : undefined;
    tables.push(
      ...tableOf({
        source,
        groups,
        axes: [y, x],
        tap: order.length * groupRows,
        depthwise,
        ...(to && { to }),
      }),
    );
    order.push(...y.taps.flatMap((ky) => x.taps.map((kx) => ky * kernel[1] + kx)));
  }
  return { tables, phases: pairs.length, order };
}
