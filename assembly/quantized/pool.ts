// Largest bytes of windows.
import { end, first } from "../thread";

@unmanaged
class MaxPool {
  slot: u32;
  fused: i32;
  /** Pixels of the result, of all images. */
  pixels: i32;
  height: i32;
  width: i32;
  xHeight: i32;
  xWidth: i32;
  channels: i32;
  /** From one element of a window to the next. */
  stepY: i32;
  stepX: i32;
  /** For each line, and column, of the result: the first of x that its window takes, and how many. */
  lines: usize;
  columns: usize;
  x: usize;
  y: usize;
}

export function maxPoolBytes(i: MaxPool): void {
  const channels = i.channels;
  const to = end(i.pixels);
  const stepX = <usize>(i.stepX * channels);
  const stepY = <usize>(i.stepY * i.xWidth * channels);
  for (let at = first(i.pixels); at < to; at++) {
    const lineAt = at / i.width;
    const column = i.columns + (<usize>(at - lineAt * i.width) << 3);
    const image = lineAt / i.height;
    const line = i.lines + (<usize>(lineAt - image * i.height) << 3);
    const down = load<i32>(line, 4);
    const across = load<i32>(column, 4);
    const x = i.x + <usize>(((image * i.xHeight + load<i32>(line)) * i.xWidth + load<i32>(column)) * channels);
    const y = i.y + <usize>(at * channels);
    let c: usize = 0;
    for (; c + 16 <= <usize>channels; c += 16) {
      let most = i8x16.splat(0);
      for (let ky = down, p = x + c; ky > 0; ky--, p += stepY)
        for (let kx = across, q = p; kx > 0; kx--, q += stepX) most = i8x16.max_u(most, v128.load(q));
      v128.store(y + c, most);
    }
    for (; c + 8 <= <usize>channels; c += 8) {
      let most = i8x16.splat(0);
      for (let ky = down, p = x + c; ky > 0; ky--, p += stepY)
        for (let kx = across, q = p; kx > 0; kx--, q += stepX) most = i8x16.max_u(most, v128.load64_zero(q));
      v128.store64_lane(y + c, most, 0);
    }
    for (; c < <usize>channels; c++) {
      let most: u8 = 0;
      for (let ky = down, p = x + c; ky > 0; ky--, p += stepY)
        for (let kx = across, q = p; kx > 0; kx--, q += stepX) most = max<u8>(most, load<u8>(q));
      store<u8>(y + c, most);
    }
  }
}
