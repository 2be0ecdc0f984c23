// Normalization. Batch, instance and group norm see [outer, size, channels], with statistics along `size` for each group
// of neighbouring channels: sums over blocks of rows that stay in cache, joined in the order of the blocks by one thread
// a group, then one pass that applies them. Layer and RMS norm see rows, and each row has its own statistics.
// The blocks depend on the sizes alone.
import { BLOCK } from "../abi";
import { passRange } from "../elementwise";
import { madd, nmadd, put, select, sumLanes, sumOf, take } from "../simd";
import { end, endElement, first, firstElement, scratch } from "../thread";

@unmanaged
class ChannelSums {
  slot: u32;
  fused: i32;
  outer: i32;
  size: i32;
  channels: i32;
  /** Rows of a block. */
  rows: i32;
  x: usize;
  /** 0: the moments of x; else its sum and that of its products with x − mean. */
  dy: usize;
  mean: usize;
  /** [outer · blocks, 2, channels] */
  y: usize;
}

/** Mean and Σ (x − mean)² of each channel over some rows. */
function momentsOfBlock(x: usize, rows: i32, channels: i32, y: usize): void {
  const stride = <usize>channels << 2;
  const share = f32x4.splat(1 / <f32>rows);
  for (let left = channels; left > 0; ) {
    // Four vectors at a time where there are so many: a sum of one would wait for each of its additions.
    if (left >= 16) {
      let a0 = f32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let p = x;
      for (let k = rows; k > 0; k--, p += stride) {
        a0 = f32x4.add(a0, v128.load(p));
        a1 = f32x4.add(a1, v128.load(p, 16));
        a2 = f32x4.add(a2, v128.load(p, 32));
        a3 = f32x4.add(a3, v128.load(p, 48));
      }
      a0 = f32x4.mul(a0, share);
      a1 = f32x4.mul(a1, share);
      a2 = f32x4.mul(a2, share);
      a3 = f32x4.mul(a3, share);
      v128.store(y, a0);
      v128.store(y, a1, 16);
      v128.store(y, a2, 32);
      v128.store(y, a3, 48);
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      p = x;
      for (let k = rows; k > 0; k--, p += stride) {
        const d0 = f32x4.sub(v128.load(p), a0);
        const d1 = f32x4.sub(v128.load(p, 16), a1);
        const d2 = f32x4.sub(v128.load(p, 32), a2);
        const d3 = f32x4.sub(v128.load(p, 48), a3);
        s0 = madd(d0, d0, s0);
        s1 = madd(d1, d1, s1);
        s2 = madd(d2, d2, s2);
        s3 = madd(d3, d3, s3);
      }
      const z = y + stride;
      v128.store(z, s0);
      v128.store(z, s1, 16);
      v128.store(z, s2, 32);
      v128.store(z, s3, 48);
      x += 64;
      y += 64;
      left -= 16;
      continue;
    }
    let a = f32x4.splat(0);
    let p = x;
    for (let k = rows; k > 0; k--, p += stride) a = f32x4.add(a, take(p, left));
    a = f32x4.mul(a, share);
    let s = f32x4.splat(0);
    p = x;
    for (let k = rows; k > 0; k--, p += stride) {
      const d = f32x4.sub(take(p, left), a);
      s = madd(d, d, s);
    }
    put(y, a, left);
    put(y + stride, s, left);
    x += 16;
    y += 16;
    left -= 4;
  }
}

/** Σ dy and Σ dy (x − mean) of each channel over some rows. */
function slopesOfBlock(dy: usize, x: usize, mean: usize, rows: i32, channels: i32, y: usize): void {
  const stride = <usize>channels << 2;
  for (let left = channels; left > 0; ) {
    if (left >= 8) {
      const m0 = v128.load(mean);
      const m1 = v128.load(mean, 16);
      let a0 = f32x4.splat(0);
      let a1 = a0;
      let s0 = a0;
      let s1 = a0;
      let p = dy;
      let q = x;
      for (let k = rows; k > 0; k--, p += stride, q += stride) {
        const g0 = v128.load(p);
        const g1 = v128.load(p, 16);
        a0 = f32x4.add(a0, g0);
        a1 = f32x4.add(a1, g1);
        s0 = madd(g0, f32x4.sub(v128.load(q), m0), s0);
        s1 = madd(g1, f32x4.sub(v128.load(q, 16), m1), s1);
      }
      v128.store(y, a0);
      v128.store(y, a1, 16);
      v128.store(y + stride, s0);
      v128.store(y + stride, s1, 16);
      dy += 32;
      x += 32;
      mean += 32;
      y += 32;
      left -= 8;
      continue;
    }
    const m = take(mean, left);
    let a = f32x4.splat(0);
    let s = a;
    let p = dy;
    let q = x;
    for (let k = rows; k > 0; k--, p += stride, q += stride) {
      const g = take(p, left);
      a = f32x4.add(a, g);
      s = madd(g, f32x4.sub(take(q, left), m), s);
    }
    put(y, a, left);
    put(y + stride, s, left);
    dy += 16;
    x += 16;
    mean += 16;
    y += 16;
    left -= 4;
  }
}

export function channelSums(i: ChannelSums): void {
  const channels = i.channels;
  const rows = i.rows;
  const blocks = (i.size + rows - 1) / rows;
  const to = end(i.outer * blocks);
  for (let u = first(i.outer * blocks); u < to; u++) {
    const o = u / blocks;
    const from = (u % blocks) * rows;
    const at = <usize>((o * i.size + from) * channels) << 2;
    const y = i.y + (<usize>(2 * u * channels) << 2);
    const count = min(rows, i.size - from);
    if (i.dy == 0) momentsOfBlock(i.x + at, count, channels, y);
    else slopesOfBlock(i.dy + at, i.x + at, i.mean + (<usize>(o * channels) << 2), count, channels, y);
  }
}

@unmanaged
class ChannelMoments {
  slot: u32;
  fused: i32;
  outer: i32;
  size: i32;
  channels: i32;
  rows: i32;
  /** Neighbouring channels that share their statistics. */
  width: i32;
  epsilon: f32;
  /** [outer · blocks, 2, channels] */
  sums: usize;
  scale: usize;
  /** [outer, channels] each: mean and variance, of the group at each of its channels, and scale / √(variance + ε). */
  mean: usize;
  variance: usize;
  factor: usize;
}

/** Joins the blocks' moments: exact for means, Chan, Golub and LeVeque 1983 for squares; in doubles, as they are few. */
export function channelMoments(i: ChannelMoments): void {
  const channels = i.channels;
  const rows = i.rows;
  const width = i.width;
  const size = i.size;
  const blocks = (size + rows - 1) / rows;
  const groups = channels / width;
  const to = end(i.outer * groups);
  for (let u = first(i.outer * groups); u < to; u++) {
    const from = (u % groups) * width;
    const sums = i.sums + (<usize>((u / groups) * blocks * 2 * channels + from) << 2);
    let total: f64 = 0;
    for (let b = 0; b < blocks; b++) {
      const p = sums + (<usize>(b * 2 * channels) << 2);
      let sum: f64 = 0;
      for (let c = 0; c < width; c++) sum += <f64>load<f32>(p + (<usize>c << 2));
      total += sum * <f64>min(rows, size - b * rows);
    }
    const n = <f64>size * <f64>width;
    const mean = total / n;
    let squares: f64 = 0;
    for (let b = 0; b < blocks; b++) {
      const p = sums + (<usize>(b * 2 * channels) << 2);
      const count = <f64>min(rows, size - b * rows);
      for (let c = 0; c < width; c++) {
        const q = p + (<usize>c << 2);
        const d = <f64>load<f32>(q) - mean;
        squares += <f64>load<f32>(q + (<usize>channels << 2)) + count * d * d;
      }
    }
    const variance = squares / n;
    const inverse = 1 / Math.sqrt(variance + <f64>i.epsilon);
    const at = <usize>((u / groups) * channels + from) << 2;
    for (let c = 0; c < width; c++) {
      const k = at + (<usize>c << 2);
      store<f32>(i.mean + k, <f32>mean);
      store<f32>(i.variance + k, <f32>variance);
      store<f32>(i.factor + k, <f32>(<f64>load<f32>(i.scale + (<usize>(from + c) << 2)) * inverse));
    }
  }
}

@unmanaged
class ChannelSlopes {
  slot: u32;
  fused: i32;
  outer: i32;
  size: i32;
  channels: i32;
  rows: i32;
  width: i32;
  epsilon: f32;
  sums: usize;
  scale: usize;
  variance: usize;
  /** [outer, channels] each: the gradients of scale and offset from each of `outer`, */
  scaleSlope: usize;
  offsetSlope: usize;
  /** and what dx is made of: factors of dy and of x − mean, and what is added. */
  dyFactor: usize;
  xFactor: usize;
  shift: usize;
}

/** dx = dyFactor dy + xFactor (x − mean) + shift. Ioffe and Szegedy 2015, section 3, gathered by what they multiply. */
export function channelSlopes(i: ChannelSlopes): void {
  const channels = i.channels;
  const rows = i.rows;
  const width = i.width;
  const size = i.size;
  const blocks = (size + rows - 1) / rows;
  const groups = channels / width;
  const to = end(i.outer * groups);
  for (let u = first(i.outer * groups); u < to; u++) {
    const o = u / groups;
    const from = (u % groups) * width;
    const at = <usize>(o * channels + from) << 2;
    const inverse = 1 / Math.sqrt(<f64>load<f32>(i.variance + at) + <f64>i.epsilon);
    let plain: f64 = 0;
    let turned: f64 = 0;
    for (let c = 0; c < width; c++) {
      let p = i.sums + (<usize>(o * blocks * 2 * channels + from + c) << 2);
      let a: f64 = 0;
      let s: f64 = 0;
      for (let b = 0; b < blocks; b++, p += <usize>channels << 3) {
        a += <f64>load<f32>(p);
        s += <f64>load<f32>(p + (<usize>channels << 2));
      }
      const scale = <f64>load<f32>(i.scale + (<usize>(from + c) << 2));
      const k = at + (<usize>c << 2);
      store<f32>(i.scaleSlope + k, <f32>(s * inverse));
      store<f32>(i.offsetSlope + k, <f32>a);
      store<f32>(i.dyFactor + k, <f32>(scale * inverse));
      plain += scale * a;
      turned += scale * s;
    }
    const n = <f64>size * <f64>width;
    const xFactor = <f32>((-turned * inverse * inverse * inverse) / n);
    const shift = <f32>((-plain * inverse) / n);
    for (let c = 0; c < width; c++) {
      const k = at + (<usize>c << 2);
      store<f32>(i.xFactor + k, xFactor);
      store<f32>(i.shift + k, shift);
    }
  }
}

@unmanaged
class ChannelAffine {
  slot: u32;
  fused: i32;
  n: i32;
  size: i32;
  channels: i32;
  x: usize;
  mean: usize;
  factor: usize;
  shift: usize;
  /** Channels after which `shift` repeats: all, or those of one of `outer`. */
  period: i32;
  /** Added with a factor of its own, where there is one. */
  dy: usize;
  slope: usize;
  y: usize;
  local: i32;
}

/** y = factor (x − mean) + shift, and slope · dy, all by channel. */
export function channelAffine(i: ChannelAffine): void {
  const channels = i.channels;
  const size = i.size;
  const period = i.period;
  const to = endElement(i.n);
  let at = firstElement(i.n);
  let row = at / channels;
  let column = at % channels;
  // The row within its part of `outer`, and where that part's channels begin.
  let base = (row / size) * channels;
  row %= size;
  while (at < to) {
    const start = at;
    const stop = min(to, at + BLOCK);
    let y = i.local ? scratch + i.y : i.y + (<usize>at << 2);
    while (at < stop) {
      const run = min(stop - at, channels - column);
      const place = <usize>(base + column) << 2;
      let x = i.x + (<usize>at << 2);
      let m = i.mean + place;
      let f = i.factor + place;
      let s = i.shift + (<usize>((base + column) % period) << 2);
      let left = run;
      if (i.dy == 0) {
        for (; left >= 4; left -= 4) {
          v128.store(y, madd(f32x4.sub(v128.load(x), v128.load(m)), v128.load(f), v128.load(s)));
          x += 16;
          m += 16;
          f += 16;
          s += 16;
          y += 16;
        }
        if (left > 0) {
          put(
            y,
            madd(f32x4.sub(take(x, left), take(m, left)), take(f, left), take(s, left)),
            left,
          );
          y += <usize>left << 2;
        }
      } else {
        let g = i.dy + (<usize>at << 2);
        let w = i.slope + place;
        for (; left >= 4; left -= 4) {
          const t = madd(f32x4.sub(v128.load(x), v128.load(m)), v128.load(f), v128.load(s));
          v128.store(y, madd(v128.load(g), v128.load(w), t));
          x += 16;
          m += 16;
          f += 16;
          s += 16;
          g += 16;
          w += 16;
          y += 16;
        }
        if (left > 0) {
          const t = madd(
            f32x4.sub(take(x, left), take(m, left)),
            take(f, left),
            take(s, left),
          );
          put(y, madd(take(g, left), take(w, left), t), left);
          y += <usize>left << 2;
        }
      }
      at += run;
      column += run;
      if (column == channels) {
        column = 0;
        if (++row == size) {
          row = 0;
          base += channels;
        }
      }
    }
    passRange(changetype<usize>(i), i.fused, start, stop);
  }
}

@unmanaged
class RowNorm {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  /** 0: the mean is left in, as in RMS norm. */
  centered: i32;
  epsilon: f32;
  x: usize;
  scale: usize;
  /** 0: none. */
  offset: usize;
  y: usize;
  /** [rows, 2]: mean and 1 / √(variance + ε). */
  statistics: usize;
}

// @ts-ignore: decorator
@inline
function lanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** Σ (x − mean)² of a row. */
function squaresOf(x: usize, columns: i32, mean: f32): f32 {
  const m = f32x4.splat(mean);
  let a = f32x4.splat(0);
  let b = a;
  for (; columns >= 8; columns -= 8, x += 32) {
    const p = f32x4.sub(v128.load(x), m);
    const q = f32x4.sub(v128.load(x, 16), m);
    a = madd(p, p, a);
    b = madd(q, q, b);
  }
  for (; columns >= 4; columns -= 4, x += 16) {
    const p = f32x4.sub(v128.load(x), m);
    a = madd(p, p, a);
  }
  if (columns > 0) {
    const p = select(f32x4.sub(take(x, columns), m), f32x4.splat(0), lanes(columns));
    b = madd(p, p, b);
  }
  return sumLanes(f32x4.add(a, b));
}

export function rowNorm(i: RowNorm): void {
  const rows = i.rows;
  const columns = i.columns;
  const to = end(rows);
  for (let r = first(rows); r < to; r++) {
    const at = <usize>(r * columns) << 2;
    let x = i.x + at;
    let y = i.y + at;
    const mean: f32 = i.centered ? sumOf(x, columns) / <f32>columns : 0;
    const inverse = <f32>1 / sqrt<f32>(squaresOf(x, columns, mean) / <f32>columns + i.epsilon);
    const statistics = i.statistics + (<usize>r << 3);
    store<f32>(statistics, mean);
    store<f32>(statistics, inverse, 4);
    const m = f32x4.splat(mean);
    const v = f32x4.splat(inverse);
    let scale = i.scale;
    let offset = i.offset;
    for (let left = columns; left > 0; left -= 4) {
      let t = f32x4.mul(f32x4.mul(f32x4.sub(take(x, left), m), v), take(scale, left));
      if (offset != 0) {
        t = f32x4.add(t, take(offset, left));
        offset += 16;
      }
      put(y, t, left);
      x += 16;
      y += 16;
      scale += 16;
    }
    const last = (r + 1) * columns;
    for (let from = r * columns; from < last; from += BLOCK) {
      passRange(changetype<usize>(i), i.fused, from, min(last, from + BLOCK));
    }
  }
}

@unmanaged
class RowNormGradient {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  /** Rows of a block. */
  block: i32;
  centered: i32;
  dy: usize;
  x: usize;
  scale: usize;
  statistics: usize;
  /** 0: not wanted. */
  dx: usize;
  /** [blocks, 2, columns]: the gradients of scale and offset that come from each block. */
  slopes: usize;
}

/** dx = (g − mean(g) − x̂ mean(g x̂)) / deviation, g = dy · scale. Ba, Kiros and Hinton 2016; Zhang and Sennrich 2019. */
export function rowNormGradient(i: RowNormGradient): void {
  const rows = i.rows;
  const columns = i.columns;
  const block = i.block;
  const blocks = (rows + block - 1) / block;
  const stride = <usize>columns << 2;
  const to = end(blocks);
  for (let u = first(blocks); u < to; u++) {
    const slopes = i.slopes + 2 * <usize>u * stride;
    memory.fill(slopes, 0, 2 * stride);
    const last = min(rows, (u + 1) * block);
    for (let r = u * block; r < last; r++) {
      const at = <usize>r * stride;
      const statistics = i.statistics + (<usize>r << 3);
      const m = v128.load32_splat(statistics);
      const v = v128.load32_splat(statistics, 4);
      let plain = f32x4.splat(0);
      let turned = plain;
      let k: usize = 0;
      for (let left = columns; left > 0; left -= 4, k += 16) {
        // Behind the end of a row dy is zero, and so is all that is made of it.
        const dy = take(i.dy + at + k, left);
        const hat = f32x4.mul(f32x4.sub(take(i.x + at + k, left), m), v);
        const p = slopes + k;
        const q = p + stride;
        const product = f32x4.mul(dy, hat);
        const scale = take(i.scale + k, left);
        plain = madd(dy, scale, plain);
        turned = madd(product, scale, turned);
        put(p, f32x4.add(take(p, left), product), left);
        put(q, f32x4.add(take(q, left), dy), left);
      }
      if (i.dx == 0) continue;
      const n = <f32>columns;
      const a = f32x4.splat(i.centered ? sumLanes(plain) / n : 0);
      const b = f32x4.splat(sumLanes(turned) / n);
      k = 0;
      for (let left = columns; left > 0; left -= 4, k += 16) {
        const hat = f32x4.mul(f32x4.sub(take(i.x + at + k, left), m), v);
        const g = f32x4.sub(f32x4.mul(take(i.dy + at + k, left), take(i.scale + k, left)), a);
        put(i.dx + at + k, f32x4.mul(nmadd(hat, b, g), v), left);
      }
    }
  }
}

/** Does nothing: what stands behind it is not joined to what stands before. */
export function pause(_: usize): void {}
