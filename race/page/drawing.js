// Runs in the page: draws the table, the profile, and each task's map and curves; the names on top show and hide.
/* global uPlot, document */
const { tasks, entries, profile, maps, budget, seeds } = JSON.parse(
  document.getElementById("data").textContent,
);

const names = profile.map(({ name }) => name);
/** Neighbours in the ranking get hues far apart: multiples of the golden angle. */
const colorOf = (name) => {
  const i = names.indexOf(name);
  return `hsl(${(i * 137.508) % 360} 75% ${i % 2 ? 34 : 46}%)`;
};
const SHOWN = 8;
const shown = new Set(names.slice(0, SHOWN));
const redraws = [];

function element(tag, parent, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}
const byId = (id) => document.getElementById(id);

byId("about").textContent =
  `${tasks.length} tasks, ${names.length} optimizers. Each was tuned on each task by ${budget} random trials, then run from ` +
  `${seeds} ${seeds === 1 ? "seed" : "seeds"} with the best hyperparameters; the drawings show the first of these runs.`;

for (const name of names) {
  const label = element("label", byId("names"));
  const box = element("input", label, { type: "checkbox", checked: shown.has(name) });
  element("i", label).style.background = colorOf(name);
  label.append(` ${name}`);
  box.onchange = () => {
    if (box.checked) shown.add(name);
    else shown.delete(name);
    for (const redraw of redraws) redraw();
  };
}

function drawTable() {
  const table = element("table", byId("table"));
  const head = element("tr", table);
  for (const text of ["", "optimizer", "area", "solved", ...tasks.map(({ name }) => name)])
    element("th", head, { textContent: text });
  profile.forEach(({ name, area, solved }, i) => {
    const row = element("tr", table);
    for (const text of [i + 1, name, area.toFixed(2), `${solved}/${tasks.length}`])
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

/** Lines by name over one rising x axis; each has its own x values. */
function chart(parent, lines, { width, height, x, y, stepped = false }) {
  const data = uPlot.join(lines.map((line) => [line.x, line.y]));
  const plot = new uPlot(
    {
      width,
      height,
      scales: { x: { time: false, ...x.scale }, y: y.scale ?? {} },
      axes: [{ label: x.label }, { label: y.label, size: 64 }],
      legend: { show: false },
      cursor: { points: { show: false } },
      series: [
        {},
        ...lines.map(({ name }) => ({
          label: name,
          stroke: colorOf(name),
          width: 1.6,
          show: shown.has(name),
          spanGaps: true,
          points: { show: false },
          ...(stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
        })),
      ],
    },
    data,
    parent,
  );
  redraws.push(() => {
    plot.batch(() => {
      lines.forEach(({ name }, i) => {
        plot.setSeries(i + 1, { show: shown.has(name) });
      });
    });
  });
}

function drawProfile() {
  const last = 8;
  const lines = profile.map(({ name, curve }) => {
    const within = curve.filter(({ tau }) => tau <= last);
    return {
      name,
      x: [...within.map(({ tau }) => tau), last],
      y: [...within.map(({ share }) => share), within.at(-1).share],
    };
  });
  for (const line of lines) {
    // An x that comes twice would be one too many for the library.
    if (line.x.at(-2) === last) {
      line.x.pop();
      line.y.pop();
    }
  }
  chart(byId("profile"), lines, {
    width: 1000,
    height: 340,
    stepped: true,
    x: { label: "τ", scale: { range: [1, last] } },
    y: { label: "share of tasks", scale: { range: [0, 1.02] } },
  });
}

/** Heights as bands, darker where it is lower, with a line where they meet. */
function drawMap(parent, task, of) {
  const map = maps[task.name];
  const ratio = 3;
  const pixels = map.size * ratio;
  const canvas = element("canvas", parent, { className: "map", width: pixels, height: pixels });
  const context = canvas.getContext("2d");
  const ground = new ImageData(map.size, map.size);
  const level = (i) => (map.cells.charCodeAt(i) - 65) / (map.levels - 1);
  for (let i = 0; i < map.size ** 2; i++) {
    const [column, row] = [i % map.size, map.size - 1 - Math.floor(i / map.size)];
    const edge = column > 0 && level(i) !== level(i - 1) ? 0.94 : 1;
    const light = level(i) * edge;
    ground.data.set(
      [90 + 155 * light, 120 + 125 * light, 150 + 92 * light, 255],
      4 * (row * map.size + column),
    );
  }
  const small = new OffscreenCanvas(map.size, map.size);
  small.getContext("2d").putImageData(ground, 0, 0);
  const place = ([x, y]) => [
    ((x - map.low[0]) / map.side) * pixels,
    pixels - ((y - map.low[1]) / map.side) * pixels,
  ];
  const draw = () => {
    context.drawImage(small, 0, 0, pixels, pixels);
    for (const { optimizer, run } of of) {
      if (!shown.has(optimizer)) continue;
      context.beginPath();
      const points = run.trajectory.points ?? [];
      for (const point of points)
        if (point.length === 2 && !point.includes(null)) context.lineTo(...place(point));
      context.strokeStyle = colorOf(optimizer);
      context.lineWidth = 1.8;
      context.stroke();
    }
    for (const minimum of map.minima) {
      const [x, y] = place(minimum);
      context.beginPath();
      context.arc(x, y, 5, 0, 2 * Math.PI);
      context.fillStyle = "#fff";
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = "#1c2430";
      context.stroke();
    }
  };
  draw();
  redraws.push(draw);
}

function drawTask(task) {
  const section = element("section", byId("tasks"));
  element("h2", section, { textContent: task.name });
  const { of: watched, value: target, better } = task.target;
  element("p", section, {
    textContent: `To a ${watched} of ${Number(target.toPrecision(6))} or ${better} within ${task.maxSteps} steps.`,
  });
  const pair = element("div", section, { className: "pair" });
  const own = entries.filter((entry) => entry.task === task.name);
  const map = maps[task.name];
  if (map) drawMap(pair, task, own);
  // A value above the lowest one can be drawn in logarithms; an accuracy cannot.
  const logarithmic = better === "lower";
  const values = own.flatMap(({ run }) => run.trajectory.value.filter((value) => value !== null));
  const floor = Math.min(0, ...values);
  const least = 1e-4;
  const lines = own.map(({ optimizer, run: { trajectory } }) => ({
    name: optimizer,
    x: trajectory.step,
    y: trajectory.value.map((value) =>
      value === null || !logarithmic ? value : Math.max(least, value - floor),
    ),
  }));
  const start = own[0]?.run.trajectory.value[0] ?? 1;
  chart(element("div", pair), lines, {
    width: map ? 530 : 1000,
    height: map ? 470 : 340,
    x: { label: "step" },
    y: logarithmic
      ? {
          label: floor < 0 ? `${watched} above the lowest one reached` : watched,
          scale: {
            distr: 3,
            range: [Math.max(least, (target - floor) / 2), 10 * Math.max(start - floor, least)],
          },
        }
      : { label: watched, scale: { range: [0, 1] } },
  });
}

drawTable();
drawProfile();
for (const task of tasks) drawTask(task);
