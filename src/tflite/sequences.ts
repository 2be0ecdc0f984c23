// What TFLite has no operator for, said by those that it has: normalizations, attention, rotary positions, and recurrences
// step by step.
import { float32 } from "../formats/flatbuffers.ts";
import type { Cell } from "../ops/recurrence.ts";
import { asFloat } from "./elementwise.ts";
import { countOf, type Network, type Rule, unknown, type Value } from "./network.ts";
import { multiply, productWith } from "./products.ts";

/** (x − mean) / √(variance + ε) over some axes. */
function standardized(
  network: Network,
  x: Value,
  axes: readonly number[],
  { centered, epsilon }: { readonly centered: boolean; readonly epsilon: number },
): Value {
  const from = centered ? network.binary("SUB", x, network.reduce("MEAN", x, axes)) : x;
  const variance = network.reduce("MEAN", network.binary("MUL", from, from), axes);
  const factor = network.unary("RSQRT", network.binary("ADD", variance, network.number(epsilon)));
  return network.binary("MUL", from, factor);
}

const scaled = (network: Network, x: Value, scale: Value, offset: Value | undefined) => {
  const y = network.binary("MUL", x, scale);
  return offset ? network.binary("ADD", y, offset) : y;
};

const rowNorm: Rule = (network, { attributes }, [x, scale, offset]) => {
  const { columns, centered, epsilon } = attributes;
  const rows = network.reshape(x!, [countOf(x!) / columns, columns]);
  const flat = (value: Value | undefined) => value && network.reshape(value, [columns]);
  const y = standardized(network, rows, [1], { centered, epsilon });
  return network.reshape(scaled(network, y, flat(scale)!, flat(offset)), x!.shape);
};

const channelNorm: Rule = (network, { attributes }, [x, scale, offset]) => {
  const { outer, size, channels, width, epsilon } = attributes;
  const groups = network.reshape(x!, [outer, size, channels / width, width]);
  const y = standardized(network, groups, [1, 3], { centered: true, epsilon });
  const rows = network.reshape(y, [outer, size, channels]);
  return network.reshape(scaled(network, rows, scale!, offset), x!.shape);
};

/** Far below any score, and finite: −∞ less −∞ is no number. */
const HIDDEN = -1e9;

const attention: Rule = (network, { attributes }, inputs) => {
  const { heads, queries, keys, keySize, valueSize, parts, masked, causal, scale } = attributes;
  const [batch] = inputs[0]!.shape as [number];
  /** [batch, heads, time, size] of some columns. */
  const headsOf = ({ input, column }: { input: number; column: number }, time: number, size: number) => {
    const columns = network.slice(inputs[input]!, [0, 0, column], [batch, time, heads * size]);
    return network.transpose(network.reshape(columns, [batch, time, heads, size]), [0, 2, 1, 3]);
  };
  const q = headsOf(parts[0], queries, keySize);
  const [k, v] = [headsOf(parts[1], keys, keySize), headsOf(parts[2], keys, valueSize)];
  let scores = network.binary("MUL", multiply(network, "NT", q, k), network.number(scale));
  const seen: Value[] = [];
  if (causal) {
    const before = Float32Array.from({ length: queries * keys }, (_, at) =>
      at % keys <= Math.floor(at / keys) ? 1 : 0,
    );
    seen.push(network.constant(before, [1, 1, queries, keys]));
  }
  if (masked) {
    const mask = inputs.at(-1)!;
    const wide = network.reshape(mask, [batch, 1, 1, keys]);
    if (mask.type === "float32") {
      const held = network.binary("MAXIMUM", wide, network.number(HIDDEN));
      scores = network.binary("ADD", scores, held);
      seen.push(asFloat(network, network.binary("GREATER", wide, network.number(HIDDEN), { type: "bool" })));
    } else {
      const none = network.integers([0], []);
      seen.push(asFloat(network, network.binary("NOT_EQUAL", wide, none, { type: "bool" })));
    }
  }
  for (const each of seen) {
    const far = network.binary(
      "MUL",
      network.binary("SUB", each, network.number(1)),
      network.number(-HIDDEN),
    );
    scores = network.binary("ADD", scores, far);
  }
  let weights = network.unary("SOFTMAX", scores, { options: [float32(1)], span: { min: 0, max: 1 } });
  // Where a query sees no key, the exponentials are alike, and wanted are zeros.
  if (masked) for (const each of seen) weights = network.binary("MUL", weights, each);
  const y = network.transpose(multiply(network, "NN", weights, v), [0, 2, 1, 3]);
  return network.reshape(y, [batch, queries, heads * valueSize]);
};

const rotary: Rule = (network, { attributes, op }, [x, table]) => {
  const { turned, size, sign } = attributes;
  const [, time, columns] = x!.shape as [number, number, number];
  const angles = table!.values ?? unknown(x!.name, op!.name);
  const [kept, crossed] = [new Float32Array(time * columns), new Float32Array(time * columns)];
  for (let t = 0; t < time; t++)
    for (let column = 0; column < columns; column++) {
      const at = 2 * t * size + (column % size);
      kept[t * columns + column] = column < turned ? angles[at]! : 1;
      crossed[t * columns + column] = column < turned ? sign * angles[at + size]! : 0;
    }
  const partners = Array.from({ length: columns }, (_, column) => (column < turned ? column ^ 1 : column));
  const other = network.gather(x!, network.integers(partners), 2);
  const shape = [1, time, columns];
  return network.binary(
    "ADD",
    network.binary("MUL", x!, network.constant(kept, shape)),
    network.binary("MUL", other, network.constant(crossed, shape)),
  );
};

/** The next state, and of an LSTM the next cell, of what x gives to the gates and of the state before. */
type Step = (gates: Value, h: Value, c: Value | undefined) => readonly [Value, Value?];

/** A cell's step. */
function stepOf(network: Network, cell: Cell, weight: Value, bias: Value | undefined): Step {
  const [units, columns] = weight.shape as [number, number];
  const product = productWith(network, "NN", weight, bias);
  const gate = (from: Value, k: number, name?: "LOGISTIC" | "TANH") => {
    const part = network.slice(from, [0, k * units], [from.shape[0]!, units]);
    return name ? network.unary(name, part) : part;
  };
  if (columns === units)
    return (x, h) => [
      network.unary(cell === "rnnRelu" ? "RELU" : "TANH", network.binary("ADD", x, product(h))),
    ];
  if (cell === "lstm")
    return (x, h, c) => {
      const z = network.binary("ADD", x, product(h));
      const [i, f, g, o] = (["LOGISTIC", "LOGISTIC", "TANH", "LOGISTIC"] as const).map((name, k) =>
        gate(z, k, name),
      ) as [Value, Value, Value, Value];
      const next = network.binary("ADD", network.binary("MUL", f, c!), network.binary("MUL", i, g));
      return [network.binary("MUL", o, network.unary("TANH", next)), next];
    };
  return (x, h) => {
    const u = product(h);
    const both = (k: number) => network.binary("ADD", gate(x, k), gate(u, k));
    const [r, z] = [network.unary("LOGISTIC", both(0)), network.unary("LOGISTIC", both(1))];
    const inner = network.binary("ADD", gate(x, 2), network.binary("MUL", r, gate(u, 2)));
    const n = network.unary("TANH", inner);
    return [network.binary("ADD", n, network.binary("MUL", z, network.binary("SUB", h, n)))];
  };
}

const recurrence: Rule = (network, { attributes }, [x, weight, ...rest]) => {
  const { cell, reverse, sequences, withCell, bias, state, mask } = attributes;
  const [time, batch, columns] = x!.shape as [number, number, number];
  const units = weight!.shape[0]!;
  const left = [...rest];
  const [begin, start, seen] = [bias, state, mask].map((is: boolean) => (is ? left.shift() : undefined));
  const step = stepOf(network, cell, weight!, begin);
  const zeros = () => network.constant(new Float32Array(batch * units), [batch, units]);
  const initial = (block: number) =>
    start ? network.slice(start, [block * batch, 0], [batch, units]) : zeros();
  let h = initial(0);
  let c = cell === "lstm" ? initial(1) : undefined;
  const states: Value[] = new Array(time);
  for (let s = 0; s < time; s++) {
    const t = reverse ? time - 1 - s : s;
    const gates = network.slice(x!, [t, 0, 0], [1, batch, columns]);
    let [next, cellAfter] = step(network.reshape(gates, [batch, columns]), h, c);
    if (seen) {
      const counts = network.slice(seen, [0, t], [batch, 1]);
      const truth = network.binary("NOT_EQUAL", counts, network.number(0), { type: "bool" });
      const chosen = (now: Value, before: Value) =>
        network.apply("SELECT_V2", [truth, now, before], [batch, units]);
      next = chosen(next, h);
      cellAfter = cellAfter && chosen(cellAfter, c!);
    }
    h = next;
    c = cellAfter;
    states[t] = h;
  }
  const row = (value: Value) => network.reshape(value, [1, batch, units]);
  const asked = sequences ? states.map(row) : [h];
  return network.concatenate(withCell ? [...asked, sequences ? row(c!) : c!] : asked, 0);
};

export const RULES: Readonly<Record<string, Rule>> = {
  rowNorm,
  channelNorm,
  attention,
  rotary,
  recurrence,
};
