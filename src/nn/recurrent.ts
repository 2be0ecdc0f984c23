// Recurrent layers: simple recurrent networks, LSTM, GRU, and two of them side by side in both directions.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import type { Graph, Initializer, Tensor } from "../graph/tensor.ts";
import { add, sub, where } from "../ops/arithmetic.ts";
import { broadcastTo } from "../ops/broadcast.ts";
import { equalLabels } from "../ops/gather.ts";
import { matmul } from "../ops/matmul.ts";
import { concatenate, permute, slice } from "../ops/movement.ts";
import { type Cell, gatesOf, recurrence } from "../ops/recurrence.ts";
import { argmax } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { constant, glorotUniform, orthogonal, zeros } from "./initializers.ts";

/** What a recurrent layer starts from: each [batch, units], zeros where left out. */
export interface RecurrentState {
  readonly hidden?: Tensor | undefined;
  /** Of an LSTM only. */
  readonly cell?: Tensor | undefined;
}

/** What a recurrent layer is given beside its input. */
export interface RecurrentContext<State = RecurrentState> {
  /**
   * [batch, time]: 1 at real steps, 0 at padding, over which the state is carried. Of integers all but 0 are real, so that
   * tokens with 0 as the padding are their own mask, as for attention. Whatever x holds at padding, NaN too, reaches no
   * result and no gradient. Default: all are real.
   */
  readonly mask?: Tensor | undefined;
  /** Before the first step. Default: zeros. */
  readonly state?: State | undefined;
}

/** What a recurrent layer ends with: each [batch, units], what the next piece of the sequence, or a decoder, starts from. */
export interface FinalState {
  readonly hidden: Tensor;
  /** Of an LSTM only. */
  readonly cell?: Tensor;
}

/** What a layer gives, and the state after its last step. */
export interface WithState<State = FinalState> {
  readonly output: Tensor;
  readonly state: State;
}

/** A layer over time: [batch, time, in] → [batch, units], or [batch, time, units] with `returnSequences`. */
export interface RecurrentLayer {
  (x: Tensor, context?: RecurrentContext): Tensor;
  /**
   * The same with the state after the last real step, PyTorch's `h_n` and `c_n`, Keras's `return_state`: what the same layer
   * goes on from with the next piece, or a decoder starts from. With `reverse`, after the first.
   * @example
   * const model = defineModel({ input: [9, 4] }, (x) => {
   *   const [seen, asked] = [slice(x, [0, 0, 0], [x.shape[0], 6, 4]), slice(x, [0, 6, 0], [x.shape[0], 3, 4])];
   *   const { state } = lstm(16).withState(seen);
   *   return dense(2)(lstm(16, { returnSequences: true })(asked, { state }));
   * });
   */
  readonly withState: (x: Tensor, context?: RecurrentContext) => WithState;
  /** The same in the other direction, with parameters of its own, named after this one's and `_reverse`. */
  readonly reversed: () => RecurrentLayer;
}

/** Options of {@link gru}. */
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

/** Options of {@link simpleRnn}. */
export interface SimpleRnnOptions extends RecurrentOptions {
  /** Default: "tanh". */
  readonly activation?: "tanh" | "relu";
}

/** Options of {@link lstm}. */
export interface LstmOptions extends RecurrentOptions {
  /** What the bias of the forget gate starts from. Default: 1, as Jozefowicz et al. 2015 advise. */
  readonly forgetBias?: number;
}

const KNOWN = {
  returnSequences: 0,
  reverse: 0,
  bias: 0,
  initializer: 0,
  recurrentInitializer: 0,
  name: 0,
} as const;

/** A kind of recurrent layer: the options that it alone has, its cell, and what its bias starts from. */
interface Kind {
  readonly name: string;
  readonly known?: Readonly<Record<string, 0>>;
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
export function notZero(x: Tensor): Tensor {
  const zero = argmax(broadcastTo(x.graph.constant([0]), [...x.shape, 1]));
  return sub(1, equalLabels(x, zero));
}

/** The state as one tensor, as the recurrence takes it. */
function joined(
  where: string,
  graph: Graph,
  state: RecurrentState,
  wanted: Shape,
  isLstm: boolean,
): Tensor | undefined {
  const { hidden, cell } = checkOptions(`${where}: state`, state, { hidden: 0, cell: 0 });
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
  const { name: kindName, known, cell, biasInitializer } = kind;
  if (!Number.isSafeInteger(units) || units < 1)
    throw new OptionError(`${kindName}: units: wanted a positive integer, got ${units}`);
  checkOptions<RecurrentOptions>(kindName, options, { ...KNOWN, ...known });
  const { returnSequences: sequences = false, reverse = false, bias = true, name } = options;
  const { initializer = glorotUniform, recurrentInitializer = orthogonal() } = options;

  /** The last step, or all of them, time first; behind them the cell where it is wanted. */
  const run = (x: Tensor, context: RecurrentContext, withCell: boolean): Tensor => {
    const { graph } = x;
    const counted = name ?? graph.nameFor(kindName, of ?? layer);
    const own = of ? `${counted}_reverse` : counted;
    const { mask, state = {} } = checkOptions(own, context, { mask: 0, state: 0 });
    if (x.rank !== 3) throw new ShapeError(`${own}: wanted [batch, time, in], got ${showShape(x.shape)}`);
    const [batch, time, width] = x.shape as [number, number, number];
    const columns = gatesOf(cell) * units;
    const parameter = (part: string, shape: Shape, start: Initializer) =>
      graph.parameter(`${own}.${part}`, shape, start);
    if (mask && !sameShape(mask.shape, [batch, time]))
      throw new ShapeError(
        `${own}: mask: got ${mask.dtype} ${showShape(mask.shape)}, wanted ${showShape([batch, time])}`,
      );
    const heard = mask?.dtype === "i32" ? notZero(mask) : mask;
    // Nothing multiplies what is passed over: 0 times NaN would reach the gradient of the weight.
    const input = heard ? where(reshape(permute(heard), [time, batch, 1]), swap(x), 0) : swap(x);
    const weight = parameter("weight", [width, columns], initializer);
    const recurrentWeight = parameter("recurrentWeight", [units, columns], recurrentInitializer);
    const gates = matmul(input, weight, bias ? parameter("bias", [columns], biasInitializer) : undefined);
    return recurrence(
      {
        x: gates,
        weight: recurrentWeight,
        bias: bias && cell === "gru" ? parameter("recurrentBias", [columns], zeros) : undefined,
        state: joined(own, graph, state, [batch, units], cell === "lstm"),
        mask: heard,
      },
      { cell, reverse, sequences, withCell },
    );
  };
  const apply = (x: Tensor, context: RecurrentContext = {}): Tensor => {
    const y = run(x, context, false);
    return sequences ? swap(y) : y;
  };
  const withState = (x: Tensor, context: RecurrentContext = {}): WithState => {
    const isLstm = cell === "lstm";
    const y = run(x, context, isLstm);
    const [batch, time] = x.shape as [number, number];
    if (!sequences) {
      const [hidden, end] = [0, batch].map((from) => (isLstm ? slice(y, [from, 0], [batch, units]) : y));
      return { output: hidden!, state: { hidden: hidden!, ...(isLstm && { cell: end! }) } };
    }
    const step = (t: number) => reshape(slice(y, [t, 0, 0], [1, batch, units]), [batch, units]);
    const hidden = step(reverse ? 0 : time - 1);
    return {
      output: swap(isLstm ? slice(y, [0, 0, 0], [time, batch, units]) : y),
      state: { hidden, ...(isLstm && { cell: step(time) }) },
    };
  };
  const reversed = () => of ?? recurrent(kind, units, { ...options, reverse: !reverse }, layer);
  const layer: RecurrentLayer = Object.assign(apply, { reversed, withState });
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
  return recurrent(
    { name: "simpleRnn", known: { activation: 0 }, cell, biasInitializer: zeros },
    units,
    options,
  );
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
  return recurrent({ name: "lstm", known: { forgetBias: 0 }, cell: "lstm", biasInitializer }, units, options);
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

/** Two recurrent layers, one in each direction. */
export interface BidirectionalLayer {
  (x: Tensor, context?: RecurrentContext<BidirectionalState>): Tensor;
  /** The same with the state of either direction after its last step. */
  readonly withState: (
    x: Tensor,
    context?: RecurrentContext<BidirectionalState>,
  ) => WithState<{ readonly forward: FinalState; readonly backward: FinalState }>;
}

/** Options of {@link bidirectional}. */
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
export function bidirectional(layer: RecurrentLayer, options: BidirectionalOptions = {}): BidirectionalLayer {
  const { merge = "concatenate" } = checkOptions("bidirectional", options, { merge: 0 });
  if (merge !== "concatenate" && merge !== "sum")
    throw new OptionError(
      `bidirectional: merge: got ${JSON.stringify(merge)}, wanted one of concatenate, sum`,
    );
  const other = layer.reversed();
  const joinedOf = (forward: Tensor, backward: Tensor) =>
    merge === "sum" ? add(forward, backward) : concatenate([forward, backward]);
  const contexts = (context: RecurrentContext<BidirectionalState> = {}) => {
    const { mask, state = {} } = checkOptions("bidirectional", context, { mask: 0, state: 0 });
    const { forward, backward } = checkOptions("bidirectional: state", state, { forward: 0, backward: 0 });
    return [
      { mask, state: forward },
      { mask, state: backward },
    ] as const;
  };
  const apply = (x: Tensor, context?: RecurrentContext<BidirectionalState>): Tensor => {
    const [ahead, back] = contexts(context);
    return joinedOf(layer(x, ahead), other(x, back));
  };
  const withState: BidirectionalLayer["withState"] = (x, context) => {
    const [ahead, back] = contexts(context);
    const [forward, backward] = [layer.withState(x, ahead), other.withState(x, back)];
    return {
      output: joinedOf(forward.output, backward.output),
      state: { forward: forward.state, backward: backward.state },
    };
  };
  return Object.assign(apply, { withState });
}
