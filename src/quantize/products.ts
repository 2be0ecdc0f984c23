// Products by weights that are known: where a frozen model has many numbers, and computes with them.
import type { Node, Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";

/** Of each op, which input is a weight, and which of its axes counted from the last one makes the channels. */
const WEIGHTS: Readonly<
  Record<string, { readonly input: number; readonly axis: (attributes: unknown) => number }>
> = {
  matmul: { input: 1, axis: (layout) => (layout === "NT" ? -2 : -1) },
  batchMatmul: { input: 1, axis: (layout) => (layout === "NT" ? -2 : -1) },
  convolution: { input: 1, axis: () => -1 },
  convolutionTransposed: { input: 1, axis: () => -2 },
  recurrence: { input: 1, axis: () => -1 },
  gather: { input: 0, axis: () => -2 },
};

/** A weight of a frozen model, and along which axis it has channels. */
export interface Weight {
  readonly tensor: Tensor;
  readonly axis: number;
}

/** The numbers of a tensor, if it is a constant, and the parameter that it was. */
export function constantOf({ node: { source } }: Tensor) {
  return source?.kind === "constant" ? source : undefined;
}

/** The weight of a product by a matrix [k, n] or [n, k], or by filters; undefined: of another op, or not known. */
export function weightOf({ op, inputs, attributes }: Node): Weight | undefined {
  const known = op && Object.hasOwn(WEIGHTS, op.name) ? WEIGHTS[op.name]! : undefined;
  const tensor = known && inputs[known.input]!;
  if (!tensor || !constantOf(tensor) || tensor.rank < 2) return undefined;
  const axis = tensor.rank + known.axis(attributes);
  // A stack of matrices has no channels in common.
  if (op!.name === "batchMatmul" && (tensor.shape[0] !== 1 || inputs[0]!.shape[0] !== 1)) return undefined;
  return { tensor, axis };
}

/** The weights of a frozen model: parameters that all who read them read as weights, along the same axis. */
export function weightsOf({ nodes }: Frozen): ReadonlyMap<Tensor, number> {
  const axes = new Map<Tensor, number>();
  const others = new Set<Tensor>();
  for (const node of nodes) {
    const weight = weightOf(node);
    for (const input of node.inputs) {
      if (weight?.tensor !== input || (axes.get(input) ?? weight.axis) !== weight.axis) others.add(input);
      else if (constantOf(input)!.name) axes.set(input, weight.axis);
    }
  }
  for (const other of others) axes.delete(other);
  return axes;
}

/** A weight as a matrix: [k, n] with the channels last. */
export interface Matrix {
  readonly k: number;
  readonly n: number;
  /** The place in the tensor of element [row, column]. */
  readonly at: (row: number, column: number) => number;
}

export function matrixOf(shape: readonly number[], axis: number): Matrix {
  const n = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((size, each) => size * each, 1);
  const k = shape.reduce((size, each) => size * each, 1) / n;
  return { k, n, at: (row, column) => (Math.floor(row / inner) * n + column) * inner + (row % inner) };
}

/** An array of a tensor's numbers as a matrix, row after row. */
export function asMatrix<T extends Float32Array | Int8Array>(values: T, { n, at }: Matrix): T {
  return values.map((_, index) => values[at(Math.floor(index / n), index % n)]!) as T;
}

/** Whether a parameter belongs to one of some layers: its name is theirs and a part's. */
export const belongs = (name: string | undefined, layers: readonly string[]): boolean =>
  layers.some((layer) => name === layer || name?.startsWith(`${layer}.`));
