// The page Train.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";

export function Page() {
  const text = spoken({ en, zh });
  return <h1>{text.title}</h1>;
}
