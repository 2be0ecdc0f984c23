// Patches of images as rows of a matrix: [pixels of a grid, taps × channels], gathered where a product packs its
// operand, so that the matrix itself never exists.
import { copyTile } from "./pack";

/**
 * Where the patches lie: the row of the grid's pixel (y, x) holds, tap after tap, the channels of the source's pixels
 * (y · strideY − top + ky · dilationY, x · strideX − left + kx · dilationX); outside the source they are zero.
 */
@unmanaged
export class Patches {
  /** The grid: the pixels of one image that are computed. */
  gridHeight: i32;
  gridWidth: i32;
  /** Pixels of all images, and terms of a row. */
  pixels: i32;
  terms: i32;
  /** The source image. */
  height: i32;
  width: i32;
  channels: i32;
  /** Channels that a patch takes. */
  groupChannels: i32;
  /** Numbers that lie side by side in the source, and how many such runs a row of the kernel has. */
  run: i32;
  across: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  top: i32;
  left: i32;
  /** The first tap's place among all, where phases share a matrix. */
  tap: i32;
  /** 1: the grid's pixel (y, x) is pixel (y · stepY + firstY, x · stepX + firstX) of C's image. */
  scattered: i32;
  toHeight: i32;
  toWidth: i32;
  firstY: i32;
  firstX: i32;
  stepY: i32;
  stepX: i32;
}

/** Terms p to p + depth of `count` rows from row `from` on; `channel` is the first that the patches take. */
export function gather(
  i: Patches,
  x: usize,
  channel: i32,
  from: i32,
  count: i32,
  p: i32,
  depth: i32,
  to: usize,
  toStride: usize,
): void {
  const line = i.width * i.channels;
  const lineBytes = <usize>line << 2;
  const step = i.strideX * i.channels;
  const image = from / (i.gridHeight * i.gridWidth);
  const rest = from - image * i.gridHeight * i.gridWidth;
  const gridY = rest / i.gridWidth;
  const gridX = rest - gridY * i.gridWidth;
  while (depth > 0) {
    const at = p / i.run;
    const offset = p - at * i.run;
    const length = min(i.run - offset, depth);
    const ky = at / i.across;
    const kx = at - ky * i.across;
    const firstY = ky * i.dilationY - i.top;
    const lineStart = (kx * i.dilationX - i.left) * i.channels + channel + offset;
    let y = firstY + gridY * i.strideY;
    let s = lineStart + gridX * step;
    let imageAt = x + <usize>image * i.height * lineBytes;
    let right = i.gridWidth - gridX;
    let down = i.gridHeight - gridY;
    let q = to;
    for (let left = count; left > 0; ) {
      const pixels = min(left, right);
      const source = imageAt + <usize>y * lineBytes;
      copyRuns(pixels, length, source, <u32>y < <u32>i.height ? line : 0, s, step, q, toStride);
      q += <usize>pixels * toStride;
      left -= pixels;
      s = lineStart;
      right = i.gridWidth;
      y += i.strideY;
      if (--down == 0) {
        down = i.gridHeight;
        y = firstY;
        imageAt += <usize>i.height * lineBytes;
      }
    }
    to += <usize>length << 2;
    p += length;
    depth -= length;
  }
}

/** Copies `count` runs that begin at element s, s + step, … of a line of `limit` elements; outside of it are zeros. */
function copyRuns(
  count: i32,
  length: i32,
  source: usize,
  limit: i32,
  s: i32,
  step: i32,
  to: usize,
  toStride: usize,
): void {
  const last = limit - length;
  const back = <usize>(length - 4) << 2;
  for (; count > 0; count--, s += step, to += toStride) {
    const from = source + ((<isize>s) << 2);
    if (s >= 0 && s <= last) {
      if (length >= 4) {
        // The last vector overlaps the one before, instead of a tail of single numbers.
        const end = from + back;
        let q = to;
        for (let p = from; p < end; p += 16, q += 16) v128.store(q, v128.load(p));
        v128.store(to + back, v128.load(end));
      } else {
        store<f32>(to, load<f32>(from));
        if (length > 1) store<f32>(to, load<f32>(from, 4), 4);
        if (length > 2) store<f32>(to, load<f32>(from, 8), 8);
      }
    } else {
      for (let k = 0; k < length; k++) {
        const inside = s + k >= 0 && s + k < limit;
        store<f32>(to + (<usize>k << 2), inside ? load<f32>(from + (<usize>k << 2)) : 0);
      }
    }
  }
}

/** Moves rows of a tile into the pixels of C that they are of, or from there; `columns` of C's `n`. */
export function moveRows(
  i: Patches,
  row: i32,
  rows: i32,
  columns: i32,
  n: i32,
  c: usize,
  tile: usize,
  tileStride: usize,
  into: bool,
): void {
  const stride = <usize>(i.stepX * n) << 2;
  let line = row / i.gridWidth;
  let x = row - line * i.gridWidth;
  let image = line / i.gridHeight;
  let y = line - image * i.gridHeight;
  while (rows > 0) {
    const count = min(rows, i.gridWidth - x);
    const pixel = (image * i.toHeight + i.firstY + y * i.stepY) * i.toWidth + i.firstX + x * i.stepX;
    const at = c + ((<usize>pixel * n) << 2);
    if (into) copyTile(count, columns, tile, tileStride, at, stride);
    else copyTile(count, columns, at, stride, tile, tileStride);
    tile += <usize>count * tileStride;
    rows -= count;
    x = 0;
    if (++y == i.gridHeight) {
      y = 0;
      image++;
    }
  }
}
