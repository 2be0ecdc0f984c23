// How long the page's thread is kept from other things while a training runs, cold as a visitor finds it: the longest
// time between two turns of a timer, and the tasks that the browser itself calls long. The same is measured while
// nothing trains but work of twenty milliseconds is done again and again, for a busy machine stretches that too.
import { adam, createEngine, dense, sequential, softmaxCrossEntropy, train } from "downhill";
import { dataset, mnistFromBytes } from "downhill/data";
import { MODELS, trainingOf } from "../../conformance/models.js";
import { digits } from "./digits.js";

const breathe = () => new Promise((resolve) => setTimeout(resolve));

/** Works while a timer runs; answers with the longest time between two turns of it. */
async function watch(work) {
  const long = [];
  const note = (list) => {
    for (const entry of list.getEntries()) long.push({ from: entry.startTime, for: entry.duration });
  };
  const observer = PerformanceObserver.supportedEntryTypes.includes("longtask")
    ? new PerformanceObserver(note)
    : undefined;
  observer?.observe({ entryTypes: ["longtask"] });
  await breathe();
  const began = performance.now();
  let last = began;
  let longest = 0;
  let turns = 0;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    turns++;
  };
  const timer = setInterval(turn, 4);
  const outcome = await work();
  turn();
  clearInterval(timer);
  const ended = performance.now();
  // The browser tells of long tasks when it finds the time.
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (observer) note({ getEntries: () => observer.takeRecords() });
  observer?.disconnect();
  const tasks = long
    .filter((each) => each.from + each.for > began && each.from < ended)
    .map((each) => each.for);
  return { outcome, longest: Math.max(longest, ...tasks), tasks, turns, milliseconds: ended - began };
}

/** Work of any length for the processor. */
function work(turns) {
  let state = 1;
  for (let i = 0; i < turns; i++) state = Math.imul(state, 1_664_525) + 1_013_904_223;
  return state;
}

/** How much of it takes a millisecond when nobody interrupts: the best of many tries. */
async function calibrate() {
  const turns = 4_000_000;
  let rate = 0;
  for (let attempt = 0; attempt < 20; attempt++) {
    await breathe();
    const began = performance.now();
    work(turns);
    // Clocks of pages are coarse.
    rate = Math.max(rate, turns / Math.max(1, performance.now() - began));
  }
  return rate;
}

/** Work in parts of twenty milliseconds, for so long. */
async function idle(rate, milliseconds) {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    work(20 * rate);
    await breathe();
  }
}

/** As many examples as there are digits to train on, 47 MB: the same ones again and again. */
function many({ inputs, labels }) {
  const times = Math.ceil(60_000 / labels.values.length);
  const values = new Uint8Array(inputs.values.length * times);
  const classes = new Int32Array(labels.values.length * times);
  for (let time = 0; time < times; time++) {
    values.set(inputs.values, time * inputs.values.length);
    classes.set(labels.values, time * labels.values.length);
  }
  return dataset({ inputs: { values, shape: inputs.shape, scale: inputs.scale }, labels: classes });
}

/** Options of the trainings: many short steps, a few that each take longer than a page may be kept, and much data. */
const TRAININGS = {
  mlp: ({ data }) => ({ model: MODELS.mlp.define(), ...trainingOf(MODELS.mlp, data) }),
  cnn: ({ data }) => ({ model: MODELS.cnn.define(), ...trainingOf(MODELS.cnn, data) }),
  deep: ({ data }) => {
    const hidden = Array.from({ length: 6 }, () => dense(256, { activation: "relu" }));
    const model = sequential({ input: [784] }, ...hidden, dense(10));
    return {
      model,
      data: data.take(3000),
      loss: softmaxCrossEntropy,
      optimizer: adam(),
      batchSize: 1000,
      epochs: 3,
    };
  },
  many: ({ all }) => ({
    model: sequential({ input: [784] }, dense(10)),
    data: all,
    loss: softmaxCrossEntropy,
    optimizer: adam(),
    batchSize: 1000,
    epochs: 1,
  }),
};

export async function task() {
  const { images, labels } = await digits();
  const drawn = mnistFromBytes(images, labels);
  const data = drawn.take(3200);
  const all = many(drawn);
  const rate = await calibrate();
  const found = {};
  for (const [name, training] of Object.entries(TRAININGS)) {
    performance.mark(`${name} begins`);
    const watched = await watch(async () => {
      const engine = await createEngine();
      const { model, ...options } = training({ data, all });
      const { steps } = await train(model, { ...options, engine });
      await model.predict(data.take(256));
      const { threads } = engine;
      await engine.close();
      return { steps, threads };
    });
    performance.mark(`${name} ends`);
    // For as long: twice the time has twice as many stalls.
    const without = await watch(() => idle(rate, watched.milliseconds));
    found[name] = { ...watched, idle: without.longest };
  }
  return found;
}
