// A number with its label. What is being typed is let be; a number out of bounds is not taken.
import { useSignal } from "@preact/signals";

export interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Of the arrows of the field; with "any" numbers need not be multiples. */
  readonly step?: number;
  readonly whole?: boolean;
  readonly onChange: (value: number) => void;
}

export function NumberField({
  label,
  value,
  low,
  high,
  step = 1,
  whole = false,
  onChange,
}: NumberFieldProps) {
  const typed = useSignal<string | undefined>(undefined);
  const take = (text: string) => {
    typed.value = text;
    const number = Number(text);
    const fits =
      text.trim() !== "" && number >= low && number <= high && (!whole || Number.isInteger(number));
    if (fits && number !== value) onChange(number);
  };
  const text = typed.value ?? String(value);
  const number = Number(text);
  const wrong =
    text.trim() === "" || !(number >= low && number <= high) || (whole && !Number.isInteger(number));
  return (
    <label class="field">
      {label}
      <input
        type="number"
        inputMode={whole ? "numeric" : "decimal"}
        value={text}
        min={low}
        max={high}
        // Whoever types may type any number; the arrows go by `data-step`.
        step={whole ? step : "any"}
        aria-invalid={wrong || undefined}
        onInput={({ currentTarget }) => take(currentTarget.value)}
        onKeyDown={(event) => {
          const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
          if (!direction || whole) return;
          event.preventDefault();
          const next = Number((value + direction * step).toPrecision(6));
          take(String(Math.min(high, Math.max(low, next))));
        }}
        onBlur={() => (typed.value = undefined)}
      />
    </label>
  );
}
