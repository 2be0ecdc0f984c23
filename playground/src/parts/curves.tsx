// Lines over one rising x axis, each with its own x values; the nearest one says its name and number.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { decades, tick } from "../../../race/page/ticks.js";
import { colour, shade } from "../shell/theme.ts";
import "./curves.css";
import type { LineStyle } from "./lines.ts";
import { shown } from "./numbers.ts";

export interface Curve {
  readonly name: string;
  readonly style: LineStyle;
  readonly x: readonly number[];
  /** Where a number is not finite, the line has a gap. */
  readonly y: readonly number[];
}

interface CurvesProps {
  readonly curves: readonly Curve[];
  readonly xLabel: string;
  readonly yLabel: string;
  /** A line across, with its name. */
  readonly level?: { readonly value: number; readonly name: string };
  /** A line upright: the step that is looked at. */
  readonly at?: number;
  /** What the drawing shows, in words. */
  readonly description: string;
  /** Least and most of the y axis, which is of logarithms. */
  readonly range: readonly [number, number];
}

function lineAcross({ value, name }: { value: number; name: string }) {
  return (plot: uPlot) => {
    const y = plot.valToPos(value, "y", true);
    const { left, width, top, height } = plot.bbox;
    if (y < top || y > top + height) return;
    const context = plot.ctx;
    context.save();
    context.strokeStyle = context.fillStyle = colour("--quiet");
    context.setLineDash([4 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
    context.lineWidth = uPlot.pxRatio;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
    context.font = `${12 * uPlot.pxRatio}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(name, left + width - 4 * uPlot.pxRatio, y - 2 * uPlot.pxRatio);
    context.restore();
  };
}

export function Curves({ curves, xLabel, yLabel, level, at, description, range }: CurvesProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const where = useRef(at);
  where.current = at;
  const [readout, setReadout] = useState("");
  const [width, setWidth] = useState(0);
  const [theme, setTheme] = useState(shade.value);
  useSignalEffect(() => setTheme(shade.value));
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);

  const [low, high] = range;
  useEffect(() => {
    const parent = holder.current;
    if (!parent || width === 0 || curves.length === 0) return;
    const quiet = colour("--quiet");
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = {
      stroke: quiet,
      grid,
      ticks: grid,
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
      labelSize: 18,
      values: (_: uPlot, values: number[]) => values.map(tick),
    };
    let nearest: number | null = null;
    const made = new uPlot(
      {
        width,
        height: parent.clientHeight,
        padding: [10, 18, 0, 0],
        scales: { x: { time: false }, y: { distr: 3, range: () => [low, high] } },
        axes: [
          { ...axis, label: xLabel, size: 34 },
          { ...axis, label: yLabel, size: 46, splits: decades, filter: (_, splits) => splits },
        ],
        legend: { show: false },
        cursor: { points: { show: false }, y: false, drag: { x: false, y: false }, focus: { prox: 24 } },
        focus: { alpha: 0.3 },
        hooks: {
          draw: [
            ...(level ? [lineAcross(level)] : []),
            (each) => {
              if (where.current === undefined) return;
              const x = Math.round(each.valToPos(where.current, "x", true));
              each.ctx.fillStyle = quiet;
              each.ctx.fillRect(x, each.bbox.top, uPlot.pxRatio, each.bbox.height);
            },
          ],
          setSeries: [
            (_, index) => {
              nearest = index;
            },
          ],
          setCursor: [
            (each) => {
              const { idx } = each.cursor;
              const value = nearest === null || idx == null ? undefined : each.data[nearest]?.[idx];
              const name = nearest === null ? undefined : curves[nearest - 1]?.name;
              setReadout(
                value == null || name === undefined
                  ? ""
                  : `${name}: ${shown(value)} · ${xLabel} ${each.data[0][idx!]}`,
              );
            },
          ],
        },
        series: [
          {},
          ...curves.map(({ name, style }) => ({
            label: name,
            stroke: colour(style.colour),
            dash: [...style.dash],
            width: 2,
            spanGaps: true,
            points: { show: false },
          })),
        ],
      },
      uPlot.join(
        curves.map(
          ({ x, y }): uPlot.AlignedData => [
            [...x],
            y.map((each) => (Number.isFinite(each) ? Math.max(each, low) : null)),
          ],
        ),
      ),
      parent,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [curves, width, theme, xLabel, yLabel, level?.value, level?.name, low, high]);
  useEffect(() => plot.current?.redraw(false), [at]);

  return (
    <figure class="curves">
      <div class="plot" ref={holder} role="img" aria-label={description} />
      <p class="readout quiet" aria-hidden="true">
        {readout}
      </p>
    </figure>
  );
}
