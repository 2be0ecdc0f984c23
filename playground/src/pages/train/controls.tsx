// The bar of buttons, and where the training is.
import { useSignal, useSignalEffect } from "@preact/signals";
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { Failure } from "./failure.tsx";
import { dataState, epochs, network } from "./settings.ts";
import {
  counters,
  download,
  failure,
  PACES,
  pace,
  pause,
  phase,
  reset,
  seen,
  start,
  step,
} from "./training.ts";

/** A loss in few digits. */
export const lossText = (loss: number) =>
  Number.isNaN(loss) ? "–" : loss < 1e-3 && loss > 0 ? loss.toExponential(2) : loss.toFixed(4);

export function Controls() {
  const text = spoken({ en, zh });
  const at = phase.value;
  const { epoch, steps, speed, threads } = counters.value;
  const { measured, history } = seen.value;
  const going = at === "running" || at === "starting";
  const ready = dataState.value.data !== undefined && network.value?.model !== undefined;
  const loss = measured?.loss ?? Number.NaN;
  const last = history.at(-1);
  const validated = dataState.value.data?.validation !== undefined;
  return (
    <section class="panel controls" aria-label={text.controls}>
      <div class="row">
        {going ? (
          <button type="button" class="primary main" onClick={pause}>
            {text.pause}
          </button>
        ) : (
          <button type="button" class="primary main" disabled={!ready} onClick={start}>
            {steps === 0 ? text.start : text.goOn}
          </button>
        )}
        <button type="button" disabled={going || !ready} onClick={step}>
          {text.step}
        </button>
        <button type="button" disabled={at === "ready"} onClick={reset}>
          {text.reset}
        </button>
        <button type="button" disabled={steps === 0} onClick={download}>
          {text.download}
        </button>
        <label class="pace">
          <span class="hidden">{text.pace}</span>
          <select
            value={String(pace.value)}
            onChange={({ currentTarget }) => (pace.value = Number(currentTarget.value))}
          >
            {PACES.map((each) => (
              <option key={each} value={String(each)}>
                {text.paces(each)}
              </option>
            ))}
          </select>
        </label>
        <span class={`phase ${at}`}>{text.phases[at]}</span>
      </div>
      <dl class="numbers">
        <Figure name={text.epoch} value={`${epoch} / ${epochs.value}`} />
        <Figure name={text.steps} value={steps.toLocaleString()} />
        <Figure
          name={`${text.loss} (${validated ? text.validation : text.training})`}
          value={lossText(loss)}
        />
        {measured?.accuracy !== undefined && (
          <Figure
            name={`${text.accuracy} (${validated ? text.validation : text.training})`}
            value={text.percent(measured.accuracy)}
          />
        )}
        {last?.accuracy !== undefined && validated && (
          <Figure name={`${text.accuracy} (${text.training})`} value={text.percent(last.accuracy)} />
        )}
        <Figure name={text.speed} value={speed === 0 ? "–" : Math.round(speed).toLocaleString()} />
        {threads > 0 && <Figure name={text.threads} value={String(threads)} />}
      </dl>
      {failure.value !== undefined && <Failure error={failure.value} />}
      <Said />
    </section>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Tells a screen reader when the training begins, pauses and ends, not at every step. */
function Said() {
  const words = useSignal("");
  useSignalEffect(() => {
    const at = phase.value;
    const text = spoken({ en, zh });
    if (at === "ready" || at === "starting") {
      words.value = "";
      return;
    }
    const { epoch } = counters.peek();
    const { measured } = seen.peek();
    const share = measured?.accuracy === undefined ? undefined : text.percent(measured.accuracy);
    words.value = text.said(text.phases[at], epoch, lossText(measured?.loss ?? Number.NaN), share);
  });
  return (
    <span class="hidden" role="status">
      {words.value}
    </span>
  );
}
