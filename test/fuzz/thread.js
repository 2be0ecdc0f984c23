// One reader under its cases, in a thread: the number of the case under way is in shared memory, for who watches.
import { parentPort, workerData } from "node:worker_threads";
import { fuzz } from "./fuzz.js";
import { readers } from "./readers.js";

const { name, seed, changes, seconds, number } = workerData;
const reader = readers.find((each) => each.name === name);
const until = seconds === undefined ? undefined : Date.now() + seconds * 1000;
const before = (at) => {
  number[0] = at;
};
parentPort.postMessage(await fuzz(reader, { seed, changes, until, before }));
