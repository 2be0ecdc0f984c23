// A frozen model said again with integers: products of bytes where scales are known, bytes between them where the next op
// takes bytes, floats everywhere else.
import type { Node, Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import type { Range, Ranges } from "./calibrate.ts";
import { constantOf, weightOf } from "./products.ts";

/** Ops that only choose or move numbers: what their bytes stand for stays as it is. */
const PASSING = new Set(["reshape", "permute", "slice", "pad", "concatenate", "maxPool"]);

/** Activations that are bounds. */
const BOUNDS: Readonly<
  Record<string, (attributes: readonly [number, number]) => readonly [least: number, most: number]>
> = {
  relu: () => [0, Number.POSITIVE_INFINITY],
  relu6: () => [0, 6],
  hardTanh: (bounds) => bounds,
  clamp: (bounds) => bounds,
};

/** A product of bytes: what it reads, and the activation that it ends with. */
interface IntegerProduct {
  readonly x: Tensor;
  /** The tensor that has been activated, if the product does it, and its bounds. */
  readonly fused: { readonly to: Tensor; readonly bounds: readonly [number, number] } | undefined;
}

/** Which parts of a frozen model work on bytes. */
export interface Division {
  readonly products: ReadonlyMap<Node, IntegerProduct>;
  /** Tensors that exist as bytes, because a product reads them, at once or behind ops that only move them. */
  readonly bytes: ReadonlySet<Tensor>;
  /** Ops that only choose or move bytes. */
  readonly passing: ReadonlySet<Node>;
  /** Activations that the product before them does: output → input. */
  readonly absorbed: ReadonlyMap<Tensor, Tensor>;
  /** The values that a tensor's bytes tell apart. */
  rangeOf(tensor: Tensor): Range;
}

/** How the tensors of a frozen model hang together. */
class Readers {
  readonly #readers = new Map<Tensor, Node[]>();
  readonly #output: Tensor;

  constructor({ nodes, output }: Frozen) {
    this.#output = output;
    for (const node of nodes)
      for (const input of node.inputs) this.#readers.set(input, [...(this.#readers.get(input) ?? []), node]);
  }

  of(tensor: Tensor): readonly Node[] {
    return this.#readers.get(tensor) ?? [];
  }

  /** The one node that reads a tensor, if nobody else does. */
  only(tensor: Tensor): Node | undefined {
    const readers = this.of(tensor);
    return readers.length === 1 && tensor !== this.#output ? readers[0] : undefined;
  }
}

/** Sets of tensors that share what their bytes stand for. */
class Groups {
  readonly #parents = new Map<Tensor, Tensor>();

  rootOf(tensor: Tensor): Tensor {
    let root = tensor;
    for (let next = this.#parents.get(root); next; next = this.#parents.get(root)) root = next;
    return root;
  }

  join(a: Tensor, b: Tensor): void {
    const [first, second] = [this.rootOf(a), this.rootOf(b)];
    if (first !== second) this.#parents.set(first, second);
  }
}

/** The product's result behind reshapes and the activation that bounds it, if nobody else reads what is between. */
function fusedOf(product: Node, readers: Readers, bytes: ReadonlySet<Tensor>) {
  const between: Tensor[] = [product.outputs[0]!];
  for (;;) {
    const last = between.at(-1)!;
    const next = readers.only(last);
    const name = next?.op?.name ?? "";
    const bounds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name]! : undefined;
    const [to] = next?.outputs ?? [];
    if (bounds && bytes.has(to!)) return { between, to: to!, bounds: bounds(next!.attributes) };
    if (name !== "reshape") return undefined;
    between.push(to!);
  }
}

/** Whether an op can pass bytes on. */
const passes = ({ op, inputs, outputs }: Node, readers: Readers): boolean =>
  op !== undefined &&
  PASSING.has(op.name) &&
  outputs.slice(1).every((more) => readers.of(more).length === 0) &&
  inputs.every(({ dtype }) => dtype === "f32");

/** Finds the parts that work on bytes: products for whose inputs there are ranges, of those that are given. */
export function divide(frozen: Frozen, ranges: Ranges, candidates: readonly Node[]): Division {
  const readers = new Readers(frozen);
  const { nodes, names } = frozen;
  const chosen = new Set(candidates);
  for (;;) {
    const bytes = new Set<Tensor>();
    const passing = new Set<Node>();
    const groups = new Groups();
    for (const node of nodes.toReversed()) {
      const [y] = node.outputs;
      if (chosen.has(node)) bytes.add(node.inputs[0]!);
      else if (bytes.has(y!) && passes(node, readers)) {
        passing.add(node);
        for (const input of node.inputs) {
          bytes.add(input);
          groups.join(input, y!);
        }
      }
    }
    const products = new Map<Node, IntegerProduct>();
    const absorbed = new Map<Tensor, Tensor>();
    const unranged = new Set<Tensor>();
    for (const node of chosen) {
      const fused = fusedOf(node, readers, bytes);
      products.set(node, { x: node.inputs[0]!, fused });
      if (!fused) continue;
      absorbed.set(fused.to, fused.between.at(-1)!);
      for (const tensor of fused.between) {
        if (tensor.node !== node) passing.add(tensor.node);
        groups.join(tensor, fused.to);
        bytes.add(tensor);
        unranged.add(tensor);
      }
    }
    const found = new Map<Tensor, Range>();
    for (const tensor of bytes) {
      const range = ranges.get(names.get(tensor)!);
      if (!range || unranged.has(tensor)) continue;
      const root = groups.rootOf(tensor);
      const { min, max } = found.get(root) ?? range;
      found.set(root, { min: Math.min(min, range.min), max: Math.max(max, range.max) });
    }
    const without = [...chosen].filter((node) => !found.has(groups.rootOf(node.inputs[0]!)));
    if (without.length === 0)
      return {
        products,
        bytes,
        passing,
        absorbed,
        rangeOf: (tensor) => found.get(groups.rootOf(tensor))!,
      };
    for (const node of without) chosen.delete(node);
  }
}

/** Ops of a frozen model that can multiply bytes by a weight. */
export const multipliesBytes = (node: Node): boolean =>
  /^(matmul|batchMatmul|convolution)$/.test(node.op?.name ?? "") &&
  weightOf(node) !== undefined &&
  (node.inputs[2] === undefined || constantOf(node.inputs[2]) !== undefined);
