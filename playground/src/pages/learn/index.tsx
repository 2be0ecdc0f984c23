// The page Learn.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/learn.en.ts";
import { zh } from "../../words/learn.zh.ts";

export function Page() {
  const text = spoken({ en, zh });
  return <h1>{text.title}</h1>;
}
