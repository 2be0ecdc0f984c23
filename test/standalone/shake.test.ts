// A module of some kernels is valid, holds them and what they call, and nothing else.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { relaxedSupported } from "#src/engine/variant";
import { FormatError } from "#src/index";
import { shake } from "#src/standalone/shake";

const moduleOf = (set: string) =>
  Uint8Array.from(readFileSync(new URL(`../../build/wasm/${set}.wasm`, import.meta.url)));
const plain = moduleOf("plain");
const exports = ["begin", "proceed"];
const rest = { firstSlot: 200, exports, pages: 3, runs: [] };
const exported = WebAssembly.Module.exports(new WebAssembly.Module(plain)).flatMap(({ name, kind }) =>
  kind === "function" ? [name] : [],
);
const sets = relaxedSupported() ? ["plain", "relaxed"] : ["plain"];

/** Numbers of seven bits a byte, of which the first says how many items a section has. */
function itemsOf(module: Uint8Array, wanted: number): number {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < module.length) {
    const id = module[at++];
    const end = number() + at;
    if (id === wanted) return number();
    at = end;
  }
  return 0;
}
const [TYPES, FUNCTIONS, DATA] = [1, 3, 11];

describe.each(sets)("of %s", (set) => {
  const module = moduleOf(set);
  test("a kernel by itself is valid, and small", () => {
    expect(exported.length).toBeGreaterThan(150);
    for (const name of exported.filter((_, index) => index % 3 === 0)) {
      const alone = shake([module], { ...rest, kernels: [name] });
      expect(WebAssembly.validate(alone), name).toBe(true);
      expect(alone.length, name).toBeLessThan(module.length / 4);
    }
  });
  test("all kernels are nearly all of the module", () => {
    const all = shake([module], { ...rest, kernels: exported });
    expect(WebAssembly.validate(all)).toBe(true);
    // Each but for what only the start of the compiler's own library would have called.
    expect(itemsOf(all, FUNCTIONS)).toBeGreaterThan(itemsOf(module, FUNCTIONS) - 3);
    expect(itemsOf(all, DATA)).toBe(itemsOf(module, DATA));
    expect(itemsOf(all, TYPES)).toBeGreaterThan(itemsOf(module, TYPES) - 3);
  });
});

test("a kernel less is a smaller module, and one that is not named cannot be reached", () => {
  const two = shake([plain], { ...rest, kernels: ["lstm", "softmax"] });
  const one = shake([plain], { ...rest, kernels: ["softmax"] });
  expect(one.length).toBeLessThan(two.length - 2000);
  expect(itemsOf(one, FUNCTIONS)).toBeLessThan(itemsOf(two, FUNCTIONS));
  expect(itemsOf(one, FUNCTIONS)).toBeLessThan(30);
  expect(shake([plain], { ...rest, kernels: [] }).length).toBeLessThan(1500);
});

test("its memory is its own, with what is put there", () => {
  const runs = [{ address: 70_000, bytes: Uint8Array.of(1, 2, 3) }];
  const module = new WebAssembly.Module(shake([plain], { ...rest, kernels: ["relu"], runs }));
  const instance = new WebAssembly.Instance(module, {});
  const { memory, ...others } = instance.exports as { memory: WebAssembly.Memory };
  expect(Object.keys(others).sort()).toEqual(exports);
  expect([...new Uint8Array(memory.buffer, 69_999, 5)]).toEqual([0, 1, 2, 3, 0]);
  expect(memory.buffer.byteLength).toBe(3 * 65_536);
  expect(() => memory.grow(1)).toThrow(RangeError);
});

test("what is no module, or lacks a kernel, is refused", () => {
  expect(() => shake([Uint8Array.of(1, 2, 3)], { ...rest, kernels: [] })).toThrow(FormatError);
  expect(() => shake([plain], { ...rest, kernels: ["nonesuch"] })).toThrow(
    new FormatError("wasm: got no function nonesuch"),
  );
  expect(() => shake([plain.subarray(0, 9)], { ...rest, kernels: [] })).toThrow(FormatError);
});
