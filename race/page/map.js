// The heights of a surface and the paths over it.
/* global window */
import { minus } from "./chart.js";
import { cssColor, element, maps, redraws, shownNames, styleOf } from "./shown.js";

/** Heights of a map that are told apart. */
const BANDS = 16;

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
export function makeMap(parent, task, of) {
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
