// A worker of a page, played by one of Node's: loads the script that the page names, with the two names it needs.
import { parentPort, workerData } from "node:worker_threads";

globalThis.postMessage = (message) => parentPort.postMessage(message);
await import(workerData);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
