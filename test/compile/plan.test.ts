import fc from "fast-check";
import { expect, test } from "vitest";
import { addBarriers } from "#src/compile/barriers";
import { fuse } from "#src/compile/fuse";
import {
  ACTIVATIONS,
  accesses,
  type Instruction,
  instruction,
  MAP,
  type Place,
} from "#src/compile/instruction";
import { plan } from "#src/compile/plan";
import { verify } from "#src/compile/verify";
import { elements, read, rows, write } from "#src/graph/op";

const value = (name: string, n: number): Place => ({ name, region: ACTIVATIONS, offset: -1, bytes: n * 4 });
const input: Place = { name: "input", region: "input", offset: 0, bytes: 65_536 };
const output: Place = { name: "output", region: "output", offset: 0, bytes: 65_536 };

function map(y: Place, inputs: readonly Place[], n = y.bytes / 4): Instruction {
  const operands = inputs.map((place) => ({
    place,
    repeat: 1,
    period: place.bytes === y.bytes ? 0 : place.bytes / 4,
  }));
  const fused = [{ kernel: "op", y, inputs: operands, parameters: [0] as const }];
  return instruction(MAP, [n], { head: { place: undefined, n }, fused });
}
const call = (kernel: string, y: Place, inputs: readonly Place[]) =>
  instruction(kernel, [...inputs.map((place) => read(place)), write(y)]);

test("values that never live together share bytes", () => {
  const [a, b, c] = [value("a", 16), value("b", 32), value("c", 16)];
  const list = [call("1", a, [input]), call("2", b, [a]), call("3", c, [b]), call("4", output, [c])];
  expect(plan(list)).toBe(64 + 128);
  expect(a.offset).toBe(c.offset);
  expect(b.offset).not.toBe(a.offset);
});

test("values begin on cache lines, and large ones are kept apart", () => {
  const [a, b, c] = [value("a", 1), value("b", 1024), value("c", 1024)];
  const list = [
    call("1", a, [input]),
    call("2", b, [input]),
    call("3", c, [input]),
    call("4", output, [a, b, c]),
  ];
  const total = plan(list);
  for (const { offset } of [a, b, c]) expect(offset % 64).toBe(0);
  expect(Math.abs(b.offset - c.offset) % 4096).toBeGreaterThanOrEqual(320);
  expect(total).toBe(64 + 2 * (4096 + 320));
});

test("an elementwise result takes the place of an input that nobody needs afterwards", () => {
  const [a, b] = [value("a", 64), value("b", 64)];
  expect(plan([call("make", a, [input]), map(b, [a]), call("take", output, [b])])).toBe(256);
  expect(b.offset).toBe(a.offset);
});

test("but not of one that is read again, is broadcast, or is an operand of the same instruction", () => {
  const apart = (build: (a: Place, b: Place) => Instruction[]) => {
    const [a, b] = [value("a", 64), value("b", 64)];
    plan(build(a, b));
    return Math.abs(a.offset - b.offset) >= 256;
  };
  expect(apart((a, b) => [call("make", a, [input]), map(b, [a]), call("take", output, [a, b])])).toBe(true);
  expect(
    apart((a, b) => {
      const spread = {
        kernel: "op",
        y: b,
        inputs: [{ place: a, repeat: 2, period: 64 }],
        parameters: [0] as const,
      };
      return [
        call("make", a, [input]),
        instruction(MAP, [64], { head: { place: undefined, n: 64 }, fused: [spread] }),
        call("take", output, [b]),
      ];
    }),
  ).toBe(true);
  expect(
    apart((a, b) => {
      const c = value("c", 64);
      const head = { place: c, n: 64 };
      const product = instruction("product", [read(a), write(c)], { head, fused: [...map(b, [c, a]).fused] });
      // c would give its memory first; it is read again, and the product may still be at a.
      return [call("make", a, [input]), product, call("take", output, [b, c])];
    }),
  ).toBe(true);
});

test("nothing takes no room", () => {
  expect(plan([])).toBe(0);
  expect(plan([call("copy", output, [input])])).toBe(0);
});

/** A step of a random program: what it is, which values it reads, how large its result is. */
const step = fc.record({
  kind: fc.constantFrom("call", "rows", "map", "map", "map", "product"),
  reads: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  n: fc.constantFrom(1, 16, 16, 64, 64, 1024, 1040),
  shown: fc.boolean(),
});

function build(
  steps: readonly { kind: string; reads: readonly number[]; n: number; shown: boolean }[],
): Instruction[] {
  const values: Place[] = [input];
  const list: Instruction[] = [];
  for (const [k, { kind, reads, n, shown }] of steps.entries()) {
    const inputs = reads.map((at) => values[at % values.length]!);
    const largest = Math.max(...inputs.filter((place) => place !== input).map(({ bytes }) => bytes / 4), 1);
    const elementwise = kind === "map";
    const y = value(`v${k}`, elementwise ? Math.max(largest, n) : n);
    if (elementwise) list.push(map(y, inputs));
    else if (kind === "product") {
      list.push(
        instruction("product", [...inputs.map((place) => read(place)), write(y)], { head: { place: y, n } }),
      );
    } else if (kind === "rows") {
      list.push(
        instruction("rows", [
          ...inputs.map((place) => read(place)),
          write(y, n % 16 === 0 ? elements(n) : rows(n, 4)),
        ]),
      );
    } else list.push(call("call", y, inputs));
    values.push(y);
    if (shown) list.push(call("show", output, [y]));
  }
  return list;
}

/** Walks a planned program with one owner for each word of memory: a value that is read must still own its words. */
function expectOwned(list: readonly Instruction[], bytes: number): void {
  const owner = new Array<Place | undefined>(bytes / 4);
  for (const each of list) {
    for (const { place, reads, writes } of accesses(each)) {
      if (place.region !== ACTIVATIONS) continue;
      const [from, to] = [place.offset / 4, (place.offset + place.bytes) / 4];
      expect(to).toBeLessThanOrEqual(owner.length);
      if (reads) expect(owner.slice(from, to).every((other) => other === place)).toBe(true);
      if (writes) owner.fill(place, from, to);
    }
  }
}

test("no two values that live at once overlap, whatever the program", () => {
  let shared = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => {
      const fused = fuse(build(steps));
      const bytes = plan(fused);
      expectOwned(fused, bytes);
      const separate = fused.flatMap(accesses).reduce((all, { place }) => all.add(place), new Set<Place>());
      const needed = [...separate].reduce(
        (sum, place) => sum + (place.region === ACTIVATIONS ? Math.ceil(place.bytes / 64) * 64 : 0),
        0,
      );
      if (bytes < needed) shared++;
      const regions = new Map([
        [ACTIVATIONS, bytes],
        ["input", 65_536],
        ["output", 65_536],
      ]);
      expect(() => verify(addBarriers(fused), regions)).not.toThrow();
    }),
    { seed: 1, numRuns: 500 },
  );
  // The planner has something to do.
  expect(shared).toBeGreaterThan(100);
});
