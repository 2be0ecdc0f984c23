// What the worker of in-worker.js does.
import { conformance } from "../../conformance/suite.js";

globalThis.onmessage = async ({ data }) => {
  try {
    const tell = (stage) => postMessage({ stage });
    postMessage({ result: await conformance({ threads: [1, 2, 3], tell, ...data }) });
  } catch (error) {
    // An error may hold what no message can: then the page would wait for ever.
    const { name, message, stack } = error ?? {};
    postMessage({ error: { name, message, stack } });
  }
};
