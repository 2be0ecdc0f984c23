// What is looked at in one browser, and what is wanted there.
import { readHashes } from "../conformance/table.js";
import { visit } from "./browsers.js";
import { ISOLATED, STRICT } from "./server.js";

const policy = (text) => ({ "Content-Security-Policy": text });
const strict = { headers: policy(STRICT) };
const isolated = { headers: { ...ISOLATED, ...policy(STRICT) } };
/** A task that keeps the page from anything else for longer is felt. */
const FELT = 50;
const ROUNDS = 3;

const page = { threads: false, sync: false, files: false, fast: "relaxed", wide: false };
const SUITES = [
  { name: "", task: "conformance", site: strict, abilities: page },
  { name: ", isolated", task: "conformance", site: isolated, abilities: { ...page, threads: true } },
  {
    name: ", isolated, in a worker",
    task: "in-worker",
    site: isolated,
    abilities: { ...page, threads: true },
  },
];

/**
 * Whether training leaves the page's thread alone: no task keeps it for more than 50 ms. The clock must not decide, for
 * another program on the machine can stretch any task. Chromium tells for how long its tasks had the processor, and that
 * counts. In Firefox the time between two turns of a timer has to do, and on a busy machine the 50 ms are stretched as
 * work of 20 ms is while nothing trains. In both a page is loaded anew up to three times, cold each time, and one good
 * round is enough: what the library itself does for too long it does each time.
 */
async function calm(browser, folder, site, traced) {
  const rounds = [];
  const isGood = ({ processor, longest, idle }) =>
    traced ? processor <= FELT : longest <= FELT * Math.max(1, idle / 20);
  while (rounds.length < ROUNDS) {
    const { result, tasks, error } = await visit(browser, folder, site, "calm", { traced });
    if (error) return [{ part: "calm", what: error, good: false }];
    const round = Object.entries(result).map(([name, each]) => ({ ...each, name, processor: tasks?.[name] }));
    rounds.push(round);
    if (round.every(isGood)) break;
  }
  return rounds[0].map(({ name }, at) => {
    const of = rounds.map((round) => round[at]);
    const told = of.map(
      ({ processor, longest, idle, milliseconds, outcome }) =>
        `${outcome.threads} threads, ${outcome.steps} steps in ${milliseconds.toFixed(0)} ms, longest task ${processor?.toFixed(1) ?? "–"} ms of the processor, longest turn ${longest.toFixed(0)} ms (of work of 20 ms ${idle.toFixed(0)} ms)`,
    );
    const what = `${name}: ${told.join("; ")}`;
    console.log(`calm, ${what}`);
    return { part: "calm", what, good: of.some(isGood) };
  });
}

const wanted = (part, got, want) => ({
  part,
  what: `${JSON.stringify(got)}, wanted ${JSON.stringify(want)}`,
  good: JSON.stringify(got) === JSON.stringify(want),
});

/** Surroundings that lack something, and what must come of it: a typed error, or one thread with the same bits. */
async function refusals(browser, folder) {
  const { weights } = readHashes().mlp;
  const alone = { auto: { threads: 1, weights }, two: { error: "EngineError" } };
  const CASES = [
    [
      "no wasm-unsafe-eval",
      { headers: policy(STRICT.replace(" 'wasm-unsafe-eval'", "")) },
      { auto: { error: "EngineError" }, two: { error: "EngineError" } },
    ],
    ["no isolation", strict, alone],
    [
      "workers forbidden",
      { headers: { ...ISOLATED, ...policy(STRICT.replace("worker-src 'self'", "worker-src 'none'")) } },
      alone,
    ],
    ["worker script missing", { ...isolated, missing: /worker\.js$/ }, alone],
  ];
  const checks = [];
  for (const [part, site, want] of CASES) {
    const { result, error } = await visit(browser, folder, site, "refusals");
    checks.push(wanted(part, result ?? error, want));
  }
  const slim = {
    before: "EngineError",
    missing: "EngineError",
    page: "EngineError",
    url: "plain",
    response: "plain",
    after: 1,
  };
  for (const [part, site] of [
    ["slim", strict],
    ["slim, wasm as text", { ...strict, types: { ".wasm": "text/plain" } }],
  ]) {
    const { result, error } = await visit(browser, folder, site, "slim");
    checks.push(wanted(part, result ?? error, slim));
  }
  const poor = { vectors: "EngineError", little: weights };
  for (const [part, site, want] of [
    ["poor", strict, { ...poor, none: "MemoryError" }],
    ["poor, isolated", isolated, poor],
  ]) {
    const { result, error } = await visit(browser, folder, site, "poor");
    checks.push(wanted(part, result ?? error, want));
  }
  return checks;
}

/** Everything, in one browser: outcomes for the report, each with what its name adds to the browser's. */
export async function examine(browser, folder, { traces }) {
  const outcomes = [];
  for (const { name, task, site, abilities } of SUITES) {
    const began = performance.now();
    const told = await visit(browser, folder, site, task);
    console.log(`suite${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    const checks = task === "conformance" ? await calm(browser, folder, site, traces) : [];
    outcomes.push({ name, abilities, ...told, checks });
  }
  outcomes[0].checks.push(...(await refusals(browser, folder)));
  return outcomes;
}
