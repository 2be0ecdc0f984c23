// How long the page's thread is kept from other things while a training runs, cold as a visitor finds it: the longest
// time between two turns of a timer, and the tasks that the browser itself calls long. The same is measured while
// nothing trains but turns of ten milliseconds are spun, for a machine that is busy stalls those too.
import { createEngine, train } from "downhill";
import { mnistFromBytes } from "downhill/data";
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

/** Turns of ten milliseconds that do nothing, for so long. */
async function spin(milliseconds) {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    const turn = performance.now() + 10;
    while (performance.now() < turn);
    await breathe();
  }
}

export async function task() {
  const { images, labels } = await digits();
  await breathe();
  const trainings = {};
  for (const name of ["mlp", "cnn"]) {
    const kind = MODELS[name];
    const data = mnistFromBytes(images, labels, { shape: kind.shape }).take(3200);
    performance.mark(`${name} begins`);
    const watched = await watch(async () => {
      const engine = await createEngine();
      const model = kind.define();
      const { steps } = await train(model, { ...trainingOf(kind, data), engine });
      await model.predict(data.take(256));
      const { threads } = engine;
      await engine.close();
      return { steps, threads };
    });
    performance.mark(`${name} ends`);
    const idle = await watch(() => spin(Math.min(1500, watched.milliseconds)));
    trainings[name] = { ...watched, idle: idle.longest };
  }
  return trainings;
}
