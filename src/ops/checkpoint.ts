// Recomputation: a part of a graph whose inner values are not kept for the gradients, but made once more for them.

import { defineOp, elements, update } from "../graph/op.ts";
import { reverse } from "../graph/reverse.ts";
import { type Graph, newTrace, type Tensor } from "../graph/tensor.ts";
import { add } from "./arithmetic.ts";

/** The same memory; elementwise work on it is not moved to where it was made, which would keep it from then on. */
const resumeOp = defineOp({
  name: "resume",
  shape: ([x]) => x!,
  gradient: ({ dy }) => [dy],
  emit(emitter, { inputs: [x], outputs: [y] }) {
    emitter.alias(y!, x!);
    emitter.call("pause", [update(emitter.buffer(x!), elements(x!.size))]);
  },
});

/**
 * Traces, and answers what traces the same once more: under the same names, with the same parameters and random numbers.
 * What the second trace says beside its ops, such as penalties, is forgotten.
 */
export function repeatable<T>(graph: Graph, trace: () => T): { result: T; repeat: (same: () => T) => T } {
  const { instead, names, owners, streams, inputs } = graph.trace;
  const before = { names: new Map(names), owners: new Map(owners) };
  const from = streams.length;
  const result = trace();
  const repeated = streams.slice(from);
  const repeat = (same: () => T) => {
    // Copies, for it may be repeated again.
    const { names, owners } = before;
    const start = { names: new Map(names), owners: new Map(owners), repeated: repeated.slice(), inputs };
    return graph.within({ ...newTrace(instead), ...start }, same);
  };
  return { result, repeat };
}

interface Checkpoint {
  /** Traces the block once more. */
  readonly repeat: (x: Tensor) => Tensor;
}

/** The block's result, of its result, its input, and all else that it reads. */
const checkpointOp = defineOp<Checkpoint>({
  name: "checkpoint",
  shape: ([y]) => y!,
  gradient({ inputs: [, x, ...others], attributes: { repeat }, dy, wants }) {
    const start = x!.node.op ? x!.graph.apply(resumeOp, [x!], undefined)[0]! : x!;
    const wanted = [start, ...others].flatMap((tensor, index) => (wants(index + 1) ? [tensor] : []));
    const slopes = new Map(reverse(repeat(start), wanted, add, dy).map((slope, k) => [wanted[k]!, slope]));
    return [undefined, ...[start, ...others].map((tensor) => slopes.get(tensor))];
  },
  emit: (emitter, { inputs: [y], outputs: [same] }) => emitter.alias(same!, y!),
});

/**
 * Applies a block whose inner values need not live until the gradients are taken: then it is traced once more from its
 * input, with the same parameters and the same random numbers. In prediction it is the block alone.
 */
export function recompute(x: Tensor, block: (x: Tensor) => Tensor): Tensor {
  const { graph } = x;
  if (graph.mode === "predict") return block(x);
  const from = graph.nodes.length;
  const { result, repeat } = repeatable(graph, () => block(x));
  const read = new Set<Tensor>();
  for (const { inputs } of graph.nodes.slice(from)) {
    for (const input of inputs) {
      const { id, source } = input.node;
      const outside = id < from || source?.kind === "parameter";
      if (outside && input !== x && input.dtype === "f32" && source?.kind !== "constant") read.add(input);
    }
  }
  // A block that does nothing has nothing to recompute.
  if (result.node.id < from) return result;
  const attributes = { repeat: (start: Tensor) => repeat(() => block(start)) };
  return graph.apply(checkpointOp, [result, x, ...read], attributes)[0]!;
}
