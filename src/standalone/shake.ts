// Makes a module of the kernels smaller: with what some of them need and nothing else, its function table filled, and a memory
// of its own in which programs lie.
import { FormatError } from "../core/errors.ts";
import { Reader, type Reference, references } from "./function-body.ts";

/** What is kept of a module, and what it is given. */
export interface Shaking {
  /** Exported functions for the places of the table from `firstSlot` on. */
  readonly kernels: readonly string[];
  readonly firstSlot: number;
  /** Exported functions that the host calls. */
  readonly exports: readonly string[];
  /** Pages of the memory. */
  readonly pages: number;
  /** What lies in the memory at the start, beside what the kernels bring. */
  readonly runs: readonly { readonly address: number; readonly bytes: Uint8Array }[];
}

/** Numbers of the sections, which stand in the order of this list: code in front of data, the table's contents in front of both. */
const [TYPES, IMPORTS, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATA] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
] as const;
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0];
const [I32_CONST, END, FUNCTION, MEMORY] = [0x41, 0x0b, 0, 2] as const;
/** The compiler puts a function that is passed as a value into memory: a head of 20 bytes, then its place in the table. */
const FUNCTION_VALUE = { bytes: 32, size: 28, at: 20 } as const;

/** A stretch of memory that a module writes when it is instantiated. */
interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** What is read of a module. */
interface Module {
  readonly sections: ReadonlyMap<number, Uint8Array>;
  readonly types: readonly Uint8Array[];
  /** The type of each function. */
  readonly typeOf: readonly number[];
  readonly bodies: readonly Uint8Array[];
  readonly exported: ReadonlyMap<string, number>;
  readonly start: number | undefined;
  /** Functions of the table by their place. */
  readonly elements: ReadonlyMap<number, number>;
  readonly data: readonly Segment[];
}

const number = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
/** As a signed number, whose last byte must not look negative. */
const constant = (value: number): number[] =>
  value < 64 ? [value] : [(value & 127) | 128, ...constant(value >>> 7)];
const list = (items: readonly Iterable<number>[]): number[] => [
  ...number(items.length),
  ...items.flatMap((item) => [...item]),
];
const sized = (bytes: readonly number[]): number[] => [...number(bytes.length), ...bytes];
const text = (name: string): number[] => sized([...new TextEncoder().encode(name)]);
const at = (place: number): number[] => [0, I32_CONST, ...constant(place), END];

function read(bytes: Uint8Array): Module {
  if (HEAD.some((byte, index) => bytes[index] !== byte))
    throw new FormatError("wasm: got other bytes, wanted a module of version 1");
  const sections = new Map<number, Uint8Array>();
  const all = new Reader(bytes, HEAD.length);
  while (all.at < bytes.length) {
    const id = all.byte();
    sections.set(id, all.take(all.number()));
  }
  const items = <T>(id: number, item: (reader: Reader) => T): T[] => {
    const reader = new Reader(sections.get(id) ?? Uint8Array.of(0));
    return reader.list(() => item(reader));
  };
  const place = (reader: Reader): number => {
    if (reader.number() !== 0 || reader.byte() !== I32_CONST)
      throw new FormatError("wasm: got a segment of another kind, wanted one with its place");
    const value = reader.number();
    reader.byte();
    return value;
  };
  if (items(IMPORTS, ({ at }) => at).length > 1)
    throw new FormatError("wasm: got several imports, wanted the memory alone");
  const names = items(EXPORTS, (reader) => {
    const name = new TextDecoder().decode(reader.take(reader.number()));
    return [name, reader.byte() === FUNCTION, reader.number()] as const;
  });
  const elements = items(ELEMENTS, (reader) => {
    const from = place(reader);
    return reader.list(() => reader.number()).map((index, offset) => [from + offset, index] as const);
  });
  const start = sections.get(START);
  return {
    sections,
    types: items(TYPES, (reader) => {
      const from = reader.at;
      reader.byte();
      for (let side = 0; side < 2; side++) reader.take(reader.number());
      return reader.bytes.subarray(from, reader.at);
    }),
    typeOf: items(FUNCTIONS, (reader) => reader.number()),
    bodies: items(CODE, (reader) => reader.take(reader.number())),
    exported: new Map(names.flatMap(([name, isFunction, index]) => (isFunction ? [[name, index]] : []))),
    start: start && new Reader(start).number(),
    elements: new Map(elements.flat()),
    data: items(DATA, (reader) => ({ address: place(reader), bytes: reader.take(reader.number()) })),
  };
}

/** The place in the table of a function that lies in memory as a value. */
function functionValue({ bytes }: Segment, elements: ReadonlyMap<number, number>): number | undefined {
  if (bytes.length !== FUNCTION_VALUE.bytes) return undefined;
  const words = new DataView(bytes.buffer, bytes.byteOffset);
  const place = words.getUint32(FUNCTION_VALUE.at, true);
  return words.getUint32(0, true) === FUNCTION_VALUE.size && elements.has(place) ? place : undefined;
}

/** What can be reached from some functions. */
function reached({ bodies, elements, data }: Module, roots: readonly number[]) {
  const functions = new Map<number, readonly Reference[]>();
  const segments = new Set<Segment>();
  const places = new Set<number>();
  const waiting = [...roots];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (functions.has(index)) continue;
    const found = references(bodies[index]!);
    functions.set(index, found);
    for (const { kind, value } of found) {
      if (kind === "function") waiting.push(value);
      if (kind !== "constant") continue;
      // Whatever looks like an address of it is one: too much is kept rather than too little.
      for (const segment of data) {
        if (value < segment.address || value > segment.address + segment.bytes.length) continue;
        segments.add(segment);
        const place = functionValue(segment, elements);
        if (place === undefined) continue;
        places.add(place);
        waiting.push(elements.get(place)!);
      }
    }
  }
  return { functions, segments, places };
}

/** New numbers for what is kept, in the old order. */
const renumbered = (kept: Iterable<number>): ReadonlyMap<number, number> =>
  new Map([...kept].sort((a, b) => a - b).map((index, position) => [index, position]));

/**
 * The module with the kernels named and what they call. It computes the same: bodies stay as they are, but for the numbers of
 * the functions that they call.
 * @throws FormatError for what is no module, or has no such function.
 */
export function shake(
  bytes: Uint8Array,
  { kernels, firstSlot, exports, pages, runs }: Shaking,
): Uint8Array<ArrayBuffer> {
  const module = read(bytes);
  const { sections, types, typeOf, bodies, exported, start, elements, data } = module;
  const find = (name: string): number => {
    const index = exported.get(name);
    if (index === undefined) throw new FormatError(`wasm: got no function ${name}`);
    return index;
  };
  const slots = kernels.map(find);
  const roots = [...slots, ...exports.map(find), ...(start === undefined ? [] : [start])];
  const { functions, segments, places } = reached(module, roots);
  const functionOf = renumbered(functions.keys());
  const used = [...functions].flatMap(([index, found]) => [
    typeOf[index]!,
    ...found.flatMap(({ kind, value }) => (kind === "type" ? [value] : [])),
  ]);
  const typeNumber = renumbered(new Set(used));

  const body = (index: number): number[] => {
    const old = bodies[index]!;
    const renewed: number[] = [];
    let from = 0;
    for (const { kind, value, start, end } of functions.get(index)!) {
      if (kind === "constant") continue;
      renewed.push(
        ...old.subarray(from, start),
        ...number((kind === "type" ? typeNumber : functionOf).get(value)!),
      );
      from = end;
    }
    return sized([...renewed, ...old.subarray(from)]);
  };
  const table = [
    ...[...places]
      .sort((a, b) => a - b)
      .map((place) => [...at(place), ...list([number(functionOf.get(elements.get(place)!)!)])]),
    [...at(firstSlot), ...list(slots.map((index) => number(functionOf.get(index)!)))],
  ];
  const contents = [...data.filter((segment) => segments.has(segment)), ...runs];
  const made: readonly (readonly [number, readonly number[]])[] = [
    [TYPES, list([...typeNumber.keys()].map((type) => types[type]!))],
    [FUNCTIONS, list([...functionOf.keys()].map((index) => number(typeNumber.get(typeOf[index]!)!)))],
    [TABLES, [1, 0x70, 0, ...number(firstSlot + slots.length)]],
    [MEMORIES, [1, 1, ...number(pages), ...number(pages)]],
    [GLOBALS, [...(sections.get(GLOBALS) ?? [0])]],
    [
      EXPORTS,
      list([
        [...text("memory"), MEMORY, 0],
        ...exports.map((name) => [...text(name), FUNCTION, ...number(functionOf.get(find(name))!)]),
      ]),
    ],
    ...(start === undefined ? [] : [[START, number(functionOf.get(start)!)] as const]),
    [ELEMENTS, list(table)],
    [CODE, list([...functionOf.keys()].map(body))],
    [DATA, list(contents.map(({ address, bytes }) => [...at(address), ...sized([...bytes])]))],
  ];
  return Uint8Array.from([...HEAD, ...made.flatMap(([id, contents]) => [id, ...sized(contents)])]);
}
