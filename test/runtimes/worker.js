// The suite in a worker of workerd, run by `workerd test`: prints one line of JSON.

import images from "./images.idx";
import labels from "./labels.idx";
import { conformance } from "./suite.js";

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
