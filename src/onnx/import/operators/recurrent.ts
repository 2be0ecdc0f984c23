// LSTM, GRU and RNN. Weights keep the file's shapes; in the graph their gates are put into our order: i f g o and r z n.

import type { Tensor } from "../../../graph/tensor.ts";
import { sigmoid, tanh } from "../../../ops/activation.ts";
import { add, mul, sub } from "../../../ops/arithmetic.ts";
import { matmul } from "../../../ops/matmul.ts";
import { concatenate, permute, slice } from "../../../ops/movement.ts";
import { type Cell, recurrence } from "../../../ops/recurrence.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import type { Value } from "../value.ts";
import { UNROLLED } from "./control.ts";

/** Gates of the file by the places that they have with us. */
interface Kind {
  readonly cell: Cell;
  readonly order: readonly number[];
  readonly activations: readonly string[];
}

const KINDS = {
  LSTM: [{ cell: "lstm", order: [0, 2, 3, 1], activations: ["sigmoid", "tanh", "tanh"] }],
  GRU: [{ cell: "gru", order: [1, 0, 2], activations: ["sigmoid", "tanh"] }],
  RNN: [
    { cell: "rnnTanh", order: [0], activations: ["tanh"] },
    { cell: "rnnRelu", order: [0], activations: ["relu"] },
  ],
} as const satisfies Record<string, readonly Kind[]>;

/** One of the directions of a tensor [directions, ...]. */
const direction = (x: Tensor, k: number): Tensor =>
  reshape(
    slice(
      x,
      x.shape.map((_, axis) => (axis === 0 ? k : 0)),
      x.shape.with(0, 1),
    ),
    x.shape.slice(1),
  );

/** The last axis, made of blocks, with its blocks in another order. */
function ordered(x: Tensor, order: readonly number[]): Tensor {
  if (order.length === 1) return x;
  const width = x.shape.at(-1)! / order.length;
  const part = (k: number) =>
    slice(x, [...x.shape.slice(0, -1).map(() => 0), k * width], [...x.shape.slice(0, -1), width]);
  return concatenate(order.map(part));
}

/** What one direction works with. */
interface Direction {
  readonly x: Tensor;
  /** [in, gates · units] and [units, gates · units]. */
  readonly weight: Tensor;
  readonly recurrent: Tensor;
  readonly biases: readonly [Tensor, Tensor] | undefined;
  readonly hidden: Tensor | undefined;
  readonly cellState: Tensor | undefined;
  readonly mask: Tensor | undefined;
  readonly reverse: boolean;
}

/** States of all steps, the last, and the last cell. */
type States = readonly [all: Tensor, hidden: Tensor, cell: Tensor | undefined];

function run(call: Call, kind: Kind, given: Direction): States {
  const { x, weight, recurrent, biases, hidden, cellState, mask, reverse } = given;
  const [time, batch] = x.shape as [number, number];
  const units = recurrent.shape[0]!;
  const isGru = kind.cell === "gru";
  if (isGru && call.integer("linear_before_reset", 0) === 0) return unrolled(call, given);
  const bias = biases && (isGru ? biases[0] : add(...biases));
  const isLstm = kind.cell === "lstm";
  const none = () => call.graph.constant(new Float32Array(batch * units), [batch, units]);
  const state =
    isLstm && (hidden || cellState) ? concatenate([hidden ?? none(), cellState ?? none()], 0) : hidden;
  const y = recurrence(
    { x: matmul(x, weight, bias), weight: recurrent, bias: isGru ? biases?.[1] : undefined, state, mask },
    { cell: kind.cell, reverse, sequences: true, withCell: isLstm },
  );
  const step = (t: number) => reshape(slice(y, [t, 0, 0], [1, batch, units]), [batch, units]);
  return [
    slice(y, [0, 0, 0], [time, batch, units]),
    step(reverse ? 0 : time - 1),
    isLstm ? step(time) : undefined,
  ];
}

/** A GRU that resets before the product, step by step: no kernel does it. Cho et al. 2014. */
function unrolled(call: Call, { x, weight, recurrent, biases, hidden, mask, reverse }: Direction): States {
  const [time, batch] = x.shape as [number, number];
  const units = recurrent.shape[0]!;
  if (time > UNROLLED) throw call.unsupported(`linear_before_reset 0 over more than ${UNROLLED} steps`);
  const gates = matmul(x, weight, biases && add(...biases));
  const part = (of: Tensor, k: number, count: number) =>
    slice(of, [...of.shape.slice(0, -1).map(() => 0), k * units], [...of.shape.slice(0, -1), count * units]);
  const [ofGates, ofNew] = [part(recurrent, 0, 2), part(recurrent, 2, 1)];
  let h = hidden ?? call.graph.constant(new Float32Array(batch * units), [batch, units]);
  const steps: Tensor[] = [];
  for (let k = 0; k < time; k++) {
    const t = reverse ? time - 1 - k : k;
    const now = reshape(slice(gates, [t, 0, 0], [1, batch, 3 * units]), [batch, 3 * units]);
    const rz = sigmoid(add(part(now, 0, 2), matmul(h, ofGates)));
    const fresh = tanh(add(part(now, 2, 1), matmul(mul(part(rz, 0, 1), h), ofNew)));
    const next = add(fresh, mul(part(rz, 1, 1), sub(h, fresh)));
    const heard = mask && slice(mask, [0, t], [batch, 1]);
    h = heard ? add(h, mul(heard, sub(next, h))) : next;
    steps[t] = reshape(h, [1, batch, units]);
  }
  return [concatenate(steps, 0), h, undefined];
}

/** The cell that the activations of a node are those of. */
function kindOf(call: Call, kinds: readonly Kind[], directions: number): Kind {
  if (call.node.attributes.has("clip")) throw call.unsupported("clip");
  if (call.integer("input_forget", 0) !== 0) throw call.unsupported("input_forget");
  if (call.has(7)) throw call.unsupported("a peephole");
  const names = call
    .strings("activations")
    ?.map((name) => name.toLowerCase())
    .join();
  const known = kinds.find(({ activations }) => {
    const all = Array.from({ length: directions }, () => activations).flat();
    return names === undefined || names === all.join();
  });
  if (!known) throw call.unsupported(`a choice of activations, ${names},`);
  return known;
}

const recurrent =
  (kinds: readonly Kind[]): Operator =>
  (call) => {
    const way = call.choice("direction", ["forward", "reverse", "bidirectional"], "forward");
    const directions = way === "bidirectional" ? 2 : 1;
    const kind = kindOf(call, kinds, directions);
    const isBatchFirst = call.integer("layout", 0) !== 0;
    const [value, weights, recurrents] = [call.input(0), call.input(1), call.input(2)];
    if ([value, weights, recurrents].some(({ rank }) => rank !== 3))
      throw call.fail("inputs", `${value}, ${weights}, ${recurrents}`, "rank 3");
    const x = isBatchFirst ? permute(value.tensor, [1, 0, 2]) : value.tensor;
    const [time, batch] = x.shape as [number, number];
    const units = recurrents.shape[2]!;
    const gates = kind.order.length;
    const of = (each: Value, k: number) => ordered(direction(each.turn([0, 2, 1]).tensor, k), kind.order);
    const state = (index: number, k: number) => {
      if (!call.has(index)) return undefined;
      const own = call.tensor(index);
      return direction(isBatchFirst ? permute(own, [1, 0, 2]) : own, k);
    };
    const lengths = call.has(4) ? call.list(4) : undefined;
    const isCut = lengths?.some((length) => length !== time) ?? false;
    const mask = isCut
      ? call.graph.constant(
          Float32Array.from({ length: batch * time }, (_, k) =>
            Number(k % time < lengths![Math.floor(k / time)]!),
          ),
          [batch, time],
        )
      : undefined;
    const results = Array.from({ length: directions }, (_, k) => {
      const bias = call.has(3) ? direction(call.tensor(3), k) : undefined;
      const half = (n: number) => ordered(slice(bias!, [n * gates * units], [gates * units]), kind.order);
      const [all, hidden, cell] = run(call, kind, {
        x,
        weight: of(weights, k),
        recurrent: of(recurrents, k),
        biases: bias && [half(0), half(1)],
        hidden: state(5, k),
        cellState: state(6, k),
        mask,
        reverse: way === "reverse" || k === 1,
      });
      // What lies behind the end of a sequence is 0.
      return { all: mask ? mul(all, reshape(permute(mask), [time, batch, 1])) : all, hidden, cell };
    });
    // [time, directions, batch, units] and [directions, batch, units]; batch first: [batch, time, directions, units] and so on.
    const all = concatenate(
      results.map((each) => reshape(each.all, [time, 1, batch, units])),
      1,
    );
    const last = (tensors: readonly Tensor[]) => {
      const joined = concatenate(
        tensors.map((each) => reshape(each, [1, batch, units])),
        0,
      );
      return call.value(isBatchFirst ? permute(joined, [1, 0, 2]) : joined);
    };
    return [
      call.value(isBatchFirst ? permute(all, [2, 0, 1, 3]) : all),
      last(results.map(({ hidden }) => hidden)),
      results[0]!.cell && last(results.map(({ cell }) => cell!)),
    ];
  };

export const recurrents: Readonly<Record<string, Operator>> = {
  LSTM: recurrent(KINDS.LSTM),
  GRU: recurrent(KINDS.GRU),
  RNN: recurrent(KINDS.RNN),
};
