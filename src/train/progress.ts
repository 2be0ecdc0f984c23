// A progress bar in the terminal, drawn by cli-progress, an optional peer.
import { host } from "#host";
import { OptionError } from "../core/errors.ts";
import type { ProgressBar } from "../host/host.ts";
import type { Callback } from "./callbacks.ts";

const percent = (value: number) => `${(100 * value).toFixed(2)} %`;

/** Loss and metrics as text; what is called accuracy in percent. */
function show({
  loss,
  metrics,
}: {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}): string {
  const shown = Object.entries(metrics).map(
    ([name, value]) => `${name} ${name.endsWith("ccuracy") ? percent(value) : value.toPrecision(4)}`,
  );
  return [`loss ${loss.toFixed(4)}`, ...shown].join("  ");
}

/**
 * Shows a bar for each epoch: loss, metrics, samples a second and time left, which needs the package cli-progress. Where
 * there is no terminal, a line for each epoch is all.
 * @throws OptionError where cli-progress is not installed.
 * @example await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), callbacks: [progress()] });
 */
export function progress(): Callback {
  let bar: ProgressBar | undefined;
  let total = 0;
  return {
    async onBegin({ examples }) {
      if (!host.progressBars) return;
      const library = await host.progressBars();
      if (!library)
        throw new OptionError("progress: needs the package cli-progress: npm install cli-progress");
      total = examples ?? 0;
      bar = new library.default.SingleBar({
        format: "epoch {epoch} {bar} {percentage}%  {text}  {rate} samples/s  {left} s left",
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        linewrap: false,
      });
    },
    onProgress({ epoch, examples, seconds, ...record }, { epochs }) {
      const rate = examples / seconds;
      const left = total > 0 ? ((total - examples + (epochs - epoch) * total) / rate).toFixed(1) : "?";
      const payload = {
        epoch: `${epoch}/${epochs}`,
        text: show(record),
        rate: Math.round(rate).toLocaleString("en"),
        left,
      };
      if (bar && !bar.isActive) bar.start(total || examples, examples, payload);
      else bar?.update(examples, payload);
    },
    onEpoch(record, { epochs }) {
      bar?.stop();
      const held = record.validation ? `  ·  validation ${show(record.validation)}` : "";
      const rate = `${Math.round(record.examplesPerSecond).toLocaleString("en")} samples/s`;
      console.log(
        `epoch ${record.epoch}/${epochs}  ${record.seconds.toFixed(2)} s  ${rate}  ${show(record)}${held}`,
      );
    },
    onEnd() {
      bar?.stop();
    },
  };
}
