// Makes a module of the kernels smaller: with what some of them need and nothing else, its function table filled, and a memory
// of its own in which programs lie.
import { FormatError } from "../core/errors.ts";
import { instruction, Reader, type Reference, references } from "./function-body.ts";

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
const [TYPES, FUNCTIONS, TABLES, MEMORIES, GLOBALS, EXPORTS, START, ELEMENTS, CODE, DATA] = [
  1, 3, 4, 5, 6, 7, 8, 9, 10, 11,
] as const;
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0];
const [I32_CONST, CALL, END, FUNCTION, MEMORY] = [0x41, 0x10, 0x0b, 0, 2] as const;
/** The compiler puts a function that is passed as a value into memory: a head of 20 bytes, then its place in the table. */
const FUNCTION_VALUE = { bytes: 32, size: 28, at: 20 } as const;

/** A stretch of memory that a module writes when it is instantiated. */
interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** What functions, types and globals are known by: their number among those of all modules. */
type Space = "function" | "type" | "global";

/** What is read of one module, or of several that work in one memory: numbers of later ones follow those of earlier ones. */
interface Module {
  readonly types: Uint8Array[];
  readonly globals: Uint8Array[];
  readonly functions: {
    readonly type: number;
    readonly body: Uint8Array;
    readonly found: readonly Reference[];
  }[];
  readonly exported: Map<string, number>;
  readonly starts: number[];
  /** Functions of the table by their place. */
  readonly elements: Map<number, number>;
  readonly data: Segment[];
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

/** A function that calls others: what a module of several starts with. */
function calling(starts: readonly number[], type: number): Module["functions"][number] {
  return {
    type,
    body: Uint8Array.of(0, ...starts.flatMap(() => [CALL, 0]), END),
    found: starts.map((value, at) => ({ kind: "function", value, start: 2 + 2 * at, end: 3 + 2 * at })),
  };
}

/** Reads a module behind others. */
function read(module: Module, bytes: Uint8Array): void {
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
  const slice = (reader: Reader, pass: () => void): Uint8Array => {
    const from = reader.at;
    pass();
    return reader.bytes.subarray(from, reader.at);
  };
  const place = (reader: Reader): number => {
    if (reader.number() !== 0 || reader.byte() !== I32_CONST)
      throw new FormatError("wasm: got a segment of another kind, wanted one with its place");
    const value = reader.number();
    reader.byte();
    return value;
  };
  const { types, globals, functions, exported, starts, elements, data } = module;
  const base = { function: functions.length, type: types.length, global: globals.length, constant: 0 };
  const based = (found: readonly Reference[]) =>
    found.map((each) => ({ ...each, value: each.value + base[each.kind] }));

  const typeOf = items(FUNCTIONS, (reader) => base.type + reader.number());
  const bodies = items(CODE, (reader) => reader.take(reader.number()));
  for (const [index, body] of bodies.entries())
    functions.push({ type: typeOf[index]!, body, found: based(references(body)) });
  const pairs = (reader: Reader) => {
    reader.byte();
    for (let side = 0; side < 2; side++) reader.take(reader.number());
  };
  types.push(...items(TYPES, (reader) => slice(reader, () => pairs(reader))));
  const global = (reader: Reader) => {
    reader.take(2);
    instruction(reader);
    reader.byte();
  };
  globals.push(...items(GLOBALS, (reader) => slice(reader, () => global(reader))));
  const names = items(EXPORTS, (reader) => {
    const name = new TextDecoder().decode(reader.take(reader.number()));
    return [name, reader.byte(), reader.number()] as const;
  });
  for (const [name, kind, index] of names)
    if (kind === FUNCTION && !exported.has(name)) exported.set(name, base.function + index);
  const start = sections.get(START);
  if (start) starts.push(base.function + new Reader(start).number());
  items(ELEMENTS, (reader) => {
    const from = place(reader);
    for (const [offset, index] of reader.list(() => reader.number()).entries())
      elements.set(from + offset, base.function + index);
  });
  if (data.length > 0 && sections.has(DATA))
    throw new FormatError("wasm: got two modules with data of their own, wanted one");
  data.push(...items(DATA, (reader) => ({ address: place(reader), bytes: reader.take(reader.number()) })));
}

/** The place in the table of a function that lies in memory as a value. */
function functionValue({ bytes }: Segment, elements: ReadonlyMap<number, number>): number | undefined {
  if (bytes.length !== FUNCTION_VALUE.bytes) return undefined;
  const words = new DataView(bytes.buffer, bytes.byteOffset);
  const place = words.getUint32(FUNCTION_VALUE.at, true);
  return words.getUint32(0, true) === FUNCTION_VALUE.size && elements.has(place) ? place : undefined;
}

/** What can be reached from some functions. */
function reached({ functions, elements, data }: Module, roots: readonly number[]) {
  const kept: Record<Space, Set<number>> = { function: new Set(), type: new Set(), global: new Set() };
  const segments = new Set<Segment>();
  const places = new Set<number>();
  const waiting = [...roots];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    if (kept.function.has(index)) continue;
    kept.function.add(index);
    const { type, found } = functions[index]!;
    kept.type.add(type);
    for (const { kind, value } of found) {
      if (kind === "function") waiting.push(value);
      else if (kind !== "constant") kept[kind].add(value);
      else {
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
  }
  return { kept, segments, places: [...places].sort((a, b) => a - b) };
}

/** New numbers for what is kept, in the old order. */
const renumbered = (kept: ReadonlySet<number>): ReadonlyMap<number, number> =>
  new Map([...kept].sort((a, b) => a - b).map((index, position) => [index, position]));

const nothing = (): Module => ({
  types: [],
  globals: [],
  functions: [],
  exported: new Map(),
  starts: [],
  elements: new Map(),
  data: [],
});

/** The functions that a module exports. */
export function exportsOf(bytes: Uint8Array): ReadonlySet<string> {
  const module = nothing();
  read(module, bytes);
  return new Set(module.exported.keys());
}

/**
 * One module with the kernels named, of those of several modules for one memory, and what they call. It computes the same:
 * bodies stay as they are, but for the numbers of what they refer to.
 * @throws FormatError for what is no module, or where none has such a function.
 */
export function shake(
  modules: readonly Uint8Array[],
  { kernels, firstSlot, exports, pages, runs }: Shaking,
): Uint8Array<ArrayBuffer> {
  const module = nothing();
  for (const bytes of modules) read(module, bytes);
  const { types, globals, functions, exported, starts, elements, data } = module;
  const find = (name: string): number => {
    const index = exported.get(name);
    if (index === undefined) throw new FormatError(`wasm: got no function ${name}`);
    return index;
  };
  const start = starts
    .map((each) => functions[each]!.type)
    .slice(0, 1)
    .map((type) => functions.push(calling(starts, type)) - 1);
  const slots = kernels.map(find);
  const { kept, segments, places } = reached(module, [...slots, ...exports.map(find), ...start]);
  const numbers: Record<Space, ReadonlyMap<number, number>> = {
    function: renumbered(kept.function),
    type: renumbered(kept.type),
    global: renumbered(kept.global),
  };
  const functionNumber = (index: number) => number(numbers.function.get(index)!);

  const body = (index: number): number[] => {
    const { body: old, found } = functions[index]!;
    const renewed: number[] = [];
    let from = 0;
    for (const { kind, value, start, end } of found) {
      if (kind === "constant") continue;
      renewed.push(...old.subarray(from, start), ...number(numbers[kind].get(value)!));
      from = end;
    }
    return sized([...renewed, ...old.subarray(from)]);
  };
  const table = [
    ...places.map((place) => [...at(place), ...list([functionNumber(elements.get(place)!)])]),
    [...at(firstSlot), ...list(slots.map(functionNumber))],
  ];
  const contents = [...data.filter((segment) => segments.has(segment)), ...runs];
  const each = <T>(space: Space, all: readonly T[]) => [...numbers[space].keys()].map((index) => all[index]!);
  const made: readonly (readonly [number, readonly number[]])[] = [
    [TYPES, list(each("type", types))],
    [FUNCTIONS, list(each("function", functions).map(({ type }) => number(numbers.type.get(type)!)))],
    [TABLES, [1, 0x70, 0, ...number(firstSlot + slots.length)]],
    [MEMORIES, [1, 1, ...number(pages), ...number(pages)]],
    [GLOBALS, list(each("global", globals))],
    [
      EXPORTS,
      list([
        [...text("memory"), MEMORY, 0],
        ...exports.map((name) => [...text(name), FUNCTION, ...functionNumber(find(name))]),
      ]),
    ],
    ...start.map((index) => [START, functionNumber(index)] as const),
    [ELEMENTS, list(table)],
    [CODE, list([...numbers.function.keys()].map(body))],
    [DATA, list(contents.map(({ address, bytes }) => [...at(address), ...sized([...bytes])]))],
  ];
  return Uint8Array.from([...HEAD, ...made.flatMap(([id, contents]) => [id, ...sized(contents)])]);
}
