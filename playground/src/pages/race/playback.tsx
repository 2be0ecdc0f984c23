// Plays the steps of a race like a film: play, pause, step, scrub, speed.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "../../words/race.en.ts";

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
          ⏮
        </button>
        <button type="button" aria-label={text.back} disabled={step === 0} onClick={() => moveTo(step - 1)}>
          ◀
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
          ▶
        </button>
        <button type="button" aria-label={text.last} disabled={step >= steps} onClick={() => moveTo(steps)}>
          ⏭
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
