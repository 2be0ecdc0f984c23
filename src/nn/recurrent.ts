// Recurrent layers: simple recurrent networks, LSTM, GRU, and two of them side by side in both directions.
import { OptionError, ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import type { Graph, Initializer, Tensor } from "../graph/tensor.ts";
import { add, sub } from "../ops/arithmetic.ts";
import { equalLabels } from "../ops/gather.ts";
import { matmul } from "../ops/matmul.ts";
import { broadcastTo, concatenate, permute } from "../ops/movement.ts";
import { type Cell, gatesOf, recurrence } from "../ops/recurrence.ts";
import { argmax } from "../ops/reduce.ts";
import { constant, glorotUniform, orthogonal, zeros } from "./initializers.ts";

/** What a recurrent layer starts from: each [batch, units], zeros where left out. */
export interface RecurrentState {
  readonly hidden?: Tensor | undefined;
  /** Of an LSTM only. */
  readonly cell?: Tensor | undefined;
}

export interface RecurrentContext<State = RecurrentState> {
  /**
   * [batch, time]: 1 at real steps, 0 at padding, over which the state is carried. Of integers all but 0 are real, so that
   * tokens with 0 as the padding are their own mask, as for attention. Default: all are real.
   */
  readonly mask?: Tensor | undefined;
  /** Before the first step. Default: zeros. */
  readonly state?: State | undefined;
}

/** A layer over time: [batch, time, in] → [batch, units], or [batch, time, units] with `returnSequences`. */
export interface RecurrentLayer {
  (x: Tensor, context?: RecurrentContext): Tensor;
  /** The same in the other direction, with parameters of its own, named after this one's and `_reverse`. */
  readonly reversed: () => RecurrentLayer;
}

export interface RecurrentOptions {
  /** The states of all steps instead of the last. Default: false. */
  readonly returnSequences?: boolean;
  /** From the last step to the first; with `returnSequences`, the states still lie in the order of the input. Default: false. */
  readonly reverse?: boolean;
  /** Whether biases are added. Default: true. */
  readonly bias?: boolean;
  /** What the weight [in, gates · units] starts from. Default: glorotUniform. */
  readonly initializer?: Initializer;
  /** What the weight of the state [units, gates · units] starts from. Default: orthogonal. */
  readonly recurrentInitializer?: Initializer;
  readonly name?: string;
}

export interface SimpleRnnOptions extends RecurrentOptions {
  /** Default: "tanh". */
  readonly activation?: "tanh" | "relu";
}

export interface LstmOptions extends RecurrentOptions {
  /** What the bias of the forget gate starts from. Default: 1, as Jozefowicz et al. 2015 advise. */
  readonly forgetBias?: number;
}

/** A kind of recurrent layer: its cell, and what its bias starts from. */
interface Kind {
  readonly name: string;
  readonly cell: Cell;
  readonly biasInitializer: Initializer;
}

const swapped = [1, 0, 2];

/** [batch, time, …] ↔ [time, batch, …]; what has just been swapped is swapped back for nothing. */
function swap(x: Tensor): Tensor {
  const { op, attributes, inputs } = x.node;
  return op?.name === "permute" && sameShape(attributes, swapped) ? inputs[0]! : permute(x, swapped);
}

/** 1 where an integer is not 0. There are no constants of integers, but the place of the largest of one number is 0. */
function notZero(x: Tensor): Tensor {
  const zero = argmax(broadcastTo(x.graph.constant([0]), [...x.shape, 1]));
  return sub(1, equalLabels(x, zero));
}

/** The state as one tensor, as the recurrence takes it. */
function joined(
  where: string,
  graph: Graph,
  { hidden, cell }: RecurrentState,
  wanted: Shape,
  isLstm: boolean,
): Tensor | undefined {
  for (const [what, tensor] of Object.entries({ hidden, cell })) {
    if (tensor && !sameShape(tensor.shape, wanted))
      throw new ShapeError(
        `${where}: state.${what}: got ${showShape(tensor.shape)}, wanted ${showShape(wanted)}`,
      );
  }
  if (cell && !isLstm) throw new OptionError(`${where}: state.cell: only an LSTM has one`);
  if (!isLstm || !(hidden || cell)) return hidden;
  const none = constant(0)(graph, wanted, where);
  return concatenate([hidden ?? none, cell ?? none], 0);
}

function recurrent(
  kind: Kind,
  units: number,
  options: RecurrentOptions,
  of?: RecurrentLayer,
): RecurrentLayer {
  const { name: kindName, cell, biasInitializer } = kind;
  if (!Number.isSafeInteger(units) || units < 1)
    throw new OptionError(`${kindName}: units: wanted a positive integer, got ${units}`);
  const { returnSequences: sequences = false, reverse = false, bias = true, name } = options;
  const { initializer = glorotUniform, recurrentInitializer = orthogonal() } = options;

  const apply = (x: Tensor, { mask, state = {} }: RecurrentContext = {}): Tensor => {
    const { graph } = x;
    const counted = name ?? graph.nameFor(kindName, of ?? layer);
    const own = of ? `${counted}_reverse` : counted;
    if (x.rank !== 3) throw new ShapeError(`${own}: wanted [batch, time, in], got ${showShape(x.shape)}`);
    const [batch, time, width] = x.shape as [number, number, number];
    const columns = gatesOf(cell) * units;
    const parameter = (part: string, shape: Shape, start: Initializer) =>
      graph.parameter(`${own}.${part}`, shape, start);
    if (mask && !sameShape(mask.shape, [batch, time]))
      throw new ShapeError(
        `${own}: mask: got ${mask.dtype} ${showShape(mask.shape)}, wanted ${showShape([batch, time])}`,
      );
    const weight = parameter("weight", [width, columns], initializer);
    const recurrentWeight = parameter("recurrentWeight", [units, columns], recurrentInitializer);
    const gates = matmul(swap(x), weight, bias ? parameter("bias", [columns], biasInitializer) : undefined);
    const y = recurrence(
      {
        x: gates,
        weight: recurrentWeight,
        bias: bias && cell === "gru" ? parameter("recurrentBias", [columns], zeros) : undefined,
        state: joined(own, graph, state, [batch, units], cell === "lstm"),
        mask: mask?.dtype === "i32" ? notZero(mask) : mask,
      },
      { cell, reverse, sequences },
    );
    return sequences ? swap(y) : y;
  };
  const reversed = () => of ?? recurrent(kind, units, { ...options, reverse: !reverse }, layer);
  const layer: RecurrentLayer = Object.assign(apply, { reversed });
  return layer;
}

/**
 * Simple recurrent network: h ← tanh(x · weight + bias + h · recurrentWeight), or relu of it. Elman 1990.
 * [batch, time, in] → [batch, units], or [batch, time, units] with `returnSequences`.
 * @throws OptionError for units that are not a positive integer or an unknown activation.
 * @throws ShapeError where the input, mask or state has another shape.
 * @example const model = sequential({ input: [28, 28] }, simpleRnn(32), dense(10));
 */
export function simpleRnn(units: number, options: SimpleRnnOptions = {}): RecurrentLayer {
  const { activation = "tanh" } = options;
  if (activation !== "tanh" && activation !== "relu")
    throw new OptionError(
      `simpleRnn: activation: got ${JSON.stringify(activation)}, wanted one of tanh, relu`,
    );
  const cell = activation === "tanh" ? "rnnTanh" : "rnnRelu";
  return recurrent({ name: "simpleRnn", cell, biasInitializer: zeros }, units, options);
}

/**
 * Long short-term memory: c ← σ(f) c + σ(i) tanh(g), h ← σ(o) tanh(c), where (i f g o) = x · weight + bias +
 * h · recurrentWeight. Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000.
 * [batch, time, in] → [batch, units], or [batch, time, units] with `returnSequences`.
 * @throws OptionError for units that are not a positive integer, or a forget bias that is not finite.
 * @throws ShapeError where the input, mask or state has another shape.
 * @example const model = sequential({ input: [28, 28] }, lstm(64, { returnSequences: true }), lstm(32), dense(10));
 */
export function lstm(units: number, options: LstmOptions = {}): RecurrentLayer {
  const { forgetBias = 1 } = options;
  if (!Number.isFinite(forgetBias))
    throw new OptionError(`lstm: forgetBias: wanted a finite number, got ${forgetBias}`);
  const biasInitializer: Initializer = (graph, _, stream) => {
    const part = (value: number, gates: number) => constant(value)(graph, [gates * units], stream);
    return concatenate([part(0, 1), part(forgetBias, 1), part(0, 2)]);
  };
  return recurrent({ name: "lstm", cell: "lstm", biasInitializer }, units, options);
}

/**
 * Gated recurrent unit: h ← (1 − z) n + z h, where r and z = σ(x · weight + bias + h · recurrentWeight + recurrentBias)
 * and n = tanh(x · weight + bias + r (h · recurrentWeight + recurrentBias)). Cho et al. 2014 with the reset gate behind
 * the product, as in PyTorch and Keras. [batch, time, in] → [batch, units], or [batch, time, units] with `returnSequences`.
 * @throws OptionError for units that are not a positive integer.
 * @throws ShapeError where the input, mask or state has another shape.
 * @example
 * // Padding of frames that are all zeros is passed over.
 * const model = defineModel({ input: [20, 8] }, (frames) => {
 *   const mask = greater(max(abs(frames), { axes: -1 }), 0);
 *   return dense(3)(gru(16)(frames, { mask }));
 * });
 */
export function gru(units: number, options: RecurrentOptions = {}): RecurrentLayer {
  return recurrent({ name: "gru", cell: "gru", biasInitializer: zeros }, units, options);
}

/** States of the two directions. */
export interface BidirectionalState {
  readonly forward?: RecurrentState | undefined;
  readonly backward?: RecurrentState | undefined;
}

export interface BidirectionalOptions {
  /** How the two results are joined: side by side, forward first, or added. Default: "concatenate". */
  readonly merge?: "concatenate" | "sum";
}

/**
 * A recurrent layer and its like in the other direction, over one input. Schuster and Paliwal 1997.
 * [batch, time, in] → [batch, 2 · units], or [batch, time, 2 · units] where the layer returns sequences; half as wide as a sum.
 * @throws OptionError for an unknown merge.
 * @example const model = sequential({ input: [28, 28] }, bidirectional(lstm(32)), dense(10));
 */
export function bidirectional(
  layer: RecurrentLayer,
  { merge = "concatenate" }: BidirectionalOptions = {},
): (x: Tensor, context?: RecurrentContext<BidirectionalState>) => Tensor {
  if (merge !== "concatenate" && merge !== "sum")
    throw new OptionError(
      `bidirectional: merge: got ${JSON.stringify(merge)}, wanted one of concatenate, sum`,
    );
  const other = layer.reversed();
  return (x, { mask, state } = {}) => {
    const forward = layer(x, { mask, state: state?.forward });
    const backward = other(x, { mask, state: state?.backward });
    return merge === "sum" ? add(forward, backward) : concatenate([forward, backward]);
  };
}
