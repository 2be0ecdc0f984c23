// The plane of two inputs: what the network sees where, and the examples.
import { useEffect, useRef } from "preact/hooks";
import type { TrainingData } from "../../data/training-data.ts";
import { spoken } from "../../shell/language.ts";
import { channels, colour, shade } from "../../shell/theme.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { dataState } from "./settings.ts";
import { type Plane, reachOf, seen } from "./training.ts";

/** Colours of the classes. */
const classColour = (label: number): `--${string}` => `--series-${1 + (label % 8)}`;

export function PlanePanel() {
  const text = spoken({ en, zh });
  const canvas = useRef<HTMLCanvasElement>(null);
  const { data } = dataState.value;
  const { plane } = seen.value;
  const said = text.planeAbout(data?.axes?.join(", ") ?? "");

  useEffect(() => {
    const to = canvas.current;
    if (!to || !data) return;
    const draw = () => {
      const side = Math.round(to.clientWidth * devicePixelRatio) || 320;
      if (to.width !== side) to.width = to.height = side;
      const context = to.getContext("2d")!;
      context.fillStyle = colour("--sunken");
      context.fillRect(0, 0, side, side);
      if (plane) paint(context, plane, data.names.length, side);
      dots(context, data, side);
    };
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(to);
    return () => observer.disconnect();
  }, [data, plane, shade.value]);

  return (
    <section class="panel" aria-labelledby="plane-title">
      <h2 id="plane-title">{text.plane}</h2>
      <figure>
        <canvas ref={canvas} class="plane" role="img" aria-label={said} />
        <figcaption class="quiet">{said}</figcaption>
      </figure>
    </section>
  );
}

/** One pixel a cell, drawn large by the browser. */
function paint(context: CanvasRenderingContext2D, plane: Plane, classes: number, side: number): void {
  const { cells, probabilities } = plane;
  const small = new OffscreenCanvas(cells, cells);
  const ground = new ImageData(cells, cells);
  const base = channels("--surface");
  const hues = Array.from({ length: classes }, (_, label) => channels(classColour(label)));
  for (let i = 0; i < cells * cells; i++)
    for (let channel = 0; channel < 3; channel++) {
      let mixed = 0;
      for (let label = 0; label < classes; label++)
        mixed += probabilities[i * classes + label]! * hues[label]![channel]!;
      ground.data[4 * i + channel] = 0.55 * base[channel]! + 0.45 * mixed;
      ground.data[4 * i + 3] = 255;
    }
  small.getContext("2d")!.putImageData(ground, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, side, side);
}

function dots(context: CanvasRenderingContext2D, data: TrainingData, side: number): void {
  const reach = reachOf(data);
  const radius = Math.max(2, side / 130);
  const edge = colour("--surface");
  const { train, validation } = data;
  for (const part of [validation, train]) {
    const [all] = part?.batch("full") ?? [];
    if (!all?.labels) continue;
    for (const [i, label] of all.labels.entries()) {
      const x = (0.5 + all.inputs[2 * i]! / (2 * reach)) * side;
      const y = (0.5 - all.inputs[2 * i + 1]! / (2 * reach)) * side;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.lineWidth = side / 300;
      if (part === train) {
        context.fillStyle = colour(classColour(label));
        context.strokeStyle = edge;
        context.fill();
      } else {
        context.fillStyle = edge;
        context.fill();
        context.strokeStyle = colour(classColour(label));
        context.lineWidth = side / 180;
      }
      context.stroke();
    }
  }
}
