// The examples of text and tables, as a reader runs them, on a slice of their data: they end, and learn something.
import { expect, test } from "vitest";
import { numbersAfter, runExample } from "../support/example.ts";

const LIMIT = 60_000;

test("text tells spam from mail", { timeout: LIMIT }, async () => {
  const printed = await runExample("text", 600);
  const [accuracy] = numbersAfter(printed, "held out: accuracy");
  // Seven in ten are no spam.
  expect(accuracy).toBeGreaterThan(80);
  for (const label of ["precision", "recall"]) expect(numbersAfter(printed, label)[0]).toBeGreaterThan(50);
});

test("char-lm writes", { timeout: LIMIT }, async () => {
  const printed = await runExample("char-lm", 20_000);
  const [loss] = numbersAfter(printed, "held out:");
  const [counted] = numbersAfter(printed, "3 characters in a row:");
  // What knows of each character no more than how often it occurs has 3.08 on the whole book.
  expect(loss).toBeLessThan(2.9);
  expect(counted).toBeGreaterThan(1.5);
  expect(counted).toBeLessThan(2.9);
  const written = printed.slice(printed.indexOf("Call me Ishmael. ")).trim();
  expect(written.length).toBeGreaterThan(300);
});

test("tabular is no worse than its neighbour", { timeout: LIMIT }, async () => {
  const printed = await runExample("tabular", 10);
  const [explained] = numbersAfter(printed, "regression: rSquared");
  const [found] = numbersAfter(printed, "classification: accuracy");
  const neighbours = numbersAfter(printed, "scikit-learn").slice(-2);
  expect(neighbours).toEqual([0.161, 0.513]);
  // Means of ten spread by 0.01 and 0.006 from one run to another. The mean wage explains nothing; three in ten have the most frequent occupation.
  expect(explained).toBeGreaterThan(0.08);
  expect(found).toBeGreaterThan(0.46);
});
