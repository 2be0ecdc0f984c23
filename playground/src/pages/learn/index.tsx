// The page Learn: each optimizer with its formula, its knobs, its source, and a live picture of what the knobs do.

import { useEffect, useMemo, useState } from "preact/hooks";
import { KnobControls } from "../../parts/knob-controls.tsx";
import { type Knob, knobsOf } from "../../parts/knobs.ts";
import { shown } from "../../parts/numbers.ts";
import { optimizers } from "../../parts/optimizer-list.ts";
import type { Options } from "../../parts/options.ts";
import { walkOptions } from "../../parts/rates.ts";
import { spoken } from "../../shell/language.ts";
import { en, type Words } from "../../words/learn.en.ts";
import { zh } from "../../words/learn.zh.ts";
import { Formula } from "./formula.tsx";
import { FORMULAS } from "./formulas.ts";
import "./learn.css";
import { PAPERS } from "./papers.ts";
import { Picture } from "./picture.tsx";
import { Prose } from "./prose.tsx";

/** The optimizer in the address: #/learn/adam. */
function named(): string {
  const name = location.hash.split("/")[2];
  return optimizers.some((each) => each.name === name) ? name! : "adam";
}

export function Page() {
  const text = spoken({ en, zh });
  const [name, setName] = useState(named);
  useEffect(() => {
    const follow = () => {
      if (location.hash.startsWith("#/learn")) setName(named());
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return (
    <div class="learn">
      <header>
        <h1>{text.title}</h1>
        <p class="quiet">{text.intro}</p>
      </header>
      <label class="field choose">
        {text.choose}
        <select
          value={name}
          onChange={({ currentTarget }) => {
            location.hash = `#/learn/${currentTarget.value}`;
          }}
        >
          {optimizers.map((each) => (
            <option key={each.name}>{each.name}</option>
          ))}
        </select>
      </label>
      <nav class="list" aria-label={text.list}>
        <ul>
          {optimizers.map((each) => (
            <li key={each.name}>
              <a href={`#/learn/${each.name}`} aria-current={each.name === name ? "true" : undefined}>
                {each.name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <Optimizer key={name} name={name} text={text} />
    </div>
  );
}

const plain = (value: NonNullable<Knob["default"]>) =>
  typeof value === "number"
    ? shown(value)
    : Array.isArray(value)
      ? value.map((each) => shown(each, 6)).join(", ")
      : String(value);

function Optimizer({ name, text }: { readonly name: string; readonly text: Words }) {
  const facts = optimizers.find((each) => each.name === name)!;
  const knobs = useMemo(() => knobsOf(facts, optimizers), [facts]);
  const [options, setOptions] = useState<Options>(() => walkOptions(name));
  const translated = (sentence: string) => text.sources[sentence] ?? sentence;
  const formula = FORMULAS[name] ?? [];

  const about = (knob: Knob) => {
    const said = knob.choices.find(({ value }) => value === (options[knob.name] ?? knob.default))?.about;
    const fallback = knob.default === undefined ? translated(knob.defaultText) : plain(knob.default);
    return (
      <>
        <Prose text={translated(knob.about)} />
        {said && (
          <>
            {" "}
            <Prose text={translated(said)} />
          </>
        )}
        {fallback && (
          <>
            {" "}
            <Prose text={text.defaultIs(fallback)} />
          </>
        )}
      </>
    );
  };

  return (
    <article class="optimizer" aria-labelledby="optimizer-name">
      <section class="panel told">
        <h2 id="optimizer-name">{name}</h2>
        <p>
          <Prose text={translated(facts.about)} />
        </p>
        <h3>{text.formula}</h3>
        <Formula lines={formula} label={text.formula} />
        <p class="quiet">{text.formulaHint}</p>
        <h3>{text.facts}</h3>
        {facts.more && (
          <p class="more">
            <Prose text={translated(facts.more)} />
          </p>
        )}
        <dl>
          <dt>{text.paper}</dt>
          <dd>
            <a href={PAPERS[name] ?? "#"} rel="noreferrer">
              {facts.source}
            </a>
          </dd>
          {facts.conventions !== "–" && (
            <>
              <dt>{text.conventions}</dt>
              <dd>
                <Prose text={translated(facts.conventions)} />
              </dd>
            </>
          )}
          <dt>{text.code}</dt>
          <dd>
            <a href={`./source/${facts.file}.txt`}>{text.codeAt(facts.file, facts.line)}</a>
          </dd>
          <dt>{text.example}</dt>
          <dd>
            <code>{facts.example}</code>
          </dd>
        </dl>
      </section>
      <section class="panel walks" aria-labelledby="optimizer-picture">
        <h2 id="optimizer-picture">{text.picture}</h2>
        <Picture optimizer={name} options={options} text={text} />
      </section>
      <section class="panel turned" aria-labelledby="optimizer-knobs">
        <h2 id="optimizer-knobs">{text.knobs}</h2>
        <div class="row">
          <button type="button" onClick={() => setOptions(walkOptions(name))}>
            {text.asFirst}
          </button>
          <button type="button" onClick={() => setOptions({})}>
            {text.asLibrary}
          </button>
        </div>
        <div class="knobs">
          <KnobControls
            {...{ knobs, options, about }}
            automatic={text.automatic}
            onChange={(key, value) =>
              setOptions((now) => {
                const { [key]: _, ...rest } = now;
                return value === undefined ? rest : { ...rest, [key]: value };
              })
            }
          />
        </div>
      </section>
    </article>
  );
}
