// The suite in a worker of workerd, run by `workerd test`: prints one line of JSON.

import { conformance } from "../conformance/suite.js";
import images from "../digits/images.idx";
import labels from "../digits/labels.idx";

export const suite = {
  async test() {
    const result = await conformance({
      threads: [1, 2, 3],
      images: new Uint8Array(images),
      labels: new Uint8Array(labels),
    });
    console.log(JSON.stringify(result));
  },
};
