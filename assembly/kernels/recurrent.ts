// Recurrences: one instruction runs all time steps of a simple recurrent network, an LSTM or a GRU, and one all of
// them backwards. Rows of the batch do not depend on each other: each thread takes some, and nobody waits.
// A few rows pass through all of time together, so that their state and gates stay in the first-level cache;
// the weights lie in panels, packed once a call by all threads. In scratch a gate's row is padded to whole panels:
// no loop here has a tail, and what lies in the padding is never read back.
import { RECURRENT_PAD } from "../abi";
import { copyTile, packColumns, transpose } from "../gemm/pack";
import { dots, row } from "../gemm/row";
import { TILE_ROWS, tilesOf } from "../gemm/tile";
import { loadTail, storeTail } from "../simd";
import { end, first, scratch } from "../thread";
import {
  GRU,
  gatesOf,
  gruRow,
  gruRowGradient,
  LSTM,
  lstmRow,
  lstmRowGradient,
  RELU,
  simpleRow,
  simpleRowGradient,
  slotsOf,
  TANH,
} from "./cells";

@unmanaged
class Pack {
  slot: u32;
  fused: i32;
  units: i32;
  gates: i32;
  /** 1: panels of each gate's transpose. */
  transposed: i32;
  /** [units, gates · units]. */
  weight: usize;
  /** One cache line that holds the panels' width; for each gate its panels, [units, width] each. */
  panels: usize;
}

@unmanaged
class Forward {
  slot: u32;
  fused: i32;
  time: i32;
  batch: i32;
  units: i32;
  flags: i32;
  /** [time, batch, gates · units]: what the inputs give to the gates. */
  x: usize;
  /** Panels; with few rows the weight itself. */
  weight: usize;
  /** [gates · units] that the products with the state begin from: only a GRU has it. May be 0. */
  bias: usize;
  /** [batch, units], of an LSTM twice: hidden, then cell. 0: zeros. */
  state: usize;
  /** [batch, time], 0 where a step is to be passed over. May be 0. */
  mask: usize;
  /** [time, batch, units]. May be 0. */
  h: usize;
  /** [batch, units], what h is after the last step. May be 0. */
  last: usize;
  /** [batch, units], an LSTM's cell after the last step. May be 0. */
  cell: usize;
  /** [time, batch, slots, units rounded up to a vector], for the gradient. May be 0. */
  kept: usize;
  work: usize;
}

@unmanaged
class Backward {
  slot: u32;
  fused: i32;
  time: i32;
  batch: i32;
  units: i32;
  flags: i32;
  /** The gradient of h, or where LAST is set that of `last`. */
  dy: usize;
  /** The gradient of an LSTM's cell after the last step. May be 0. */
  dcell: usize;
  /** Panels of the transposes; with few rows the weight itself. */
  weight: usize;
  state: usize;
  mask: usize;
  kept: usize;
  /** The gradient of x. */
  dx: usize;
  /** The gradient of the products with the state: only a GRU has its own. */
  dz: usize;
  /** The gradient of the state. May be 0. */
  dstate: usize;
  work: usize;
}

// Bits of the flags.
const REVERSE = 1;
const LAST = 2;
const THIN = 4;

const HEAD_BYTES: usize = 64;

export function packRecurrent(i: Pack): void {
  pack(i, 8);
}
export function packRecurrentWide(i: Pack): void {
  pack(i, 16);
}

function pack(i: Pack, width: i32): void {
  const units = i.units;
  const count = (units + width - 1) / width;
  const stride = <usize>(i.gates * units) << 2;
  const bytes = <usize>(units * width) << 2;
  const from = first(i.gates * count);
  const to = end(i.gates * count);
  if (from == 0) store<i32>(i.panels, width);
  for (let p = from; p < to; p++) {
    const j = (p % count) * width;
    const valid = min(width, units - j);
    const gate = i.weight + (<usize>((p / count) * units) << 2);
    const panel = i.panels + HEAD_BYTES + <usize>p * bytes;
    if (i.transposed) {
      transpose(width, units, valid, gate + <usize>j * stride, stride, panel, <usize>width << 2);
    } else {
      packColumns(width, units, valid, gate + (<usize>j << 2), stride, panel);
    }
  }
}

/** c = from + a · (a gate's part of the weight, or of its transpose) for some rows of `depth` terms, which is 0 or `units`. */
function product(
  gate: i32,
  gates: i32,
  thin: bool,
  transposed: bool,
  weight: usize,
  units: i32,
  rows: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  if (thin) {
    const stride = <usize>(gates * units) << 2;
    weight += <usize>(gate * units) << 2;
    for (; rows > 0; rows--, a += aStride, from += fromStride, c += cStride) {
      if (transposed) dots(units, depth, a, weight, stride, from, c);
      else row(units, depth, a, 4, weight, stride, from, c);
    }
    return;
  }
  const width = load<i32>(weight);
  const count = (units + width - 1) / width;
  const step = <usize>(units * width) << 2;
  const b = weight + HEAD_BYTES + <usize>(gate * count) * step;
  const bStride = <usize>width << 2;
  tilesOf(width, rows, count, depth, a, aStride, b, bStride, step, from, fromStride, c, cStride);
}

function forward(i: Forward, cell: i32): void {
  const units = i.units;
  const batch = i.batch;
  const time = i.time;
  const gates = gatesOf(cell);
  const vectors = (units + 3) >> 2;
  const width = <usize>units << 2;
  const step = <usize>((units + RECURRENT_PAD - 1) & -RECURRENT_PAD) << 2;
  const stride = step + 64;
  const zStride = <usize>gates * step + 64;
  const slot = <usize>vectors << 4;
  const keptStride = <usize>slotsOf(cell) * slot;
  const thin = (i.flags & THIN) != 0;
  // A panel at the edge would begin from what lies behind the row.
  const whole = thin || units % load<i32>(i.weight) == 0;

  const block = <usize>TILE_ROWS * stride;
  const h = scratch + i.work;
  const c = h + block;
  const bias = c + block;
  const z = bias + block;
  const staged = z + 4 * block;
  const unkept = staged + 4 * block;

  const from = first(batch);
  const to = end(batch);
  const tiles = (to - from + TILE_ROWS - 1) / TILE_ROWS;
  let r = from;
  for (let tile = 1; tile <= tiles; tile++) {
    const next = from + ((to - from) * tile) / tiles;
    const rows = next - r;
    memory.fill(h, 0, staged - h);
    if (i.bias != 0) copyTile(gates, units, i.bias, width, bias, step);
    if (i.state != 0) {
      copyTile(rows, units, i.state + <usize>r * width, width, h, stride);
      if (cell == LSTM) copyTile(rows, units, i.state + <usize>(batch + r) * width, width, c, stride);
    }
    for (let s = 0; s < time; s++) {
      const t = i.flags & REVERSE ? time - 1 - s : s;
      const at = <usize>(t * batch + r);
      const depth = s == 0 && i.state == 0 ? 0 : units;
      const xStride = <usize>gates * width;
      let x = i.x + at * xStride;
      let xStep = width;
      let fromX = xStride;
      if (cell == GRU ? (units & 3) != 0 : !whole) {
        fromX = zStride;
        xStep = step;
        const p = cell == GRU ? staged : z;
        for (let g = 0; g < gates; g++) copyTile(rows, units, x + <usize>g * width, xStride, p + <usize>g * step, zStride);
        x = p;
      }
      for (let g = 0; g < gates; g++) {
        const y = z + <usize>g * step;
        const begin = cell == GRU ? bias + <usize>g * step : x + <usize>g * xStep;
        const beginStride: usize = cell == GRU ? 0 : fromX;
        product(g, gates, thin, false, i.weight, units, rows, depth, h, stride, begin, beginStride, y, zStride);
      }
      for (let k = 0; k < rows; k++) {
        const kept = i.kept == 0 ? unkept : i.kept + (at + k) * keptStride;
        const hRow = h + <usize>k * stride;
        const cRow = c + <usize>k * stride;
        const zRow = z + <usize>k * zStride;
        if (i.mask != 0 && load<f32>(i.mask + (<usize>((r + k) * time + t) << 2)) == 0) {
          // Of a step that is passed over, the next one wants the cell's state.
          if (cell == LSTM) memory.copy(kept + 5 * slot, cRow, slot);
        } else if (cell == LSTM) lstmRow(vectors, zRow, step, cRow, hRow, kept, slot);
        else if (cell == GRU) gruRow(vectors, x + <usize>k * fromX, xStep, zRow, step, hRow, kept, slot);
        else simpleRow(vectors, cell == RELU, zRow, hRow, kept);
      }
      if (i.h != 0) copyTile(rows, units, h, stride, i.h + at * width, width);
    }
    if (i.last != 0) copyTile(rows, units, h, stride, i.last + <usize>r * width, width);
    if (i.cell != 0) copyTile(rows, units, c, stride, i.cell + <usize>r * width, width);
    r = next;
  }
}

/** y ← y + x. */
function addRow(n: i32, x: usize, y: usize): void {
  for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)));
  if (n > 0) storeTail(y, f32x4.add(v128.load(y), loadTail(x, n)), n);
}

function backward(i: Backward, cell: i32): void {
  const units = i.units;
  const batch = i.batch;
  const time = i.time;
  const gates = gatesOf(cell);
  const vectors = (units + 3) >> 2;
  const width = <usize>units << 2;
  const step = <usize>((units + RECURRENT_PAD - 1) & -RECURRENT_PAD) << 2;
  const stride = step + 64;
  const zStride = (step << 2) + 64;
  const slot = <usize>vectors << 4;
  const keptStride = <usize>slotsOf(cell) * slot;
  const gradientStride = <usize>gates * width;
  const thin = (i.flags & THIN) != 0;

  const block = <usize>TILE_ROWS * stride;
  const dh = scratch + i.work;
  const dc = dh + block;
  const c0 = dc + block;
  const z = c0 + block;

  const from = first(batch);
  const to = end(batch);
  const tiles = (to - from + TILE_ROWS - 1) / TILE_ROWS;
  let r = from;
  for (let tile = 1; tile <= tiles; tile++) {
    const next = from + ((to - from) * tile) / tiles;
    const rows = next - r;
    memory.fill(dh, 0, 7 * block);
    if (i.flags & LAST) copyTile(rows, units, i.dy + <usize>r * width, width, dh, stride);
    if (i.dcell != 0) copyTile(rows, units, i.dcell + <usize>r * width, width, dc, stride);
    if (i.state != 0 && cell == LSTM) {
      copyTile(rows, units, i.state + <usize>(batch + r) * width, width, c0, stride);
    }
    for (let s = time - 1; s >= 0; s--) {
      const t = i.flags & REVERSE ? time - 1 - s : s;
      const at = <usize>(t * batch + r);
      const earlier = i.flags & REVERSE ? at + batch : at - batch;
      for (let k = 0; k < rows; k++) {
        const kept = i.kept + (at + k) * keptStride;
        const dhRow = dh + <usize>k * stride;
        const dcRow = dc + <usize>k * stride;
        const zRow = z + <usize>k * zStride;
        if (!(i.flags & LAST)) addRow(units, i.dy + (at + k) * width, dhRow);
        if (i.mask != 0 && load<f32>(i.mask + (<usize>((r + k) * time + t) << 2)) == 0) {
          memory.fill(zRow, 0, 4 * step);
        } else if (cell == LSTM) {
          const c = s == 0 ? c0 + <usize>k * stride : i.kept + (earlier + k) * keptStride + 5 * slot;
          lstmRowGradient(vectors, kept, slot, c, dhRow, dcRow, zRow, step);
        } else if (cell == GRU) gruRowGradient(vectors, kept, slot, dhRow, zRow, step);
        else simpleRowGradient(vectors, cell == RELU, kept, dhRow, zRow);
      }
      for (let g = 0; g < gates; g++) {
        const p = z + <usize>g * step;
        const place = at * gradientStride + <usize>g * width;
        const q = cell == GRU && g == 2 ? z + 3 * step : p;
        copyTile(rows, units, q, zStride, i.dx + place, gradientStride);
        if (cell == GRU) copyTile(rows, units, p, zStride, i.dz + place, gradientStride);
        if (s > 0 || i.dstate != 0) {
          product(g, gates, thin, true, i.weight, units, rows, units, p, zStride, dh, stride, dh, stride);
        }
      }
    }
    if (i.dstate != 0) {
      copyTile(rows, units, dh, stride, i.dstate + <usize>r * width, width);
      if (cell == LSTM) copyTile(rows, units, dc, stride, i.dstate + <usize>(batch + r) * width, width);
    }
    r = next;
  }
}

export function rnnTanh(i: Forward): void {
  forward(i, TANH);
}
export function rnnTanhGradient(i: Backward): void {
  backward(i, TANH);
}
export function rnnRelu(i: Forward): void {
  forward(i, RELU);
}
export function rnnReluGradient(i: Backward): void {
  backward(i, RELU);
}
export function lstm(i: Forward): void {
  forward(i, LSTM);
}
export function lstmGradient(i: Backward): void {
  backward(i, LSTM);
}
export function gru(i: Forward): void {
  forward(i, GRU);
}
export function gruGradient(i: Backward): void {
  backward(i, GRU);
}
