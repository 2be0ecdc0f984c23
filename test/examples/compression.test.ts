// The examples about smaller models run to their end, and on a slice of the digits already say what they say of all.
import { expect, test } from "vitest";
import { numbersAfter, rowOf, runExample } from "../support/example.ts";

const LIMIT = 120_000;

test("prune", { timeout: LIMIT }, async () => {
  const printed = await runExample("prune", 300);
  // Chance is 10, and a tenth of the weights trained on so few digits is not as good as all.
  for (const name of ["dense, 90.0 % of the weights 0", "convolutions, half of the channels"]) {
    const { before, after, wanted, measured } = rowOf(printed, name);
    expect(Number.parseFloat(before!)).toBeGreaterThan(60);
    expect(Number.parseFloat(after!)).toBeGreaterThan(Number.parseFloat(before!) - 12);
    expect(wanted).toMatch(/points lost$/);
    expect(Number.parseFloat(measured!)).toBeCloseTo(
      Number.parseFloat(before!) - Number.parseFloat(after!),
      1,
    );
  }
  expect(rowOf(printed, "300 images at once").measured).toMatch(/times as fast$/);
  const [whole] = numbersAfter(printed, "convolutions: ");
  const [half] = numbersAfter(printed, "parameters, then ");
  expect(half).toBeLessThan(0.3 * whole!);
  // Choices are made by images that neither the training nor the table has.
  expect(numbersAfter(printed, "learning rate 0.001: ")).toHaveLength(1);
  expect(numbersAfter(printed, "by l1: ")).toHaveLength(1);
});

test("distill", { timeout: LIMIT }, async () => {
  const printed = await runExample("distill", 200);
  const [teacher] = numbersAfter(printed, "teacher: ");
  expect(teacher).toBeGreaterThan(60);
  for (const temperature of [1, 2, 4])
    expect(numbersAfter(printed, `temperature ${temperature}: `)).toHaveLength(1);
  for (const name of ["seed 1", "seed 2", "seed 3", "seed 4", "seed 5", "mean of the seeds"]) {
    const { alone, taught } = rowOf(printed, name);
    for (const each of [alone, taught]) expect(Number.parseFloat(each!)).toBeGreaterThan(55);
  }
});
