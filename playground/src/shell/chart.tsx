// A line chart by uPlot that follows its data, its width, the theme and the language.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { colour, shade } from "./theme.ts";

export interface ChartLine {
  readonly name: string;
  readonly colour: `--${string}`;
  readonly dash?: number[];
  /** "line" by default; "bars" for a histogram. */
  readonly kind?: "line" | "bars";
}

export interface ChartProps {
  /** What is to be seen, for those who do not see it. */
  readonly label: string;
  /** x, then one array a line; null where there is nothing. */
  readonly data: uPlot.AlignedData;
  readonly lines: readonly ChartLine[];
  readonly height: number;
  /** Lowest and highest of the y axis, where not as the data have it. */
  readonly range?: uPlot.Range.MinMax | uPlot.Scale.Range;
  readonly xRange?: readonly [number, number];
  /** Ticks of x at whole numbers alone. */
  readonly wholeX?: boolean;
  /** Logarithms on the y axis. */
  readonly logarithmic?: boolean;
  /** Draws no y axis. */
  readonly bare?: boolean;
}

/** Steps between ticks: 1, 2 and 5 times powers of ten. */
const WHOLE = Array.from({ length: 7 }, (_, power) => [1, 2, 5].map((times) => times * 10 ** power)).flat();
const FONT = "11px system-ui, sans-serif";

/** A short number for an axis. */
export function short(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(0) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const { label, data, lines, height, range, xRange, wholeX = false } = props;
  const { logarithmic = false, bare = false } = props;
  const look = [
    shade.value,
    lines.map(({ name }) => name).join(),
    height,
    logarithmic,
    bare,
    String(range),
    String(xRange),
  ].join("|");

  useEffect(() => {
    const parent = holder.current!;
    const axis: uPlot.Axis = {
      stroke: colour("--quiet"),
      font: FONT,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1, size: 4 },
      values: (_, splits) => splits.map((value) => (value === null ? "" : short(value))),
    };
    const made = new uPlot(
      {
        width: parent.clientWidth,
        height,
        padding: bare ? [4, 18, 0, 18] : [8, 12, 0, 0],
        scales: {
          x: { time: false, ...(xRange ? { range: [...xRange] as uPlot.Range.MinMax } : {}) },
          y: {
            ...(logarithmic ? { distr: 3 } : {}),
            ...(range ? { range: range as uPlot.Scale.Range } : {}),
          },
        },
        axes: [
          {
            ...axis,
            size: 24,
            gap: 2,
            space: bare ? 40 : 44,
            ...(bare ? { grid: { show: false } } : {}),
            ...(wholeX ? { incrs: WHOLE } : {}),
          },
          bare ? { show: false } : { ...axis, size: 48, space: 28 },
        ],
        legend: { show: false },
        cursor: { show: !bare, y: false, points: { size: 6 }, drag: { x: false, y: false } },
        series: [
          {},
          ...lines.map(
            ({ name, colour: of, dash, kind }): uPlot.Series => ({
              label: name,
              stroke: colour(of),
              width: kind === "bars" ? 0 : 1.75,
              points: { show: false },
              spanGaps: true,
              ...(dash ? { dash } : {}),
              ...(kind === "bars" ? { fill: colour(of), paths: uPlot.paths.bars!({ size: [0.95] }) } : {}),
            }),
          ),
        ],
      },
      data,
      parent,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      const width = parent.clientWidth;
      if (width > 0 && width !== made.width) made.setSize({ width, height });
    });
    observer.observe(parent);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [look]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);

  return <div class="chart" ref={holder} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

/** The names of a chart's lines, in their colours. */
export function Key({ lines }: { readonly lines: readonly ChartLine[] }) {
  return (
    <ul class="key">
      {lines.map(({ name, colour: of, dash }) => (
        <li key={name}>
          <svg width="20" height="8" aria-hidden="true">
            <line
              x1="0"
              x2="20"
              y1="4"
              y2="4"
              stroke={`var(${of})`}
              stroke-width="2"
              {...(dash ? { "stroke-dasharray": "5 3" } : {})}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
