// The suite in a dedicated worker of the page.
import { digits } from "./digits.js";

export const task = async () => {
  const worker = new Worker("suite-worker.js", { type: "module" });
  const told = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ("result" in data ? resolve(data.result) : reject(data.error));
    worker.onerror = ({ message }) => reject(new Error(message ?? "its script could not be loaded"));
  });
  worker.postMessage(await digits());
  return told;
};
