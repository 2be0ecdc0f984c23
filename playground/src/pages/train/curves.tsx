// Loss and accuracy of training and validation, epoch by epoch; the same numbers as a table.
import { useMemo } from "preact/hooks";
import { Chart, type ChartLine, Key } from "../../shell/chart.tsx";
import { spoken } from "../../shell/language.ts";
import type { EpochNumbers } from "../../train/run.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { lossText } from "./controls.tsx";
import { seen } from "./training.ts";

/** More points than a chart has pixels are left out evenly; epochs that were measured stay. */
const POINTS = 600;
function thinned(history: readonly EpochNumbers[]): readonly EpochNumbers[] {
  if (history.length <= POINTS) return history;
  const every = Math.ceil(history.length / POINTS);
  return history.filter(({ validation }, i) => validation || i % every === 0 || i === history.length - 1);
}

type Pick = (numbers: EpochNumbers) => number | undefined;

function Curve({ label, training, validation }: { label: string; training: Pick; validation: Pick }) {
  const text = spoken({ en, zh });
  const { history } = seen.value;
  const accuracy = label === text.accuracyCurve;
  const data = useMemo(() => {
    const points = thinned(history);
    const of = (pick: Pick) => points.map((each) => pick(each) ?? null);
    return [points.map(({ epoch }) => epoch), of(training), of(validation)] as [
      number[],
      (number | null)[],
      (number | null)[],
    ];
  }, [history]);
  const lines: ChartLine[] = [
    { name: text.training, colour: "--series-1" },
    { name: text.validation, colour: "--series-2", dash: [6, 4] },
  ];
  const last = history.at(-1);
  const held = history.findLast(({ validation: known }) => known);
  const value = (number: number | undefined) =>
    number === undefined ? "–" : accuracy ? text.percent(number) : lossText(number);
  const said = `${label}: ${text.training} ${value(last && training(last))}, ${text.validation} ${value(held && validation(held))}`;
  return (
    <figure>
      <figcaption class="chart-head">
        <h3>{label}</h3>
        <Key lines={lines} />
      </figcaption>
      <Chart
        label={said}
        data={data}
        lines={lines}
        height={170}
        wholeX
        {...(accuracy ? { range: accuracyRange } : { range: lossRange })}
      />
    </figure>
  );
}

/** From the next lower tenth to 1. */
const accuracyRange = (_: unknown, low: number | null): [number, number] => [
  Math.max(0, Math.floor(((low ?? 0) - 0.02) * 10) / 10),
  1,
];
const lossRange = (_: unknown, _low: number | null, high: number | null): [number, number] => [
  0,
  (high ?? 1) * 1.05 || 1,
];

const trainingLoss: Pick = ({ loss }) => loss;
const validationLoss: Pick = ({ validation }) => validation?.loss;
const trainingAccuracy: Pick = ({ accuracy }) => accuracy;
const validationAccuracy: Pick = ({ validation }) => validation?.accuracy;

export function Curves() {
  const text = spoken({ en, zh });
  const { history, measured } = seen.value;
  const classes = history.at(-1)?.accuracy !== undefined || measured?.accuracy !== undefined;
  return (
    <section class="panel" aria-labelledby="curves-title">
      <h2 id="curves-title">{text.curves}</h2>
      {history.length === 0 ? (
        <p class="quiet empty">{text.nothingYet}</p>
      ) : (
        <>
          <Curve label={text.lossCurve} training={trainingLoss} validation={validationLoss} />
          {classes && (
            <Curve label={text.accuracyCurve} training={trainingAccuracy} validation={validationAccuracy} />
          )}
          <Numbers />
        </>
      )}
    </section>
  );
}

/** Last epochs of the table. */
const ROWS = 20;

function Numbers() {
  const text = spoken({ en, zh });
  const { history } = seen.value;
  const number = (value: number | undefined) => value?.toPrecision(9) ?? "";
  const share = (value: number | undefined) => value?.toFixed(4) ?? "";
  return (
    <details>
      <summary>{text.numbers}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by a keyboard. */}
      <section class="scroll" tabIndex={0} aria-label={text.numbers}>
        <table class="epochs">
          <thead>
            <tr>
              <th scope="col">{text.epoch}</th>
              <th scope="col">
                {text.loss}, {text.training}
              </th>
              <th scope="col">
                {text.loss}, {text.validation}
              </th>
              <th scope="col">
                {text.accuracy}, {text.training}
              </th>
              <th scope="col">
                {text.accuracy}, {text.validation}
              </th>
            </tr>
          </thead>
          <tbody>
            {history.slice(-ROWS).map(({ epoch, loss, accuracy, validation }) => (
              <tr key={epoch}>
                <td class="number">{epoch}</td>
                <td class="number">{number(loss)}</td>
                <td class="number">{number(validation?.loss)}</td>
                <td class="number">{share(accuracy)}</td>
                <td class="number">{share(validation?.accuracy)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
