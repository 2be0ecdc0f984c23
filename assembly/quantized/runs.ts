// Short runs of bytes, copied and filled: a call into the runtime, as memory.copy is, costs more than most of them.

/** Copies `length` bytes, without touching what lies behind them. */
export function copyRun(from: usize, to: usize, length: usize): void {
  if (length >= 16) {
    // The last vector overlaps the one before, instead of a tail of single bytes.
    const back = length - 16;
    const last = from + back;
    let q = to;
    for (let p = from; p < last; p += 16, q += 16) v128.store(q, v128.load(p));
    v128.store(to + back, v128.load(last));
  } else if (length >= 8) {
    const back = length - 8;
    store<u64>(to, load<u64>(from));
    store<u64>(to + back, load<u64>(from + back));
  } else if (length >= 4) {
    const back = length - 4;
    store<u32>(to, load<u32>(from));
    store<u32>(to + back, load<u32>(from + back));
  } else {
    for (; length > 0; length--) store<u8>(to++, load<u8>(from++));
  }
}

/** Fills `length` bytes with one. */
export function fillRun(to: usize, byte: i32, length: usize): void {
  const value = i8x16.splat(<i8>byte);
  for (; length >= 16; length -= 16, to += 16) v128.store(to, value);
  if (length & 8) {
    v128.store64_lane(to, value, 0);
    to += 8;
  }
  if (length & 4) {
    v128.store32_lane(to, value, 0);
    to += 4;
  }
  for (length &= 3; length > 0; length--) v128.store8_lane(to++, value, 0);
}
