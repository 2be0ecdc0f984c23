// A choice with its label.

export interface SelectFieldProps<Name extends string> {
  readonly label: string;
  readonly value: Name;
  readonly names: readonly Name[];
  /** What each is called; default: its name. */
  readonly called?: (name: Name) => string;
  readonly onChange: (name: Name) => void;
}

export function SelectField<Name extends string>({
  label,
  value,
  names,
  called = (name) => name,
  onChange,
}: SelectFieldProps<Name>) {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as Name)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {called(name)}
          </option>
        ))}
      </select>
    </label>
  );
}
