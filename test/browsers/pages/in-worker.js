// The suite in a dedicated worker of the page.
import { digits, tell } from "./digits.js";

export const task = async () => {
  const worker = new Worker("suite-worker.js", { type: "module" });
  const told = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if ("stage" in data) tell(data.stage);
      else if ("result" in data) resolve(data.result);
      else reject(data.error);
    };
    worker.onmessageerror = () => reject(new Error("its message cannot be read"));
    worker.onerror = ({ message }) => reject(new Error(message ?? "its script could not be loaded"));
  });
  worker.postMessage(await digits());
  return told;
};
