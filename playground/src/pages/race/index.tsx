// The page Race: optimizers side by side, on a surface and on a network.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/race.en.ts";
import { zh } from "../../words/race.zh.ts";
import { NetworkRace } from "./network-race.tsx";
import "./race.css";
import { SurfaceRace } from "./surface-race.tsx";

export function Page() {
  const text = spoken({ en, zh });
  return (
    <div class="race-page">
      <header>
        <h1>{text.title}</h1>
        <p class="quiet">{text.intro}</p>
      </header>
      <SurfaceRace text={text} />
      <NetworkRace text={text} />
    </div>
  );
}
