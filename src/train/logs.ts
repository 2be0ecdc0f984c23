// Callbacks that write what epochs came to into files that other programs read: CSV and TensorBoard. They need Node.

import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { fileSystem } from "../formats/file.ts";
import { type ScalarEvent, writeEvent } from "../formats/tfevents.ts";
import type { FileHandle } from "../host/host.ts";
import type { Callback } from "./callbacks.ts";
import { numbersOf } from "./monitor.ts";

/** Options of {@link csvLog}. */
export interface CsvLogOptions {
  readonly path: string;
  /** Whether rows are added to a file that is there; it must have the same columns. Default: false, the file is replaced. */
  readonly append?: boolean;
}

/** A line as RFC 4180 wants it. */
const line = (cells: readonly unknown[]) =>
  `${cells.map((cell) => (/[",\r\n]/.test(`${cell}`) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell)).join()}\r\n`;

/**
 * Writes a row of comma-separated values for each epoch (RFC 4180), on the disk when the epoch ends: epoch, step, loss,
 * metrics, those of validation after "validation.", complete, skipped, seconds, examplesPerSecond.
 * @throws OptionError for an empty path or, with `append`, a file with other columns; DataError for an epoch with other
 * numbers than the first; errors of the file system pass through, before the first step where the file cannot be opened.
 * @example csvLog({ path: "run.csv", append: true })
 */
export function csvLog(options: CsvLogOptions): Callback {
  const { path, append = false } = checkOptions("csvLog", options, { path: 0, append: 0 });
  if (!path) throw new OptionError("csvLog: path: wanted the name of a file, got none");
  let file: FileHandle | undefined;
  let names: readonly string[] = [];
  return {
    async onBegin({ monitors }) {
      const files = await fileSystem("csvLog");
      names = monitors;
      const header = line(["epoch", "step", ...names, "complete", "skipped", "seconds", "examplesPerSecond"]);
      const old = append ? await files.readFile(path, "utf8").catch(() => "") : "";
      if (old && !old.startsWith(header)) {
        throw new OptionError(`csvLog: append: ${path} has other columns, wanted ${header.trimEnd()}`);
      }
      file = await files.open(path, append ? "a" : "w");
      // A row that a crash has torn stays by itself.
      if (!old) await file.appendFile(header);
      else if (!old.endsWith("\n")) await file.appendFile("\r\n");
    },
    async onEpoch(record) {
      const { epoch, step, complete, skipped, seconds, examplesPerSecond } = record;
      const numbers = numbersOf(record);
      const found = Object.keys(numbers);
      if (found.length !== names.length || names.some((name) => numbers[name] === undefined)) {
        throw new DataError(`csvLog: epoch ${epoch} has ${found.join(", ")}, wanted ${names.join(", ")}`);
      }
      const values = names.map((name) => numbers[name]);
      await file?.appendFile(line([epoch, step, ...values, complete, skipped, seconds, examplesPerSecond]));
      await file?.datasync();
    },
    async onEnd() {
      await file?.close();
      file = undefined;
    },
  };
}

/** Options of {@link tensorBoard}. */
export interface TensorBoardOptions {
  /** Made where it is missing. Each training writes a file of its own; TensorBoard shows a directory as one run. */
  readonly directory: string;
  /** Least steps between two points of the means of the epoch under way, tagged "progress/". Default: none, epochs only. */
  readonly every?: number;
  /** The schedule that the optimizer has, to be drawn too. Default: none. */
  readonly learningRate?: (step: number) => number;
}

/**
 * Writes what TensorBoard shows: `train/loss`, `train/` and each metric, the same after `validation/`, over the steps.
 * @throws OptionError for an empty directory, an `every` that is not a positive integer or a rate that is no function;
 * errors of the file system pass through, before the first step where the file cannot be opened.
 * @example tensorBoard({ directory: "runs/wide", every: 100 })
 */
export function tensorBoard(options: TensorBoardOptions): Callback {
  const { directory, every, learningRate } = checkOptions("tensorBoard", options, {
    directory: 0,
    every: 0,
    learningRate: 0,
  });
  if (!directory) throw new OptionError("tensorBoard: directory: wanted its name, got none");
  if (every !== undefined && !(Number.isInteger(every) && every >= 1)) {
    throw new OptionError(`tensorBoard: every: wanted a positive integer, got ${every}`);
  }
  if (learningRate !== undefined && typeof learningRate !== "function") {
    throw new OptionError(`tensorBoard: learningRate: wanted a function of the step, got ${learningRate}`);
  }
  let file: FileHandle | undefined;
  let last = 0;
  const write = async (event: Omit<ScalarEvent, "wallTime">) => {
    await file?.appendFile(writeEvent({ wallTime: Date.now() / 1000, ...event }));
  };
  return {
    async onBegin() {
      const files = await fileSystem("tensorBoard");
      await files.mkdir(directory, { recursive: true });
      last = 0;
      // Another training may have begun in the same second.
      for (let seconds = Math.floor(Date.now() / 1000); !file; seconds++) {
        file = await files
          .open(`${directory}/events.out.tfevents.${seconds}.downhill`, "wx")
          .catch((error: { code?: string }) => {
            if (error.code !== "EEXIST") throw error;
            return undefined;
          });
      }
      await write({});
    },
    async onProgress({ step, loss, metrics }) {
      if (every === undefined || step - last < every) return;
      last = step;
      await write({ step, scalars: prefixed("progress/", { loss, ...metrics }) });
    },
    async onEpoch(record) {
      const { step, loss, metrics, validation, examplesPerSecond } = record;
      const scalars = {
        ...prefixed("train/", { loss, ...metrics, examplesPerSecond }),
        ...(learningRate && { "train/learningRate": learningRate(step) }),
        ...(validation && prefixed("validation/", { loss: validation.loss, ...validation.metrics })),
      };
      await write({ step, scalars });
    },
    async onEnd() {
      await file?.close();
      file = undefined;
    },
  };
}

function prefixed(prefix: string, numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [prefix + name, value]));
}
