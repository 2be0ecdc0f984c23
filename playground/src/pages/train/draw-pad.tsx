// A pad to draw a digit on, by pointer, finger or keyboard.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Stroke } from "../../data/rasterize.ts";
import { spoken } from "../../shell/language.ts";
import { colour, shade } from "../../shell/theme.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";

export interface DrawPadProps {
  readonly strokes: readonly Stroke[];
  readonly onDraw: (strokes: readonly Stroke[]) => void;
}

type Place = readonly [x: number, y: number];
/** How far an arrow key moves the pen. */
const MOVE = 0.05;
const ARROWS: Readonly<Record<string, Place>> = {
  ArrowLeft: [-MOVE, 0],
  ArrowRight: [MOVE, 0],
  ArrowUp: [0, -MOVE],
  ArrowDown: [0, MOVE],
};

export function DrawPad({ strokes, onDraw }: DrawPadProps) {
  const text = spoken({ en, zh });
  const canvas = useRef<HTMLCanvasElement>(null);
  const pen = useSignal<Place>([0.5, 0.3]);
  const down = useSignal(false);
  const focused = useSignal(false);
  const pointer = useRef(false);

  const extend = (place: Place, fresh: boolean) => {
    const last = strokes.at(-1);
    if (fresh || !last) onDraw([...strokes, [place]]);
    else onDraw([...strokes.slice(0, -1), [...last, place]]);
  };
  const placeOf = (event: PointerEvent): Place => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = ARROWS[event.key];
    if (event.key === " ") {
      event.preventDefault();
      down.value = !down.value;
      if (down.value) extend(pen.value, true);
    } else if (move) {
      event.preventDefault();
      const [x, y] = pen.value;
      const within = (at: number) => Math.min(0.95, Math.max(0.05, at));
      pen.value = [within(x + move[0]), within(y + move[1])];
      if (down.value) extend(pen.value, false);
    }
  };

  useEffect(() => {
    const to = canvas.current!;
    const side = Math.round(to.clientWidth * devicePixelRatio) || 224;
    if (to.width !== side) to.width = to.height = side;
    const context = to.getContext("2d")!;
    context.clearRect(0, 0, side, side);
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = 0.075 * side;
    context.strokeStyle = colour("--text");
    for (const stroke of strokes) {
      context.beginPath();
      for (const [x, y] of stroke) context.lineTo(x * side, y * side);
      // A single point is a dot.
      if (stroke.length === 1) context.lineTo(stroke[0]![0] * side, stroke[0]![1] * side + 0.01);
      context.stroke();
    }
    if (!focused.value) return;
    const [x, y] = pen.value;
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = colour("--accent");
    context.beginPath();
    context.arc(x * side, y * side, 0.04 * side, 0, 2 * Math.PI);
    context.stroke();
  }, [strokes, pen.value, focused.value, shade.value]);

  return (
    <>
      <div
        class="pad"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: one draws on it with arrow keys too.
        tabIndex={0}
        role="application"
        aria-label={text.pad}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          pointer.current = true;
          extend(placeOf(event), true);
        }}
        onPointerMove={(event) => {
          if (pointer.current) extend(placeOf(event), false);
        }}
        onPointerUp={() => (pointer.current = false)}
        onPointerCancel={() => (pointer.current = false)}
        onKeyDown={onKeyDown}
        onFocus={({ currentTarget }) => (focused.value = currentTarget.matches(":focus-visible"))}
        onBlur={() => {
          focused.value = false;
          down.value = false;
        }}
      >
        <canvas ref={canvas} />
      </div>
      <span class="hidden" aria-live="polite">
        {focused.value ? (down.value ? text.penDown : text.penUp) : ""}
      </span>
    </>
  );
}
