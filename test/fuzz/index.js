// Every reader of files on broken ones: `npm run test:fuzz`. Each runs in a thread of its own, so that one that hangs or
// takes all memory ends alone and its case is known. The cases of a seed are always the same; a failing one is written to
// build/fuzz/ and printed. `-- --seconds 600 --seed 7` goes on for so long with others, `-- safetensors keras` runs
// some readers, `-- safetensors --input file` one input.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { judge } from "./fuzz.js";
import { casesOf } from "./mutations.js";
import { readers } from "./readers.js";

const { values, positionals } = parseArgs({
  options: { seconds: { type: "string" }, seed: { type: "string" }, input: { type: "string" } },
  allowPositionals: true,
});
/** Changed inputs of each reader, where no time is asked for; and milliseconds after which a case counts as hanging. */
const CHANGES = 1000;
const HANGING = 20_000;
const seed = Number(values.seed ?? 1);
const asked = readers.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const folder = new URL("../../build/fuzz/", import.meta.url);

/** Says what failed, and how to see it again. */
function report(reader, { number, bytes, fault }) {
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${reader.name}-${seed}-${number}.bin`, folder);
  writeFileSync(file, bytes);
  const base64 = Buffer.from(bytes).toString("base64");
  console.log(`FAIL ${reader.name}: seed ${seed}, case ${number}: ${fault}`);
  console.log(`     ${base64.length > 4000 ? `${base64.slice(0, 4000)}… (all of it in the file)` : base64}`);
  console.log(`     npm run test:fuzz -- ${reader.name} --input ${fileURLToPath(file)}`);
}

function run(reader, seconds) {
  const number = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("thread.js", import.meta.url), {
    workerData: { name: reader.name, seed, changes: CHANGES, seconds, number },
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  return new Promise((resolve) => {
    let last = -2;
    const timer = setInterval(() => {
      if (number[0] === last) end(`takes more than ${HANGING / 1000} s`);
      last = number[0];
    }, HANGING);
    const end = (fault) => {
      clearInterval(timer);
      worker.terminate();
      const bytes = casesOf(reader, seed).at(number[0]);
      resolve({ count: number[0], faults: [{ number: number[0], bytes, fault }] });
    };
    worker.on("message", (result) => {
      clearInterval(timer);
      resolve(result);
    });
    worker.on("error", (error) => end(`ended the thread: ${error.stack}`));
  });
}

if (values.input) {
  const fault = await judge(asked[0], new Uint8Array(readFileSync(values.input)));
  console.log(fault ? `FAIL ${asked[0].name}: ${fault}` : `ok   ${asked[0].name}`);
  process.exit(fault ? 1 : 0);
}
let passed = 0;
let failed = 0;
for (const reader of asked) {
  if (reader.seeds.length === 0) {
    console.log(`FAIL ${reader.name}: no seed in corpus/`);
    failed++;
    continue;
  }
  const start = performance.now();
  const { count, faults } = await run(reader, values.seconds && Number(values.seconds) / asked.length);
  for (const fault of faults) report(reader, fault);
  if (faults.length === 0)
    console.log(`ok   ${reader.name}: ${count} inputs, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (faults.length === 0) passed++;
  else failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
