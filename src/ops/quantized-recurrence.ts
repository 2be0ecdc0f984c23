// Recurrences of quantized models: the state is bytes where it is multiplied, and a float where it is blended and read. It lies
// in −1 … 1, so what its bytes stand for is known beforehand. The kernel is in the module of those on bytes.
import {
  BYTES_ROWS,
  BYTES_SUMS,
  PANEL_COLUMNS,
  RECURRENT_BYTES_ROWS,
  RECURRENT_NUMBERS,
} from "../../assembly/abi.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import { defineOp, nothing, read, scratch, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { emitProduct, type QuantizedMatmul } from "./quantized.ts";
import {
  checkChannels,
  endingOf,
  MAGIC,
  panelsOf,
  type Quantization,
  type QuantizedOptions,
} from "./quantized-panels.ts";
import { type Cell, gatesOf, parted, type Recurrence, sharedWork } from "./recurrence.ts";
import { reshape } from "./reshape.ts";

/** The bytes of a state: 1 … 127 for −1 … 1. */
export const STATE: Quantization = { scale: 1 / 63, zeroPoint: 64 };

/** Cells whose state stays in −1 … 1, if it begins there. */
export type BoundedCell = Exclude<Cell, "rnnRelu">;

/** What {@link quantizedRecurrence} is. */
export interface QuantizedRecurrence extends Recurrence {
  readonly cell: BoundedCell;
  /** [units, gates · units], of −127 … 127. */
  readonly weight: Int8Array;
  /** What a step of the weights is worth: one number a column, or one for all. */
  readonly weightScales: Float32Array;
  /** [gates · units], added to the products with the state: only a GRU tells it from that of x. Default: none. */
  readonly bias?: Float32Array | undefined;
}

/** Operands of {@link quantizedRecurrence}. */
export interface QuantizedRecurrenceInputs {
  /** [time, batch, gates · units]: what the inputs give to the gates, their bias with it. */
  readonly x: Tensor;
  /** Before the first step: [batch, units]; of an LSTM [2 · batch, units], hidden then cell. Default: zeros. */
  readonly state?: Tensor | undefined;
  /** [batch, time], 0 at steps that leave the state as it is. Default: none are passed over. */
  readonly mask?: Tensor | undefined;
}

/** What a node of one is: with the inputs behind x that there are. */
export interface QuantizedRecurrenceNode extends QuantizedRecurrence {
  readonly state: boolean;
  readonly mask: boolean;
  readonly withCell: boolean;
  /** The product that gives x, where that is part of the recurrence, whose first operand then are bytes [time, batch, k]. */
  readonly product: QuantizedMatmul | undefined;
}

const REVERSE = 1;

/**
 * tanh x = x (p₀ + p₁x² + p₂x⁴) / (q₀ + q₁x² + x⁴) up to 5.2, from where on it is 1: a minimax fit of our own, within 6.1e-5
 * in floats, a hundredth of half a byte's step. In terms of 2x, and halved, it is the sigmoid less a half.
 */
const BOUND = 5.2;
const P = [80.32840728759766, 8.11996841430664, 0.051126088947057724] as const;
const Q = [80.34741973876953, 34.84891891479492] as const;

/** As assembly/quantized/cells.ts reads them. */
function numbers(): Int32Array {
  const tanh = [-BOUND, BOUND, ...P, ...Q];
  const sigmoid = [-2 * BOUND, 2 * BOUND, 4 * P[0], P[1], P[2] / 4, 16 * Q[0], 4 * Q[1]];
  const bytes = [1 / STATE.scale, MAGIC, MAGIC - STATE.zeroPoint];
  const floats = new Float32Array(RECURRENT_NUMBERS / 4);
  floats.set([...tanh, ...sigmoid, 0.5, 1, -1, ...bytes]);
  return new Int32Array(floats.buffer);
}

/** The panels of a weight [k, gates · units]: one of each gate for eight units, then those of the next eight. */
function gatePanels(gates: number, units: number, weight: Int8Array, options: QuantizedOptions): Int32Array {
  const columns = gates * units;
  const k = weight.length / columns;
  /** The column of the weight that a column of the panels is; undefined: only there to make eight. */
  const columnOf = (at: number): number | undefined => {
    const panel = Math.floor(at / PANEL_COLUMNS);
    const unit = Math.floor(panel / gates) * PANEL_COLUMNS + (at % PANEL_COLUMNS);
    return unit < units ? (panel % gates) * units + unit : undefined;
  };
  const ending = endingOf(options);
  const of = (value: (column: number) => number, otherwise: number) => (at: number) => {
    const column = columnOf(at);
    return column === undefined ? otherwise : value(column);
  };
  return panelsOf(
    {
      n: Math.ceil(units / PANEL_COLUMNS) * PANEL_COLUMNS * gates,
      steps: Math.ceil(k / 4),
      weight(step, term, at) {
        const [row, column] = [4 * step + term, columnOf(at)];
        return row < k && column !== undefined ? weight[row * columns + column]! : 0;
      },
    },
    { ...ending, scale: of(ending.scale, 1), offset: of(ending.offset, 0) },
  );
}

/** All that the kernel computes with, as assembly/quantized/recurrent.ts has it. */
function weightsOf(
  units: number,
  { cell, weight, weightScales, bias, product }: QuantizedRecurrenceNode,
): Int32Array {
  const gates = gatesOf(cell);
  const parts = [
    numbers(),
    gatePanels(gates, units, weight, { input: STATE, weightScales, bias }),
    ...(product ? [gatePanels(gates, units, product.weight, product)] : []),
  ];
  const words = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  return words;
}

/** Units of the weight that meets the state. */
const unitsOf = ({ cell, weight }: QuantizedRecurrence) => Math.sqrt(weight.length / gatesOf(cell));

const recurrenceOp = defineOp<QuantizedRecurrenceNode>({
  name: "quantizedRecurrence",
  bytes: true,
  shape([x], how) {
    const { sequences, withCell } = how;
    const [time, batch] = x!.shape as [number, number, number];
    const units = unitsOf(how);
    if (sequences) return { shape: [withCell ? time + 1 : time, batch, units], dtype: "f32" };
    return { shape: [withCell ? 2 * batch : batch, units], dtype: "f32" };
  },
  gradient: "none",
  emit(emitter, { inputs: [x, ...rest], outputs: [y], attributes }) {
    const { cell, reverse, sequences, withCell, product } = attributes;
    const [time, batch, width] = x!.shape as [number, number, number];
    const units = unitsOf(attributes);
    const columns = gatesOf(cell) * units;
    // Of few rows all steps together are the better tiles: then the product goes ahead.
    const ahead = product && batch < BYTES_ROWS;
    const k = product && !ahead ? width : 0;
    const gates = ahead && emitter.temporary(`${emitter.buffer(y!).name} gates`, time * batch * columns * 4);
    if (gates) emitProduct(emitter, product, [time * batch, columns, width], [emitter.buffer(x!), gates]);
    const left = [...rest];
    const optional = (is: boolean) => (is ? read(emitter.buffer(left.shift()!)) : nothing);
    const [state, mask] = [optional(attributes.state), optional(attributes.mask)];
    const [asked, end] = parted(write(emitter.buffer(y!)), y!, { time, batch, units }, withCell);
    const padded = Math.ceil(units / PANEL_COLUMNS) * PANEL_COLUMNS;
    emitter.call(
      `${cell}Bytes`,
      [
        time,
        batch,
        units,
        k,
        reverse ? REVERSE : 0,
        read(gates || emitter.buffer(x!)),
        read(
          emitter.table(
            "weights",
            weightsOf(units, ahead ? { ...attributes, product: undefined } : attributes),
          ),
        ),
        state,
        mask,
        sequences ? asked : nothing,
        sequences ? nothing : asked,
        end,
        // Where a tile lies, four gates and as many inputs and a tile's sums; of each row the state and the cell in floats, bytes
        // before and after a step, and those of the input.
        scratch(
          10 * BYTES_SUMS + RECURRENT_BYTES_ROWS * (padded * (4 + 4 + 1 + 1) + 128 + Math.ceil(k / 4) * 4),
        ),
      ],
      {
        work: sharedWork({ time, batch, units }, columns + (product?.weight.length ?? 0) / units) / 2,
      },
    );
  },
});

/** The product of bytes that makes x, and those bytes [time, batch, k]; else x itself. */
function productOf(x: Tensor): { readonly from: Tensor; readonly product: QuantizedMatmul | undefined } {
  let made = x;
  while (made.node.op?.name === "reshape") made = made.node.inputs[0]!;
  const { op, inputs, attributes } = made.node;
  if (op?.name !== "quantizedMatmul" || made.dtype !== "f32" || made.shape[1] !== x.shape[2])
    return { from: x, product: undefined };
  const [time, batch] = x.shape as [number, number, number];
  const from = reshape(inputs[0]!, [time, batch, inputs[0]!.shape[1]!]);
  return { from, product: attributes as QuantizedMatmul };
}

/**
 * Runs a cell over time as `recurrence` does, with the state as bytes of 1 … 127 for −1 … 1 where it meets the weight; a state
 * to begin with counts as −1 or 1 there where it is beyond them. Sums are integers; gates, and the state that is read and blended, are
 * floats, with sigmoids and hyperbolic tangents within 6.1e-5. Both instruction sets give the same bits.
 * @throws ShapeError where the operands do not fit; OptionError for scales that are not above 0, a weight of −128, or a cell that
 * is asked for and is none of an LSTM.
 * @example
 * const gates = graph.input("gates", [28, 8, 4 * 16]); // time, batch, i f g o of 16 units
 * const weight = new Int8Array(16 * 4 * 16).fill(1);
 * const how = { cell: "lstm", reverse: false, sequences: true, weight, weightScales: Float32Array.of(0.01) };
 * quantizedRecurrence({ x: gates }, how); // [28, 8, 16]
 */
export function quantizedRecurrence(
  { x, state, mask }: QuantizedRecurrenceInputs,
  { cell, reverse, sequences, withCell = false, weight, weightScales, bias }: QuantizedRecurrence,
): Tensor {
  const what = "quantizedRecurrence";
  const fail = (name: string, got: unknown, wanted: string): never => {
    throw new ShapeError(`${what}: ${name}: got ${got}, wanted ${wanted}`);
  };
  if (x.rank !== 3) fail("x", showShape(x.shape), "[time, batch, gates · units]");
  const [time, batch, columns] = x.shape as [number, number, number];
  const units = columns / gatesOf(cell);
  if (!Number.isInteger(units)) fail("x", showShape(x.shape), `a multiple of ${gatesOf(cell)} columns`);
  const wanted: readonly (readonly [string, Tensor | undefined, Shape])[] = [
    ["x", x, [time, batch, columns]],
    ["state", state, [cell === "lstm" ? 2 * batch : batch, units]],
    ["mask", mask, [batch, time]],
  ];
  for (const [name, tensor, shape] of wanted) {
    if (tensor && !(sameShape(tensor.shape, shape) && tensor.dtype === "f32"))
      fail(name, `${tensor.dtype} ${showShape(tensor.shape)}`, `f32 ${showShape(shape)}`);
  }
  if (weight.length !== units * columns) fail("weight", `${weight.length} weights`, `${units * columns}`);
  if (weight.includes(-128)) throw new OptionError(`${what}: weight: got -128, wanted −127 to 127`);
  checkChannels(what, columns, weightScales, bias);
  if (bias && cell !== "gru") fail("bias", "one", `none: ${cell} has that of x alone`);
  if (withCell && cell !== "lstm") throw new OptionError(`${what}: withCell: wanted an lstm, got ${cell}`);
  const rest = [state, mask].filter((tensor) => tensor !== undefined);
  const { from, product } = productOf(x);
  const how = { cell, reverse, sequences, withCell, weight, weightScales, bias, product };
  return x.graph.apply(recurrenceOp, [from, ...rest], { ...how, state: !!state, mask: !!mask })[0]!;
}
