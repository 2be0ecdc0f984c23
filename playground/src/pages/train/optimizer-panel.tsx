// The optimizer with its knobs, the schedule, and how long it is trained.
import { spoken } from "../../shell/language.ts";
import { NumberField } from "../../shell/number-field.tsx";
import { SelectField } from "../../shell/select-field.tsx";
import { entryOf, OPTIMIZER_NAMES } from "../../train/optimizers.ts";
import { SCHEDULE_NAMES } from "../../train/schedules.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import {
  batchSize,
  chooseOptimizer,
  epochs,
  knobs,
  learningRate,
  optimizer,
  schedule,
  seed,
} from "./settings.ts";
import { counters } from "./training.ts";

/** Powers of ten that the slider goes between. */
const [LEAST, MOST] = [-5, 1];

export function OptimizerPanel() {
  const text = spoken({ en, zh });
  const { rate } = counters.value;
  return (
    <section class="panel" aria-labelledby="optimizer-title">
      <h2 id="optimizer-title">{text.optimizer}</h2>
      <div class="fields">
        <SelectField
          label={text.method}
          value={optimizer.value}
          names={OPTIMIZER_NAMES}
          onChange={chooseOptimizer}
        />
        <SelectField
          label={text.schedule}
          value={schedule.value}
          names={SCHEDULE_NAMES}
          called={(name) => text.schedules[name]}
          onChange={(name) => (schedule.value = name)}
        />
      </div>
      <div class="rate">
        <NumberField
          label={text.learningRate}
          value={learningRate.value}
          low={0}
          high={100}
          step={learningRate.value / 10 || 0.001}
          onChange={(value) => (learningRate.value = value)}
        />
        <input
          type="range"
          aria-label={text.learningRate}
          aria-valuetext={String(learningRate.value)}
          min={LEAST}
          max={MOST}
          step={0.05}
          value={Math.log10(Math.max(learningRate.value, 10 ** LEAST))}
          onInput={({ currentTarget }) =>
            (learningRate.value = Number((10 ** Number(currentTarget.value)).toPrecision(2)))
          }
        />
      </div>
      <p class="quiet">
        {text.live} {!Number.isNaN(rate) && text.now(String(Number(rate.toPrecision(3))))}
      </p>
      <div class="fields">
        {entryOf(optimizer.value).knobs.map(({ name, low, high, step }) => (
          <NumberField
            // An optimizer's knob is another than that of the same name of the next.
            key={`${optimizer.value} ${name}`}
            label={name}
            value={knobs.value[name]!}
            low={low}
            high={high}
            step={step}
            onChange={(value) => (knobs.value = { ...knobs.value, [name]: value })}
          />
        ))}
        <NumberField
          label={text.batchSize}
          value={batchSize.value}
          low={1}
          high={4096}
          whole
          onChange={(value) => (batchSize.value = value)}
        />
        <NumberField
          label={text.epochs}
          value={epochs.value}
          low={1}
          high={100_000}
          whole
          onChange={(value) => (epochs.value = value)}
        />
        <NumberField
          label={text.seed}
          value={seed.value}
          low={0}
          high={2 ** 31 - 1}
          whole
          onChange={(value) => (seed.value = value)}
        />
      </div>
    </section>
  );
}
