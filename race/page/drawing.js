// Runs in the page: draws the table, the profile, and each task's map and curves of those that are ticked.
/* global uPlot, document, window, location, matchMedia, getComputedStyle */
const { tasks, entries, profile, maps, budget, seeds } = JSON.parse(
  document.getElementById("data").textContent,
);

const SHOWN = 6;
/** Of the profile's axis. */
const LAST_TAU = 8;
/** Heights of a map that are told apart. */
const BANDS = 16;
const DASHES = [[], [7, 4], [2, 3]];
const BORDERS = ["solid", "dashed", "dotted"];

const byId = (id) => document.getElementById(id);
const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, parent, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}

/** Shown optimizers by place: the place gives hue and dash, and is kept for as long as the optimizer is shown. */
const places = profile.slice(0, SHOWN).map(({ name }) => name);
const isShown = (name) => places.includes(name);
const shownNames = () => places.filter((name) => name !== undefined);

function toggle(name) {
  const free = places.indexOf(undefined);
  if (isShown(name)) places[places.indexOf(name)] = undefined;
  else if (free >= 0) places[free] = name;
  else places.push(name);
  drawAll();
}

/** How an optimizer's line looks: hues first, then hues again with dashes. */
function styleOf(name) {
  const place = places.indexOf(name);
  const hues = cssColor("--hues").split(" ");
  const dash = Math.floor(place / hues.length) % DASHES.length;
  return { color: hues[place % hues.length], dash: DASHES[dash], border: BORDERS[dash] };
}

function drawLegend() {
  const legend = byId("legend");
  legend.replaceChildren();
  for (const name of shownNames()) {
    const { color, border } = styleOf(name);
    const button = element("button", legend, { title: `Hide ${name}`, onclick: () => toggle(name) });
    const key = element("span", button, { className: "key" });
    Object.assign(key.style, { borderTopColor: color, borderTopStyle: border });
    button.append(name);
  }
  if (legend.childElementCount === 0) legend.textContent = "Tick an optimizer in the leaderboard to draw it.";
  for (const box of document.querySelectorAll("#table input")) box.checked = isShown(box.value);
}

/** 10⁻⁴ for 0.0001: a formatter of few digits would call it 0. */
function tick(value) {
  if (value === null) return "";
  if (value === 0 || (Math.abs(value) >= 0.01 && Math.abs(value) < 1e5))
    return minus(Number(value.toPrecision(3)));
  const power = Math.round(Math.log10(Math.abs(value)));
  const digits = String(power).replaceAll(/[-\d]/g, (digit) =>
    "⁻⁰¹²³⁴⁵⁶⁷⁸⁹".charAt("-0123456789".indexOf(digit)),
  );
  return `10${digits}`;
}
const minus = (value) => String(value).replace("-", "−");

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

/** Where a logarithmic axis has ticks: at 1, 2 and 5 times powers of ten, or at these alone where it is long. */
function decades(_, __, low, high) {
  const steps = high / low > 1000 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: 16 }, (_, i) => 10 ** (i - 8));
  return powers
    .flatMap((power) => steps.map((step) => step * power))
    .filter((at) => at >= 0.999 * low && at <= 1.001 * high);
}

/** A line across the chart at a height. */
function level(height, text) {
  return (plot) => {
    const y = plot.valToPos(height, "y", true);
    const { left, width } = plot.bbox;
    const { ctx: context } = plot;
    context.save();
    context.strokeStyle = context.fillStyle = cssColor("--quiet");
    context.lineWidth = uPlot.pxRatio;
    context.setLineDash([4 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
    context.font = `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
    context.textAlign = "left";
    context.textBaseline = "bottom";
    context.fillText(text, left + 4 * uPlot.pxRatio, y - 2 * uPlot.pxRatio);
    context.restore();
  };
}

/** The library's own ticks and their labels are too many or too few. */
const logarithmicAxis = ({ scale }) =>
  scale.distr === 3 ? { splits: decades, filter: (_, splits) => splits } : {};

/** Lines by name over one rising x axis, each with its own x values. The nearest one says its name and number. */
function chart(parent, lines, { x, y, stepped = false, target }) {
  const holder = element("div", parent, { className: "chart" });
  const readout = element("p", parent, { className: "readout" });
  const draw = () => {
    const shown = lines.filter(({ name }) => isShown(name));
    holder.replaceChildren();
    readout.textContent = "";
    if (shown.length === 0) return;
    const axis = {
      stroke: cssColor("--quiet"),
      grid: { stroke: cssColor("--grid"), width: 1 },
      ticks: { stroke: cssColor("--grid"), width: 1 },
      labelFont: "13px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
    };
    const ticks = (_, values) => values.map(tick);
    let nearest = null;
    const options = {
      width: holder.clientWidth,
      height: holder.clientHeight,
      padding: [12, 20, 0, 0],
      scales: { x: { time: false, ...x.scale }, y: y.scale },
      axes: [
        { ...axis, ...logarithmicAxis(x), label: x.label, values: ticks, space: 44 },
        { ...axis, ...logarithmicAxis(y), label: y.label, values: ticks, size: 58 },
      ],
      legend: { show: false },
      focus: { alpha: 0.25 },
      cursor: { points: { show: false }, y: false, drag: { x: false }, focus: { prox: 24 } },
      hooks: {
        draw: target ? [level(target.value, target.text)] : [],
        setSeries: [(_, index) => (nearest = index)],
        setCursor: [
          (plot) => {
            const { idx } = plot.cursor;
            const value = nearest === null || idx === null ? undefined : plot.data[nearest]?.[idx];
            readout.textContent =
              value === null || value === undefined
                ? ""
                : `${shown[nearest - 1].name}: ${Number(value.toPrecision(4))} at ${x.label} ${Number(plot.data[0][idx].toPrecision(4))}`;
          },
        ],
      },
      series: [
        {},
        ...shown.map(({ name }) => {
          const { color, dash } = styleOf(name);
          return {
            label: name,
            stroke: color,
            dash,
            width: 2,
            spanGaps: true,
            points: { show: false },
            ...(stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
          };
        }),
      ],
    };
    new uPlot(options, uPlot.join(shown.map((line) => [line.x, line.y])), holder);
  };
  redraws.push(draw);
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

/** Numbers of a colour written #rrggbb. */
const channels = (color) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

/** Heights of a map's cells, each with its neighbours: the levels of the letters would show as stairs. */
function heightsOf({ cells, size, levels }) {
  let heights = Float32Array.from(cells, (cell) => (cell.charCodeAt(0) - 65) / (levels - 1));
  const last = size - 1;
  for (const stride of [1, size, 1, size]) {
    heights = heights.map((middle, i) => {
      const at = stride === 1 ? i % size : Math.floor(i / size);
      return (heights[at > 0 ? i - stride : i] + 2 * middle + heights[at < last ? i + stride : i]) / 4;
    });
  }
  return heights;
}

/** A map's heights as bands with lines where they meet, darker where it is lower. */
function paintGround(context, map, heights, pixels) {
  const ground = new ImageData(pixels, pixels);
  const [low, high] = [channels(cssColor("--low")), channels(cssColor("--high"))];
  const height = (column, row) => heights[row * map.size + column];
  const clamp = (at) => Math.min(Math.max(at, 0), map.size - 1.001);
  /** Between four cells, and rows from the bottom up. */
  const between = (i, j) => {
    const [x, y] = [
      clamp(((i + 0.5) / pixels) * map.size - 0.5),
      clamp((1 - (j + 0.5) / pixels) * map.size - 0.5),
    ];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [right, up] = [x - column, y - row];
    const along = (at) => height(column, at) * (1 - right) + height(column + 1, at) * right;
    return along(row) * (1 - up) + along(row + 1) * up;
  };
  const bands = new Uint8Array(pixels * pixels);
  for (let i = 0; i < bands.length; i++)
    bands[i] = Math.min(BANDS - 1, Math.floor(BANDS * between(i % pixels, Math.floor(i / pixels))));
  for (let i = 0; i < bands.length; i++) {
    const edge = bands[i] !== bands[i + 1] || bands[i] !== bands[i + pixels];
    const light = bands[i] / (BANDS - 1);
    ground.data.set(
      [...low.map((from, k) => (from + (high[k] - from) * light) * (edge ? 0.93 : 1)), 255],
      4 * i,
    );
  }
  context.putImageData(ground, 0, 0);
}

/** The paths over a surface. */
function makeMap(parent, task, of) {
  const map = maps[task.name];
  const figure = element("div", parent, { className: "map" });
  const canvas = element("canvas", figure);
  const side = (from) =>
    `${minus(Number(from.toPrecision(2)))} to ${minus(Number((from + map.side).toPrecision(2)))}`;
  element("p", figure, {
    className: "note",
    textContent:
      `Lower is darker; ${side(map.low[0])} across, ${side(map.low[1])} up. Black: the start. ` +
      `White: ${map.minima.length > 1 ? "the minima" : "the minimum"}. A dot ends a path that reached the target.`,
  });
  const heights = heightsOf(map);
  // The same for all: a seed moves the start of a surface a little.
  const start = of[0].run.trajectory.points[0];
  const draw = () => {
    const ratio = window.devicePixelRatio;
    const pixels = Math.round(canvas.clientWidth * ratio);
    canvas.width = canvas.height = pixels;
    const context = canvas.getContext("2d");
    paintGround(context, map, heights, pixels);
    const place = ([x, y]) => [
      ((x - map.low[0]) / map.side) * pixels,
      pixels - ((y - map.low[1]) / map.side) * pixels,
    ];
    const dot = (point, fill, edge, radius) => {
      context.beginPath();
      context.arc(...place(point), radius * ratio, 0, 2 * Math.PI);
      context.fillStyle = fill;
      context.fill();
      context.lineWidth = 1.5 * ratio;
      context.strokeStyle = edge;
      context.stroke();
    };
    context.lineJoin = "round";
    // The best one last, so that it lies on top.
    for (const name of shownNames().toReversed()) {
      const { run } = of.find(({ optimizer }) => optimizer === name);
      const { color, dash } = styleOf(name);
      const points =
        run.trajectory.points?.filter((point) => point.length === 2 && !point.includes(null)) ?? [];
      context.beginPath();
      for (const point of points) context.lineTo(...place(point));
      context.setLineDash(dash.map((each) => each * ratio));
      context.strokeStyle = color;
      context.lineWidth = 2 * ratio;
      context.stroke();
      context.setLineDash([]);
      if (run.steps !== null) dot(points.at(-1), color, "#fff", 4);
    }
    for (const minimum of map.minima) dot(minimum, "#fff", "#1c2430", 3);
    dot(start, "#1c2430", "#fff", 4);
  };
  redraws.push(draw);
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

const redraws = [];
function drawAll() {
  drawLegend();
  for (const redraw of redraws) redraw();
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
