// A formula typeset by KaTeX, with MathML beside it for screen readers.
import katex from "katex";
import { useEffect, useRef } from "preact/hooks";
import "katex/dist/katex.min.css";
import { Scroll } from "../../parts/scroll.tsx";

/** Elements are built, not parsed: the page's policy allows no style in markup. */
export function Formula({ lines, label }: { readonly lines: readonly string[]; readonly label: string }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parent = holder.current!;
    parent.replaceChildren(
      ...lines.map((line) => {
        const element = document.createElement("div");
        katex.render(line, element, { displayMode: true, output: "htmlAndMathml", strict: "error" });
        return element;
      }),
    );
  }, [lines]);
  return (
    <Scroll label={label}>
      <div class="formula" ref={holder} />
    </Scroll>
  );
}
