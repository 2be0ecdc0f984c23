// The page Bench.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/bench.en.ts";
import { zh } from "../../words/bench.zh.ts";

export function Page() {
  const text = spoken({ en, zh });
  return <h1>{text.title}</h1>;
}
