// How the weights and the gradients of each layer are spread.
import { useMemo } from "preact/hooks";
import { Chart, type ChartLine, short } from "../../shell/chart.tsx";
import { spoken } from "../../shell/language.ts";
import type { Histogram } from "../../train/measure.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { seen } from "./training.ts";

interface BarsProps {
  readonly what: string;
  readonly layer: string;
  readonly of: Histogram;
  readonly colour: ChartLine["colour"];
}

function Bars({ what, layer, of, colour }: BarsProps) {
  const text = spoken({ en, zh });
  const data = useMemo(() => {
    const width = (of.high - of.low) / of.counts.length;
    return [of.counts.map((_, i) => of.low + (i + 0.5) * width), [...of.counts]] as [number[], number[]];
  }, [of]);
  // The axis moves by steps, so that the bars are seen to move.
  const edge = nice(of.high);
  const spread = `${short(of.mean)} ± ${short(of.deviation)}`;
  return (
    <figure class="bars">
      <figcaption>
        {what} <span class="number">{spread}</span>
      </figcaption>
      <Chart
        label={text.histogram(what, layer, short(of.mean), short(of.deviation))}
        data={data}
        lines={[{ name: what, colour, kind: "bars" }]}
        height={76}
        xRange={[-edge, edge]}
        range={fromZero}
        bare
      />
    </figure>
  );
}

const fromZero = (_: unknown, _low: number | null, high: number | null): [number, number] => [0, high || 1];

/** The next larger round number. */
function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 1.5, 2, 3, 5, 7, 10].map((times) => times * power).find((edge) => edge >= value * 0.999) ?? 10 * power
  );
}

export function Histograms() {
  const text = spoken({ en, zh });
  const { layers } = seen.value;
  return (
    <section class="panel" aria-labelledby="histograms-title">
      <h2 id="histograms-title">{text.histograms}</h2>
      {layers.length === 0 ? (
        <p class="quiet empty">{text.nothingYet}</p>
      ) : (
        <>
          <p class="quiet">{text.histogramsAbout}</p>
          <ul class="histograms">
            {layers.map(({ name, weights, gradients }) => (
              <li key={name}>
                <h3>
                  <code>{name}</code>
                </h3>
                <div class="pair">
                  <Bars what={text.weights} layer={name} of={weights} colour="--series-1" />
                  <Bars what={text.gradients} layer={name} of={gradients} colour="--series-3" />
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
