// The race in the training of a small network: curves and numbers of each optimizer, computed in this page.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Curve, Curves } from "../../parts/curves.tsx";
import { lineStyle } from "../../parts/lines.ts";
import { Swatch } from "../../parts/map.tsx";
import { shown } from "../../parts/numbers.ts";
import { networkOptions, withMomentum } from "../../parts/rates.ts";
import { Scroll } from "../../parts/scroll.tsx";
import { Workshop } from "../../parts/work.ts";
import { NumberField } from "../../shell/number-field.tsx";
import type { Words } from "../../words/race.en.ts";
import { type Entrant, Entrants, namesOf, newEntrant } from "./entrants.tsx";
import { NETWORK_TARGETS, NETWORK_TASKS, type NetworkTaskName } from "./network-tasks.ts";
import type { NetworkUpdate } from "./networks.ts";

const FIRST = ["sgd", "rmsprop", "adam", "lion"];
/** Muon alone takes no biases. */
const takes = (optimizer: string) => optimizer !== "muon";

/** A run with what it ran with: the list above it may change meanwhile. */
interface Ran {
  readonly name: string;
  readonly update: NetworkUpdate | undefined;
}

export function NetworkRace({ text }: { readonly text: Words }) {
  const [task, setTask] = useState<NetworkTaskName>("spirals");
  const [ranTask, setRanTask] = useState<NetworkTaskName>("spirals");
  const [seed, setSeed] = useState(1);
  const [entrants, setEntrants] = useState<readonly Entrant[]>(() =>
    FIRST.map((name) => newEntrant(name, withMomentum(name, networkOptions(name, "spirals")))),
  );
  const [ran, setRan] = useState<readonly Ran[]>([]);
  // In the language of the moment at which it is read.
  const [status, setStatus] = useState<{ say: (text: Words) => string }>({ say: () => "" });
  const [running, setRunning] = useState(false);
  const workshop = useRef<Workshop | null>(null);
  workshop.current ??= new Workshop();
  useEffect(() => () => workshop.current!.stop(), []);

  const run = async () => {
    const names = namesOf(entrants);
    setRan(names.map((name) => ({ name, update: undefined })));
    setRanTask(task);
    setRunning(true);
    setStatus({ say: ({ running }) => running(names[0] ?? "") });
    try {
      const digits = new URL("digits.bin", document.baseURI).href;
      const race = {
        task,
        seed,
        digits,
        entrants: entrants.map(({ optimizer, options }) => ({ optimizer, options })),
      };
      await workshop.current!.ask("network", race, (update) => {
        setRan((now) => now.map((each, i) => (i === update.index ? { ...each, update } : each)));
        const next = names[update.index + 1];
        if (next !== undefined) setStatus({ say: ({ running }) => running(next) });
      });
      setStatus({ say: ({ done }) => done });
    } catch (error) {
      setStatus({ say: ({ failed }) => `${failed} ${error instanceof Error ? error.message : error}` });
    }
    setRunning(false);
  };

  const curves = useMemo(
    () =>
      ran.flatMap(({ name, update }, place): Curve[] =>
        update && update.steps.length > 0
          ? [{ name, style: lineStyle(place), x: update.steps, y: update.losses }]
          : [],
      ),
    [ran],
  );
  const { loss, maxSteps } = NETWORK_TARGETS[task];
  const target = NETWORK_TARGETS[ranTask].loss;
  const range = useMemo((): readonly [number, number] => [target / 5, 5], [target]);

  return (
    <section class="panel" aria-labelledby="race-network">
      <h2 id="race-network">{text.networkTitle}</h2>
      <div class="race">
        <div class="chosen">
          <div class="fields">
            <label class="field wide">
              {text.task}
              <select
                value={task}
                onChange={({ currentTarget }) => {
                  const to = currentTarget.value as NetworkTaskName;
                  setTask(to);
                  setEntrants((now) =>
                    now.map((each) =>
                      each.touched
                        ? each
                        : {
                            ...each,
                            options: withMomentum(each.optimizer, networkOptions(each.optimizer, to)),
                          },
                    ),
                  );
                }}
              >
                {NETWORK_TASKS.map((name) => (
                  <option key={name} value={name}>
                    {text.tasks[name]}
                  </option>
                ))}
              </select>
            </label>
            <NumberField label={text.seed} value={seed} low={0} high={1e9} whole onChange={setSeed} />
          </div>
          <p class="quiet">{text.taskHint(shown(loss), maxSteps)}</p>
          <Entrants
            {...{ entrants, takes, text }}
            onChange={setEntrants}
            begin={(optimizer) => withMomentum(optimizer, networkOptions(optimizer, task))}
          />
          <div class="row">
            {running ? (
              <button
                type="button"
                onClick={() => {
                  workshop.current!.stop();
                  setRunning(false);
                  setStatus({ say: () => "" });
                }}
              >
                {text.stop}
              </button>
            ) : (
              <button type="button" class="primary" disabled={entrants.length === 0} onClick={run}>
                {text.run}
              </button>
            )}
            <span class="quiet" role="status">
              {status.say(text)}
            </span>
          </div>
        </div>
        <div class="numbers two">
          {ran.length === 0 ? (
            <p class="quiet">{text.nothing}</p>
          ) : (
            <>
              <Curves
                {...{ curves, range }}
                xLabel={text.step}
                yLabel={text.loss}
                level={{ value: target, name: text.target }}
                description={text.networkCurves}
              />
              <Scroll label={text.networkTable}>
                <table>
                  <caption class="hidden">{text.networkTable}</caption>
                  <thead>
                    <tr>
                      <th scope="col">{text.columns.name}</th>
                      <th scope="col" class="number">
                        {text.columns.loss}
                      </th>
                      <th scope="col" class="number">
                        {text.columns.toTarget}
                      </th>
                      <th scope="col" class="number">
                        {text.columns.seconds}
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {ran.map(({ name, update }, place) => (
                      <tr key={name}>
                        <th scope="row">
                          <Swatch place={place} /> {name}
                        </th>
                        {update?.error ? (
                          <td colSpan={3} class="bad">
                            {update.error}
                          </td>
                        ) : (
                          <>
                            <td class="number">
                              {update && (
                                <data value={String(update.losses.at(-1))}>
                                  {shown(update.losses.at(-1) ?? Number.NaN)}
                                </data>
                              )}
                            </td>
                            <td class="number">{update ? (update.arrived ?? "–") : ""}</td>
                            <td class="number">{update ? update.seconds.toFixed(2) : ""}</td>
                          </>
                        )}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            </>
          )}
        </div>
      </div>
    </section>
  );
}
