// Line charts by the library, with a target, and a readout of the nearest line.
/* global uPlot */
import { cssColor, element, isShown, redraws, styleOf } from "./shown.js";
import { decades, tick } from "./ticks.js";

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
export function chart(parent, lines, { x, y, stepped = false, target }) {
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
