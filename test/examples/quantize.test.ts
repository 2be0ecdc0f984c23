// The example about quantization runs to its end, and loses little where little has been learned.
import { expect, test } from "vitest";
import { numbersAfter, rowOf, runExample } from "../support/example.ts";

test("quantize", { timeout: 120_000 }, async () => {
  const output = await runExample("quantize", 400, 8000);
  const number = (text: string | undefined) => Number(text!.match(/[\d.]+/)![0]);
  for (const network of ["dense layers", "convolutions"]) {
    for (const how of ["int8 after training", "int8, trained for it"]) {
      const { before, after, smaller } = rowOf(output, `${network}, ${how}`);
      // Chance is 10; of 400 images four are a point.
      expect(number(before)).toBeGreaterThan(20);
      expect(number(after)).toBeGreaterThan(number(before) - 3);
      expect(number(smaller)).toBeGreaterThan(3.5);
    }
  }
  // Both networks choose by the images held out how ranges are found.
  for (const method of ["minMax", "percentile", "entropy"])
    expect(numbersAfter(output, `ranges by ${method}: `)).toHaveLength(2);
  for (const [weights, most] of [
    ["int8", 1.01],
    ["int4", 1.03],
  ] as const) {
    const { before, after, smaller } = rowOf(output, `transformer, ${weights} weights`);
    expect(number(after)).toBeLessThan(most * number(before));
    expect(number(smaller)).toBeGreaterThan(3.5);
  }
});
