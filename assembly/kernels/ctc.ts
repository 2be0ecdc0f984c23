// Connectionist temporal classification: how likely a row of labels is over all its alignments with the frames, forward
// and gradient together. Graves et al. 2006, section 4, with logarithms in place of probabilities.
import { expFlushed, log } from "../math";
import { max } from "../simd";
import { end, first, scratch } from "../thread";
import { exponentials, largest, LEAST, logScalar, scaleRow } from "./softmax";

@unmanaged
class Ctc {
  slot: u32;
  fused: i32;
  examples: i32;
  frames: i32;
  classes: i32;
  /** Words of an example's row of labels, which end before the first blank. */
  columns: i32;
  blank: i32;
  /** 1: the first of them is the number of the example's frames. */
  measured: i32;
  /** 1: the loss is 0 where no alignment is long enough. */
  zeroInfinity: i32;
  /** [examples, frames, classes] */
  x: usize;
  labels: usize;
  /** One an example, each divided by its number of labels. */
  losses: usize;
  /** The gradient of each example's loss, like x. 0: not wanted. */
  residual: usize;
  /** frames + 5 rows, as wide as below, and a word for each frame. */
  room: usize;
}

/** The logarithm of nothing; sums of a few of it are still finite. */
const NEVER: f32 = -1e30;
/** What is below is nothing. */
const HARDLY: f32 = -1e29;
/** Bytes before the states of a row, from which paths begin, and behind them, where they end. */
const PAD: usize = 16;

/** log(eᵃ + eᵇ + eᶜ). */
function logSum(a: v128, b: v128, c: v128): v128 {
  const m = max(a, max(b, c));
  const sum = f32x4.add(
    f32x4.add(expFlushed(f32x4.sub(a, m)), expFlushed(f32x4.sub(b, m))),
    expFlushed(f32x4.sub(c, m)),
  );
  return f32x4.add(m, log(sum));
}

function fillRow(row: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(row + at, f32x4.splat(NEVER));
}

function largestLane(x: v128): f32 {
  return max32(
    max32(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max32(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

// @ts-ignore: decorator
@inline
function max32(a: f32, b: f32): f32 {
  return a > b ? a : b;
}

export function ctc(i: Ctc): void {
  const to = end(i.examples);
  // States: a blank before, between and behind the labels. A row of them begins and ends with padding.
  const width = ((<usize>(2 * i.columns + 1) << 2) + 15) / 16 * 16 + 2 * PAD;
  const skips = scratch + i.room;
  const places = skips + width;
  const emitted = places + width;
  const after = emitted + width + PAD;
  const paths = after - PAD + width;
  const shifts = paths + <usize>(i.frames + 1) * width;
  const stride = <usize>i.classes << 2;
  for (let k = first(i.examples); k < to; k++) {
    let label = i.labels + (<usize>(k * i.columns) << 2);
    const stop = label + (<usize>i.columns << 2);
    let frames = i.frames;
    if (i.measured) {
      frames = load<i32>(label);
      label += 4;
    }
    // From two states before a path may come, past a blank, where the labels on its sides differ; and to the end.
    fillRow(skips, width);
    fillRow(emitted, width);
    let bytes: usize = 0;
    let before = i.blank;
    for (; label < stop; label += 4) {
      const own = load<i32>(label);
      if (own == i.blank) break;
      store<i32>(places + bytes, i.blank << 2);
      store<i32>(places + bytes, own << 2, 4);
      if (own != before) store<f32>(skips + bytes, 0, 4);
      before = own;
      bytes += 8;
    }
    store<i32>(places + bytes, i.blank << 2);
    store<f32>(skips + bytes, 0, 4);
    const scale: f32 = 1 / max32(1, <f32>(bytes >> 3));
    bytes += 4;
    const padded = (bytes + 15) / 16 * 16;

    const x = i.x + <usize>(k * i.frames) * stride;
    let path = paths + PAD;
    fillRow(path - PAD, width);
    store<f32>(path - 4, 0);
    let total: f64 = 0;
    for (let t = 0; t < frames; t++) {
      const row = x + <usize>t * stride;
      let shift = largest(row, i.classes);
      shift += logScalar(exponentials(row, 0, i.classes, shift));
      store<f32>(shifts + (<usize>t << 2), shift);
      emit(emitted, places, row, shift, bytes);
      const from = path;
      path += width;
      v128.store(path - PAD, f32x4.splat(NEVER));
      let best = f32x4.splat(NEVER);
      for (let s: usize = 0; s < padded; s += 16) {
        const skip = f32x4.add(v128.load(from + s - 8), v128.load(skips + s));
        const sum = logSum(v128.load(from + s), v128.load(from + s - 4), skip);
        const y = f32x4.add(sum, v128.load(emitted + s));
        v128.store(path + s, y);
        best = max(best, y);
      }
      // Near 0 logarithms keep their digits.
      total += <f64>lower(path, padded, best);
    }
    const last = path + bytes - 4;
    const ends = logSum(v128.load32_splat(last), v128.load32_splat(last - 4), f32x4.splat(NEVER));
    total += <f64>f32x4.extract_lane(ends, 0);
    const impossible = total < <f64>HARDLY;
    let loss = -<f32>(total * <f64>scale);
    if (impossible) loss = i.zeroInfinity ? 0 : Infinity;
    store<f32>(i.losses + (<usize>k << 2), loss);
    if (i.residual == 0) continue;

    let residual = i.residual + <usize>((k + 1) * i.frames) * stride;
    const known = impossible ? 0 : frames;
    const unknown = <usize>(i.frames - known) * stride;
    memory.fill(residual - unknown, 0, unknown);
    residual -= unknown;
    fillRow(after - PAD, width);
    store<f32>(after + bytes, 0);
    for (let t = known - 1; t >= 0; t--, path -= width) {
      const row = x + <usize>t * stride;
      const shift = load<f32>(shifts + (<usize>t << 2));
      residual -= stride;
      exponentials(row, residual, i.classes, shift);
      scaleRow(residual, i.classes, scale, LEAST);
      emit(emitted, places, row, shift, bytes);
      let best = f32x4.splat(NEVER);
      let likely = f32x4.splat(NEVER);
      for (let s: usize = 0; s < padded; s += 16) {
        const skip = f32x4.add(v128.load(after + s + 8), v128.load(skips + s + 8));
        const sum = logSum(v128.load(after + s), v128.load(after + s + 4), skip);
        const through = f32x4.add(v128.load(path + s), sum);
        const y = f32x4.add(sum, v128.load(emitted + s));
        v128.store(path + s, through);
        v128.store(after + s, y);
        likely = max(likely, through);
        best = max(best, y);
      }
      lower(after, padded, best);
      const share = scale / exponentials(path, path, <i32>(bytes >> 2), largestLane(likely));
      for (let s: usize = 0; s < bytes; s += 4) {
        const at = residual + load<i32>(places + s);
        store<f32>(at, load<f32>(at) - load<f32>(path + s) * share);
      }
    }
  }
}

/** The logarithm of each state's class in a frame. */
function emit(emitted: usize, places: usize, row: usize, shift: f32, bytes: usize): void {
  for (let s: usize = 0; s < bytes; s += 4) {
    store<f32>(emitted + s, load<f32>(row + load<i32>(places + s)) - shift);
  }
}

/** Takes the largest of a row off it, where there is any; answers it. */
function lower(row: usize, bytes: usize, lanes: v128): f32 {
  const best = largestLane(lanes);
  if (best < HARDLY) return 0;
  const b = f32x4.splat(best);
  for (let s: usize = 0; s < bytes; s += 16) v128.store(row + s, f32x4.sub(v128.load(row + s), b));
  return best;
}
