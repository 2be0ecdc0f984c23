// The examples about images run to their end, and on a few hundred images already learn something.
import { describe, expect, test } from "vitest";
import { numbersAfter, runExample } from "../support/example.ts";

/** Losses of all epochs, none missing: a number that is not finite would not parse. */
function losses(output: string, epochs: number): number[] {
  const found = numbersAfter(output, "loss ");
  expect(found, output).toHaveLength(epochs);
  for (const loss of found) expect(loss).toBeGreaterThan(0);
  return found;
}

describe("examples about images", () => {
  test("cnn", async () => {
    const output = await runExample("cnn", 1000);
    const found = losses(output, 6);
    expect(found.at(-1)).toBeLessThan(0.5 * found[0]!);
    // Chance is 10.
    expect(numbersAfter(output, "test accuracy ")[0]).toBeGreaterThan(70);
  });

  test("resnet", async () => {
    const output = await runExample("resnet", 640);
    const found = losses(output, 6);
    expect(found.at(-1)).toBeLessThan(0.5 * found[0]!);
    expect(numbersAfter(output, "test accuracy ")[0]).toBeGreaterThan(50);
  });

  test("autoencoder", async () => {
    const output = await runExample("autoencoder", 1000);
    losses(output, 4);
    // Black alone gives 0.11, for that is the mean square of a digit's image.
    expect(numbersAfter(output, "mean squared error ")[0]).toBeLessThan(0.08);
    // Both pictures, and the noise is gone from most of the second: 12 lines each.
    const [seen, made] = [output.split("\n").slice(-25, -13), output.split("\n").slice(-13, -1)];
    const ink = (lines: readonly string[]) => lines.join("").replaceAll(" ", "").length;
    expect(ink(made)).toBeLessThan(ink(seen));
    expect(ink(made)).toBeGreaterThan(0);
  });
});
