// The example about quantization runs to its end, and loses little where little has been learned.
import { expect, test } from "vitest";
import { numbersAfter, runExample } from "../support/example.ts";

test("quantize", async () => {
  const output = await runExample("quantize", 400, 8000);
  const [dense, convolutions] = numbersAfter(output, "floats: ");
  for (const [k, floats] of [dense!, convolutions!].entries()) {
    // Chance is 10; of 400 images four are a point.
    expect(floats).toBeGreaterThan(20);
    expect(numbersAfter(output, "after training: ")[k]).toBeGreaterThan(floats - 3);
    expect(numbersAfter(output, "trained for it: ")[k]).toBeGreaterThan(floats - 3);
  }
  const smaller = [...output.matchAll(/([\d.]+) times smaller/g)].map(([, times]) => Number(times));
  expect(smaller).toHaveLength(6);
  for (const times of smaller) expect(times).toBeGreaterThan(3.5);
  const [before] = numbersAfter(output, "floats: perplexity ");
  expect(numbersAfter(output, "int8 weights: perplexity ")[0]).toBeLessThan(1.01 * before!);
  expect(numbersAfter(output, "int4 weights: perplexity ")[0]).toBeLessThan(1.03 * before!);
});
