// Draw a digit and see what the network takes it for.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { DIGITS, PIXELS, SIDE } from "../../data/digits.ts";
import { rasterize, type Stroke } from "../../data/rasterize.ts";
import { spoken } from "../../shell/language.ts";
import { largestAt, softmaxAt } from "../../train/measure.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { DrawPad } from "./draw-pad.tsx";
import { Failure } from "./failure.tsx";
import { seen, trained } from "./training.ts";

export function Classify() {
  const text = spoken({ en, zh });
  const strokes = useSignal<readonly Stroke[]>([]);
  const shares = useSignal<Float32Array | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const look = seen.value;

  // The network sees the drawing again whenever it has learned.
  useEffect(() => {
    let current = true;
    const image = rasterize(strokes.value);
    const model = trained();
    if (!image || !model?.weights.initialized) {
      shares.value = undefined;
      return;
    }
    model.predict(image).then(
      (scores) => {
        if (!current) return;
        softmaxAt(scores, 0, scores.length);
        shares.value = scores;
        failure.value = undefined;
      },
      (error) => {
        if (current) failure.value = error;
      },
    );
    return () => {
      current = false;
    };
  }, [strokes.value, look]);

  const known = shares.value;
  const best = known && largestAt(known, 0, known.length);
  const drawnAny = strokes.value.length > 0;
  return (
    <section class="panel" aria-labelledby="draw-title">
      <h2 id="draw-title">{text.draw}</h2>
      <div class="drawing">
        <div>
          <DrawPad strokes={strokes.value} onDraw={(next) => (strokes.value = next)} />
          <div class="row under">
            <button type="button" disabled={!drawnAny} onClick={() => (strokes.value = [])}>
              {text.clear}
            </button>
            {drawnAny && <Shown strokes={strokes.value} />}
          </div>
        </div>
        <div class="beside">
          <p role="status" class={`verdict ${known ? "known" : "quiet"}`}>
            {best !== undefined
              ? text.seenAs(DIGITS[best]!, text.percent(known![best]!))
              : drawnAny
                ? text.trainFirst
                : text.drawHint}
          </p>
          {known && (
            <ul class="shares" aria-label={text.probabilities}>
              {DIGITS.map((digit, at) => (
                <li key={digit} class={at === best ? "best" : ""}>
                  <span>{digit}</span>
                  <span class="share" aria-hidden="true">
                    <span style={{ width: `${100 * known[at]!}%` }} />
                  </span>
                  <span class="number">{text.percent(known[at]!)}</span>
                </li>
              ))}
            </ul>
          )}
          {failure.value !== undefined && <Failure error={failure.value} />}
        </div>
      </div>
    </section>
  );
}

/** The picture that the network is given. */
function Shown({ strokes }: { readonly strokes: readonly Stroke[] }) {
  const text = spoken({ en, zh });
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = rasterize(strokes) ?? new Float32Array(PIXELS);
    const pixels = new ImageData(SIDE, SIDE);
    for (let i = 0; i < PIXELS; i++) {
      pixels.data.fill(Math.round(255 * image[i]!), 4 * i, 4 * i + 3);
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }, [strokes]);
  return (
    <canvas
      ref={canvas}
      class="shown"
      width={SIDE}
      height={SIDE}
      role="img"
      aria-label={text.seen}
      title={text.seen}
    />
  );
}
