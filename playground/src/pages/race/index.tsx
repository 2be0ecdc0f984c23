// The page Race.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/race.en.ts";
import { zh } from "../../words/race.zh.ts";

export function Page() {
  const text = spoken({ en, zh });
  return <h1>{text.title}</h1>;
}
