// A sentence of the sources: names in backticks are code.

export function Prose({ text }: { readonly text: string }) {
  return (
    <>{text.split("`").map((part, i) => (i % 2 === 1 ? <code key={`${i} ${part}`}>{part}</code> : part))}</>
  );
}
