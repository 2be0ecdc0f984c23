// Recurrences over time: simple recurrent networks, LSTM and GRU, each a few instructions whatever the number of steps.
// Everything is by time first here, [time, batch, ...]: what one step needs of all rows lies together, and the states
// before all steps but the first are the states themselves, a step further on.
import {
  MATMUL_SCRATCH_BYTES,
  RECURRENT_PAD,
  RECURRENT_SCRATCH_ROWS,
  RECURRENT_THIN_ROWS,
} from "../../assembly/abi.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import {
  type Buffer,
  defineOp,
  type Emitter,
  nothing,
  type Operand,
  read,
  scratch,
  write,
} from "../graph/op.ts";
import type { Tensor, ValueType } from "../graph/tensor.ts";
import { add } from "./arithmetic.ts";
import { matmul } from "./matmul.ts";
import { permute, slice } from "./movement.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** What runs at each step, by the name of its kernel. */
export type Cell = "rnnTanh" | "rnnRelu" | "lstm" | "gru";

/** Of each cell its gates, and the rows of units that its gradient wants of every step. */
const CELLS: Record<Cell, { readonly gates: number; readonly slots: number }> = {
  rnnTanh: { gates: 1, slots: 1 },
  rnnRelu: { gates: 1, slots: 1 },
  lstm: { gates: 4, slots: 6 },
  gru: { gates: 3, slots: 5 },
};

/** Gates of a cell: its weights have so many times as many columns as it has units. */
export const gatesOf = (cell: Cell): number => CELLS[cell].gates;

/** Which recurrence, in which direction, and what it gives. */
export interface Recurrence {
  readonly cell: Cell;
  /** From the last step to the first. */
  readonly reverse: boolean;
  /** The states of all steps [time, batch, units], or the last [batch, units]. */
  readonly sequences: boolean;
  /** Of an LSTM: its cell after the last step behind that, one more [batch, units]. Default: false. */
  readonly withCell?: boolean;
}

/** Which inputs there are behind x and the weight. */
interface Attributes extends Recurrence {
  readonly bias: boolean;
  readonly state: boolean;
  readonly mask: boolean;
  readonly withCell: boolean;
}

const REVERSE = 1;
const LAST = 2;
const THIN = 4;

interface Sizes {
  readonly time: number;
  readonly batch: number;
  readonly units: number;
}

/** The inputs behind x and the weight, by name. */
function optional(rest: readonly Tensor[], { bias, state, mask }: Attributes) {
  const left = [...rest];
  return {
    bias: bias ? left.shift() : undefined,
    state: state ? left.shift() : undefined,
    mask: mask ? left.shift() : undefined,
  };
}

/** Units rounded up to whole vectors: what a kept row takes. */
const wholeVectors = (units: number) => Math.ceil(units / 4) * 4;

const keptType = (cell: Cell, { time, batch, units }: Sizes): ValueType => ({
  shape: [time, batch, CELLS[cell].slots, wholeVectors(units)],
  dtype: "f32",
});

const readIf = (emitter: Emitter, tensor: Tensor | undefined): Operand =>
  tensor ? read(emitter.buffer(tensor)) : nothing;
const writeIf = (emitter: Emitter, tensor: Tensor | undefined): Operand =>
  tensor && emitter.used(tensor) ? write(emitter.buffer(tensor)) : nothing;

/** What more threads gain by: they share the rows of a batch. While one row passes through time alone, the others wait. */
export const sharedWork = ({ time, batch, units }: Sizes, columns: number): number =>
  time * units * columns * (batch > 1 ? batch : -1);

/** Some bytes of what an operand names. */
const within = (operand: Operand, offset: number, bytes: number): Operand => ({
  ...(operand as Extract<Operand, { kind: "address" }>),
  offset,
  bytes,
});

/** Of a result, or its gradient, what belongs to the states, and what to the cell behind them. */
export function parted(
  whole: Operand,
  { size }: Tensor,
  { batch, units }: Sizes,
  withCell: boolean,
): [Operand, Operand] {
  if (!withCell) return [whole, nothing];
  const cell = batch * units * 4;
  const states = size * 4 - cell;
  return [within(whole, 0, states), within(whole, states, cell)];
}

/** Room for a few rows of states and gates in each thread. */
function rowsOfScratch(units: number): Operand {
  const row = Math.ceil(units / RECURRENT_PAD) * RECURRENT_PAD * 4 + 64;
  return scratch(RECURRENT_SCRATCH_ROWS * row);
}

/** The weight as the kernels want it: in panels, or with few rows as it is. */
function packed(emitter: Emitter, weight: Tensor, { batch, units }: Sizes, transposed: boolean): Buffer {
  const from = emitter.buffer(weight);
  if (batch <= RECURRENT_THIN_ROWS) return from;
  const gates = weight.shape[1]! / units;
  const wide = Math.ceil(units / RECURRENT_PAD) * RECURRENT_PAD;
  const panels = emitter.temporary(`${from.name} panels`, 64 + gates * units * wide * 4);
  emitter.call("packRecurrent", [units, gates, Number(transposed), read(from), write(panels)]);
  return panels;
}

const flagsOf = ({ reverse, sequences }: Recurrence, { batch }: Sizes) =>
  (reverse ? REVERSE : 0) + (sequences ? 0 : LAST) + (batch <= RECURRENT_THIN_ROWS ? THIN : 0);

/** Outputs: what is asked for; all states, where they are not that; what the gradient wants. */
const recurrenceOp = defineOp<Attributes>({
  name: "recurrence",
  shape([x, weight], { cell, sequences, withCell }) {
    const [time, batch] = x!.shape as [number, number];
    const units = weight!.shape[0]!;
    const all: ValueType = { shape: [time, batch, units], dtype: "f32" };
    const more = withCell ? 1 : 0;
    const asked = sequences ? [time + more, batch, units] : [batch + more * batch, units];
    return [{ shape: asked, dtype: "f32" }, all, keptType(cell, { time, batch, units })];
  },
  gradient({ inputs: [, weight, ...rest], outputs: [y, states, kept], attributes, dy, wants }) {
    const { graph } = dy;
    const { bias, state, mask } = optional(rest, attributes);
    const { cell, reverse, sequences } = attributes;
    const inputs = [dy, weight!, kept!, ...(state ? [state] : []), ...(mask ? [mask] : [])];
    const [dx, dState, dz = dx!] = graph.apply(gradientOp, inputs, attributes);
    const gradients: (Tensor | undefined)[] = [dx, undefined];
    if (wants(1)) {
      gradients[1] = graph.apply(weightGradientOp, [sequences ? y! : states!, dz], { reverse })[0]!;
      if (state) gradients[1] = add(gradients[1]!, firstStep(state, dz, cell, reverse));
    }
    const columns = weight!.shape[1]!;
    if (bias) gradients.push(sum(reshape(dz, [dz.size / columns, columns]), { axes: 0 }));
    if (state) gradients.push(wants(bias ? 3 : 2) ? dState : undefined);
    return gradients;
  },
  emit(emitter, { inputs: [x, weight, ...rest], outputs: [y, states, kept], attributes }) {
    const [time, batch] = x!.shape as [number, number];
    const units = weight!.shape[0]!;
    const sizes = { time, batch, units };
    const { bias, state, mask } = optional(rest, attributes);
    const { cell, sequences, withCell } = attributes;
    const panels = packed(emitter, weight!, sizes, false);
    const [asked, end] = parted(write(emitter.buffer(y!)), y!, sizes, withCell);
    emitter.call(
      cell,
      [
        time,
        batch,
        units,
        flagsOf(attributes, sizes),
        read(emitter.buffer(x!)),
        read(panels),
        readIf(emitter, bias),
        readIf(emitter, state),
        readIf(emitter, mask),
        sequences ? asked : writeIf(emitter, states),
        sequences ? nothing : asked,
        end,
        writeIf(emitter, kept),
        rowsOfScratch(units),
      ],
      { work: sharedWork(sizes, weight!.shape[1]!) },
    );
  },
});

/** Outputs: the gradients of x, of the state before the first step, and for a GRU of the products with the state. */
const gradientOp = defineOp<Attributes>({
  name: "recurrenceGradient",
  shape([, weight, kept], { cell }) {
    const [time, batch] = kept!.shape as [number, number];
    const [units, columns] = weight!.shape as [number, number];
    const gates: ValueType = { shape: [time, batch, columns], dtype: "f32" };
    const state: ValueType = { shape: [stateRows(cell) * batch, units], dtype: "f32" };
    return cell === "gru" ? [gates, state, gates] : [gates, state];
  },
  gradient: "none",
  emit(emitter, { inputs: [dy, weight, kept, ...rest], outputs: [dx, dState, dz], attributes }) {
    const [time, batch] = kept!.shape as [number, number];
    const [units, columns] = weight!.shape as [number, number];
    const sizes = { time, batch, units };
    const { state, mask } = optional(rest, { ...attributes, bias: false });
    const panels = packed(emitter, weight!, sizes, true);
    const [slopes, end] = parted(read(emitter.buffer(dy!)), dy!, sizes, attributes.withCell);
    emitter.call(
      `${attributes.cell}Gradient`,
      [
        time,
        batch,
        units,
        flagsOf(attributes, sizes),
        slopes,
        end,
        read(panels),
        readIf(emitter, state),
        readIf(emitter, mask),
        read(emitter.buffer(kept!)),
        write(emitter.buffer(dx!)),
        dz ? write(emitter.buffer(dz)) : nothing,
        writeIf(emitter, dState),
        rowsOfScratch(units),
      ],
      { work: sharedWork({ time, batch, units }, columns) },
    );
  },
});

/** Σ over all steps but the first of (state before)ᵀ · dz: one product, for both lie in order. */
const weightGradientOp = defineOp<{ readonly reverse: boolean }>({
  name: "recurrentWeightGradient",
  shape: ([states, dz]) => ({ shape: [states!.shape[2]!, dz!.shape[2]!], dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [states, dz], outputs: [y], attributes: { reverse } }) {
    const units = states!.shape[2]!;
    const [time, batch, columns] = dz!.shape as [number, number, number];
    const k = (time - 1) * batch;
    const part = (tensor: Tensor, later: boolean): Operand => {
      const row = tensor.shape[2]! * 4;
      return within(read(emitter.buffer(tensor)), later ? batch * row : 0, k * row);
    };
    emitter.call(
      "matmulTN",
      [
        units,
        columns,
        k,
        part(states!, reverse),
        units,
        part(dz!, !reverse),
        columns,
        write(emitter.buffer(y!)),
        nothing,
        scratch(MATMUL_SCRATCH_BYTES),
        0,
      ],
      { head: y!, work: units * columns * k },
    );
  },
});

/** Blocks of rows in the tensor of a state: hidden, and of an LSTM cell. */
const stateRows = (cell: Cell) => (cell === "lstm" ? 2 : 1);

/** What the first step, before which the state is not zero, adds to the gradient of the weight. */
function firstStep(state: Tensor, dz: Tensor, cell: Cell, reverse: boolean): Tensor {
  const [time, batch, columns] = dz.shape as [number, number, number];
  const units = state.shape[1]!;
  const hidden = slice(state, [0, 0], [state.shape[0]! / stateRows(cell), units]);
  const first = slice(dz, [reverse ? time - 1 : 0, 0, 0], [1, batch, columns]);
  return matmul(permute(hidden), reshape(first, [batch, columns]));
}

/** Operands of {@link recurrence}. */
export interface RecurrenceInputs {
  /** [time, batch, gates · units]: what the inputs give to the gates, their bias with it. */
  readonly x: Tensor;
  /** [units, gates · units]. */
  readonly weight: Tensor;
  /** [gates · units], added to the products with the state; only a GRU tells it from that of x. */
  readonly bias?: Tensor | undefined;
  /** Before the first step: [batch, units]; of an LSTM [2 · batch, units], hidden then cell. Default: zeros. */
  readonly state?: Tensor | undefined;
  /** [batch, time], 0 at steps that leave the state as it is. Default: none are passed over. */
  readonly mask?: Tensor | undefined;
}

/**
 * Runs a cell over time. Gates in PyTorch's order: i f g o, r z n; Hochreiter and Schmidhuber 1997 with the forget gate
 * of Gers et al. 2000, Cho et al. 2014 with the reset gate behind the product. Not differentiable twice.
 * @throws ShapeError where the operands do not fit. @throws OptionError where a cell is asked for that is none of an LSTM.
 * @example
 * const gates = graph.input("gates", [28, 8, 4 * 16]); // time, batch, i f g o of 16 units
 * const u = graph.input("u", [16, 4 * 16]);
 * recurrence({ x: gates, weight: u }, { cell: "lstm", reverse: false, sequences: true }); // [28, 8, 16]
 */
export function recurrence({ x, weight, bias, state, mask }: RecurrenceInputs, how: Recurrence): Tensor {
  const known = { cell: 0, reverse: 0, sequences: 0, withCell: 0 } as const;
  const { cell, reverse, sequences, withCell = false } = checkOptions("recurrence", how, known);
  const fail = (what: string, got: Shape, wanted: string): never => {
    throw new ShapeError(`recurrence: ${what}: got ${showShape(got)}, wanted ${wanted}`);
  };
  if (x.rank !== 3) fail("x", x.shape, "[time, batch, gates · units]");
  const [time, batch, columns] = x.shape as [number, number, number];
  const units = columns / gatesOf(cell);
  const wanted: readonly (readonly [string, Tensor | undefined, Shape])[] = [
    ["weight", weight, [units, columns]],
    ["bias", bias, [columns]],
    ["state", state, [stateRows(cell) * batch, units]],
    ["mask", mask, [batch, time]],
  ];
  for (const [what, tensor, shape] of wanted) {
    if (tensor && !sameShape(tensor.shape, shape)) fail(what, tensor.shape, showShape(shape));
    if (tensor && tensor.dtype !== "f32") throw new ShapeError(`recurrence: ${what}: got i32, wanted f32`);
  }
  if (bias && cell !== "gru")
    throw new ShapeError(`recurrence: bias: ${cell} has that of x alone, wanted none`);
  if (withCell && cell !== "lstm") throw new OptionError(`recurrence: withCell: wanted an lstm, got ${cell}`);
  const rest = [bias, state, mask].filter((tensor) => tensor !== undefined);
  const attributes = { cell, reverse, sequences, withCell, bias: !!bias, state: !!state, mask: !!mask };
  return x.graph.apply(recurrenceOp, [x, weight, ...rest], attributes)[0]!;
}
