// Where the data come from.
import { useSignal } from "@preact/signals";
import { DIGITS } from "../../data/digits.ts";
import { rasterize, type Stroke } from "../../data/rasterize.ts";
import { TOY_NAMES } from "../../data/toys.ts";
import { spoken } from "../../shell/language.ts";
import { NumberField } from "../../shell/number-field.tsx";
import { SelectField } from "../../shell/select-field.tsx";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { DrawPad } from "./draw-pad.tsx";
import { Failure } from "./failure.tsx";
import {
  choice,
  chooseSource,
  dataState,
  drawn,
  examples,
  isToy,
  noise,
  type Source,
  source,
} from "./settings.ts";

export function DataPanel() {
  const text = spoken({ en, zh });
  const from = source.value;
  const groups: readonly (readonly [string, readonly Source[]])[] = [
    [text.points, TOY_NAMES],
    [text.images, ["mnist", "drawn"]],
    [text.own, ["csv"]],
  ];
  return (
    <section class="panel" aria-labelledby="data-title">
      <h2 id="data-title">{text.data}</h2>
      <div class="fields">
        <label class="field wide">
          {text.source}
          <select value={from} onChange={({ currentTarget }) => chooseSource(currentTarget.value as Source)}>
            {groups.map(([group, names]) => (
              <optgroup key={group} label={group}>
                {names.map((name) => (
                  <option key={name} value={name}>
                    {text.sources[name]}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        {isToy(from) && (
          <>
            <NumberField
              label={text.examples}
              value={examples.value}
              low={20}
              high={5000}
              step={10}
              whole
              onChange={(value) => (examples.value = value)}
            />
            <NumberField
              label={text.noise}
              value={noise.value}
              low={0}
              high={2}
              step={0.1}
              onChange={(value) => (noise.value = value)}
            />
          </>
        )}
      </div>
      {from === "csv" && <TableChooser />}
      {from === "drawn" && <DigitCollector />}
      <Summary />
    </section>
  );
}

function Summary() {
  const text = spoken({ en, zh });
  const { data, error, loading } = dataState.value;
  if (loading) return <p class="quiet">{text.loading}</p>;
  if (error !== undefined) return <Failure error={error} />;
  if (!data) return null;
  const { train, validation, task, names } = data;
  const classes = task === "classes" ? names.length : 0;
  return <p class="quiet">{text.counts(train.length, validation?.length ?? 0, classes)}</p>;
}

function TableChooser() {
  const text = spoken({ en, zh });
  const pasted = useSignal("");
  const failure = useSignal<unknown>(undefined);
  const read = async (name: string, from: Blob | string) => {
    failure.value = undefined;
    try {
      const { readOwnTable } = await import("../../data/own-table.ts");
      const own = await readOwnTable(name, from);
      const answer = own.table.columns.at(-1)!;
      // Few numbers that come again and again are rather names of classes.
      const values = new Set(own.table.column(answer));
      const task = own.numeric.includes(answer) && values.size > 10 ? "numbers" : "classes";
      choice.value = { own, answer, task };
    } catch (error) {
      failure.value = error;
    }
  };
  const chosen = choice.value;
  return (
    <>
      <p class="quiet">{text.wantTable}</p>
      <div class="fields">
        <label class="field wide">
          {text.file}
          <input
            type="file"
            accept=".csv,text/csv,text/plain"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              if (file) void read(file.name, file);
            }}
          />
        </label>
        <label class="field wide">
          {text.paste}
          <textarea
            rows={4}
            spellcheck={false}
            placeholder={"length,width,kind\n5.1,3.5,a\n6.2,2.9,b"}
            value={pasted.value}
            onInput={({ currentTarget }) => (pasted.value = currentTarget.value)}
          />
        </label>
      </div>
      <div class="row">
        <button
          type="button"
          disabled={pasted.value.trim() === ""}
          onClick={() => read(text.pasted, pasted.value)}
        >
          {text.read}
        </button>
      </div>
      {failure.value !== undefined && <Failure error={failure.value} />}
      {chosen && (
        <>
          <p class="quiet">
            {text.rows(chosen.own.name, chosen.own.table.length, chosen.own.table.columns.length)}
          </p>
          <div class="fields">
            <SelectField
              label={text.answer}
              value={chosen.answer}
              names={chosen.own.table.columns}
              onChange={(answer) => {
                const task = chosen.own.numeric.includes(answer) ? chosen.task : "classes";
                choice.value = { ...chosen, answer, task };
              }}
            />
            <SelectField
              label={text.task}
              value={chosen.task}
              names={chosen.own.numeric.includes(chosen.answer) ? ["classes", "numbers"] : ["classes"]}
              called={(task) => text.tasks[task]}
              onChange={(task) => (choice.value = { ...chosen, task })}
            />
          </div>
        </>
      )}
    </>
  );
}

function DigitCollector() {
  const text = spoken({ en, zh });
  const strokes = useSignal<readonly Stroke[]>([]);
  const label = useSignal(0);
  const counts = DIGITS.map((_, digit) => drawn.value.filter((each) => each.label === digit).length);
  const add = () => {
    const image = rasterize(strokes.value);
    if (!image) return;
    drawn.value = [...drawn.value, { image, label: label.value }];
    strokes.value = [];
  };
  return (
    <>
      <p class="quiet">{text.wantDigits}</p>
      <div class="drawing">
        <DrawPad strokes={strokes.value} onDraw={(next) => (strokes.value = next)} />
        <div class="beside">
          <SelectField
            label={text.label}
            value={String(label.value)}
            names={DIGITS}
            onChange={(digit) => (label.value = Number(digit))}
          />
          <button type="button" class="primary" disabled={strokes.value.length === 0} onClick={add}>
            {text.add}
          </button>
          <button type="button" disabled={strokes.value.length === 0} onClick={() => (strokes.value = [])}>
            {text.clear}
          </button>
          <button type="button" disabled={drawn.value.length === 0} onClick={() => (drawn.value = [])}>
            {text.removeAll}
          </button>
        </div>
      </div>
      <p class="quiet" aria-live="polite">
        {text.drawnCounts(drawn.value.length)}
        {drawn.value.length > 0 &&
          ` (${counts.flatMap((count, digit) => (count > 0 ? [`${digit} × ${count}`] : [])).join(", ")})`}
      </p>
    </>
  );
}
