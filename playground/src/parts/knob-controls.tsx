// The knobs of an optimizer as sliders, numbers, switches and choices.
import { useId, useState } from "preact/hooks";
import { type Knob, MARKS, markAtValue, type SliderRange, valueAtMark } from "./knobs.ts";
import "./knob-controls.css";
import type { Options, OptionValue } from "./options.ts";

interface KnobsProps {
  readonly knobs: readonly Knob[];
  readonly options: Options;
  /** Sets a knob, or without a value leaves it as it is by default. */
  readonly onChange: (name: string, value: OptionValue | undefined) => void;
  /** What a knob does, below it. */
  readonly about?: (knob: Knob) => preact.ComponentChildren;
  /** What stands for a default that is not a plain value. */
  readonly automatic: string;
}

export function KnobControls({ knobs, options, onChange, about, automatic }: KnobsProps) {
  return (
    <>
      {knobs.map((knob) => (
        <KnobControl
          key={knob.name}
          knob={knob}
          value={options[knob.name] ?? knob.default}
          onChange={(value) => onChange(knob.name, value)}
          automatic={automatic}
          {...(about ? { about } : {})}
        />
      ))}
    </>
  );
}

interface KnobProps extends Pick<KnobsProps, "about" | "automatic"> {
  readonly knob: Knob;
  readonly value: OptionValue | undefined;
  readonly onChange: (value: OptionValue | undefined) => void;
}

function KnobControl({ knob, value, onChange, about, automatic }: KnobProps) {
  const id = useId();
  const { name, control } = knob;
  const describedBy = about ? `${id}-about` : undefined;
  const label = (
    <label for={id}>
      <code>{name}</code>
    </label>
  );
  return (
    <div class={`knob ${control.kind}`}>
      {control.kind === "slider" && (
        <Slider
          {...{ id, name, label, control, onChange, automatic, describedBy }}
          value={typeof value === "number" ? value : undefined}
        />
      )}
      {control.kind === "switch" && (
        <span class="check">
          <input
            type="checkbox"
            id={id}
            checked={value === true}
            aria-describedby={describedBy}
            onChange={({ currentTarget }) => onChange(currentTarget.checked)}
          />
          {label}
        </span>
      )}
      {control.kind === "choice" && (
        <>
          {label}
          <select
            id={id}
            value={String(value)}
            aria-describedby={describedBy}
            onChange={({ currentTarget }) =>
              onChange(control.values.find((each) => String(each) === currentTarget.value)!)
            }
          >
            {control.values.map((each) => (
              <option key={String(each)} value={String(each)}>
                {String(each)}
              </option>
            ))}
          </select>
        </>
      )}
      {control.kind === "list" && Array.isArray(value) && (
        <fieldset class="list">
          <legend>
            <code>{name}</code>
          </legend>
          {value.map((each: number, i: number) => (
            <input
              key={i}
              type="number"
              step="any"
              aria-label={`${name} ${i + 1}`}
              value={each}
              onChange={({ currentTarget }) => {
                if (currentTarget.value !== "") onChange(value.with(i, Number(currentTarget.value)));
              }}
            />
          ))}
        </fieldset>
      )}
      {about && (
        <p class="quiet" id={describedBy}>
          {about(knob)}
        </p>
      )}
    </div>
  );
}

interface SliderProps {
  readonly id: string;
  readonly name: string;
  readonly label: preact.ComponentChildren;
  readonly control: SliderRange;
  readonly value: number | undefined;
  readonly onChange: (value: number | undefined) => void;
  readonly automatic: string;
  readonly describedBy: string | undefined;
}

function Slider({ id, name, label, control, value, onChange, automatic, describedBy }: SliderProps) {
  // What is being typed is let be while the path behind it is drawn.
  const [typed, setTyped] = useState<string>();
  return (
    <>
      {label}
      <input
        type="number"
        step="any"
        id={id}
        value={typed ?? value ?? ""}
        placeholder={automatic}
        onInput={({ currentTarget }) => {
          setTyped(currentTarget.value);
          // The library says what is wrong with a number; of half a number, as "1e-", there is nothing to say.
          if (currentTarget.value !== "") onChange(Number(currentTarget.value));
          else if (!currentTarget.validity.badInput) onChange(undefined);
        }}
        onBlur={() => setTyped(undefined)}
      />
      <input
        type="range"
        min="0"
        max={MARKS}
        aria-label={name}
        aria-valuetext={value === undefined ? automatic : String(value)}
        aria-describedby={describedBy}
        value={value === undefined ? MARKS / 2 : markAtValue(control, value)}
        onInput={({ currentTarget }) => onChange(valueAtMark(control, Number(currentTarget.value)))}
      />
    </>
  );
}
