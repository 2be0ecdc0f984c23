// A frozen model, node by node, and what is put before and behind it.
import { FormatError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import type { Node, Tensor } from "../../graph/tensor.ts";
import type { Frozen } from "../../inference/frozen.ts";
import { type Heading, writeFile } from "./file.ts";
import { OnnxGraph, type Value } from "./graph.ts";
import type { Size } from "./sizes.ts";
import { exporters } from "./table.ts";
import { Translation } from "./translation.ts";
import { type OnnxNormalization, wanted } from "./wanted.ts";

/** A model frozen at both batch sizes. */
type Pair = readonly [Frozen, Frozen];

/** What is put before and behind the model. */
interface Ends {
  readonly inputName?: string | undefined;
  readonly outputName?: string | undefined;
  readonly activation?: "softmax" | "sigmoid" | undefined;
  readonly normalization?: OnnxNormalization | undefined;
  readonly includeNormalization?: boolean | undefined;
}

/** The nodes of one graph by those of the other. @throws FormatError where they differ in more than sizes. */
function twinsOf(frozen: Frozen, other: Frozen): ReadonlyMap<Node, Node> {
  const isAlike = ({ op, source, outputs }: Node, twin: Node | undefined) => {
    if (op?.name !== twin?.op?.name || source?.kind !== twin?.source?.kind) return false;
    if (source?.kind !== "constant" || twin?.source?.kind !== "constant") return true;
    const { values } = twin.source;
    return (
      sameShape(outputs[0]!.shape, twin.outputs[0]!.shape) &&
      source.values.every((value, k) => Object.is(value, values[k]))
    );
  };
  for (const [k, node] of frozen.nodes.entries()) {
    if (!isAlike(node, other.nodes[k]) || frozen.nodes.length !== other.nodes.length) {
      throw new FormatError(
        `toOnnx: ${frozen.names.get(node.outputs[0]!)}: depends on the batch in more than its sizes: wanted batchSize`,
      );
    }
  }
  return new Map(frozen.nodes.map((node, k) => [node, other.nodes[k]!]));
}

/** @throws FormatError naming the first node that has no like. */
function checkNodes({ nodes, names }: Frozen): void {
  for (const { op, inputs, outputs } of nodes) {
    const name = names.get(outputs[0]!);
    const inner = inputs.find(({ index }) => index > 0);
    if (op && !exporters.has(op.name))
      throw new FormatError(`toOnnx: ${name}: the op ${op.name} has no like in the format`);
    if (inner)
      throw new FormatError(`toOnnx: ${name}: reads ${names.get(inner)}, which the format's op has not`);
  }
}

/** The input as the model wants it. */
function normalized(graph: OnnxGraph, x: Value, { mean, standardDeviation }: OnnxNormalization): Value {
  const numbers = (given: number | readonly number[]) => {
    const list = typeof given === "number" ? [given] : given;
    return graph.constant(Float32Array.from(list), [list.length]);
  };
  const [middle, deviation] = [numbers(mean), numbers(standardDeviation)];
  return graph.add("Div", [graph.add("Sub", [x, middle], x.sizes), deviation], x.sizes);
}

/** Says a frozen model in nodes of the format; answers its input and its output. */
function translate(graph: OnnxGraph, [frozen, other]: Pair, options: Ends) {
  checkNodes(frozen);
  const twins = twinsOf(frozen, other);
  const to = new Translation(graph, twins);
  const title = (tensor: Tensor) => frozen.names.get(tensor)!;
  const input = graph.input(
    options.inputName ?? "input",
    to.sizes(frozen.input),
    Translation.typeOf(frozen.input),
  );
  graph.scope = "normalization";
  const { normalization, includeNormalization = false } = options;
  if (includeNormalization && frozen.input.dtype === "i32")
    throw wanted("includeNormalization", true, "inputs that are no integers");
  to.set(frozen.input, includeNormalization ? normalized(graph, input, normalization!) : input);
  for (const [node, twin] of twins) {
    const { op, source, outputs } = node;
    const [y] = outputs as [Tensor];
    graph.scope = title(y);
    if (source?.kind === "constant") to.set(y, graph.constant(source.values, y.shape, source.name));
    if (!op) continue;
    const from = graph.nodes.length;
    exporters.get(op.name)!(to, node, twin);
    const last = graph.nodes.slice(from).at(-1);
    if (last) last.outputs[0]!.title = graph.scope;
  }
  graph.scope = "output";
  const logits = to.last(frozen.output);
  const { activation } = options;
  if (activation && frozen.output.dtype === "i32") throw wanted("activation", activation, "none of integers");
  const { sizes, type, node } = logits;
  const output =
    activation === "softmax"
      ? graph.add("Softmax", [logits], sizes, { axis: sizes.length - 1 })
      : activation === "sigmoid"
        ? graph.add("Sigmoid", [logits], sizes)
        : node
          ? logits
          : graph.add("Identity", [logits], sizes, {}, { type });
  output.title = options.outputName ?? "output";
  return { input, output };
}

/** The bytes of a file of a model, and those of its weights where they lie outside. */
export function writeModel(
  { batches, frozen }: { readonly batches: Size; readonly frozen: Pair },
  options: Ends & Heading & { readonly opset: number },
): { model: Uint8Array; weights: Uint8Array } {
  const graph = new OnnxGraph(options.opset, batches);
  return writeFile(graph, translate(graph, frozen, options), options);
}
