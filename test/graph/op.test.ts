import { expect, expectTypeOf, test } from "vitest";
import {
  type Buffer,
  defineOp,
  elements,
  float,
  nothing,
  type Op,
  read,
  rows,
  scratch,
  single,
  update,
  write,
} from "#src/graph/op";

test("an op without a gradient does not compile", () => {
  const parts = { name: "op", shape: () => ({ shape: [], dtype: "f32" as const }), emit: () => {} };
  // @ts-expect-error: "none" has to be written
  defineOp(parts);
  // @ts-expect-error: undefined is not "none"
  defineOp({ ...parts, gradient: undefined });
  expectTypeOf(defineOp({ ...parts, gradient: "none" })).toEqualTypeOf<Op<undefined>>();
  expectTypeOf<Op<number>["gradient"]>().not.toEqualTypeOf<undefined>();
});

test("operands say what they are", () => {
  const buffer: Buffer = { name: "x", bytes: 40 };
  expect(float(1.5)).toEqual({ kind: "float", value: 1.5 });
  expect(nothing).toEqual({ kind: "null" });
  expect(scratch(64)).toEqual({ kind: "scratch", bytes: 64 });
  const whole = { kind: "address", buffer, offset: 0, bytes: 40 };
  expect(read(buffer)).toEqual({ ...whole, mode: "read", cut: undefined });
  expect(write(buffer, rows(5, 8))).toEqual({ ...whole, mode: "write", cut: { units: 5, unitBytes: 8 } });
  expect(update(buffer, single)).toEqual({ ...whole, mode: "update", cut: { units: 1, unitBytes: 0 } });
});

test("elements are shared by whole cache lines", () => {
  expect([1, 16, 17, 33].map((n) => elements(n).units)).toEqual([1, 1, 2, 3]);
  expect(elements(17).unitBytes).toBe(64);
});
