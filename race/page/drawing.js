// Draws the page: the table, the profile, each task, and all again when the page changes.
/* global document, window, location, matchMedia */
import { chart } from "./chart.js";
import { makeMap } from "./map.js";
import { budget, byId, drawAll, element, entries, maps, profile, seeds, tasks, toggle } from "./shown.js";
import { minus } from "./ticks.js";

/** Of the profile's axis. */
const LAST_TAU = 8;

function makeTable() {
  const table = element("table", byId("table"));
  const head = element("tr", table);
  for (const text of ["", "optimizer", "area", "solved", ...tasks.map(({ name }) => name)])
    element("th", head, { textContent: text });
  profile.forEach(({ name, area, solved }, i) => {
    const row = element("tr", table);
    element("td", row, { textContent: i + 1 });
    const label = element("label", element("td", row));
    element("input", label, { type: "checkbox", value: name, onchange: () => toggle(name) });
    label.append(` ${name}`);
    for (const text of [area.toFixed(2), `${solved}/${tasks.length}`])
      element("td", row, { textContent: text });
    for (const task of tasks) {
      const of = entries.filter((entry) => entry.task === task.name);
      const { steps, seconds, hyper } = of.find(({ optimizer }) => optimizer === name);
      const best = Math.min(...of.map((entry) => entry.steps ?? Infinity));
      const tuned = Object.entries(hyper).map(([key, value]) => `${key} ${Number(value.toPrecision(3))}`);
      const time = seconds === null ? "target not reached" : `${seconds} s`;
      element("td", row, {
        textContent: steps ?? "–",
        className: steps === best ? "best" : "",
        title: [time, ...tuned].join("\n"),
      });
    }
  });
}

function makeProfile() {
  const lines = profile.map(({ name, curve }) => {
    const within = curve.filter(({ tau }) => tau < LAST_TAU);
    // The curve goes on to the end of the axis; an x that comes twice would be one too many for the library.
    return {
      name,
      x: [...within.map(({ tau }) => tau), LAST_TAU],
      y: [...within.map(({ share }) => share), within.at(-1).share],
    };
  });
  chart(byId("profile"), lines, {
    stepped: true,
    x: { label: "τ", scale: { range: [1, LAST_TAU] } },
    y: { label: "share of tasks", scale: { range: [0, 1] } },
  });
}

function makeTask(task) {
  const section = element("section", byId("tasks"), { id: task.name });
  element("h2", section, { textContent: task.name });
  const { of: watched, value: target, better } = task.target;
  element("p", section, {
    textContent: `To ${watched === "accuracy" ? "an" : "a"} ${watched} of ${minus(Number(target.toPrecision(6)))} or ${better} within ${task.maxSteps} steps.`,
  });
  const map = maps[task.name];
  const pair = element("div", section, { className: map ? "pair mapped" : "pair" });
  const own = entries.filter((entry) => entry.task === task.name);
  if (map) makeMap(pair, task, own);
  // A value above the lowest one can be drawn in logarithms; an accuracy cannot.
  const logarithmic = better === "lower";
  const floor = Math.min(0, map?.least ?? 0);
  const least = 10 ** Math.max(-6, Math.floor(Math.log10((target - floor) / 2)));
  const start = own[0]?.run.trajectory.value[0] ?? 1;
  const lines = own.map(({ optimizer, run: { trajectory } }) => ({
    name: optimizer,
    // The axis is of logarithms: the start is not on it.
    x: trajectory.step.slice(1),
    y: trajectory.value
      .slice(1)
      .map((value) => (value === null || !logarithmic ? value : Math.max(least, value - floor))),
  }));
  const last = Math.max(...own.flatMap(({ run }) => run.trajectory.step));
  const first = Math.min(...own.flatMap(({ run }) => run.trajectory.step.filter((step) => step > 0)));
  chart(element("div", pair), lines, {
    x: { label: "step", scale: { distr: 3, range: [first, last] } },
    y: logarithmic
      ? {
          label: floor < 0 ? `${watched} above the minimum` : watched,
          scale: { distr: 3, range: [least, 3 * Math.max(start - floor, least)] },
        }
      : { label: watched, scale: { range: [Math.max(0, target - 0.4), Math.max(1, target)] } },
    target: { value: target - floor, text: "target" },
  });
}

document.body.classList.toggle("picture", location.hash === "#picture");
byId("about").textContent =
  `${tasks.length} ${tasks.length === 1 ? "task" : "tasks"}, ${profile.length} optimizers. Each was tuned on each task by ` +
  `${budget} random trials, then run from ${seeds} ${seeds === 1 ? "seed" : "seeds"} with the best hyperparameters; the drawings show the first of these runs.`;
makeTable();
makeProfile();
for (const task of tasks) makeTask(task);
drawAll();
matchMedia("(prefers-color-scheme: dark)").onchange = drawAll;
let width = window.innerWidth;
// A phone changes the height alone whenever it scrolls.
window.onresize = () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  drawAll();
};
