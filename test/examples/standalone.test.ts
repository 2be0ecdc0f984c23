// The compiled digits are written by one program and read by another, which needs nothing but what was written.
import { expect, test } from "vitest";
import { numbersAfter, runExample } from "../support/example.ts";

test("standalone", async () => {
  const written = await runExample("standalone/write", 1500);
  expect(numbersAfter(written, "test accuracy ")[0]).toBeGreaterThan(70);
  const [script, weights] = numbersAfter(written, " bytes, ").concat(
    numbersAfter(written, "digits.weights "),
  );
  expect(script).toBeLessThan(8_000);
  expect(weights).toBeLessThan(110_000);
  const read = await runExample("standalone/node");
  expect(numbersAfter(read, "read ")[0]).toBeGreaterThan(700);
});
