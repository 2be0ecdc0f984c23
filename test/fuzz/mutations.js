// Inputs that a reader may be given: every beginning of a good one, and good ones changed in the ways that break readers.
// A case is known by its seed and its number alone, so that it can be made again.

/** A counter-based generator: the n-th number of a stream, 32 bits. */
function mix(seed, n) {
  let x = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(n + 0x7f4a7c15, 0xc2b2ae35);
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** Draws for one case. */
function drawsOf(seed, number) {
  const stream = mix(seed, number);
  let n = 0;
  const below = (count) => mix(stream, n++) % count;
  return { below, one: (list) => list[below(list.length)] };
}

const SIZES = [
  0,
  1,
  2,
  7,
  255,
  65_535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
];
const NUMBERS = [
  "-1",
  "0",
  "1",
  "1.5",
  "1e9",
  "1e999",
  "4294967296",
  "9007199254740993",
  "99999999999999999999",
  "-0",
];
const TEXTS = ["__proto__", "constructor", "", "\ud800", "toString", "0", "a".repeat(5000)];

const joined = (...parts) => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};
const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Each takes bytes and draws, and gives other bytes. */
const byteChanges = [
  function flips(bytes, { below }) {
    const changed = bytes.slice();
    for (let i = below(8); i >= 0; i--) changed[below(bytes.length)] ^= 1 << below(8);
    return changed;
  },
  function values(bytes, { below, one }) {
    const changed = bytes.slice();
    const at = below(bytes.length);
    changed.fill(one([0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x7b]), at, at + one([1, 1, 2, 4, 16]));
    return changed;
  },
  function sizes(bytes, { below, one }) {
    const changed = bytes.slice();
    const width = one([2, 4, 8]);
    // Most fields that hold a length lie at the start and are aligned.
    const at = one([below(bytes.length), below(Math.ceil(bytes.length / 4)) * 4, below(64), 0]);
    if (at + width > bytes.length) return changed;
    const size = BigInt(one([...SIZES, bytes.length, bytes.length - 1, bytes.length + 1, bytes.length - at]));
    const view = new DataView(changed.buffer);
    const little = below(3) > 0;
    if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, size), little);
    else if (width === 4) view.setUint32(at, Number(BigInt.asUintN(32, size)), little);
    else view.setUint16(at, Number(BigInt.asUintN(16, size)), little);
    return changed;
  },
  function varints(bytes, { below, one }) {
    const at = below(bytes.length);
    const long = one([
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0x7f],
      new Array(9).fill(0xff).concat(1),
      new Array(12).fill(0x80),
    ]);
    return joined(bytes.subarray(0, at), Uint8Array.from(long), bytes.subarray(at + 1));
  },
  function removed(bytes, { below }) {
    const at = below(bytes.length);
    return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + below(64)));
  },
  function doubled(bytes, { below }) {
    const at = below(bytes.length);
    const end = at + 1 + below(256);
    return joined(bytes.subarray(0, end), bytes.subarray(at));
  },
  function swapped(bytes, { below }) {
    const [a, b, c] = [below(bytes.length), below(bytes.length), below(bytes.length)].sort((x, y) => x - y);
    return joined(bytes.subarray(0, a), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(c));
  },
  function crossed(bytes, { below, one }, seeds) {
    const other = one(seeds);
    const at = below(bytes.length);
    return joined(bytes.subarray(0, at), other.subarray(below(other.length)));
  },
  function longer(bytes, { below }) {
    return joined(bytes, new Uint8Array(1 + below(4096)));
  },
];

/** The same for what has words and numbers that people can read, also inside other bytes. */
const textChanges = [
  function numbers(bytes, { one, below }) {
    const text = decoder.decode(bytes);
    const found = [...text.matchAll(/-?\d+(?:\.\d+)?/g)];
    if (found.length === 0) return bytes;
    const { index, 0: digits } = found[below(found.length)];
    return joined(
      bytes.subarray(0, index),
      encoder.encode(one(NUMBERS)),
      bytes.subarray(index + digits.length),
    );
  },
  function words(bytes, { one, below }) {
    const text = decoder.decode(bytes);
    const found = [...text.matchAll(/"[^"]{0,200}"/g)];
    if (found.length === 0) return bytes;
    const { index, 0: word } = found[below(found.length)];
    const other = one([
      ...TEXTS.map((each) => JSON.stringify(each)),
      one(found)[0],
      "null",
      "true",
      "[]",
      "{}",
    ]);
    return joined(bytes.subarray(0, index), encoder.encode(other), bytes.subarray(index + word.length));
  },
  function nested(bytes, { one, below }) {
    const at = below(bytes.length);
    const opening = one(["[", '{"a":', '"', "(", "[[", '{"config":']);
    return joined(
      bytes.subarray(0, at),
      encoder.encode(opening.repeat(one([10, 1000, 20_000]))),
      bytes.subarray(at),
    );
  },
];

/** The place of every value in a tree. */
function placesIn(value, places = []) {
  if (typeof value !== "object" || value === null) return places;
  for (const key of Object.keys(value)) {
    places.push([value, key]);
    placesIn(value[key], places);
  }
  return places;
}

/** A list in a list, and so on. */
function deep(depth, wrap) {
  let value = 1;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

/** Changes of a JSON text before the first byte 0, by its tree; what is behind stays. */
function tree(bytes, draws) {
  const { below, one } = draws;
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const root = JSON.parse(text);
  for (let i = below(3); i >= 0; i--) {
    const places = placesIn(root);
    if (places.length === 0) break;
    const [holder, key] = places[below(places.length)];
    const [otherHolder, otherKey] = places[below(places.length)];
    const change = below(8);
    if (change === 0) delete holder[key];
    else if (change === 1) [holder[key], otherHolder[otherKey]] = [otherHolder[otherKey], holder[key]];
    else if (change === 2 && Array.isArray(holder)) holder.push(structuredClone(holder[key]));
    else if (change === 3) holder[key] = one(TEXTS);
    else if (change === 4)
      holder[key] = one([null, true, false, [], {}, [null], [[]], [-1], [1e9, 1e9, 1e9]]);
    else if (change === 5)
      holder[key] = deep(one([3, 40, 3000]), one([(x) => [x], (x) => ({ layers: [x] })]));
    else holder[key] = one([...SIZES, -1, 0.5, 1e300, 3, 64, 4096]);
    // A tree that holds itself is no JSON.
    try {
      JSON.stringify(root);
    } catch {
      return bytes;
    }
  }
  const changed = encoder.encode(JSON.stringify(root));
  return end < 0 ? changed : joined(changed, bytes.subarray(end));
}

/** What has become so long is not changed once more. */
const LONG = 50_000;
/** Beginnings of a seed: all of them, or some where there are very many. */
const MOST_PREFIXES = 1500;

/**
 * The cases of a reader: beginnings first, then changes without end.
 * @param {{ seeds: Uint8Array[], kind: "bytes" | "text" | "json" }} reader
 * @param {number} seed
 */
export function casesOf({ seeds, kind }, seed) {
  const prefixes = seeds.flatMap((bytes) => {
    const count = Math.min(bytes.length, MOST_PREFIXES);
    return Array.from({ length: count + 1 }, (_, k) => [
      bytes,
      Math.floor((k * bytes.length) / Math.max(count, 1)),
    ]);
  });
  const changes = [
    ...byteChanges,
    ...textChanges,
    ...(kind === "bytes" ? byteChanges : textChanges),
    ...(kind === "json" ? new Array(20).fill(tree) : []),
  ];
  return {
    prefixes: prefixes.length,
    /** The bytes of a case by its number. */
    at(number) {
      if (number < prefixes.length) {
        const [bytes, length] = prefixes[number];
        return bytes.slice(0, length);
      }
      const draws = drawsOf(seed, number);
      let bytes = draws.one(seeds);
      // One change keeps most of a file good; a second one comes through where the first is not seen.
      for (let i = draws.below(3) === 0 ? 1 : 0; i >= 0 && bytes.length > 0 && bytes.length < LONG; i--) {
        const change = draws.one(changes);
        try {
          bytes = change(bytes, draws, seeds);
        } catch (error) {
          // What an earlier change broke is no tree any more.
          if (!(error instanceof SyntaxError)) throw error;
        }
      }
      return bytes.slice();
    },
  };
}
