// What a page has to load stays small.
import { expect, test } from "vitest";
import { scriptSize, wasmSizes } from "../scripts/sizes.js";

test("there are two instruction sets in two kinds of memory", () => {
  expect([...wasmSizes().keys()].sort()).toEqual(["plain", "plain-shared", "relaxed", "relaxed-shared"]);
});

test.each([...wasmSizes()])("%s takes at most 100 kB: %i bytes", (_, bytes) => {
  expect(bytes).toBeLessThanOrEqual(100_000);
});

test("the core takes at most 40 kB, minified and zipped, datasets included", async () => {
  expect(await scriptSize()).toBeLessThanOrEqual(40_000);
});

test("the minimizers take at most 10 kB by themselves", async () => {
  expect(await scriptSize("minimize/index.js")).toBeLessThanOrEqual(10_000);
});
