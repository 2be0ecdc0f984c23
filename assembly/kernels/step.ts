// What a training step does besides computing: takes its hyper-parameters and its batch, notes its results,
// and stops where the loss is not finite.
import { GUARD_SKIP } from "../abi";
import { halt, skipStep, step } from "../run";
import { end, first } from "../thread";

@unmanaged
class Schedule {
  slot: u32;
  fused: i32;
  words: i32;
  /** One row of words a step of this run. */
  table: usize;
  hyper: usize;
}

/** Takes this step's row of hyper-parameters. */
export function schedule(i: Schedule): void {
  if (first(1) == end(1)) return;
  const bytes = <usize>i.words << 2;
  memory.copy(i.hyper, i.table + <usize>step * bytes, bytes);
}

/** Takes this step's batch from a dataset in memory: row r is example order[step · rows + r]. */
@unmanaged
class Feed {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  data: usize;
  order: usize;
  scale: f32;
  offset: f32;
  y: usize;
}

/** Bytes to floats: y = data · scale + offset. */
export function feedBytes(i: Feed): void {
  const to = end(i.rows);
  const scale = v128.load32_splat(changetype<usize>(i) + offsetof<Feed>("scale"));
  const offset = v128.load32_splat(changetype<usize>(i) + offsetof<Feed>("offset"));
  for (let r = first(i.rows); r < to; r++) {
    const example = load<i32>(i.order + (<usize>(step * i.rows + r) << 2));
    let x = i.data + <usize>example * <usize>i.columns;
    let y = i.y + (<usize>(r * i.columns) << 2);
    let left = i.columns;
    for (; left >= 16; left -= 16, x += 16, y += 64) {
      const bytes = v128.load(x);
      const low = i16x8.extend_low_i8x16_u(bytes);
      const high = i16x8.extend_high_i8x16_u(bytes);
      v128.store(y, scaled(i32x4.extend_low_i16x8_u(low), scale, offset));
      v128.store(y, scaled(i32x4.extend_high_i16x8_u(low), scale, offset), 16);
      v128.store(y, scaled(i32x4.extend_low_i16x8_u(high), scale, offset), 32);
      v128.store(y, scaled(i32x4.extend_high_i16x8_u(high), scale, offset), 48);
    }
    for (; left > 0; left--, x++, y += 4) {
      store<f32>(y, <f32>load<u8>(x) * i.scale + i.offset);
    }
  }
}

// @ts-ignore: decorator
@inline
function scaled(x: v128, scale: v128, offset: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(x), scale), offset);
}

/** Floats or integers as they are. */
export function feedWords(i: Feed): void {
  const to = end(i.rows);
  const bytes = <usize>i.columns << 2;
  for (let r = first(i.rows); r < to; r++) {
    const example = load<i32>(i.order + (<usize>(step * i.rows + r) << 2));
    memory.copy(i.y + <usize>r * bytes, i.data + <usize>example * bytes, bytes);
  }
}

@unmanaged
class Record {
  slot: u32;
  fused: i32;
  /** Words a step in the log. */
  words: i32;
  column: i32;
  /** Numbers from that column on. */
  count: i32;
  x: usize;
  log: usize;
}

/** Notes numbers of this step in the log. */
export function record(i: Record): void {
  if (first(1) == end(1)) return;
  memory.copy(i.log + (<usize>(step * i.words + i.column) << 2), i.x, <usize>i.count << 2);
}

@unmanaged
class Guard {
  slot: u32;
  fused: i32;
  policy: i32;
  loss: usize;
}

/** Stops the run, or leaves out the rest of the step, before a loss that is not finite reaches a parameter. */
export function guard(i: Guard): void {
  if (isFinite(load<f32>(i.loss))) return;
  if (i.policy == GUARD_SKIP) skipStep();
  else halt();
}
