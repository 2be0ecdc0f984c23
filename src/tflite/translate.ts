// A frozen model as a network of TFLite's operators: op by op, then activations into what makes their input.
import type { Tensor } from "../graph/tensor.ts";
import type { Frozen } from "../inference/frozen.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { MOVEMENT } from "./movement.ts";
import { Network, type Operation, type Rule, type Span, unknown, type Value } from "./network.ts";
import { PRODUCTS } from "./products.ts";
import { FUSED, type FusedName, rowOf } from "./schema.ts";

/** What there is to write: operations in order, between an input and an output. */
export interface Translation {
  readonly operations: readonly Operation[];
  readonly input: Value;
  readonly output: Value;
}

/** Rules that are loaded for models that have one of these ops. */
export const ROOMS: readonly (readonly [
  ops: readonly string[],
  load: () => Promise<{ readonly RULES: Readonly<Record<string, Rule>> }>,
])[] = [
  [
    [
      ..."gelu geluTanh leakyRelu elu selu silu softplus mish hardSigmoid hardTanh".split(" "),
      ..."clamp softsign reciprocal where".split(" "),
    ],
    () => import("./activations.ts"),
  ],
  [["collect", "gather", "oneHot", "argmax"], () => import("./indices.ts")],
  [["convolution", "convolutionTransposed"], () => import("./convolutions.ts")],
  [["maxPool", "resample"], () => import("./pooling.ts")],
  [["rowNorm", "channelNorm", "attention", "rotary", "recurrence"], () => import("./sequences.ts")],
];

/** What the ops of these names become. */
type RuleOf = (what: string, name: string) => Rule;

/** What each op of a frozen model becomes; it throws FormatError where there is nothing. */
async function rulesFor({ nodes }: Frozen): Promise<RuleOf> {
  const wanted = ROOMS.filter(([ops]) => nodes.some(({ op }) => op && ops.includes(op.name)));
  const loaded = await Promise.all(wanted.map(([, load]) => load()));
  const rules: Record<string, Rule> = Object.assign(
    {},
    ELEMENTWISE,
    MOVEMENT,
    PRODUCTS,
    ...loaded.map(({ RULES }) => RULES),
  );
  return (what, name) => (Object.hasOwn(rules, name) ? rules[name]! : unknown(what, name));
}

/** What stands behind the output, if anything. */
type Ending = "softmax" | "sigmoid";

/** The operations of a frozen model, without fusing. */
function laidDown(
  frozen: Frozen,
  spans: ReadonlyMap<string, Span>,
  { ending, ruleOf }: { readonly ending: Ending | undefined; readonly ruleOf: RuleOf },
): Translation {
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
  return { operations: network.operations, input: values.get(frozen.input)!, output };
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
export async function translate(
  frozen: Frozen,
  { spans = new Map(), ending }: { spans?: ReadonlyMap<string, Span>; ending?: Ending | undefined } = {},
): Promise<Translation> {
  const ruleOf = await rulesFor(frozen);
  return fused(needed(laidDown(frozen, spans, { ending, ruleOf })));
}
