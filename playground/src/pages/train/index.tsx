// The page Train: choose data, build a network, watch it learn.
import { spoken } from "../../shell/language.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { Classify } from "./classify.tsx";
import { ConfusionPanel, ScatterPanel } from "./confusion.tsx";
import { Controls } from "./controls.tsx";
import { Curves } from "./curves.tsx";
import { DataPanel } from "./data-panel.tsx";
import { Histograms } from "./histograms.tsx";
import { NetworkPanel } from "./network-panel.tsx";
import { OptimizerPanel } from "./optimizer-panel.tsx";
import { PlanePanel } from "./plane.tsx";
import { dataState } from "./settings.ts";
import "./train.css";

export function Page() {
  const text = spoken({ en, zh });
  const { data } = dataState.value;
  return (
    <div class="train">
      <div class="title">
        <h1>{text.title}</h1>
        <p class="quiet">{text.intro}</p>
      </div>
      <Controls />
      <div class="choices">
        <DataPanel />
        <NetworkPanel />
        <OptimizerPanel />
      </div>
      <div class="results">
        <div>
          {data?.axes ? <PlanePanel /> : data?.task === "numbers" ? <ScatterPanel /> : <ConfusionPanel />}
          {data?.digits && <Classify />}
        </div>
        <div>
          <Curves />
          <Histograms />
        </div>
      </div>
    </div>
  );
}
