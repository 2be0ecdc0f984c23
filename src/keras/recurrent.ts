// Keras's recurrent layers: our own where the cell is ours, else step after step in ops.
import { ShapeError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { glorotUniform, orthogonal, zeros } from "../nn/initializers.ts";
import { defineLayer } from "../nn/layer.ts";
import { gru, lstm, simpleRnn } from "../nn/recurrent.ts";
import { add, mul, sub, where } from "../ops/arithmetic.ts";
import { matmul } from "../ops/matmul.ts";
import { concatenate, slice } from "../ops/movement.ts";
import { reshape } from "../ops/reshape.ts";
import { activationOf } from "./activations.ts";
import type { Config } from "./config.ts";
import { give, giveAll, type KerasLayer, weightOf } from "./layer.ts";
import type { KerasWeight } from "./weights.ts";

/** A layer over time with a mask [batch, time], 1 where a step is real. */
export type Recurrent = (x: Tensor, mask: Tensor | undefined) => Tensor;

/** Gates of each class. */
const GATES: ReadonlyMap<string, number> = new Map([
  ["SimpleRNN", 1],
  ["LSTM", 4],
  ["GRU", 3],
]);
export const isRecurrent = (kind: string): boolean => GATES.has(kind);

/** Most steps that are said one by one: each is some instructions. */
const STEPS = 2048;

/** Some columns of a tensor [rows, columns]. */
const columns = (x: Tensor, from: number, count: number) => slice(x, [0, from], [x.shape[0]!, count]);

/** The other way round along the axis of time. */
export function reversedInTime(x: Tensor): Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  if (time > STEPS)
    throw new ShapeError(`what is turned round in time: got ${time} steps, wanted up to ${STEPS}`);
  const steps = Array.from({ length: time }, (_, t) => slice(x, [0, time - 1 - t, 0], [batch, 1, width]));
  return concatenate(steps, 1);
}

/** Update, reset, new: our order is reset, update, new. Rows of as many columns as there are gates. */
function reordered({ shape, values }: KerasWeight): KerasWeight {
  const width = shape.at(-1)!;
  const units = width / 3;
  const turned = values.map((_, i) => {
    const column = i % width;
    const from = column < units ? i + units : column < 2 * units ? i - units : i;
    return values[from]!;
  });
  return { shape, values: turned };
}

/** One row of a weight [2, …]. */
const rowOf = ({ shape, values }: KerasWeight, row: number): KerasWeight => ({
  shape: shape.slice(1),
  values: values.slice((row * values.length) / 2, ((row + 1) * values.length) / 2),
});

/**
 * SimpleRNN, LSTM or GRU. `reverse`: from the last step to the first, with results in the order of the input.
 */
export function recurrentOf(kind: string, layer: KerasLayer, reverse: boolean): Recurrent {
  const { config, name, found } = layer;
  const units = config.count("units");
  for (const field of ["return_state", "stateful", "time_major"]) config.only(field, false);
  const returnSequences = config.flag("return_sequences", false);
  const isGru = kind === "GRU";
  // Before it was a setting, it was not so.
  const after = isGru && config.flag("reset_after", false);
  const change = isGru ? reordered : undefined;
  give(layer, ["kernel", "weight"], change);
  give(layer, ["recurrent_kernel", "recurrentWeight"], change);
  const bias = config.flag("use_bias", true);
  if (bias && after) {
    const both = weightOf(layer, "bias");
    if (both.shape.length !== 2 || both.shape[0] !== 2) throw config.wrong("bias", "a weight [2, 3 · units]");
    for (const [row, part] of [[0, "bias"] as const, [1, "recurrentBias"] as const])
      layer.values.set(`${name}.${part}`, reordered(rowOf(both, row)));
  } else if (bias) giveAll({ ...layer, found: (own) => found(own).map(change ?? ((weight) => weight)) }, []);

  const options = { name, reverse, returnSequences, bias };
  const { activation = "tanh", recurrent_activation: inner = "sigmoid" } = config.fields;
  const standard = activation === "tanh" && inner === "sigmoid";
  if (kind === "SimpleRNN" && (activation === "tanh" || activation === "relu")) {
    const own = simpleRnn(units, { ...options, activation });
    return (x, mask) => own(x, { mask });
  }
  if ((kind === "LSTM" && standard) || (after && standard)) {
    const own = kind === "LSTM" ? lstm(units, options) : gru(units, options);
    return (x, mask) => own(x, { mask });
  }
  return unrolled(kind, config, { ...options, units, after });
}

interface Unrolled {
  readonly name: string;
  readonly units: number;
  readonly reverse: boolean;
  readonly returnSequences: boolean;
  readonly bias: boolean;
  readonly after: boolean;
}

/** What goes from step to step. */
interface State {
  readonly hidden: Tensor;
  readonly cell: Tensor;
}

/** Any activations, and a GRU whose reset gate stands before the product: one step after the other. */
function unrolled(kind: string, config: Config, options: Unrolled): Recurrent {
  const { name, units, reverse, returnSequences, bias, after } = options;
  const act = activationOf(config, "activation", "tanh");
  const gate = activationOf(config, "recurrent_activation", "sigmoid");
  return (given, mask) =>
    defineLayer(
      kind,
      (x, { parameter }) => {
        const [batch, time, width] = x.shape as [number, number, number];
        if (x.rank !== 3 || time > STEPS)
          throw config.wrong("input", `[batch, up to ${STEPS} steps, numbers]`);
        const all = GATES.get(kind)! * units;
        const added = bias ? parameter("bias", [all], zeros) : undefined;
        const projected = matmul(x, parameter("weight", [width, all], glorotUniform), added);
        const recurrent = parameter("recurrentWeight", [units, all], orthogonal());
        const recurrentBias = bias && after ? parameter("recurrentBias", [all], zeros) : undefined;
        const part = (of: Tensor, index: number) => columns(of, index * units, units);
        const [gates, fresh] =
          kind === "GRU" ? [columns(recurrent, 0, 2 * units), part(recurrent, 2)] : [recurrent, recurrent];
        const step = (z: Tensor, { hidden, cell }: State): State => {
          if (kind === "SimpleRNN") return { hidden: act(add(z, matmul(hidden, recurrent))), cell };
          if (kind === "LSTM") {
            const sums = add(z, matmul(hidden, gates));
            const next = add(mul(gate(part(sums, 1)), cell), mul(gate(part(sums, 0)), act(part(sums, 2))));
            return { hidden: mul(gate(part(sums, 3)), act(next)), cell: next };
          }
          const heard = after ? matmul(hidden, recurrent, recurrentBias) : matmul(hidden, gates);
          const both = gate(add(columns(z, 0, 2 * units), after ? columns(heard, 0, 2 * units) : heard));
          const [reset, update] = [part(both, 0), part(both, 1)];
          const behind = after ? mul(reset, part(heard, 2)) : matmul(mul(reset, hidden), fresh);
          const candidate = act(add(part(z, 2), behind));
          return { hidden: add(mul(update, hidden), mul(sub(1, update), candidate)), cell };
        };
        const none = x.graph.constant(new Float32Array(batch * units), [batch, units]);
        let state: State = { hidden: none, cell: none };
        const seen: Tensor[] = [];
        for (let k = 0; k < time; k++) {
          const t = reverse ? time - 1 - k : k;
          const z = reshape(slice(projected, [0, t, 0], [batch, 1, all]), [batch, all]);
          const next = step(z, state);
          const real = mask && columns(mask, t, 1);
          state = real
            ? { hidden: where(real, next.hidden, state.hidden), cell: where(real, next.cell, state.cell) }
            : next;
          seen[t] = reshape(state.hidden, [batch, 1, units]);
        }
        return returnSequences ? concatenate(seen, 1) : state.hidden;
      },
      name,
    )(given);
}
