// What windows over images mean: pooling, resizing, convolution, padding by the image.
import type { Shape } from "#src/core/shape";
import type { Node } from "#src/graph/tensor";
import type { Windows } from "#src/ops/patches";
import { forEach, indexOf, type Meaning, positionOf, sizeOf, type Values } from "./elements.ts";

/** Calls back for each input that a position of the result takes; indices of elements of [n, height, width, channels]. */
function forEachTaken(
  node: Node,
  [from, to]: readonly [Shape, Shape],
  visit: (y: number, x: number, weight: number) => void,
): void {
  const [rows, columns] = node.attributes;
  forEach(to, ([image, row, column, channel], index) => {
    const [u, v] = [rows.taps[row!], columns.taps[column!]];
    for (const [j, a] of u.weights.entries()) {
      for (const [k, b] of v.weights.entries()) {
        const at = [image!, u.first + j * (rows.step ?? 1), v.first + k * (columns.step ?? 1), channel!];
        visit(index, indexOf(at, from), a * b);
      }
    }
  });
}

/** For each element of [n, height, width, channels] pooled into `shape`, where the maximum of its index lies. */
function placesOf(indices: Values, shape: Shape, node: Node): number[] {
  const [rows, columns] = node.attributes;
  const channels = shape[3]!;
  const perImage = sizeOf(shape.slice(1));
  return Array.from(indices, (place, i) => {
    const image = Math.floor(i / perImage);
    return (image * rows.size * columns.size + place) * channels + (i % channels);
  });
}

/** Every product of a convolution: the elements of input, weight and output that meet. */
function forEachProduct(
  [x, weight, y]: readonly [Shape, Shape, Shape],
  { stride, dilation, before, groups }: Windows,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [images, lines, columns, outputs] = y as [number, number, number, number];
  const [height, width, groupChannels] = weight as [number, number, number];
  for (let at = 0, k = 0; k < images * lines * columns; k++) {
    const [image, line, column] = positionOf(k, [images, lines, columns]) as [number, number, number];
    for (let output = 0; output < outputs; output++, at++) {
      const channel = Math.floor((output * groups) / outputs) * groupChannels;
      for (let tap = 0; tap < height * width; tap++) {
        const a = line * stride[0] + Math.floor(tap / width) * dilation[0] - before[0];
        const b = column * stride[1] + (tap % width) * dilation[1] - before[1];
        if (a < 0 || b < 0 || a >= x[1]! || b >= x[2]!) continue;
        const from = ((image * x[1]! + a) * x[2]! + b) * x[3]! + channel;
        const by = tap * groupChannels * outputs + output;
        for (let c = 0; c < groupChannels; c++) visit(from + c, by + c * outputs, at);
      }
    }
  }
}

/** Every element begins at that of a bias over the last axis. */
function begun(shape: Shape, bias: Values | undefined): Values {
  return new Float64Array(sizeOf(shape)).map((_, i) => bias?.[i % bias.length] ?? 0);
}

/** By the name of the op. */
export const windowMeanings: Record<string, Meaning> = {
  resample(node, [x]) {
    const to = node.outputs[0]!.shape;
    const y = new Float64Array(sizeOf(to));
    forEachTaken(node, [node.inputs[0]!.shape, to], (at, from, weight) => {
      y[at]! += weight * x![from]!;
    });
    return [y];
  },
  maxPool(node, [x]) {
    const [from, to] = [node.inputs[0]!.shape, node.outputs[0]!.shape];
    const y = new Float64Array(sizeOf(to)).fill(Number.NEGATIVE_INFINITY);
    const indices = new Float64Array(y.length).fill(-1);
    forEachTaken(node, [from, to], (at, k) => {
      if (indices[at]! >= 0 && !(x![k]! > y[at]! || Number.isNaN(x![k]))) return;
      y[at] = x![k]!;
      indices[at] = Math.floor(k / from[3]!) % (from[1]! * from[2]!);
    });
    return [y, indices];
  },
  maxPoolGradient(node, [dy, indices]) {
    const dx = new Float64Array(sizeOf(node.outputs[0]!.shape));
    for (const [i, place] of placesOf(indices!, node.inputs[0]!.shape, node).entries()) dx[place]! += dy![i]!;
    return [dx];
  },
  takeMaxima(node, [x, indices]) {
    return [Float64Array.from(placesOf(indices!, node.outputs[0]!.shape, node), (place) => x![place]!)];
  },
  convolution({ inputs: [from, by], outputs: [to], attributes }, [x, weight, bias]) {
    const y = begun(to!.shape, bias);
    forEachProduct([from!.shape, by!.shape, to!.shape], attributes.windows, (a, b, c) => {
      y[c] = y[c]! + x![a]! * weight![b]!;
    });
    return [y];
  },
  convolutionTransposed({ inputs: [from, by], outputs: [to], attributes }, [x, weight, bias]) {
    const y = begun(to!.shape, bias);
    forEachProduct([to!.shape, by!.shape, from!.shape], attributes.windows, (a, b, c) => {
      y[a] = y[a]! + x![c]! * weight![b]!;
    });
    return [y];
  },
  convolutionWeights({ inputs: [from, by], outputs: [to], attributes }, [x, dy]) {
    const y = begun(to!.shape, undefined);
    forEachProduct([from!.shape, to!.shape, by!.shape], attributes.windows, (a, b, c) => {
      y[b] = y[b]! + x![a]! * dy![c]!;
    });
    return [y];
  },
  collect({ inputs: [from], outputs: [to], attributes: { lines, columns } }, [x]) {
    const y = new Float64Array(sizeOf(to!.shape));
    forEach(to!.shape, ([image, line, column, channel], index) => {
      for (const a of lines[line!])
        for (const b of columns[column!])
          y[index] = y[index]! + x![indexOf([image!, a, b, channel!], from!.shape)]!;
    });
    return [y];
  },
};
