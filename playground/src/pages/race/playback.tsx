// Plays the steps of a race like a film: play, pause, step, scrub, speed.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "../../words/race.en.ts";

/** Drawn, for fonts have these signs or have them not. */
const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z",
  back: "M11 3v10L4 8z",
  forward: "M5 3v10l7-5z",
  last: "M11 3h2v10h-2zM3 3v10l7-5z",
};

const Icon = ({ of }: { readonly of: keyof typeof ICONS }) => (
  <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
    <path d={ICONS[of]} fill="currentColor" />
  </svg>
);

const SPEEDS = [5, 20, 60, 200];

interface PlaybackProps {
  readonly step: number;
  readonly steps: number;
  readonly onStep: (step: number) => void;
  /** It stands still after it was moved. */
  readonly onRest: (step: number) => void;
  readonly text: Words;
}

export function Playback({ step, steps, onStep, onRest, text }: PlaybackProps) {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(60);
  const now = useRef(step);
  now.current = step;

  useEffect(() => {
    if (!playing) return;
    let at = now.current >= steps ? 0 : now.current;
    let before = performance.now();
    let frame = requestAnimationFrame(function turn(time) {
      at = Math.min(steps, at + (speed * Math.max(0, time - before)) / 1000);
      before = time;
      onStep(Math.floor(at));
      if (at >= steps) {
        setPlaying(false);
        onRest(steps);
      } else frame = requestAnimationFrame(turn);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, speed, steps]);

  const moveTo = (to: number) => {
    setPlaying(false);
    const within = Math.min(Math.max(to, 0), steps);
    onStep(within);
    onRest(within);
  };
  return (
    <fieldset class="playback" aria-label={text.controls}>
      <div class="row">
        <button type="button" aria-label={text.first} disabled={step === 0} onClick={() => moveTo(0)}>
          <Icon of="first" />
        </button>
        <button type="button" aria-label={text.back} disabled={step === 0} onClick={() => moveTo(step - 1)}>
          <Icon of="back" />
        </button>
        <button
          type="button"
          class="primary play"
          onClick={() => {
            setPlaying(!playing);
            if (playing) onRest(step);
          }}
        >
          {playing ? text.pause : text.play}
        </button>
        <button
          type="button"
          aria-label={text.forward}
          disabled={step >= steps}
          onClick={() => moveTo(step + 1)}
        >
          <Icon of="forward" />
        </button>
        <button type="button" aria-label={text.last} disabled={step >= steps} onClick={() => moveTo(steps)}>
          <Icon of="last" />
        </button>
        <select
          aria-label={text.speed}
          value={speed}
          onChange={({ currentTarget }) => setSpeed(Number(currentTarget.value))}
        >
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {text.perSecond(each)}
            </option>
          ))}
        </select>
      </div>
      <div class="row">
        <input
          type="range"
          min="0"
          max={steps}
          value={step}
          aria-label={text.scrub}
          aria-valuetext={text.stepOf(step, steps)}
          onInput={({ currentTarget }) => {
            setPlaying(false);
            onStep(Number(currentTarget.value));
          }}
          onChange={({ currentTarget }) => onRest(Number(currentTarget.value))}
        />
        <output aria-live="off">{text.stepOf(step, steps)}</output>
      </div>
    </fieldset>
  );
}
