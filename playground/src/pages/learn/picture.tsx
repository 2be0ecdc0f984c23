// The live picture of an optimizer: its path over a surface, drawn anew while a knob turns.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Path, Walk } from "../../parts/descents.ts";
import { lineStyle } from "../../parts/lines.ts";
import { SurfaceMap } from "../../parts/map.tsx";
import { shown } from "../../parts/numbers.ts";
import type { Options } from "../../parts/options.ts";
import { neededSurface } from "../../parts/rates.ts";
import { CLASSICS, type Point, type SurfaceName, surfaceOf } from "../../parts/surfaces.ts";
import { Workshop } from "../../parts/work.ts";
import { NumberField } from "../../shell/number-field.tsx";
import type { Words } from "../../words/learn.en.ts";

/** Walks as it is told last; what was asked for while a walk was under way is left out. */
class LatestWalk {
  readonly #workshop = new Workshop();
  #next: Walk | undefined;
  #walking = false;

  ask(walk: Walk, tell: (outcome: Path | Error) => void): void {
    this.#next = walk;
    if (!this.#walking) this.#walk(tell);
  }

  async #walk(tell: (outcome: Path | Error) => void): Promise<void> {
    this.#walking = true;
    while (this.#next) {
      const walk = this.#next;
      this.#next = undefined;
      try {
        tell(await this.#workshop.ask("walk", walk));
      } catch (error) {
        tell(error instanceof Error ? error : new Error(String(error)));
      }
    }
    this.#walking = false;
  }

  stop(): void {
    this.#workshop.stop();
  }
}

interface PictureProps {
  readonly optimizer: string;
  readonly options: Options;
  readonly text: Words;
  readonly children?: ComponentChildren;
}

export function Picture({ optimizer, options, text }: PictureProps) {
  const needed = neededSurface(optimizer);
  const [chosen, setChosen] = useState<SurfaceName>("rosenbrock");
  const surface = needed ?? chosen;
  const ground = surfaceOf(surface);
  const [moved, setMoved] = useState<{ surface: SurfaceName; start: Point }>();
  const start = moved?.surface === surface ? moved.start : ground.start;
  const [steps, setSteps] = useState(200);
  const [outcome, setOutcome] = useState<Path | Error>();
  const walks = useRef<LatestWalk | null>(null);
  walks.current ??= new LatestWalk();
  useEffect(() => () => walks.current!.stop(), []);
  useEffect(() => {
    walks.current!.ask({ surface, optimizer, options, start, steps }, setOutcome);
  }, [surface, optimizer, options, start, steps]);

  const path = outcome instanceof Error ? undefined : outcome;
  const paths = useMemo(() => (path ? [{ path, style: lineStyle(0) }] : []), [path]);
  const end = path ? path.x.length - 1 : 0;
  const summary = path
    ? [
        text.summary(end, shown(path.x[end]!, 3), shown(path.y[end]!, 3), shown(path.value[end]!, 3)),
        path.diverged ? text.diverged(end + 1) : path.arrived !== undefined ? text.arrived(path.arrived) : "",
      ].join(" ")
    : "";

  return (
    <div class="picture">
      <SurfaceMap
        {...{ ground, paths, start }}
        onStart={(to) => setMoved({ surface, start: to })}
        description={text.description(optimizer, text.surfaces[surface], summary)}
        startLabel={text.startLabel(shown(start[0]), shown(start[1]))}
      />
      <p class="outcome">
        {path && <data value={`${path.x[end]} ${path.y[end]} ${path.value[end]}`}>{summary}</data>}
      </p>
      <p class="bad" role="alert">
        {outcome instanceof Error ? `${text.failed} ${outcome.message}` : ""}
      </p>
      <div class="fields">
        {needed === undefined && (
          <label class="field">
            {text.surface}
            <select
              value={chosen}
              onChange={({ currentTarget }) => setChosen(currentTarget.value as SurfaceName)}
            >
              {CLASSICS.map((name) => (
                <option key={name} value={name}>
                  {text.surfaces[name]}
                </option>
              ))}
            </select>
          </label>
        )}
        <NumberField label={text.steps} value={steps} low={1} high={2000} whole onChange={setSteps} />
      </div>
      <p class="quiet">{needed === undefined ? text.startHint : `${text.needs[needed]} ${text.startHint}`}</p>
    </div>
  );
}
