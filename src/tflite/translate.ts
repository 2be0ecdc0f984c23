// A frozen model as a network of TFLite's operators: op by op, then activations into what makes their input.
import { sameShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import type { Axes } from "../ops/taps.ts";
import { elementwise } from "./elementwise.ts";
import { MOVEMENT, type Rule, unknown } from "./movement.ts";
import { Network, type Operation, type Span, type Value } from "./network.ts";
import { maxPool, resample } from "./pooling.ts";
import { convolution, convolutionTransposed, matmul, multiply } from "./products.ts";
import { FUSED, type FusedName, rowOf } from "./schema.ts";
import { SEQUENCES } from "./sequences.ts";

/** What there is to write: operations in order, between an input and an output. */
export interface Translation {
  readonly operations: readonly Operation[];
  readonly input: Value;
  readonly output: Value;
}

const RULES: Readonly<Record<string, Rule>> = {
  ...MOVEMENT,
  ...SEQUENCES,
  matmul,
  batchMatmul: (network, { attributes: layout }, [a, b]) => multiply(network, layout, a!, b!),
  convolution,
  convolutionTransposed,
  maxPool: (network, { attributes }, [x]) => maxPool(network, x!, attributes as Axes),
  resample: (network, { attributes }, [x]) => resample(network, x!, attributes as Axes),
};

/** What an op of a name becomes. @throws FormatError where there is nothing */
function ruleOf(what: string, name: string): Rule {
  if (Object.hasOwn(RULES, name)) return RULES[name]!;
  const own = elementwise(name) ?? unknown(what, name);
  return (network, { attributes }, inputs) => own(network, inputs, attributes);
}

/** What stands behind the output, if anything. */
export type Ending = "softmax" | "sigmoid";

/** The operations of a frozen model, without fusing. */
function laidDown(
  frozen: Frozen,
  spans: ReadonlyMap<string, Span>,
  ending: Ending | undefined,
): Translation & { readonly network: Network } {
  const network = new Network();
  const values = new Map<Tensor, Value>();
  for (const { op, source, inputs, outputs, ...node } of frozen.nodes) {
    const [tensor] = outputs as readonly [Tensor];
    const name = frozen.names.get(tensor)!;
    network.scope = name;
    if (!op) {
      const numbers = source?.kind === "constant" ? source.values : undefined;
      const value: Value = numbers
        ? network.constant(numbers, tensor.shape, name)
        : { name, shape: tensor.shape, type: tensor.dtype === "i32" ? "int32" : "float32" };
      value.span = numbers ? undefined : spans.get(name);
      values.set(tensor, value);
      continue;
    }
    const before = network.operations.length;
    const operands = inputs.map((input) => values.get(input) ?? unknown(name, input.node.op!.name));
    const value = ruleOf(name, op.name)(network, { op, source, inputs, outputs, ...node }, operands);
    // An op that only passes something on names nothing.
    if (network.operations.slice(before).some(({ output }) => output === value)) {
      value.name = name;
      value.span = spans.get(name) ?? value.span;
    }
    values.set(tensor, value);
  }
  const logits = values.get(frozen.output)!;
  const ended = ending && ruleOf(ending, ending);
  network.scope = ending ?? "";
  const output = ended ? ended(network, frozen.output.node, [logits]) : logits;
  return { network, operations: network.operations, input: values.get(frozen.input)!, output };
}

/** How many read each value; the output is read by whoever runs the network. */
function readersOf({ operations, output }: Translation): Map<Value, number> {
  const readers = new Map([[output, 1]]);
  for (const { inputs } of operations)
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  return readers;
}

/** Without what nobody reads. */
function needed(translation: Translation): Translation {
  const wanted = new Set([translation.output]);
  for (const { inputs, output } of translation.operations.toReversed())
    if (wanted.has(output)) for (const input of inputs) wanted.add(input);
  return { ...translation, operations: translation.operations.filter(({ output }) => wanted.has(output)) };
}

/** Activations become part of the operation that makes their input, if nobody else reads it; another shape between may stay. */
function fused(translation: Translation): Translation {
  const readers = readersOf(translation);
  const operations = [...translation.operations];
  const made = new Map(operations.map((operation, index) => [operation.output, index]));
  const gone = new Set<number>();
  for (const [index, { name, inputs, output }] of operations.entries()) {
    if (!Object.hasOwn(FUSED, name)) continue;
    const path: number[] = [];
    let from = inputs[0]!;
    while (readers.get(from) === 1 && made.has(from)) {
      path.unshift(made.get(from)!);
      if (operations[path[0]!]!.name !== "RESHAPE") break;
      from = operations[path[0]!]!.inputs[0]!;
    }
    const head = operations[path[0] ?? -1];
    if (!head || head.fused || rowOf(head.name).fused === undefined) continue;
    // Each of these values is now what the activation makes of it.
    let now: Value = path.length === 1 ? output : { ...head.output, span: output.span };
    operations[path[0]!] = { ...head, output: now, fused: name as FusedName };
    made.set(now, path[0]!);
    for (const [place, at] of path.slice(1).entries()) {
      const { inputs: operands, ...rest } = operations[at]!;
      const last = place === path.length - 2;
      const next = last ? output : { ...rest.output, span: output.span };
      operations[at] = { ...rest, inputs: [now, ...operands.slice(1)], output: next };
      made.set(next, at);
      now = next;
    }
    gone.add(index);
  }
  return { ...translation, operations: operations.filter((_, index) => !gone.has(index)) };
}

/**
 * A frozen model in TFLite's operators.
 * @throws FormatError naming the node and the op that has no translation.
 */
export function translate(
  frozen: Frozen,
  { spans = new Map(), ending }: { spans?: ReadonlyMap<string, Span>; ending?: Ending | undefined } = {},
): Translation {
  return fused(needed(laidDown(frozen, spans, ending)));
}

/** The constants of an operation where they go with the batch, or undefined where that cannot be said. */
function flexible(mine: Operation, theirs: Operation, place: number): Value | undefined {
  const [a, b] = [mine.inputs[place]!, theirs.inputs[place]!];
  if (!sameShape(a.shape, b.shape)) return undefined;
  const differing = a.type === "int32" ? [...a.values!.keys()].filter((k) => a.values![k] !== b.values![k]) : [];
  if (differing.length === 0) return a;
  const start = mine.name === "SLICE" && place === 2 ? mine.inputs[1]!.values! : undefined;
  const known = mine.name === "RESHAPE" || (start && differing.every((k) => start[k] === 0));
  if (!known || differing.length > 1) return undefined;
  return { ...a, values: Int32Array.from(a.values! as Int32Array, (value, k) => (differing.includes(k) ? -1 : value)) };
}

/**
 * The same network for any batch, told from how it is said for two; undefined where its constants depend on the batch.
 * What goes with the batch is −1 in signatures, and where operations take a shape.
 */
export function atAnyBatch(one: Translation, other: Translation): Translation | undefined {
  if (one.operations.length !== other.operations.length) return undefined;
  const sign = (a: Value, b: Value) => {
    if (!sameShape(a.shape, b.shape))
      a.signature = a.shape.map((size, axis) => (size === b.shape[axis] ? size : -1));
  };
  const operations: Operation[] = [];
  for (const [index, mine] of one.operations.entries()) {
    const theirs = other.operations[index]!;
    if (mine.name !== theirs.name || mine.inputs.length !== theirs.inputs.length) return undefined;
    const inputs: Value[] = [];
    for (const [place, input] of mine.inputs.entries()) {
      const value = input.values ? flexible(mine, theirs, place) : input;
      if (!value) return undefined;
      inputs.push(value);
    }
    sign(mine.output, theirs.output);
    operations.push({ ...mine, inputs });
  }
  sign(one.input, other.input);
  return { ...one, operations };
}
