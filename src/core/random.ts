// Random numbers that are the same bits everywhere: counter-based, integer arithmetic only.
// Philox4x32-10 from Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.
import { OptionError } from "./errors.ts";

/** Names one of the independent streams that a seed has: an epoch number, or what the numbers are for. */
export type RandomStream = string | number;

/** Upper 32 bits of the product of two unsigned words; `Math.imul` gives the lower ones. */
function upperProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // No sum reaches 2^32: (2^16 − 1)² + 2^16 − 1 < 2^32.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (carry >>> 16);
}

/**
 * Four random words for a counter of four words and a key of two: Philox4x32 with ten rounds.
 * The counter is replaced by the result.
 */
export function philox(key: readonly [number, number], block: Uint32Array): void {
  // Not taken apart as lists: V8 walks an iterator for that.
  let a = block[0]!;
  let b = block[1]!;
  let c = block[2]!;
  let d = block[3]!;
  let key0 = key[0];
  let key1 = key[1];
  for (let round = 0; round < 10; round++) {
    const high0 = upperProduct(0xd2511f53, a);
    const high1 = upperProduct(0xcd9e8d57, c);
    const low0 = Math.imul(0xd2511f53, a);
    const low1 = Math.imul(0xcd9e8d57, c);
    a = (high1 ^ b ^ key0) >>> 0;
    b = low1 >>> 0;
    c = (high0 ^ d ^ key1) >>> 0;
    d = low0 >>> 0;
    key0 = (key0 + 0x9e3779b9) >>> 0;
    key1 = (key1 + 0xbb67ae85) >>> 0;
  }
  block[0] = a;
  block[1] = b;
  block[2] = c;
  block[3] = d;
}

/** The two 32-bit words of an integer; of a negative one in two's complement. */
function words(what: string, value: number): [number, number] {
  if (!Number.isSafeInteger(value)) throw new OptionError(`${what}: got ${value}, wanted a safe integer`);
  return [value >>> 0, Math.floor(value / 2 ** 32) >>> 0];
}

/**
 * Two 32-bit words that stand for a seed and one of its streams: the key of a counter-based generator.
 * Different seeds or streams, also `1` and `"1"`, give unrelated keys. Throws `OptionError` for a seed
 * that is no safe integer.
 * @example
 * const [key0, key1] = keys(1, "dropout");
 */
export function keys(seed: number, stream: RandomStream): [number, number] {
  let key = words("seed", seed);
  const text = typeof stream === "string";
  const parts = text ? Array.from(stream, (character) => character.codePointAt(0)!) : words("stream", stream);
  // Each part encrypts the key so far; position and kind keep "ab" and "a", "b" or 1 and "1" apart.
  for (let i = 0; i <= parts.length; i++) {
    const block = Uint32Array.of(i < parts.length ? parts[i]! : 0, i, text ? 1 : 0, i < parts.length ? 0 : 1);
    philox(key, block);
    key = [block[0]!, block[1]!];
  }
  return key;
}

/**
 * Draws one stream of a seed in order.
 * @example
 * const random = new Random(1, "examples");
 * random.below(6) + 1; // a die
 */
export class Random {
  readonly #key: [number, number];
  readonly #block = new Uint32Array(4);
  #drawn = 0;

  constructor(seed: number, stream: RandomStream = 0) {
    this.#key = keys(seed, stream);
  }

  /** The next of the integers 0 … 2^32 − 1. */
  next(): number {
    const word = this.#drawn % 4;
    if (word === 0) {
      const counter = this.#drawn / 4;
      const block = this.#block;
      block[0] = counter;
      block[1] = counter / 2 ** 32;
      block[2] = block[3] = 0;
      philox(this.#key, block);
    }
    this.#drawn++;
    return this.#block[word]!;
  }

  /** One of the integers 0 … n − 1, each equally likely; n is at most 2^32. */
  below(n: number): number {
    // What lies above the last whole multiple of n is drawn again: the remainder alone would favour small ones.
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = this.next();
    while (value >= limit) value = this.next();
    return value % n;
  }
}

/** Shuffles values in place (Fisher–Yates), by one stream of a seed. */
export function shuffle(values: Int32Array, seed: number, stream: RandomStream = 0): void {
  const random = new Random(seed, stream);
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
}

/**
 * The integers 0 … n − 1 in random order; every order is equally likely.
 * @example
 * const order = permutation(60_000, 1, epoch); // the same on every runtime
 */
export function permutation(n: number, seed: number, stream: RandomStream = 0): Int32Array {
  const values = new Int32Array(n);
  for (let i = 0; i < n; i++) values[i] = i;
  shuffle(values, seed, stream);
  return values;
}

/**
 * n integers drawn from 0 … below − 1, each equally likely and independent: sampling with replacement.
 * @example
 * const rows = integers(128, { below: data.length, seed: 1, stream: step });
 */
export function integers(
  n: number,
  options: { below: number; seed: number; stream?: RandomStream },
): Int32Array {
  const { below, seed, stream = 0 } = options;
  if (!(Number.isInteger(below) && below >= 1 && below <= 2 ** 31)) {
    throw new OptionError(`integers: below: got ${below}, wanted an integer from 1 to 2^31`);
  }
  const random = new Random(seed, stream);
  const values = new Int32Array(n);
  for (let i = 0; i < n; i++) values[i] = random.below(below);
  return values;
}
