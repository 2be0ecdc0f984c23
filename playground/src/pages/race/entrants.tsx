// Who races: up to six optimizers, each with its knobs.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { KnobControls } from "../../parts/knob-controls.tsx";
import { knobsOf } from "../../parts/knobs.ts";
import { MOST_LINES } from "../../parts/lines.ts";
import { Swatch } from "../../parts/map.tsx";
import { optimizers } from "../../parts/optimizer-list.ts";
import type { Options } from "../../parts/options.ts";
import type { Words } from "../../words/race.en.ts";

export interface Entrant {
  /** Stays the same while the optimizer changes: the place gives the colour. */
  readonly key: number;
  readonly optimizer: string;
  readonly options: Options;
  /** Somebody has set a knob: nothing else may. */
  readonly touched: boolean;
}

let last = 0;
export const newEntrant = (optimizer: string, options: Options): Entrant => ({
  key: ++last,
  optimizer,
  options,
  touched: false,
});

/** Names as they are shown: an optimizer that races twice is told apart by its place. */
export const namesOf = (entrants: readonly Entrant[]): string[] =>
  entrants.map(({ optimizer }, i) =>
    entrants.some((other, k) => k !== i && other.optimizer === optimizer)
      ? `${optimizer} (${i + 1})`
      : optimizer,
  );

interface EntrantsProps {
  readonly entrants: readonly Entrant[];
  readonly onChange: (entrants: readonly Entrant[]) => void;
  /** Which can race here. */
  readonly takes: (optimizer: string) => boolean;
  /** What an optimizer begins with. */
  readonly begin: (optimizer: string) => Options;
  readonly text: Words;
  /** Beside the button that adds one. */
  readonly children?: ComponentChildren;
}

export function Entrants({ entrants, onChange, takes, begin, text, children }: EntrantsProps) {
  const names = useMemo(() => optimizers.map(({ name }) => name).filter(takes), [takes]);
  const replace = (key: number, by: Partial<Entrant>) =>
    onChange(entrants.map((each) => (each.key === key ? { ...each, ...by } : each)));
  return (
    <fieldset class="entrants">
      <legend>
        <h3>{text.optimizers}</h3>
      </legend>
      <ul>
        {entrants.map((entrant, place) => (
          <li key={entrant.key}>
            <EntrantKnobs
              {...{ entrant, place, names, text }}
              onReplace={(by) => replace(entrant.key, by)}
              onRemove={() => onChange(entrants.filter(({ key }) => key !== entrant.key))}
              begin={begin}
            />
          </li>
        ))}
      </ul>
      <div class="row">
        {" "}
        <button
          type="button"
          disabled={entrants.length >= MOST_LINES}
          onClick={() => {
            const free =
              names.find((name) => !entrants.some(({ optimizer }) => optimizer === name)) ?? names[0]!;
            onChange([...entrants, newEntrant(free, begin(free))]);
          }}
        >
          {text.add}
        </button>
        {children}
      </div>
    </fieldset>
  );
}

interface EntrantProps {
  readonly entrant: Entrant;
  readonly place: number;
  readonly names: readonly string[];
  readonly begin: (optimizer: string) => Options;
  readonly onReplace: (by: Partial<Entrant>) => void;
  readonly onRemove: () => void;
  readonly text: Words;
}

function EntrantKnobs({ entrant, place, names, begin, onReplace, onRemove, text }: EntrantProps) {
  const { optimizer, options } = entrant;
  const knobs = useMemo(() => {
    const facts = optimizers.find(({ name }) => name === optimizer)!;
    return knobsOf(facts, optimizers);
  }, [optimizer]);
  const first = knobs.filter(({ name }) => name.endsWith("learningRate"));
  const others = knobs.filter((knob) => !first.includes(knob));
  const controls = (some: typeof knobs) => (
    <KnobControls
      knobs={some}
      options={options}
      automatic={text.automatic}
      onChange={(name, value) => {
        const { [name]: _, ...rest } = options;
        onReplace({ options: value === undefined ? rest : { ...rest, [name]: value }, touched: true });
      }}
    />
  );
  return (
    <>
      <div class="row">
        <Swatch place={place} />
        <select
          aria-label={text.optimizer(place + 1)}
          value={optimizer}
          onChange={({ currentTarget: { value } }) =>
            onReplace({ optimizer: value, options: begin(value), touched: false })
          }
        >
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <button type="button" class="remove" aria-label={text.remove(optimizer)} onClick={onRemove}>
          ×
        </button>
      </div>
      {controls(first)}
      {others.length > 0 && (
        <details>
          <summary>{text.moreKnobs}</summary>
          {controls(others)}
        </details>
      )}
    </>
  );
}
