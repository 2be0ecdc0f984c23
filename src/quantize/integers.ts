// A frozen model said again with integers: products of bytes where scales are known, bytes between them where what lies there
// has a rule for bytes, floats everywhere else.
import type { Node, Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import type { Range, Ranges } from "./calibrate.ts";
import { constantOf, weightOf } from "./products.ts";
import { type Rule, readBy, ruleOf } from "./rules.ts";

/** Activations that are bounds. */
const BOUNDS: Readonly<
  Record<string, (attributes: readonly [number, number]) => readonly [least: number, most: number]>
> = {
  relu: () => [0, Number.POSITIVE_INFINITY],
  relu6: () => [0, 6],
  hardTanh: (bounds) => bounds,
  clamp: (bounds) => bounds,
};

/** An activation that the op before it does, and its bounds. */
interface Fused {
  /** The tensor that has been activated. */
  readonly to: Tensor;
  readonly bounds: readonly [number, number];
}

/** Which parts of a frozen model work on bytes. */
export interface Division {
  /** Products of bytes. */
  readonly products: ReadonlySet<Node>;
  /** What else computes on bytes, and how. */
  readonly said: ReadonlyMap<Node, Rule>;
  /** Tensors that exist as bytes, because something that computes on bytes reads them. */
  readonly bytes: ReadonlySet<Tensor>;
  /** Of those that end with an activation behind them. */
  readonly fused: ReadonlyMap<Node, Fused>;
  /** Activations that the op before them does: output → input. */
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

/** An op's result behind reshapes and the activation that bounds it, if nobody else reads what is between. */
function fusedOf(node: Node, readers: Readers, bytes: ReadonlySet<Tensor>) {
  const between: Tensor[] = [node.outputs[0]!];
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

/** Of each node that can be said with bytes how; further results would be floats. */
const rulesOf = ({ nodes }: Frozen, readers: Readers): ReadonlyMap<Node, Rule> =>
  new Map(
    nodes.flatMap((node) => {
      const rule = ruleOf(node);
      const alone = node.outputs.slice(1).every((more) => readers.of(more).length === 0);
      return rule && alone ? [[node, rule] as const] : [];
    }),
  );

/** Which nodes have bytes to begin with: products, and what reads something that has; or makes bytes of floats by itself. */
function ableOf({ nodes }: Frozen, products: ReadonlySet<Node>, rules: ReadonlyMap<Node, Rule>): Set<Node> {
  const able = new Set<Node>(products);
  for (const node of nodes) {
    const rule = rules.get(node);
    if (!rule) continue;
    const reads = readBy(node, rule);
    if (reads.length === 0 || reads.some((tensor) => able.has(tensor.node))) able.add(node);
  }
  return able;
}

/** Finds the parts that work on bytes: products for whose inputs there are ranges, of those that are given, and what lies between. */
export function divide(frozen: Frozen, ranges: Ranges, candidates: readonly Node[]): Division {
  const readers = new Readers(frozen);
  const { nodes, names } = frozen;
  const chosen = new Set(candidates);
  const rules = new Map(rulesOf(frozen, readers));
  for (;;) {
    const able = ableOf(frozen, chosen, rules);
    const bytes = new Set<Tensor>();
    const floats = new Set<Tensor>();
    const said = new Map<Node, Rule>();
    const groups = new Groups();
    for (const node of nodes.toReversed()) {
      const [y] = node.outputs;
      const rule = bytes.has(y!) ? rules.get(node) : undefined;
      if (chosen.has(node)) bytes.add(node.inputs[0]!);
      // What somebody reads as floats is better computed in floats, unless it has not been computed at all.
      else if (rule && (rule.moves || (able.has(node) && !floats.has(y!)))) {
        said.set(node, rule);
        const reads = readBy(node, rule);
        for (const input of node.inputs) (reads.includes(input) ? bytes : floats).add(input);
        if (rule.moves) for (const input of reads) groups.join(input, y!);
      } else for (const input of node.inputs) floats.add(input);
    }
    const absorbed = new Map<Tensor, Tensor>();
    const fused = new Map<Node, Fused>();
    const unranged = new Set<Tensor>();
    for (const node of [...chosen, ...said.keys()]) {
      const end = chosen.has(node) || said.get(node)!.bounded ? fusedOf(node, readers, bytes) : undefined;
      if (!end) continue;
      const { to, bounds, between } = end;
      fused.set(node, { to, bounds });
      absorbed.set(to, between.at(-1)!);
      for (const tensor of between) {
        if (tensor.node !== node) said.set(tensor.node, ruleOf(tensor.node)!);
        groups.join(tensor, to);
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
    const ranged = (tensor: Tensor) => found.has(groups.rootOf(tensor));
    const lost = [...said].filter(
      ([node, rule]) => !rule.moves && ![node.outputs[0]!, ...readBy(node, rule)].every(ranged),
    );
    const without = [...chosen].filter((node) => !ranged(node.inputs[0]!));
    // Without one that stays in floats others may have ranges enough.
    for (const [node] of lost) rules.delete(node);
    if (lost.length > 0) continue;
    if (without.length === 0) {
      const rangeOf = (tensor: Tensor) => found.get(groups.rootOf(tensor))!;
      return { products: chosen, said, bytes, fused, absorbed, rangeOf };
    }
    for (const node of without) chosen.delete(node);
  }
}

/** Ops of a frozen model that can multiply bytes by a weight. */
export const multipliesBytes = (node: Node): boolean =>
  /^(matmul|batchMatmul|convolution)$/.test(node.op?.name ?? "") &&
  weightOf(node) !== undefined &&
  (node.inputs[2] === undefined || constantOf(node.inputs[2]) !== undefined);
