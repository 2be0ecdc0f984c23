// Programs made by hand, each breaking one rule.
import { describe, expect, test } from "vitest";
import {
  ACTIVATIONS,
  BARRIER,
  type Elementwise,
  type Instruction,
  instruction,
  MAP,
  type Place,
  type Update,
} from "#src/compile/instruction";
import { verify } from "#src/compile/verify";
import { VerifyError } from "#src/core/errors";
import { elements, read, rows, single, update, write } from "#src/graph/op";

const REGIONS = new Map([
  [ACTIVATIONS, 1024],
  ["input", 256],
  ["output", 256],
]);
const place = (name: string, offset: number, bytes = 256, region = ACTIVATIONS): Place => ({
  name,
  region,
  offset,
  bytes,
});
const input = place("input", 0, 256, "input");
const output = place("output", 0, 256, "output");
const barrier = instruction(BARRIER, []);

/** The elementwise instruction y = kernel(inputs). */
const each = (y: Place, ...inputs: Place[]): Elementwise => ({
  kernel: "op",
  y,
  inputs: inputs.map((from) => ({ place: from, repeat: 1, period: 0 })),
  parameters: [0],
});
const map = (fused: Elementwise[], rest: Partial<Instruction> = {}): Instruction =>
  instruction(MAP, [64], { head: { place: undefined, n: 64 }, fused, ...rest });

function refuses(problem: string, list: readonly Instruction[]): void {
  test(problem, () => {
    expect(() => verify(list, REGIONS)).toThrow(VerifyError);
    expect(() => verify(list, REGIONS)).toThrow(problem);
  });
}

describe("accepts", () => {
  const [x, y] = [place("x", 0), place("y", 256)];
  test.each([
    ["an empty program", []],
    ["what is read after it was written", [map([each(x, input)]), map([each(output, x)])]],
    ["a value in place of another", [map([each(x, input)]), map([each({ ...x, name: "y" }, x)])]],
    ["values inside a group", [map([each(x, input), each(output, x)], { locals: new Map([[x, 0]]) })]],
    [
      "what other threads wrote, behind a barrier",
      [instruction("make", [write(y)]), barrier, instruction("take", [read(y), write(output)])],
    ],
    [
      "what one thread writes and takes",
      [instruction("make", [write(y, single)]), instruction("take", [read(y, single)])],
    ],
    [
      "threads that share rows alike",
      [instruction("make", [write(y, rows(8, 32))]), instruction("take", [read(y, rows(8, 32))])],
    ],
    ["two readers", [instruction("a", [read(input)]), instruction("b", [read(input)])]],
  ] satisfies [string, Instruction[]][])("%s", (_, list) => {
    expect(() => verify(list, REGIONS)).not.toThrow();
  });
});

describe("refuses", () => {
  const x = place("x", 0);
  refuses("instruction 0, wide: has 15 operands, at most 14 fit", [
    instruction("wide", new Array(15).fill(1)),
  ]);
  refuses("instruction 0, map: is empty", [map([])]);
  refuses("instruction 0, plain: cannot take up elementwise instructions", [
    instruction("plain", [], { fused: [each(output, input)] }),
  ]);
  refuses("instruction 0, map: op reads x before it is made", [
    map([each(output, x), each(x, input)], { locals: new Map([[x, 0]]) }),
  ]);
  refuses("instruction 0, map: op broadcasts x, which its own group makes", [
    map([each(x, input), { ...each(output), inputs: [{ place: x, repeat: 1, period: 8 }] }]),
  ]);
  const product = {
    head: { place: x, n: 64 },
    fused: [{ ...each(output), inputs: [{ place: x, repeat: 8, period: 8 }] }],
  };
  refuses("instruction 0, product: op broadcasts x, which its own group makes", [
    instruction("product", [write(x)], product),
  ]);
  refuses("instruction 0, make: x [900, 1156) leaves activations of 1024 bytes", [
    instruction("make", [write(place("x", 900))]),
  ]);
  refuses("instruction 0, make: x [-64, 192) leaves activations of 1024 bytes", [
    instruction("make", [write(place("x", -64))]),
  ]);
  refuses("instruction 0, make: x [0, 4) leaves elsewhere of 0 bytes", [
    instruction("make", [write(place("x", 0, 4, "elsewhere"))]),
  ]);
  refuses("instruction 0, map: x [192, 448) leaves output of 256 bytes", [
    map([each(place("x", 192, 256, "output"), input)]),
  ]);
  refuses("instruction 0, make: x begins at byte 2, not on a word", [
    instruction("make", [write(place("x", 2, 8, "output"))]),
  ]);
  refuses("instruction 0, make: x begins at byte 32, not on a cache line", [
    instruction("make", [write(place("x", 32, 8))]),
  ]);
  refuses("instruction 0, take: reads x, which nothing has written or something has overwritten", [
    instruction("take", [read(x)]),
  ]);
  refuses("instruction 0, take: reads x, which nothing", [instruction("take", [update(x)])]);
  refuses("instruction 4, take: reads x, which nothing has written or something has overwritten", [
    instruction("make", [write(x)]),
    barrier,
    instruction("make", [write(place("y", 192))]),
    barrier,
    instruction("take", [read(x)]),
  ]);
  refuses("instruction 0, map: x overwrites y, which its group takes in another order", [
    map([each(x, input), each(place("y", 64), input), each(output, x)]),
  ]);
  const slopes = place("slopes", 256);
  /** Changes θ, the output, by a gradient that its group makes. */
  const change = (...inputs: Update["inputs"]): Update => ({
    kernel: "change",
    y: output,
    inputs: [...[slopes, output].map((each) => ({ place: each, repeat: 1, period: 0 })), ...inputs],
    update: { gradients: slopes, hyper: input, states: [] },
  });
  const trains = (operand: Place, pass: Update, passing: boolean, locals: Place[] = []) =>
    instruction("product", [read(operand), write(slopes)], {
      head: { place: slopes, n: 64, passing },
      fused: [pass],
      locals: new Map(locals.map((place) => [place, 0])),
    });
  test("but an update may change what its own group takes element by element", () => {
    expect(() => verify([trains(input, change(), true, [slopes])], REGIONS)).not.toThrow();
  });
  refuses("instruction 0, product: output overwrites output, which its head is still at", [
    trains(output, change(), true),
  ]);
  refuses("instruction 0, product: output overwrites output, which its group takes in another order", [
    trains(input, change({ place: output, repeat: 1, period: 8 }), true),
  ]);
  refuses("instruction 0, product: keeps slopes in scratch, which it must write to memory", [
    trains(input, change(), false, [slopes]),
  ]);
  const [result, operand] = [place("result", 256), place("operand", 512)];
  const headed = (y: Place) =>
    instruction("product", [read(operand), write(result)], {
      head: { place: result, n: 64 },
      fused: [each(y, result)],
    });
  const made = instruction("make", [write(operand)]);
  refuses("instruction 2, product: y overwrites operand, which its head is still at", [
    made,
    barrier,
    headed(place("y", 512)),
  ]);
  refuses("instruction 2, product: y overwrites result, which its head is still at", [
    made,
    barrier,
    headed(place("y", 192)),
  ]);
  test("but a group may write over its head's result in place", () => {
    expect(() => verify([made, barrier, headed(place("y", 256))], REGIONS)).not.toThrow();
  });
  const race = (problem: string, first: Instruction, second: Instruction) =>
    refuses(`instruction 1, second: ${problem}`, [first, { ...second, kernel: "second" }]);
  race("x races with x: no barrier between", instruction("make", [write(x)]), instruction("take", [read(x)]));
  race(
    "output races with output: no barrier between",
    instruction("make", [write(output)]),
    instruction("make", [write(output)]),
  );
  race(
    "input races with input: no barrier between",
    instruction("take", [read(input)]),
    instruction("make", [write(input)]),
  );
  race(
    "x races with x: no barrier between",
    instruction("make", [write(x, elements(64))]),
    instruction("take", [read(x, rows(8, 32))]),
  );
  race(
    "x races with x: no barrier between",
    instruction("make", [write(x, rows(8, 32))]),
    instruction("take", [read(x, single)]),
  );
  race(
    "output races with output: no barrier between",
    instruction("make", [write(output, rows(4, 64))]),
    instruction("take", [read(output, rows(3, 64))]),
  );
  const part = place("part", 64, 128, "output");
  race(
    "part races with output: no barrier between",
    instruction("make", [write(output, rows(4, 64))]),
    instruction("take", [read(part, rows(4, 64))]),
  );
  race(
    "output races with output: no barrier between",
    instruction("make", [write(output, rows(4, 64))]),
    instruction("take", [read(output, rows(4, 32))]),
  );
});
