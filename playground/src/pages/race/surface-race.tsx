// The race down a surface: what is chosen, the drawing, the film of it, and its numbers.
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Curve, Curves } from "../../parts/curves.tsx";
import type { Path } from "../../parts/descents.ts";
import { lineStyle } from "../../parts/lines.ts";
import { type Drawn, SurfaceMap, Swatch } from "../../parts/map.tsx";
import { shown } from "../../parts/numbers.ts";
import { neededSurface, walkOptions } from "../../parts/rates.ts";
import { Scroll } from "../../parts/scroll.tsx";
import { CLASSICS, type Point, type SurfaceName, surfaceOf } from "../../parts/surfaces.ts";
import { Workshop } from "../../parts/work.ts";
import { NumberField } from "../../shell/number-field.tsx";
import type { Words } from "../../words/race.en.ts";
import { type Entrant, Entrants, namesOf, newEntrant } from "./entrants.tsx";
import { Playback } from "./playback.tsx";

const FIRST = ["sgd", "rmsprop", "adam", "lion"];
const takes = (optimizer: string) => neededSurface(optimizer) === undefined;

/** Paths that are known already: the same walk is the same path. */
class Walks {
  readonly workshop = new Workshop();
  readonly #known = new Map<string, Promise<Path>>();

  path(surface: SurfaceName, { optimizer, options }: Entrant, start: Point, steps: number): Promise<Path> {
    const walk = { surface, optimizer, options, start, steps };
    const key = JSON.stringify(walk);
    let path = this.#known.get(key);
    if (!path) {
      path = this.workshop.ask("walk", walk);
      if (this.#known.size > 500) this.#known.clear();
      this.#known.set(key, path);
    }
    return path;
  }
}

type Outcome = { readonly path: Path } | { readonly error: string };

export function SurfaceRace({ text }: { readonly text: Words }) {
  const [surface, setSurface] = useState<SurfaceName>("rosenbrock");
  const ground = surfaceOf(surface);
  const [start, setStart] = useState<Point>(ground.start);
  const [steps, setSteps] = useState(200);
  const [entrants, setEntrants] = useState<readonly Entrant[]>(() =>
    FIRST.map((name) =>
      newEntrant(name, name === "sgd" ? { learningRate: 0.001, momentum: 0.9 } : walkOptions(name)),
    ),
  );
  const [step, setStep] = useState(200);
  const [outcomes, setOutcomes] = useState<ReadonlyMap<number, Outcome>>(new Map());
  // In the language of the moment at which it is read.
  const [status, setStatus] = useState<{ say: (text: Words) => string }>({ say: () => "" });
  const [tuning, setTuning] = useState(false);
  const walks = useRef<Walks | null>(null);
  walks.current ??= new Walks();
  useEffect(() => () => walks.current!.workshop.stop(), []);

  useEffect(() => {
    let current = true;
    const settled = entrants.map(async (entrant): Promise<readonly [number, Outcome]> => {
      try {
        return [entrant.key, { path: await walks.current!.path(surface, entrant, start, steps) }];
      } catch (error) {
        return [entrant.key, { error: error instanceof Error ? error.message : String(error) }];
      }
    });
    Promise.all(settled).then((all) => {
      if (current) setOutcomes(new Map(all));
    });
    return () => {
      current = false;
    };
  }, [surface, entrants, start, steps]);

  const tune = async (on: SurfaceName, from: Point, which: (entrant: Entrant) => boolean) => {
    setTuning(true);
    setStatus({ say: ({ tuning }) => tuning });
    try {
      const found = await Promise.all(
        entrants.filter(which).map(async ({ key, optimizer, options }) => {
          const walk = { surface: on, optimizer, options, start: from, steps, key: "learningRate" };
          return [key, await walks.current!.workshop.ask("rate", walk)] as const;
        }),
      );
      const rates = new Map(found);
      setEntrants((now) =>
        now.map((each) => {
          const learningRate = rates.get(each.key);
          return learningRate === undefined ? each : { ...each, options: { ...each.options, learningRate } };
        }),
      );
      setStatus({ say: ({ tuned }) => tuned });
    } catch (error) {
      setStatus({ say: ({ failed }) => `${failed} ${error instanceof Error ? error.message : error}` });
    }
    setTuning(false);
  };

  const names = namesOf(entrants);
  const paths = entrants.map(({ key }) => {
    const outcome = outcomes.get(key);
    return outcome && "path" in outcome ? outcome.path : undefined;
  });
  const drawn = useMemo(
    () =>
      paths.flatMap((path, place): Drawn[] =>
        path ? [{ path, style: lineStyle(place), label: String(place + 1) }] : [],
      ),
    [outcomes, entrants],
  );
  const curves = useMemo(
    () =>
      paths.flatMap((path, place): Curve[] =>
        path
          ? [
              {
                name: names[place]!,
                style: lineStyle(place),
                x: path.value.map((_, i) => i),
                y: path.value.map((value) => value - ground.minimum.value),
              },
            ]
          : [],
      ),
    [outcomes, entrants, ground],
  );
  const top = Math.max(...curves.map(({ y }) => y[0] ?? 1), 10 * ground.tolerance);
  const range = useMemo((): readonly [number, number] => [ground.tolerance / 10, 3 * top], [ground, top]);

  const places = paths.flatMap((path, i) => {
    if (!path) return [];
    const at = Math.min(step, path.x.length - 1);
    return [text.place(names[i]!, shown(path.x[at]!, 3), shown(path.y[at]!, 3), shown(path.value[at]!, 3))];
  });
  const rest = useCallback(
    (at: number) => {
      const values = paths.map((path) => path?.value[Math.min(at, path.value.length - 1)] ?? Infinity);
      const best = values.indexOf(Math.min(...values));
      const name = names[best];
      if (name !== undefined) setStatus({ say: ({ paused }) => paused(at, name, shown(values[best]!)) });
    },
    [outcomes, entrants],
  );
  return (
    <section class="panel" aria-labelledby="race-surface">
      <h2 id="race-surface">{text.surfaceTitle}</h2>
      <div class="race">
        <div class="chosen">
          <div class="fields">
            <label class="field wide">
              {text.surface}
              <select
                value={surface}
                onChange={({ currentTarget }) => {
                  const to = currentTarget.value as SurfaceName;
                  setSurface(to);
                  setStart(surfaceOf(to).start);
                  tune(to, surfaceOf(to).start, ({ touched }) => !touched);
                }}
              >
                {CLASSICS.map((name) => (
                  <option key={name} value={name}>
                    {text.surfaces[name]}
                  </option>
                ))}
              </select>
            </label>
            {([0, 1] as const).map((axis) => (
              <NumberField
                key={axis}
                label={axis === 0 ? text.startX : text.startY}
                value={start[axis]}
                low={ground.corner[axis]}
                high={ground.corner[axis] + ground.side}
                step={ground.side / 100}
                onChange={(value) => setStart(axis === 0 ? [value, start[1]] : [start[0], value])}
              />
            ))}
            <NumberField
              label={text.steps}
              value={steps}
              low={1}
              high={5000}
              whole
              onChange={(to) => {
                setSteps(to);
                setStep(to);
              }}
            />
          </div>
          <Entrants {...{ entrants, takes, text }} onChange={setEntrants} begin={walkOptions}>
            <button type="button" disabled={tuning} onClick={() => tune(surface, start, () => true)}>
              {text.tune}
            </button>
          </Entrants>
        </div>
        <div class="seen">
          <SurfaceMap
            {...{ ground, start, paths: drawn, steps: step }}
            onStart={setStart}
            description={text.mapDescription(text.surfaces[surface], places.join(" "))}
            startLabel={text.startLabel(shown(start[0]), shown(start[1]))}
          />
          <Playback {...{ step, steps, text }} onStep={setStep} onRest={rest} />
          <p class="quiet">
            {text.legend(shown(ground.tolerance))} {text.startHint}
          </p>
          <p class="quiet status" role="status">
            {status.say(text)}
          </p>
        </div>
        <div class="numbers">
          <Scroll label={text.tableCaption(step)}>
            <table>
              <caption class="hidden">{text.tableCaption(step)}</caption>
              <thead>
                <tr>
                  <th scope="col">{text.columns.name}</th>
                  <th scope="col" class="number">
                    {text.columns.value}
                  </th>
                  <th scope="col" class="number">
                    {text.columns.lowest}
                  </th>
                  <th scope="col" class="number">
                    {text.columns.arrived}
                  </th>
                  <th scope="col">{text.columns.state}</th>
                </tr>
              </thead>
              <tbody>
                {entrants.map(({ key }, place) => (
                  <Row
                    key={key}
                    {...{ place, step, text }}
                    name={names[place]!}
                    outcome={outcomes.get(key)}
                  />
                ))}
              </tbody>
            </table>
          </Scroll>
          <Curves
            {...{ curves, range }}
            at={step}
            xLabel={text.step}
            yLabel={text.above}
            level={{ value: ground.tolerance, name: text.tolerance }}
            description={text.curvesDescription}
          />
        </div>
      </div>
    </section>
  );
}

interface RowProps {
  readonly place: number;
  readonly name: string;
  readonly step: number;
  readonly outcome: Outcome | undefined;
  readonly text: Words;
}

function Row({ place, name, step, outcome, text }: RowProps) {
  const head = (
    <th scope="row">
      <Swatch place={place} /> {name}
    </th>
  );
  if (!outcome || "error" in outcome) {
    return (
      <tr>
        {head}
        <td colSpan={4} class={outcome ? "bad" : ""}>
          {outcome?.error}
        </td>
      </tr>
    );
  }
  const { value, diverged, arrived } = outcome.path;
  const end = value.length - 1;
  const at = Math.min(step, end);
  const lowest = value.slice(0, at + 1).reduce((least, each) => Math.min(least, each), Infinity);
  const gone = diverged && step > end;
  const there = arrived !== undefined && arrived <= step;
  return (
    <tr>
      {head}
      <td class="number">{gone ? "–" : <data value={String(value[at])}>{shown(value[at]!)}</data>}</td>
      <td class="number">{shown(lowest)}</td>
      <td class="number">{there ? arrived : "–"}</td>
      <td class={gone ? "bad" : ""}>{gone ? text.diverged(end + 1) : there ? text.arrived : text.walking}</td>
    </tr>
  );
}
