// The process that holds one system: reads a request a line from standard input, answers a line on descriptor 3
// (a library may print on standard output). Its only arguments are the system's file and options.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Unable } from "./systems.js";
import { mlpBatch, mlpLayers } from "./workload.js";

// A clock reading costs about 0.1 µs, an awaited call about as much: samples of 2 ms make both vanish.
const SAMPLE_MS = 2;
const WARM_MS = 500;
const CHECK_MS = 5000;

const [file = "", optionsText = "{}"] = process.argv.slice(2);
const now = () => performance.now();
const load = async () => (await import(file)).open(JSON.parse(optionsText));

let system;
let current;
let unitsPerSample = 1;

const describe = ({ version, threads, instructionSet }) => ({ version, threads, instructionSet });

/** The numbers by which the driver judges the results: the first unit's and the last's. */
async function prove(units) {
  const first = await current.run(1);
  let last = first;
  let done = 1;
  for (const end = now() + CHECK_MS; done < units && now() < end; done++) last = await current.run(1);
  return { first, last, done };
}

/** Until the engine's optimizing tier has surely taken over; also finds how many units make a sample. */
async function warm() {
  let count = 1;
  for (const end = now() + WARM_MS; ; ) {
    const start = now();
    await current.run(count);
    const ms = now() - start;
    unitsPerSample = Math.max(1, Math.ceil((SAMPLE_MS * count) / ms));
    if (now() > end) return;
    count = Math.min(unitsPerSample, 2 * count);
  }
}

const handlers = {
  async load() {
    system = await load();
    return { ...describe(system), suites: Object.keys(system.suites) };
  },
  async open(request) {
    current = await system.suites[request.suite](request.case);
    const proof = await prove(request.checkUnits);
    await warm();
    return { ...proof, note: current.note, flops: current.flops, bytes: current.bytes };
  },
  async measure({ budgetMs }) {
    const samples = [];
    const end = now() + budgetMs;
    do {
      const start = now();
      await current.run(unitsPerSample);
      samples.push((now() - start) / unitsPerSample);
    } while (now() < end);
    return { samples };
  },
  async close() {
    await current?.close?.();
    current = undefined;
    return {};
  },
  async start(request) {
    // Kept from here on: what follows times the system, not the making of its numbers.
    mlpBatch(request.case);
    mlpLayers(request.case);
    const start = now();
    system = await load();
    current = await system.suites.steps(request.case);
    await current.run(1);
    return { samples: [now() - start], ...describe(system) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = await handlers[request.do](request);
  } catch (error) {
    answer = { [error instanceof Unable ? "unable" : "failed"]: error.message };
  }
  writeSync(3, `${JSON.stringify(answer)}\n`);
}
process.exit(0); // some libraries leave threads behind
