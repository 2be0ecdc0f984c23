// A surface from above and the paths over it; the start is moved by a click, by dragging, or by the arrow keys.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { groundImage } from "../../../race/page/ground.js";
import { colour, shade } from "../shell/theme.ts";
import type { Path } from "./descents.ts";
import { heightsOf } from "./heights.ts";
import { type LineStyle, lineStyle } from "./lines.ts";
import "./map.css";
import type { Ground, Point } from "./surfaces.ts";

export interface Drawn {
  readonly path: Path;
  readonly style: LineStyle;
  /** At the head of the path; none where there is one path alone. */
  readonly label?: string;
}

interface MapProps {
  readonly ground: Ground;
  readonly paths: readonly Drawn[];
  /** Steps that are shown; default: all. */
  readonly steps?: number;
  readonly start: Point;
  readonly onStart: (start: Point) => void;
  /** What the drawing shows, in words. */
  readonly description: string;
  readonly startLabel: string;
}

const STEP_KEYS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** Where it was clicked, to a thousandth of the side: a number that can be read and written. */
function rounded({ corner, side }: Ground, [x, y]: Point): Point {
  const unit = 10 ** Math.floor(Math.log10(side) - 2);
  const within = (at: number, low: number) =>
    Number((Math.round(Math.min(Math.max(at, low), low + side) / unit) * unit).toFixed(6));
  return [within(x, corner[0]), within(y, corner[1])];
}

export function SurfaceMap({ ground, paths, steps, start, onStart, description, startLabel }: MapProps) {
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const heights = useMemo(() => heightsOf(ground), [ground]);
  const [width, setWidth] = useState(0);
  const [theme, setTheme] = useState(shade.value);
  useSignalEffect(() => setTheme(shade.value));
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);

  const ratio = Math.min(devicePixelRatio, 2);
  const pixels = Math.round(width * ratio);
  // Painted once for each size and theme: paths are drawn sixty times a second.
  const picture = useMemo(() => {
    if (pixels === 0) return undefined;
    const colors = {
      low: colour("--ground-low"),
      high: colour("--ground-high"),
      line: theme === "dark" ? 0.82 : 0.92,
    };
    return groundImage(heights, pixels, colors);
  }, [heights, pixels, theme]);

  const share = ([x, y]: Point): Point => [
    (x - ground.corner[0]) / ground.side,
    1 - (y - ground.corner[1]) / ground.side,
  ];

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || !picture) return;
    context.putImageData(picture, 0, 0);
    const place = (point: Point): Point => {
      const [x, y] = share(point);
      return [x * pixels, y * pixels];
    };
    const [ink, paper] = [colour("--ground-ink"), colour("--ground-paper")];
    for (const [x = 0, y = 0] of ground.minimum.points) {
      // A cross, which no head of a path looks like.
      const [cx, cy] = place([x, y]);
      const arm = 6 * ratio;
      for (const [width, color] of [
        [4, ink],
        [2, paper],
      ] as const) {
        context.beginPath();
        context.moveTo(cx - arm, cy - arm);
        context.lineTo(cx + arm, cy + arm);
        context.moveTo(cx + arm, cy - arm);
        context.lineTo(cx - arm, cy + arm);
        context.lineWidth = width * ratio;
        context.strokeStyle = color;
        context.stroke();
      }
    }
    // The first one last, so that it lies on top.
    for (const { path, style, label } of paths.toReversed()) {
      const end = Math.min(steps ?? Infinity, path.x.length - 1);
      if (end < 0) continue;
      const color = colour(style.colour);
      const at = (step: number) => place([path.x[step]!, path.y[step]!]);
      context.beginPath();
      for (let step = 0; step <= end; step++) context.lineTo(...at(step));
      context.lineJoin = "round";
      // A light edge, or a dark one, parts the line from the ground.
      context.setLineDash([]);
      context.globalAlpha = 0.5;
      context.strokeStyle = theme === "dark" ? ink : paper;
      context.lineWidth = 4 * ratio;
      context.stroke();
      context.globalAlpha = 1;
      context.setLineDash(style.dash.map((each) => each * ratio));
      context.strokeStyle = color;
      context.lineWidth = 2 * ratio;
      context.stroke();
      context.setLineDash([]);
      if (end <= 120) {
        for (let step = 1; step < end; step++) {
          context.beginPath();
          context.arc(...at(step), 1.8 * ratio, 0, 2 * Math.PI);
          context.fillStyle = color;
          context.fill();
        }
      }
      const [x, y] = at(end);
      context.beginPath();
      context.arc(x, y, (label ? 7.5 : 5) * ratio, 0, 2 * Math.PI);
      context.fillStyle = color;
      context.fill();
      context.lineWidth = 1.5 * ratio;
      context.strokeStyle = theme === "dark" ? ink : paper;
      context.stroke();
      if (label) {
        context.fillStyle = theme === "dark" ? ink : paper;
        context.font = `600 ${10 * ratio}px system-ui, sans-serif`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(label, x, y + 0.5 * ratio);
      }
    }
  }, [picture, paths, steps, ground, pixels, theme]);

  const pointAt = ({ clientX, clientY }: PointerEvent): Point => {
    const box = holder.current!.getBoundingClientRect();
    return rounded(ground, [
      ground.corner[0] + ((clientX - box.left) / box.width) * ground.side,
      ground.corner[1] + (1 - (clientY - box.top) / box.height) * ground.side,
    ]);
  };
  const [left, top] = share(start);
  return (
    <div class="map" ref={holder}>
      <canvas
        ref={canvas}
        width={pixels}
        height={pixels}
        role="img"
        aria-label={description}
        onPointerDown={(event) => onStart(pointAt(event))}
      />
      <button
        type="button"
        class="start"
        style={{ left: `${100 * left}%`, top: `${100 * top}%` }}
        aria-label={startLabel}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) onStart(pointAt(event));
        }}
        onKeyDown={(event) => {
          const towards = STEP_KEYS[event.key];
          if (!towards) return;
          event.preventDefault();
          const far = (event.shiftKey ? 0.1 : 0.01) * ground.side;
          onStart(rounded(ground, [start[0] + far * towards[0], start[1] + far * towards[1]]));
        }}
      />
    </div>
  );
}

/** A piece of an optimizer's line, for a table or a legend. */
export function Swatch({ place }: { readonly place: number }) {
  const { colour: name, dash } = lineStyle(place);
  return (
    <svg class="swatch" width="34" height="16" aria-hidden="true">
      <line
        x1="0"
        y1="8"
        x2="34"
        y2="8"
        stroke={`var(${name})`}
        stroke-width="3"
        stroke-dasharray={dash.join(" ")}
      />
      <circle cx="17" cy="8" r="7.5" fill={`var(${name})`} />
      <text x="17" y="11.5" text-anchor="middle" font-size="10" font-weight="600" fill="var(--surface)">
        {place + 1}
      </text>
    </svg>
  );
}
