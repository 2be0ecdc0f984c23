// A model as it predicts: a graph whose parameters are numbers, without what only training needs. Whatever leaves for
// another runtime, or is made smaller, starts from it.
import { compile, type Program } from "../compile/program.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import { nodesOf, rewrite } from "../graph/rewrite.ts";
import { Graph, type Node, type Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { maximum } from "../ops/arithmetic.ts";
import { foldScales } from "./scales.ts";

/** A frozen model. At every batch size it has the same nodes in the same order, under the same names. */
export interface Frozen {
  readonly graph: Graph;
  /** [batch, ...inputShape] */
  readonly input: Tensor;
  /** [batch, ...outputShape] */
  readonly output: Tensor;
  /** What the output depends on, in order. Sources are the input and constants; a constant made of parameters has the name of the first. */
  readonly nodes: readonly Node[];
  /** A name for each tensor: the parameter's, else counted by op. */
  readonly names: ReadonlyMap<Tensor, string>;
}

/** Options of {@link freeze}. */
export interface FreezeOptions {
  /** Examples at a time. Default: 1. */
  readonly batchSize?: number;
  /** Where what is constant is computed. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine | undefined;
  /** Numbers for the parameters and state. Default: those that the model has. */
  readonly parameters?: ReadonlyMap<string, ParameterValues>;
}

/** A repetition is smaller as an op than as numbers. */
const LEFT = "broadcastTo";

/**
 * Freezes a model: dropout is gone, what depends on constants alone is computed, and scales and offsets behind a product,
 * such as a batch normalization's, are part of its weight and bias.
 * @throws EngineError where the model has no weights yet.
 */
export async function freeze(model: Model, options: FreezeOptions = {}): Promise<Frozen> {
  const { batchSize = 1, engine = model.weights.engine ?? (await defaultEngine()) } = options;
  const values = options.parameters ?? model.parameters();
  const traced = new Graph("predict");
  const x = traced.input("input", [batchSize, ...model.inputShape], model.inputType);
  const y = model.trace(traced, x);
  // A model that does nothing still has to bring its numbers from one place to the other.
  const given = rewritten(y === x ? maximum(x, x) : y, (parameter) => {
    const { source } = parameter.node;
    return source?.kind === "parameter" ? { ...values.get(source.name)!, name: source.name } : undefined;
  });
  const known = await evaluated(given, engine);
  const output = foldScales(rewritten(given, (tensor) => known.get(tensor)));
  const { graph } = output;
  const nodes = nodesOf(output);
  return { graph, input: graph.inputs.get("input")!, output, nodes, names: named(nodes) };
}

/** The program of a frozen model: regions "input" and "output", and constants. */
export const predictor = (frozen: Frozen): Program =>
  compile({ graph: frozen.graph, placements: placed(frozen) });

/** Where input and output of a frozen model lie. */
export const placed = ({ input, output }: Frozen) =>
  new Map([
    [input, { region: "input", offset: 0 }],
    [output, { region: "output", offset: 0 }],
  ]);

/** Numbers that stand for a tensor. */
interface Numbers {
  readonly values: Float32Array;
  readonly name?: string | undefined;
}

/** The same in a graph of its own, with numbers for some of the tensors. */
function rewritten(output: Tensor, numbersOf: (tensor: Tensor) => Numbers | undefined): Tensor {
  const graph = new Graph("predict");
  const constant = (tensor: Tensor) => {
    const numbers = numbersOf(tensor);
    return numbers && graph.constant(numbers.values, tensor.shape, numbers.name);
  };
  const become = rewrite(output, graph, {
    source(tensor) {
      const { source } = tensor.node;
      const known = constant(tensor);
      if (known) return known;
      if (source?.kind === "constant") return graph.constant(source.values, tensor.shape, source.name);
      return graph.input("input", tensor.shape, tensor.dtype);
    },
    op(node) {
      const known = constant(node.outputs[0]!);
      return known && [known];
    },
  });
  return become.get(output)!;
}

/** The values of the tensors that depend on constants alone, where others read them. */
async function evaluated(output: Tensor, engine: Engine): Promise<ReadonlyMap<Tensor, Numbers>> {
  const fixed = new Set<Node>();
  const read = new Set([output]);
  const nameOf = new Map<Node, string | undefined>();
  for (const node of nodesOf(output)) {
    const { op, source, inputs, outputs } = node;
    const computed =
      op && op.name !== LEFT && outputs.length === 1 && inputs.every((input) => fixed.has(input.node));
    const own = source?.kind === "constant" ? source.name : undefined;
    nameOf.set(node, own ?? inputs.map((input) => nameOf.get(input.node)).find((name) => name));
    if (source?.kind === "constant" || computed) fixed.add(node);
    else for (const input of inputs) read.add(input);
  }
  const wanted = [...read].filter(({ node }) => node.op && fixed.has(node));
  const result = new Map<Tensor, Numbers>();
  if (wanted.length === 0) return result;
  let end = 0;
  const placements = new Map(
    wanted.map((tensor) => {
      const offset = end;
      end += tensor.bytes;
      return [tensor, { region: "output", offset }];
    }),
  );
  const program = compile({ graph: output.graph, placements });
  await engine.turn(async (run) => {
    const loaded = engine.load(program);
    try {
      await run(loaded);
      for (const [tensor, { region, offset }] of placements)
        result.set(tensor, {
          values: loaded.floats(region, offset, tensor.size).slice(),
          name: nameOf.get(tensor.node),
        });
    } finally {
      loaded.release();
    }
  });
  return result;
}

/** Names of the tensors: relu, relu_1, …; a second output of an op has a number behind its point. */
export function named(nodes: readonly Node[]): ReadonlyMap<Tensor, string> {
  const counts = new Map<string, number>();
  const names = new Map<Tensor, string>();
  for (const { op, source, outputs } of nodes) {
    const kind = op?.name ?? source!.name ?? "constant";
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    const name = count === 0 ? kind : `${kind}_${count}`;
    for (const [index, tensor] of outputs.entries())
      names.set(tensor, index === 0 ? name : `${name}.${index}`);
  }
  return names;
}
