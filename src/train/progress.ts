// A progress bar in the terminal, drawn by cli-progress, an optional peer.
import { host } from "#host";
import { OptionError } from "../core/errors.ts";
import type { Bar } from "../host/host.ts";
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
 * Shows a bar for each epoch: loss, metrics, samples a second and time left, and logs a line when it ends. Bars need a
 * terminal and the package cli-progress; in pages and on the edge there are the lines alone.
 * @throws OptionError on Node, Deno and Bun where cli-progress is not installed.
 * @example await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), callbacks: [progress()] });
 */
export function progress(): Callback {
  let bar: Bar | undefined;
  let total = 0;
  return {
    async onBegin({ examples }) {
      const library = await host.bars?.();
      if (host.bars && !library)
        throw new OptionError("progress: needs the package cli-progress: npm install cli-progress");
      total = examples ?? 0;
      bar =
        library &&
        new library.default.SingleBar({
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
