// The network, layer by layer, with the shape behind each. Everything is done by buttons, so that a keyboard can do it.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { spoken } from "../../shell/language.ts";
import { NumberField } from "../../shell/number-field.tsx";
import { SelectField } from "../../shell/select-field.tsx";
import { ACTIVATIONS, type LayerKind, type LayerSettings, NEW_LAYERS } from "../../train/network.ts";
import { en } from "../../words/train.en.ts";
import { zh } from "../../words/train.zh.ts";
import { Failure } from "./failure.tsx";
import { dataState, layers, network, placed } from "./settings.ts";

const shown = (shape: readonly number[] | undefined) => (shape ? shape.join("×") : "–");

export function NetworkPanel() {
  const text = spoken({ en, zh });
  const list = useRef<HTMLOListElement>(null);
  const news = useSignal("");
  const { data } = dataState.value;
  const { model, shapes = [], error } = network.value ?? {};
  const all = layers.value;
  const images = data?.train.inputShape.length === 3;

  /** After the list is drawn anew, the focus is where the hand was. */
  const focus = (id: number | undefined, button: string) =>
    requestAnimationFrame(() => {
      const row = list.current?.querySelector(`[data-layer="${id}"]`);
      const buttons = [...(row?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
      (buttons.find(({ dataset }) => dataset.does === button) ?? buttons.at(-1))?.focus();
    });
  const move = (at: number, by: number, called: string) => {
    const next = [...all];
    const [layer] = next.splice(at, 1);
    next.splice(at + by, 0, layer!);
    layers.value = next;
    news.value = text.moved(called, at + by + 1);
    focus(layer!.id, by < 0 ? "up" : "down");
  };
  const remove = (at: number, called: string) => {
    const neighbour = all[at + 1] ?? all[at - 1];
    layers.value = all.filter((_, index) => index !== at);
    news.value = text.removed(called);
    focus(neighbour?.id, "remove");
  };
  const add = (kind: LayerKind) => {
    layers.value = [...all, placed(NEW_LAYERS[kind])];
    news.value = text.added(text.layers[kind], all.length + 1);
  };
  const change = (at: number, settings: LayerSettings) => {
    layers.value = all.map((layer, index) => (index === at ? { ...layer, settings } : layer));
  };

  return (
    <section class="panel" aria-labelledby="network-title">
      <h2 id="network-title">{text.network}</h2>
      <p class="end">
        <span>{text.input}</span>
        <output aria-label={text.shape}>{shown(shapes[0])}</output>
      </p>
      <ol class="layers" ref={list}>
        {all.map(({ id, settings }, at) => {
          const kind = text.layers[settings.kind];
          const called = text.layerNumber(at + 1, kind);
          return (
            <li key={id} data-layer={id}>
              <fieldset>
                <legend class="hidden">{called}</legend>
                <div class="layer-head">
                  <span class="kind" aria-hidden="true">
                    {kind}
                  </span>
                  <output aria-label={text.shape} class={shapes[at + 1] ? "" : "bad"}>
                    {shown(shapes[at + 1])}
                  </output>
                  <div class="layer-buttons">
                    <button
                      type="button"
                      data-does="up"
                      aria-label={text.up(called)}
                      disabled={at === 0}
                      onClick={() => move(at, -1, kind)}
                    >
                      ↑
                    </button>
                    <button
                      type="button"
                      data-does="down"
                      aria-label={text.down(called)}
                      disabled={at === all.length - 1}
                      onClick={() => move(at, 1, kind)}
                    >
                      ↓
                    </button>
                    <button
                      type="button"
                      data-does="remove"
                      aria-label={text.remove(called)}
                      onClick={() => remove(at, kind)}
                    >
                      ✕
                    </button>
                  </div>
                </div>
                <LayerKnobs settings={settings} onChange={(next) => change(at, next)} />
              </fieldset>
              {error !== undefined && shapes.length === at + 1 && <Failure error={error} />}
            </li>
          );
        })}
      </ol>
      <p class="end">
        <span>
          {text.output}
          {data && ` (dense ${data.names.length})`}
        </span>
        <output aria-label={text.shape}>{shown(shapes[all.length + 1])}</output>
      </p>
      {error !== undefined && shapes.length === all.length + 1 && <Failure error={error} />}
      <fieldset class="row adders">
        <legend class="hidden">{text.addLayer}</legend>
        {(Object.keys(NEW_LAYERS) as LayerKind[])
          .filter((kind) => images || (kind !== "conv2d" && kind !== "maxPool2d"))
          .map((kind) => (
            <button key={kind} type="button" onClick={() => add(kind)}>
              + {text.layers[kind]}
            </button>
          ))}
      </fieldset>
      {model && <p class="quiet">{text.parameters(model.parameterCount.toLocaleString())}</p>}
      <span class="hidden" aria-live="polite">
        {news.value}
      </span>
    </section>
  );
}

interface LayerKnobsProps {
  readonly settings: LayerSettings;
  readonly onChange: (settings: LayerSettings) => void;
}

function LayerKnobs({ settings, onChange }: LayerKnobsProps) {
  const text = spoken({ en, zh });
  switch (settings.kind) {
    case "dense":
      return (
        <div class="fields">
          <NumberField
            label={text.units}
            value={settings.units}
            low={1}
            high={1024}
            whole
            onChange={(units) => onChange({ ...settings, units })}
          />
          <SelectField
            label={text.activation}
            value={settings.activation}
            names={ACTIVATIONS}
            onChange={(activation) => onChange({ ...settings, activation })}
          />
        </div>
      );
    case "conv2d":
      return (
        <div class="fields three">
          <NumberField
            label={text.filters}
            value={settings.filters}
            low={1}
            high={128}
            whole
            onChange={(filters) => onChange({ ...settings, filters })}
          />
          <NumberField
            label={text.kernel}
            value={settings.kernel}
            low={1}
            high={15}
            whole
            onChange={(kernel) => onChange({ ...settings, kernel })}
          />
          <SelectField
            label={text.activation}
            value={settings.activation}
            names={ACTIVATIONS}
            onChange={(activation) => onChange({ ...settings, activation })}
          />
        </div>
      );
    case "maxPool2d":
      return (
        <div class="fields">
          <NumberField
            label={text.window}
            value={settings.window}
            low={1}
            high={28}
            whole
            onChange={(window) => onChange({ ...settings, window })}
          />
        </div>
      );
    case "dropout":
      return (
        <div class="fields">
          <NumberField
            label={text.rate}
            value={settings.rate}
            low={0}
            high={1}
            step={0.05}
            onChange={(rate) => onChange({ ...settings, rate })}
          />
        </div>
      );
    case "batchNorm":
      return null;
  }
}
