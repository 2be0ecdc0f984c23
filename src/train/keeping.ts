// Callbacks that keep good weights: in a file, or in memory against a loss that leaves the finite numbers.

import { NonFiniteError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { fileSystem, writeFileAtomically } from "../formats/file.ts";
import type { Callback } from "./callbacks.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** Options of {@link checkpointBest}. */
export interface CheckpointBestOptions extends MonitorOptions {
  /** The safetensors file, which `model.load` reads. */
  readonly path: string;
  /** Epochs between two writes; better weights wait in memory until then or the end. Default: 1. */
  readonly saveEvery?: number;
}

/**
 * Saves the weights of the best epoch so far. The file is replaced in one step, so a crash leaves a whole one. Needs Node.
 * @throws OptionError for an empty path, a saveEvery that is not a positive integer, an unknown mode, or a number that is
 * not there to watch; errors of the file system pass through, where the directory is missing before the first step.
 * @example checkpointBest({ path: "digits.safetensors", monitor: "validation.accuracy" })
 */
export function checkpointBest(options: CheckpointBestOptions): Callback {
  const { path, saveEvery = 1 } = checkOptions("checkpointBest", options, {
    monitor: 0,
    mode: 0,
    path: 0,
    saveEvery: 0,
  });
  if (!path) throw new OptionError("checkpointBest: path: wanted the name of a file, got none");
  if (!Number.isInteger(saveEvery) || saveEvery < 1) {
    throw new OptionError(`checkpointBest: saveEvery: wanted a positive integer, got ${saveEvery}`);
  }
  const monitor = new Monitor("checkpointBest", options);
  let bytes: Uint8Array | undefined;
  const write = async () => {
    const waiting = bytes;
    bytes = undefined;
    if (waiting) await writeFileAtomically(path, waiting);
  };
  return {
    async onBegin(control) {
      bytes = undefined;
      monitor.begin(control);
      await (await fileSystem("checkpointBest")).access(path.replace(/[^/]*$/, "") || ".");
    },
    async onEpoch(record, { model }) {
      if (monitor.improves(record)) bytes = model.toBytes();
      if (record.epoch % saveEvery === 0) await write();
    },
    onEnd: write,
  };
}

/**
 * Puts the last good weights back and ends the training when it leaves the finite numbers. Good are the weights at the
 * start and after each epoch whose loss and weights are finite. What it catches depends on `onNonFinite`: with "stop" the
 * NonFiniteError, which becomes the reason in the result instead of being thrown; with "skip" an epoch without a single
 * finite loss; with "ignore" the first epoch that leaves a weight that is not finite. In each case weights that an update
 * has driven to infinity are found at the end of the epoch. Stands before callbacks that keep or save weights.
 * @example
 * await train(model, {
 *   data, loss: softmaxCrossEntropy, optimizer: sgd({ learningRate: 1 }), callbacks: [rollBackOnNonFinite()],
 * });
 */
export function rollBackOnNonFinite(): Callback {
  let good: Float32Array | undefined;
  return {
    onBegin({ model }) {
      good = model.weights.snapshot();
    },
    onEpoch({ epoch, loss }, { model, stop }) {
      const weights = model.weights.snapshot();
      if (Number.isFinite(loss) && weights.every(Number.isFinite)) {
        good = weights;
        return;
      }
      model.weights.restore(good!);
      stop(`epoch ${epoch} left the finite numbers; its weights were put back`);
    },
    onError(error, { model }) {
      if (!(error instanceof NonFiniteError && good)) return;
      model.weights.restore(good);
      return `${error.message}; the last good weights were put back`;
    },
    onEnd() {
      good = undefined;
    },
  };
}
