// What the worker of in-worker.js does.
import { conformance } from "../../conformance/suite.js";

globalThis.onmessage = async ({ data }) => {
  try {
    postMessage({ result: await conformance({ threads: [1, 2, 3], ...data }) });
  } catch (error) {
    postMessage({ error });
  }
};
