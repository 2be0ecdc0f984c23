// Random numbers with the same bits in every browser: whole-number arithmetic, and of real numbers only what IEEE 754
// fixes to the bit. So no Math.sin, Math.cos or Math.log.

export interface Draws {
  /** From 0, below 1. */
  uniform(): number;
  /** Near to normal, mean 0 and variance 1: the sum of twelve uniform numbers less six. */
  normal(): number;
  /** A point on the unit circle. */
  direction(): [number, number];
}

/** Mulberry32, 32 bits of state: enough for a picture, not for statistics. */
export function draws(seed: number): Draws {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal() {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += uniform();
      return sum;
    },
    direction() {
      for (;;) {
        const [x, y] = [2 * uniform() - 1, 2 * uniform() - 1];
        const square = x * x + y * y;
        if (square > 1 || square < 0.01) continue;
        const length = Math.sqrt(square);
        return [x / length, y / length];
      }
    },
  };
}
