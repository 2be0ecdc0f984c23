// Recurrences: the nodes that the format has for them, and with a mask, which those do not know, a loop over the cell.
import type { Node, Tensor } from "../../graph/tensor.ts";
import type { QuantizedRecurrenceNode } from "../../ops/quantized-recurrence.ts";
import type { Cell } from "../../ops/recurrence.ts";
import { BOOL, FLOAT, type GraphNode, type Value } from "./graph.ts";
import { rowsOf } from "./products.ts";
import { dequantized } from "./quantized.ts";
import { fixed, type Size, type Sizes } from "./sizes.ts";
import type { Exporter, Translation } from "./translation.ts";

interface Recurrence
  extends Record<"reverse" | "sequences" | "bias" | "state" | "mask" | "withCell", boolean> {
  readonly cell: Cell;
}

/** The node of each cell, and the place that each of its gates has here: there they are i o f g, and z r n. */
const CELLS: Readonly<
  Record<Cell, { type: string; gates: readonly number[]; attributes: GraphNode["attributes"] }>
> = {
  rnnTanh: { type: "RNN", gates: [0], attributes: { activations: ["Tanh"] } },
  rnnRelu: { type: "RNN", gates: [0], attributes: { activations: ["Relu"] } },
  lstm: { type: "LSTM", gates: [0, 3, 1, 2], attributes: {} },
  gru: { type: "GRU", gates: [1, 0, 2], attributes: { linear_before_reset: 1 } },
};

/** What the gates are made of: a product with a weight, which the node takes as its own. */
interface Input {
  readonly from: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
}

/** Everything that a recurrence reads, and the sizes of a state. */
interface Given {
  readonly attributes: Recurrence;
  readonly x: Tensor;
  /** Of a quantized model: the product that x, bytes then, goes through. */
  readonly input?: Input | undefined;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly state: Value | undefined;
  readonly mask: Value | undefined;
  readonly batch: Size;
  readonly units: number;
}

/** States of all steps, and those after the last. */
interface Result {
  readonly all: Value;
  readonly hidden: Value;
  readonly cell: Value | undefined;
}

/** The blocks of the first axis in another order. */
function blocks({ graph }: Translation, x: Value, gates: readonly number[]): Value {
  const [rows, ...others] = x.sizes.map(([size]) => size) as [number, ...number[]];
  const each = rows / gates.length;
  if (!x.numbers) {
    const parts = gates.map((gate) => graph.slice(x, 0, fixed(gate * each), fixed(each)));
    return graph.concat(parts, 0);
  }
  const numbers = new Float32Array(x.numbers.length);
  const length = numbers.length / gates.length;
  for (const [k, gate] of gates.entries())
    numbers.set(x.numbers.subarray(gate * length, (gate + 1) * length) as Float32Array, k * length);
  return graph.constant(numbers, [rows, ...others], x.title.includes("/") ? undefined : x.title);
}

/** What the gates are made of: a product, or themselves. */
function inputOf(to: Translation, x: Tensor): Input {
  const { graph } = to;
  const [rows] = x.node.op?.name === "reshape" ? x.node.inputs : [];
  const product = rows?.node.op?.name === "matmul" ? rows.node : undefined;
  const [a, b, bias] = product?.inputs ?? [];
  const from = a && rowsOf(a, product!.attributes);
  if (from?.rank === 3 && b && to.last(b).numbers && product!.attributes === "NN")
    return { from: to.last(from), weight: to.last(b), bias: bias && to.last(bias) };
  const columns = x.shape[2]!;
  const same = new Float32Array(columns * columns);
  for (let k = 0; k < columns; k++) same[k * (columns + 1)] = 1;
  return { from: to.last(x), weight: graph.constant(same, [columns, columns]), bias: undefined };
}

/** States before the first step: hidden, and of an LSTM cell. */
function startOf({ graph }: Translation, { attributes: { cell }, state, batch }: Given): Value[] {
  if (!state) return [];
  if (cell !== "lstm") return [state];
  return [fixed(0), batch].map((from) => graph.slice(state, 0, from, batch));
}

function asNode(to: Translation, given: Given): Result {
  const { graph } = to;
  const { attributes, x, weight, bias, batch, units } = given;
  const { type, gates, attributes: own } = CELLS[attributes.cell];
  const input = given.input ?? inputOf(to, x);
  const turned = (value: Value) => {
    const rows = blocks(to, graph.transpose(value, [1, 0]), gates);
    return graph.reshape(rows, [fixed(1), ...rows.sizes]);
  };
  const none = () => graph.constant(new Float32Array(gates.length * units), [gates.length * units]);
  const biases = [input.bias, bias].map((each) => blocks(to, each ?? none(), gates));
  const joined =
    input.bias || bias
      ? graph.reshape(join(to, biases), [fixed(1), fixed(2 * gates.length * units)])
      : undefined;
  const state: Sizes = [fixed(1), batch, fixed(units)];
  const start = startOf(to, given).map((each) => graph.reshape(each, state));
  const time = fixed(x.shape[0]!);
  const results = graph.addAll(
    type,
    [input.from, turned(input.weight), turned(weight), joined, undefined, ...start],
    [[time, ...state], state, ...(type === "LSTM" ? [state] : [])],
    { ...own, hidden_size: units, direction: attributes.reverse ? "reverse" : "forward" },
  );
  const [all, hidden, cell] = results as [Value, Value, Value?];
  const plain = state.slice(1);
  return {
    all: graph.reshape(all, [time, ...plain]),
    hidden: graph.reshape(hidden, plain),
    cell: cell && graph.reshape(cell, plain),
  };
}

/** Numbers one after the other. */
function join({ graph }: Translation, parts: readonly Value[]): Value {
  if (!parts.every(({ numbers }) => numbers)) return graph.concat(parts, 0);
  const numbers = Float32Array.from(parts.flatMap((part) => [...(part.numbers as Float32Array)]));
  return graph.constant(numbers, [numbers.length]);
}

/** The state after a step: hidden, and of an LSTM cell. */
function step(to: Translation, given: Given, [h, c]: readonly Value[], x: Value): Value[] {
  const { graph } = to;
  const { attributes, weight, bias, batch, units } = given;
  const sizes: Sizes = [batch, fixed(units)];
  const on = (type: string, ...inputs: Value[]) => graph.add(type, inputs, sizes);
  const product = graph.add("MatMul", [h!, weight], x.sizes);
  const own = bias ? graph.add("Add", [product, bias], x.sizes) : product;
  const gatesOf = (value: Value) => {
    const count = weight.sizes[1]![0] / units;
    const parts = graph.whole(new Array<number>(count).fill(units));
    return graph.addAll("Split", [value, parts], new Array<Sizes>(count).fill(sizes), { axis: 1 });
  };
  if (attributes.cell === "gru") {
    const [xr, xz, xn] = gatesOf(x) as [Value, Value, Value];
    const [hr, hz, hn] = gatesOf(own) as [Value, Value, Value];
    const r = on("Sigmoid", on("Add", xr, hr));
    const z = on("Sigmoid", on("Add", xz, hz));
    const n = on("Tanh", on("Add", xn, on("Mul", r, hn)));
    return [on("Add", n, on("Mul", z, on("Sub", h!, n)))];
  }
  const sum = graph.add("Add", [x, own], x.sizes);
  if (attributes.cell !== "lstm") return [on(attributes.cell === "rnnTanh" ? "Tanh" : "Relu", sum)];
  const [i, f, g, o] = gatesOf(sum) as [Value, Value, Value, Value];
  const kept = on("Mul", on("Sigmoid", f), c!);
  const cell = on("Add", kept, on("Mul", on("Sigmoid", i), on("Tanh", g)));
  return [on("Mul", on("Sigmoid", o), on("Tanh", cell)), cell];
}

/** What the inputs give to the gates. */
function gatesIn(to: Translation, { x, input }: Given): Value {
  if (!input) return to.last(x);
  const { from, weight, bias } = input;
  const sizes = [...from.sizes.slice(0, -1), weight.sizes[1]!];
  const product = to.graph.add("MatMul", [from, weight], sizes);
  return bias ? to.graph.add("Add", [product, bias], sizes) : product;
}

function asLoop(to: Translation, given: Given, mask: Value): Result {
  const { graph } = to;
  const { attributes, x, batch, units, weight } = given;
  const { scope } = graph;
  const sizes: Sizes = [batch, fixed(units)];
  const [time] = to.sizes(x) as [Size];
  const columns = weight.sizes[1]!;
  const heard = graph.reshape(graph.transpose(graph.truth(mask), [1, 0]), [time, batch, fixed(1)]);
  const zeros = graph.add("Expand", [graph.number(0), graph.counts(sizes)], sizes);
  const states = attributes.cell === "lstm" ? 2 : 1;
  const known = startOf(to, given);
  const start = known.length > 0 ? known : new Array<Value>(states).fill(zeros);
  const before = start.map((_, k): Value => ({ title: `${scope}/state.${k}`, type: FLOAT, sizes }));
  const now: Value = { title: `${scope}/step`, type: FLOAT, sizes: [batch, columns] };
  const is: Value = { title: `${scope}/heard`, type: BOOL, sizes: [batch, fixed(1)] };
  const body = graph.body([...before, now, is], () => {
    const after = step(to, given, before, now).map((value, k) =>
      graph.add("Where", [is, value, before[k]!], sizes),
    );
    return [...after, graph.add("Identity", [after[0]!], sizes)];
  });
  const backwards = attributes.reverse ? 1 : 0;
  const results = graph.addAll(
    "Scan",
    [...start, gatesIn(to, given), heard],
    [...start.map(() => sizes), [time, ...sizes]],
    {
      body,
      num_scan_inputs: 2,
      scan_input_directions: [backwards, backwards],
      scan_output_directions: [backwards],
    },
  );
  return { all: results.at(-1)!, hidden: results[0]!, cell: states === 2 ? results[1] : undefined };
}

/** Says what a recurrence makes of all that it reads. */
function say(to: Translation, y: Tensor, given: Given): void {
  const { graph } = to;
  const { sequences, withCell } = given.attributes;
  const { all, hidden, cell } = given.mask ? asLoop(to, given, given.mask) : asNode(to, given);
  const own = sequences ? all : hidden;
  const behind = cell && sequences ? graph.reshape(cell, [fixed(1), ...cell.sizes]) : cell;
  to.set(y, withCell ? graph.concat([own, behind!], 0) : own);
}

/** Floats that weights of bytes [rows, columns] stand for. */
function floatsOf({ graph }: Translation, weight: Int8Array, scales: Float32Array, columns: number): Value {
  const scaleOf = (at: number) => scales[scales.length === 1 ? 0 : at % columns]!;
  const values = Float32Array.from(weight, (value, at) => value * scaleOf(at));
  return graph.constant(values, [weight.length / columns, columns]);
}

export const recurrences: Readonly<Record<string, Exporter>> = {
  recurrence(to, { inputs: [x, weight, ...rest], outputs: [y], attributes }) {
    const has = attributes as Recurrence;
    const left = [...rest];
    const next = (is: boolean) => (is ? to.last(left.shift()!) : undefined);
    say(to, y!, {
      attributes,
      x: x!,
      weight: to.last(weight!),
      bias: next(has.bias),
      state: next(has.state),
      mask: next(has.mask),
      batch: to.sizes(x!)[1]!,
      units: weight!.shape[0]!,
    });
  },

  // The format has no recurrence on bytes: it is one of floats, which is what its bytes are rounded from here.
  quantizedRecurrence(to, { inputs: [x, ...rest], outputs: [y], attributes }: Node<QuantizedRecurrenceNode>) {
    const { graph } = to;
    const { weight, weightScales, bias, product, ...has } = attributes;
    const units = y!.shape.at(-1)!;
    const columns = weight.length / units;
    const vector = (values: Float32Array | undefined) => values && graph.constant(values, [columns]);
    const left = [...rest];
    const next = (is: boolean) => (is ? to.last(left.shift()!) : undefined);
    say(to, y!, {
      attributes: { ...has, bias: bias !== undefined },
      x: x!,
      input: product && {
        from: dequantized(to, to.last(x!), product.input),
        weight: floatsOf(to, product.weight, product.weightScales, columns),
        bias: vector(product.bias),
      },
      weight: floatsOf(to, weight, weightScales, columns),
      bias: vector(bias),
      state: next(has.state),
      mask: next(has.mask),
      batch: to.sizes(x!)[1]!,
      units,
    });
  },
};
