// Recurrences whose state is multiplied as bytes: one instruction runs all time steps. Rows of the batch do not depend on
// each other: each thread takes some, and nobody waits. The sums of eight units of a few rows become gates at once, and those the
// next state: between two products nothing but the state itself goes through memory beyond a few vectors.
import { BYTES_SUMS, PANEL_COLUMNS, RECURRENT_BYTES_ROWS, RECURRENT_NUMBERS } from "../abi";
import { end, first } from "../thread";
import { GRU, gruTile, LSTM, lstmTile, storeState, TANH, Tile, tanhTile } from "./cells";
import { scratchOf } from "./lanes";
import { bytesOf, min32 } from "./product";
import { rowByPanels } from "./row";
import { rowsByPanel, TILE_ROWS } from "./tile";

@unmanaged
class Recurrence {
  slot: u32;
  fused: i32;
  time: i32;
  batch: i32;
  units: i32;
  /** Bytes that an input has; 0: x is what they give to the gates. */
  k: i32;
  flags: i32;
  /** [time, batch, gates · units] floats, or [time, batch, k] bytes. */
  x: usize;
  /** The numbers of cells.ts; for each eight units a panel of each gate; the same again for the inputs, if they are bytes. */
  weights: usize;
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
  work: usize;
}

const REVERSE = 1;

/** Rows of `bytes` each from one place to another. */
function copyRows(rows: i32, bytes: usize, from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (; rows > 0; rows--, from += fromStride, to += toStride) memory.copy(to, from, bytes);
}

function run(i: Recurrence, cell: i32): void {
  const units = i.units;
  const batch = i.batch;
  const time = i.time;
  const k = i.k;
  const gates = cell == LSTM ? 4 : cell == GRU ? 3 : 1;
  const steps = (units + 3) >> 2;
  const step = bytesOf(steps);
  const width = <usize>units << 2;
  const inputSteps = (k + 3) >> 2;
  const inputStep = bytesOf(inputSteps);
  const xStride: usize = k ? <usize>k : <usize>gates * width;
  const panels = i.weights + RECURRENT_NUMBERS;
  const blocks = (units + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  const inputPanels = panels + <usize>(blocks * gates) * step;

  // Bytes and floats of a row's state in scratch, to whole panels.
  const qStride = <usize>(blocks * PANEL_COLUMNS);
  const stride = (qStride << 2) + 64;
  const tile = changetype<Tile>(scratchOf() + i.work);
  const sums = scratchOf() + i.work + BYTES_SUMS;
  const staged = sums + 4 * BYTES_SUMS;
  const spare = staged + 4 * BYTES_SUMS;
  const h = spare + BYTES_SUMS;
  const c = h + <usize>RECURRENT_BYTES_ROWS * stride;
  const q0 = c + <usize>RECURRENT_BYTES_ROWS * stride;
  const q1 = q0 + <usize>RECURRENT_BYTES_ROWS * qStride;
  const packed = q1 + <usize>RECURRENT_BYTES_ROWS * qStride;
  tile.numbers = i.weights;
  tile.sums = sums;
  tile.step = step;
  tile.stride = stride;
  tile.qStride = qStride;
  tile.maskStride = <usize>time << 2;
  const to = end(batch);
  for (let r = first(batch); r < to; r += RECURRENT_BYTES_ROWS) {
    const rows = min32(RECURRENT_BYTES_ROWS, to - r);
    memory.fill(h, 0, q0 - h);
    if (i.state != 0) {
      copyRows(rows, width, i.state + <usize>r * width, width, h, stride);
      if (cell == LSTM) copyRows(rows, width, i.state + <usize>(batch + r) * width, width, c, stride);
    }
    for (let m: usize = 0; m < <usize>rows; m++)
      for (let at: usize = 0; at < qStride; at += 4)
        storeState(q0 + m * qStride + at, h + m * stride + (at << 2), i.weights);
    let before = q0;
    let after = q1;
    for (let s = 0; s < time; s++) {
      const t = i.flags & REVERSE ? time - 1 - s : s;
      const row = <usize>(t * batch + r);
      let x = i.x + row * xStride;
      let fromX = xStride;
      if (k & 3) {
        // Rows that are no fours of terms would be read past their end.
        fromX = <usize>inputSteps << 2;
        copyRows(rows, k, x, xStride, packed, fromX);
        x = packed;
      }
      // The state that the first step begins from may be known to give nothing.
      const begun = s > 0 || i.state != 0;
      for (let j = 0; j < blocks; j++) {
        const left = min32(PANEL_COLUMNS, units - j * PANEL_COLUMNS);
        const panel = panels + <usize>(j * gates) * step;
        const inputPanel = inputPanels + <usize>(j * gates) * inputStep;
        const floats = x + (<usize>j << 5);
        tile.panel = panel;
        for (let from = 0; from < rows; from += TILE_ROWS) {
          const some = min32(TILE_ROWS, rows - from);
          const a = before + <usize>from * qStride;
          const b = x + <usize>from * fromX;
          if (!begun) memory.fill(sums, 0, staged - sums);
          else if (ASC_FEATURE_RELAXED_SIMD && some == 1 && gates > 1) rowByPanels(gates, steps, a, panel, step, sums);
          else
            for (let g = 0; g < gates; g++)
              rowsByPanel(some, steps, a, qStride, panel + <usize>g * step, 0, 0, 0, 0, sums + g * BYTES_SUMS);
          tile.x = staged;
          tile.xStep = BYTES_SUMS;
          tile.xStride = PANEL_COLUMNS * 4;
          if (k) {
            for (let g = 0; g < gates; g++) {
              const p = inputPanel + <usize>g * inputStep;
              const y = staged + g * BYTES_SUMS;
              rowsByPanel(some, inputSteps, b, fromX, p, PANEL_COLUMNS, y, PANEL_COLUMNS * 4, 4, spare);
            }
          } else if (left < PANEL_COLUMNS) {
            // The last vectors would be read past their end.
            for (let g = 0; g < gates; g++) {
              const y = staged + g * BYTES_SUMS;
              copyRows(some, <usize>left << 2, floats + <usize>from * xStride + <usize>g * width, xStride, y, PANEL_COLUMNS * 4);
            }
          } else {
            tile.x = floats + <usize>from * xStride;
            tile.xStep = width;
            tile.xStride = xStride;
          }
          tile.h = h + <usize>from * stride + (<usize>j << 5);
          tile.c = tile.h + (c - h);
          tile.before = a + (<usize>j << 3);
          tile.after = tile.before + (after - before);
          tile.mask = i.mask == 0 ? 0 : i.mask + (<usize>((r + from) * time + t) << 2);
          if (cell == LSTM) lstmTile(some, tile);
          else if (cell == GRU) gruTile(some, tile);
          else tanhTile(some, tile);
        }
      }
      if (i.h != 0) copyRows(rows, width, h, stride, i.h + row * width, width);
      const other = before;
      before = after;
      after = other;
    }
    if (i.last != 0) copyRows(rows, width, h, stride, i.last + <usize>r * width, width);
    if (i.cell != 0) copyRows(rows, width, c, stride, i.cell + <usize>r * width, width);
  }
}

export function rnnTanhBytes(i: Recurrence): void {
  run(i, TANH);
}
export function lstmBytes(i: Recurrence): void {
  run(i, LSTM);
}
export function gruBytes(i: Recurrence): void {
  run(i, GRU);
}
