// The examples about smaller models run to their end, and on a slice of the digits already say what they say of all.
import { expect, test } from "vitest";
import { numbersAfter, runExample } from "../support/example.ts";

const LIMIT = 120_000;

test("prune", { timeout: LIMIT }, async () => {
  const printed = await runExample("prune", 300);
  const [before] = numbersAfter(printed, "dense: ");
  const [zeros] = numbersAfter(printed, "; with ");
  const [after] = numbersAfter(printed, "weights 0: ");
  expect(zeros).toBe(90);
  // Chance is 10, and a tenth of the weights trained on so few digits is not as good as all.
  expect(before).toBeGreaterThan(60);
  expect(after).toBeGreaterThan(before! - 12);
  const [whole] = numbersAfter(printed, "convolutions: ");
  const [half] = numbersAfter(printed, "half of the channels: ");
  expect(whole).toBeGreaterThan(60);
  expect(half).toBeGreaterThan(whole! - 12);
  const counts = numbersAfter(printed, "% with ");
  expect(counts[1]).toBeLessThan(0.3 * counts[0]!);
});

test("distill", { timeout: LIMIT }, async () => {
  const printed = await runExample("distill", 200);
  const [teacher] = numbersAfter(printed, "teacher: ");
  expect(teacher).toBeGreaterThan(60);
  const alone = numbersAfter(printed, "alone ");
  const taught = numbersAfter(printed, "taught ");
  // Five seeds, then their means.
  expect(alone.length).toBe(6);
  expect(taught.length).toBe(6);
  for (const each of [...alone, ...taught]) expect(each).toBeGreaterThan(60);
});
