// The worker of examples/edge in workerd, over HTTP, from the packed package: `npm run test:edge`. It learns from digits,
// survives what is wrong, stays within the memory that it may have, and gives weights that Node predicts with to the bit.
// Then the program file of examples/replay, in Node and in workerd.
import { join } from "node:path";
import { createEngineSync, dense, sequential, softmax } from "downhill";
import { mnist } from "downhill/data";
import { folder, install, remove, run } from "./project.js";
import { Server } from "./server.js";

/** Most bytes of the process's own memory: the runtime's heap, the isolate's, WebAssembly's memory. */
const MEMORY = 96 * 2 ** 20;
const LEARN = 600;
const HELD_OUT = 200;

let passed = 0;
const failures = [];
function check(what, good, got) {
  if (good) passed++;
  else failures.push(`${what}: got ${typeof got === "string" ? got : JSON.stringify(got)}`);
  console.log(`${good ? "ok    " : "FAILED"}  ${what}`);
}

const digits = await mnist();
const digit = (data, i) => ({
  pixels: [...data.inputs.values.subarray(i * 784, (i + 1) * 784)],
  label: data.labels.values[i],
});
const post = (value) => ({ method: "POST", body: typeof value === "string" ? value : JSON.stringify(value) });
const accuracyOf = async (server) => {
  let right = 0;
  for (let i = 0; i < HELD_OUT; i++) {
    const { pixels, label } = digit(digits.test, i);
    right += Number((await server.json("/predict", post({ pixels }))).class === label);
  }
  return right / HELD_OUT;
};

async function learns(server) {
  const before = await accuracyOf(server);
  const start = server.cpu();
  for (let i = 0; i < LEARN; i++) await server.json("/learn", post(digit(digits.train, i)));
  const learning = server.cpu() - start;
  const after = await accuracyOf(server);
  const predicting = server.cpu() - start - learning;
  const status = await server.json("/status");
  console.log(
    `accuracy of ${HELD_OUT} held-out digits ${before} → ${after} after ${LEARN}; before learning from each ` +
      `${status.accuracy.toFixed(3)}; CPU, with HTTP and JSON: ${(learning / LEARN).toFixed(2)} ms a digit learned, ` +
      `${(predicting / HELD_OUT).toFixed(2)} ms a digit read`,
  );
  check("untrained, it guesses", before < 0.3, before);
  check("what it learns holds for digits that it has not seen", after > 0.7, after);
  check("it counts what it has seen", status.seen === LEARN, status);
  check("its running accuracy is between", status.accuracy > 0.4 && status.accuracy < after, status);
  const batch = [0, 1, 2].map((i) => digit(digits.train, LEARN + i));
  const answer = await server.json("/learn", post(batch));
  check("several digits at once", answer.learned?.length === 3 && answer.seen === LEARN + 3, answer);
}

function otherWeights() {
  const model = sequential({ input: [2] }, dense(1));
  model.initializeSync({ engine: createEngineSync({ numerics: "exact" }) });
  return model.toBytes();
}

async function refuses(server) {
  const { pixels, label } = digit(digits.test, 0);
  const before = Buffer.from(await server.bytes("/weights"));
  const cases = [
    ["nothing", "/learn", post(""), 400, "body: got nothing, wanted JSON"],
    ["no JSON", "/learn", post("{"), 400, "body: got what is no JSON, wanted JSON"],
    ["null", "/learn", post("null"), 400, "digit 0: got null, wanted an object with pixels"],
    ["no digits", "/learn", post([]), 400, "digits: got 0, wanted 1 to 32"],
    ["too many digits", "/learn", post(Array(33).fill(0)), 400, "digits: got 33, wanted 1 to 32"],
    ["no pixels", "/predict", post({}), 400, "digit: pixels: got nothing, wanted a list of 784"],
    [
      "a pixel short",
      "/predict",
      post({ pixels: pixels.slice(1) }),
      400,
      "digit: pixels: got a list of 783, wanted a list of 784",
    ],
    [
      "a pixel too bright",
      "/predict",
      post({ pixels: pixels.with(5, 256) }),
      400,
      "digit: pixel 5: got 256, wanted an integer from 0 to 255",
    ],
    [
      "a pixel that is none",
      "/predict",
      post({ pixels: pixels.with(783, "1") }),
      400,
      'digit: pixel 783: got "1", wanted an integer from 0 to 255',
    ],
    [
      "no label",
      "/learn",
      post({ pixels }),
      400,
      "digit 0: label: got nothing, wanted an integer from 0 to 9",
    ],
    [
      "a wrong one behind a good one",
      "/learn",
      post([
        { pixels, label },
        { pixels, label: 10 },
      ]),
      400,
      "digit 1: label: got 10, wanted an integer from 0 to 9",
    ],
    [
      "too long a body",
      "/learn",
      post(" ".repeat(300_000)),
      413,
      "body: got more than 262144 bytes, wanted up to 262144",
    ],
    [
      "no such path",
      "/train",
      post(""),
      404,
      "path: got /train, wanted one of /learn, /predict, /weights, /status",
    ],
    ["a path of every object", "/constructor", post(""), 404, /^path: got/],
    ["a wrong method", "/learn", {}, 405, "method: got GET, wanted POST"],
    ["weights that are none", "/weights", { method: "PUT", body: "weights" }, 400, /^safetensors: /],
    [
      "weights of another network",
      "/weights",
      { method: "PUT", body: otherWeights() },
      400,
      /^parameters: dense\.weight: got \[2, 1\]/,
    ],
  ];
  for (const [what, path, request, status, message] of cases) {
    const response = await server.fetch(path, request);
    const { error } = await response.json();
    const said = message instanceof RegExp ? message.test(error) : error === message;
    check(`refused: ${what}`, response.status === status && said, `${response.status} ${error}`);
  }
  const after = Buffer.from(await server.bytes("/weights"));
  check("what is refused changes nothing", after.equals(before), "other weights");
}

async function givesWeights(server) {
  const bytes = await server.bytes("/weights");
  const engine = createEngineSync({ numerics: "exact" });
  const model = sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
  const probabilitiesOf = sequential({ input: [10] }, (x) => softmax(x));
  model.fromBytes(bytes);
  let same = 0;
  for (let i = 0; i < 20; i++) {
    const { pixels } = digit(digits.test, i);
    const scores = model.predictSync(
      Float32Array.from(pixels, (byte) => byte / 255),
      { engine },
    );
    const here = [...probabilitiesOf.predictSync(scores, { engine })];
    const { probabilities } = await server.json("/predict", post({ pixels }));
    same += Number(probabilities.every((each, k) => Object.is(each, here[k])));
  }
  check("its weights predict in Node what they predict there, to the bit", same === 20, `${same} of 20`);

  const another = await Server.start(workerd);
  await another.fetch("/weights", { method: "PUT", body: bytes });
  const [a, b] = await Promise.all(
    [server, another].map((each) => each.json("/predict", post({ pixels: digit(digits.test, 3).pixels }))),
  );
  check("another isolate goes on with them", JSON.stringify(a) === JSON.stringify(b), [a, b]);
  await another.stop();
}

/** Both hosts run the loop of examples/replay. */
function replays() {
  const cwd = join(folder, "replay");
  run(process.execPath, ["write.js"], cwd);
  const line = (text) => text.match(/read \d+ of \d+ digits right; loss \S+ → \S+;/)?.[0];
  const node = run(process.execPath, ["node.js"], cwd);
  const worker = run(workerd, ["test", "config.capnp"], cwd);
  for (const [name, text] of [
    ["Node", node],
    ["workerd", worker],
  ])
    console.log(`${name}: ${text.match(/read.*a second/g)?.at(-1)}`);
  check(
    "a program file replays in Node and in workerd to the same bits",
    line(node) && line(node) === line(worker),
    node + worker,
  );
}

let workerd;
try {
  workerd = install();
  const server = await Server.start(workerd);
  const cold = performance.now();
  await server.json("/predict", post({ pixels: digit(digits.test, 0).pixels }));
  console.log(
    `bundling and starting ${server.started.toFixed(0)} ms; the first prediction ${(performance.now() - cold).toFixed(0)} ms after that`,
  );
  await learns(server);
  await refuses(server);
  await givesWeights(server);
  const { memory } = await server.json("/status");
  const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  console.log(
    `memory: at most ${megabytes(server.peak)} of its own, ${megabytes(server.idle)} before the first request; with ` +
      `the runtime's code ${megabytes(server.whole)}; WebAssembly's ${megabytes(memory.peak)}, ${memory.used} bytes in use`,
  );
  check("memory stays below 96 MB", server.peak > memory.peak && server.peak < MEMORY, server.peak);
  check("the worker lives on", server.alive, "an end");
  await server.stop();
  replays();
} finally {
  remove();
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
