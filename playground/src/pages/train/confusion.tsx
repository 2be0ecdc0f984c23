// Who was taken for whom, as a table; of numbers the predicted ones over the actual ones.
import { useMemo } from "preact/hooks";
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { dataState } from "./settings.ts";
import { seen } from "./training.ts";

/** More classes than this are no table to be read. */
const MOST = 20;

export function ConfusionPanel() {
  const text = spoken({ en, zh });
  const names = dataState.value.data?.names ?? [];
  const { confusion } = seen.value.measured ?? {};
  const n = names.length;
  return (
    <section class="panel" aria-labelledby="confusion-title">
      <h2 id="confusion-title">{text.confusion}</h2>
      {!confusion || n > MOST || confusion.length !== n * n ? (
        <p class="quiet empty">{n > MOST ? text.counts(0, 0, n) : text.nothingYet}</p>
      ) : (
        <>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by a keyboard. */}
          <section class="scroll" tabIndex={0} aria-label={text.confusionAbout}>
            <table class="confusion">
              <thead>
                <tr>
                  <th scope="col">
                    {text.actual} \ {text.predicted}
                  </th>
                  {names.map((name) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {names.map((name, row) => {
                  const counts = confusion.slice(row * n, (row + 1) * n);
                  const all = counts.reduce((sum, count) => sum + count, 0);
                  return (
                    <tr key={name}>
                      <th scope="row">{name}</th>
                      {names.map((other, column) => {
                        const count = counts[column]!;
                        const share = all === 0 ? 0 : count / all;
                        const hue = row === column ? "var(--series-1)" : "var(--series-2)";
                        return (
                          <td
                            key={other}
                            style={{
                              background: `color-mix(in srgb, ${hue} ${Math.round(45 * Math.sqrt(share))}%, transparent)`,
                            }}
                          >
                            {count === 0 ? <span class="none">0</span> : count}
                          </td>
                        );
                      })}
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </section>
          <p class="quiet">{text.confusionAbout}</p>
        </>
      )}
    </section>
  );
}

/** Sides of the picture, in its own units. */
const SIDE = 240;

export function ScatterPanel() {
  const text = spoken({ en, zh });
  const { data } = dataState.value;
  const { measured } = seen.value;
  const actual = useMemo(() => {
    const [all] = (data?.validation ?? data?.train)?.batch("full") ?? [];
    return all?.targets;
  }, [data]);
  const outputs = measured?.outputs;
  const fits = actual && outputs && outputs.length === actual.length;
  let [low, high] = [-1, 1];
  for (const values of fits ? [actual, outputs] : [])
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const place = (value: number) => ((value - low) / (high - low)) * (SIDE - 16) + 8;
  return (
    <section class="panel" aria-labelledby="scatter-title">
      <h2 id="scatter-title">{text.scatter}</h2>
      {!fits ? (
        <p class="quiet empty">{text.nothingYet}</p>
      ) : (
        <figure>
          <svg class="scatter" viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={text.scatterAbout}>
            <line x1="8" y1={SIDE - 8} x2={SIDE - 8} y2="8" stroke="var(--line-strong)" />
            {[...actual].map((value, i) => (
              <circle
                key={i}
                cx={place(value)}
                cy={SIDE - place(outputs[i]!)}
                r="2.5"
                fill="var(--series-1)"
                fill-opacity="0.6"
              />
            ))}
          </svg>
          <figcaption class="quiet">{text.scatterAbout}</figcaption>
        </figure>
      )}
    </section>
  );
}
