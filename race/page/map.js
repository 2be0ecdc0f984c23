// The heights of a surface and the paths over it.
/* global window */
import { groundImage } from "./ground.js";
import { cssColor, element, maps, redraws, shownNames, styleOf } from "./shown.js";
import { minus } from "./ticks.js";

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
    const colors = { low: cssColor("--low"), high: cssColor("--high") };
    context.putImageData(groundImage({ size: map.size, heights }, pixels, colors), 0, 0);
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
