// The allocator: what it hands out is aligned, zeroed, apart from everything else, and comes back whole.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryError } from "#src/core/errors";
import { Allocator, type Block } from "#src/engine/memory";

const PAGE = 65_536;
const make = (limit = 64 * PAGE, base = 1000) => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 64 });
  return { memory, allocator: new Allocator(memory, base, limit) };
};

test("random orders of taking and giving back", () => {
  const sizes = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 3000, max: 40_000 }));
  const steps = fc.array(fc.record({ size: sizes, free: fc.option(fc.nat()) }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const { memory, allocator } = make();
      const live: { block: Block; mark: number }[] = [];
      for (const [mark, { size, free }] of list.entries()) {
        if (free !== null && live.length > 0) {
          const [gone] = live.splice(free % live.length, 1);
          allocator.free(gone!.block);
        }
        const block = allocator.allocate(size, "block");
        expect(block.address % 64).toBe(0);
        expect(block.address).toBeGreaterThanOrEqual(1000);
        expect(block.bytes).toBeGreaterThanOrEqual(size);
        expect(new Uint8Array(memory.buffer, block.address, block.bytes).every((byte) => byte === 0)).toBe(
          true,
        );
        new Uint8Array(memory.buffer, block.address, block.bytes).fill(mark + 1);
        live.push({ block, mark: mark + 1 });
      }
      for (const { block, mark } of live) {
        expect(new Uint8Array(memory.buffer, block.address, block.bytes).every((byte) => byte === mark)).toBe(
          true,
        );
      }
      expect(allocator.used).toBe(live.reduce((sum, { block }) => sum + block.bytes, 0));
      for (const { block } of live) allocator.free(block);
      expect(allocator.used).toBe(0);
      // All of it is one stretch again: the next block begins where the first one did.
      expect(allocator.allocate(30_000, "all").address).toBe(Math.ceil(1000 / 64) * 64);
    }),
    { numRuns: 60 },
  );
});

test("taking and giving back for long does not grow the memory", () => {
  const { memory, allocator } = make();
  const grown = new Set<number>();
  for (let round = 0; round < 1000; round++) {
    const blocks = [100, 5000, 70_000].map((bytes) => allocator.allocate(bytes, "block"));
    for (const at of [1, 0, 2]) allocator.free(blocks[at]!);
    grown.add(memory.buffer.byteLength);
  }
  expect(grown.size).toBe(1);
});

test("large blocks begin at different offsets of 4 KiB", () => {
  const { allocator } = make();
  const offsets = Array.from({ length: 8 }, () => allocator.allocate(4096, "vector").address % 4096);
  expect(new Set(offsets).size).toBe(8);
});

test.each([
  ["its own", 2 * PAGE],
  ["the memory's", 1000 * PAGE],
])("beyond a limit, %s, it says what is needed and what is allowed, and stays whole", (_, limit) => {
  const { allocator } = make(limit);
  const held = allocator.allocate(1000, "held");
  const attempt = () => allocator.allocate(64 * PAGE, "weights");
  expect(attempt).toThrow(MemoryError);
  try {
    attempt();
  } catch (error) {
    const { neededBytes, allowedBytes, message } = error as MemoryError;
    expect(neededBytes).toBeGreaterThanOrEqual(64 * PAGE);
    expect(allowedBytes).toBe(limit - held.bytes);
    expect(message).toBe(`weights: needs ${neededBytes} bytes, ${allowedBytes} of ${limit} are left`);
  }
  expect(allocator.used).toBe(held.bytes);
  expect(allocator.allocate(PAGE, "next").address).toBeGreaterThan(held.address);
});
