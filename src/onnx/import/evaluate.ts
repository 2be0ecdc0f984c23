// Says the nodes that some outputs depend on, in ops or in numbers. Of the order of the file nothing is believed.
import { DownhillError, FormatError } from "../../core/errors.ts";
import { quote } from "../../formats/json.ts";
import { type Body, Call, type Scope } from "./call.ts";
import type { FileGraph, FileNode, OnnxFile } from "./file.ts";
import { isFloat } from "./numbers.ts";
import { operatorOf } from "./operators.ts";
import type { Limits } from "./tensor.ts";
import { Value } from "./value.ts";

/** Opsets whose meaning is known. */
const OPSETS = { least: 1, most: 21 } as const;

/** Who makes each value. @throws FormatError where two do. */
function makersOf({ nodes, initializers, inputs }: FileGraph): ReadonlyMap<string, FileNode> {
  const makers = new Map<string, FileNode>();
  const given = new Set([...initializers.keys(), ...inputs.map(({ name }) => name)]);
  for (const node of nodes) {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (makers.has(output) || given.has(output))
        throw new FormatError(
          `onnx: ${node.place}: output ${quote(output)}: got a name that is taken, wanted another`,
        );
      makers.set(output, node);
    }
  }
  return makers;
}

/** The nodes that some values depend on, each behind those that it depends on. */
export function nodesFor(
  graph: FileGraph,
  outputs: readonly string[],
  given: ReadonlySet<string>,
): readonly FileNode[] {
  const makers = makersOf(graph);
  const order: FileNode[] = [];
  const state = new Map<FileNode, "open" | "done">();
  const makerOf = (name: string, place: string) => {
    const maker = makers.get(name);
    if (!maker)
      throw new FormatError(`onnx: ${place}: ${quote(name)}: got a name that nothing makes, wanted a value`);
    return maker;
  };
  const isGiven = (name: string) => name === "" || given.has(name) || graph.initializers.has(name);
  // A stack of one's own: a file may be deeper than that of the language.
  const stack = outputs.filter((name) => !isGiven(name)).map((name) => makerOf(name, "output"));
  stack.reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    if (state.get(node) !== undefined) {
      if (state.get(node) === "open") order.push(node);
      state.set(node, "done");
      stack.pop();
      continue;
    }
    state.set(node, "open");
    for (const name of node.needs.toReversed()) {
      if (isGiven(name)) continue;
      const maker = makerOf(name, node.place);
      if (state.get(maker) === "open")
        throw new FormatError(`onnx: ${node.place}: got a cycle through ${quote(name)}, wanted an order`);
      if (!state.has(maker)) stack.push(maker);
    }
  }
  return order;
}

type Opsets = Pick<OnnxFile, "opsets">;

/** The opset of a node's domain. @throws FormatError where it is not known. */
function opsetOf({ opsets }: Opsets, { domain, place }: FileNode): number {
  const version = opsets.get(domain);
  if (version === undefined)
    throw new FormatError(`onnx: ${place}: got no opset of domain ${quote(domain)}, wanted one`);
  const { least, most } = OPSETS;
  if (domain === "" && !(version >= least && version <= most))
    throw new FormatError(`onnx: ${place}: opset ${version} is not supported: wanted ${least} to ${most}`);
  return version;
}

/** Nodes that cannot be read. @throws FormatError naming the first with its domain and opset. */
export function checkOperators(file: Opsets, nodes: readonly FileNode[]): void {
  for (const node of nodes) {
    const opset = opsetOf(file, node);
    if (operatorOf(node.domain, node.operator)) continue;
    throw new FormatError(
      `onnx: ${node.place}: operator ${quote(node.operator)} of domain ${quote(node.domain)}, opset ${opset}, is not supported`,
    );
  }
}

/** Values by name: those given, and those that the nodes make of them. */
export function evaluate(
  file: OnnxFile,
  nodes: readonly FileNode[],
  scope: Omit<Scope, "opset">,
  given: Map<string, Value>,
  { maxElements, maxNodes }: Pick<Limits, "maxElements" | "maxNodes">,
): ReadonlyMap<string, Value> {
  let left = maxNodes;
  /** A value that a graph has from the start: of the file's, floats with axes are weights. */
  const initial = (graph: FileGraph, name: string): Value | undefined => {
    const tensor = graph.initializers.get(name);
    if (!tensor) return undefined;
    const { type, shape, numbers } = tensor;
    // A single number without axes is a constant of the formula more likely than a weight.
    const isWeight = graph === file && isFloat(type) && shape.length > 0;
    const weight = isWeight ? { name, axes: shape.map((_, axis) => axis) } : undefined;
    return new Value(scope, shape, weight ? { type, weight } : { type, numbers: numbers() }, numbers);
  };

  /** Says the nodes of a graph; what it does not make itself lies around it. */
  function say(
    graph: FileGraph,
    order: readonly FileNode[],
    values: Map<string, Value>,
    around: (name: string) => Value | undefined,
  ): (name: string) => Value | undefined {
    const named = (name: string): Value | undefined => {
      if (name === "") return undefined;
      const known = values.get(name);
      if (known) return known;
      const value = initial(graph, name);
      if (!value) return around(name);
      values.set(name, value);
      return value;
    };
    const bodyOf = (call: Call, inner: FileGraph): Body => {
      const names = inner.inputs.map(({ name }) => name);
      const wanted = inner.outputs.map(({ name }) => name);
      if (wanted.includes("")) throw call.fail("graph inside", "an output without a name", "one");
      const ordered = nodesFor(inner, wanted, new Set([...names, ...inner.free]));
      checkOperators(file, ordered);
      return {
        inputs: names.length,
        outputs: wanted.length,
        run(inputs) {
          // One more for itself: a graph without nodes may be run often too.
          left -= ordered.length + 1;
          if (!(left >= 0))
            throw call.fail("graphs inside", "more nodes, counted each time", `at most ${maxNodes}`);
          const own = new Map(inputs.map((value, k) => [names[k]!, value]));
          return wanted.map(say(inner, ordered, own, named)) as Value[];
        },
      };
    };
    for (const node of order) {
      const own = { ...scope, opset: opsetOf(file, node) };
      try {
        const call: Call = new Call(own, node, node.inputs.map(named), (inner) => bodyOf(call, inner));
        const results = operatorOf(node.domain, node.operator)!(call);
        const list = results instanceof Value ? [results] : results;
        for (const [k, name] of node.outputs.entries()) {
          if (name === "") continue;
          const value = list[k];
          if (!value) throw call.unsupported(`output ${k}`);
          if (!(value.size / (scope.batch?.now ?? 1) <= maxElements))
            throw call.fail(`output ${k}`, value, `at most ${maxElements} elements`);
          values.set(name, value);
        }
      } catch (error) {
        if (!(error instanceof DownhillError)) throw error;
        if (error instanceof FormatError && error.message.startsWith("onnx: ")) throw error;
        throw new FormatError(`onnx: ${node.place}: ${error.message}`, { cause: error });
      }
    }
    return named;
  }

  say(file, nodes, given, () => undefined);
  return given;
}
