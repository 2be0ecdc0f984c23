// Callbacks that keep good weights: which ones, where, and what becomes of them when something goes wrong.
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Callback,
  createEngine,
  earlyStopping,
  OptionError,
  sgd,
  type TrainOptions,
  train,
} from "#src/index";
import { checkpointBest, rollBackOnNonFinite } from "#src/instruments";
import { bits, classifier, training, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "downhill-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** Losses fall for three epochs and rise from then on. */
const turning = sgd({ learningRate: (step) => (step <= 9 ? 0.3 : 30) });
const setting = { ...training(engine), optimizer: turning };
const { data } = setting;
/** Trained for some epochs, nothing else done. */
async function weightsAfter(epochs: number, options: Partial<TrainOptions> = {}) {
  const model = classifier();
  await train(model, { ...setting, ...options, epochs });
  return bits(weightsOf(model));
}
async function saved(path: string) {
  const model = classifier();
  await model.load(path);
  return bits(weightsOf(model));
}

describe("checkpointBest", () => {
  const run = (options: Partial<Parameters<typeof checkpointBest>[0]>, ...others: Callback[]) => {
    const path = join(directory, "best.safetensors");
    const model = classifier();
    const callbacks = [checkpointBest({ path, ...options }), ...others];
    return train(model, { ...setting, validation: data, epochs: 6, callbacks });
  };

  test("the file has the weights of the best epoch, and nothing lies beside it", async () => {
    await run({});
    expect(await saved(join(directory, "best.safetensors"))).toEqual(await weightsAfter(3));
    expect(await readdir(directory)).toEqual(["best.safetensors"]);
  });
  test("watches what it is told", async () => {
    await run({ monitor: "validation.loss", mode: "max" });
    const { history } = await run({ monitor: "validation.loss", mode: "max" });
    const losses = history.map(({ validation }) => validation!.loss);
    const worst = losses.indexOf(Math.max(...losses)) + 1;
    expect(await saved(join(directory, "best.safetensors"))).toEqual(await weightsAfter(worst));
  });
  test("writes when an epoch is better, not oftener than it is told, and at the end", async () => {
    const path = join(directory, "best.safetensors");
    const writes = async (saveEvery: number) => {
      const files: (string | undefined)[] = [];
      const look = async () => {
        files.push(
          await stat(path, { bigint: true }).then(
            ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
            () => undefined,
          ),
        );
      };
      await run({ saveEvery }, { onEpoch: look, onEnd: look });
      const result = files.map((file, index) => file !== undefined && file !== files[index - 1]);
      await rm(path);
      return result;
    };
    // Epochs 1, 2, 3 are better each; 4, 5, 6 are not; then comes the end.
    expect(await writes(1)).toEqual([true, true, true, false, false, false, false]);
    expect(await writes(2)).toEqual([false, true, false, true, false, false, false]);
    expect(await writes(5)).toEqual([false, false, false, false, true, false, false]);
    expect(await writes(9)).toEqual([false, false, false, false, false, false, true]);
  });
  test("what waits is written when another callback fails", async () => {
    const fails: Callback = {
      onEpoch: ({ epoch }) => {
        if (epoch === 2) throw new RangeError("mine");
      },
    };
    await expect(run({ saveEvery: 100 }, fails)).rejects.toThrow(RangeError);
    expect(await saved(join(directory, "best.safetensors"))).toEqual(await weightsAfter(2));
  });
  test("refuses what it cannot do, before the first step", async () => {
    for (const path of ["", undefined as never]) expect(() => checkpointBest({ path })).toThrow(OptionError);
    for (const saveEvery of [0, 1.5, Number.NaN])
      expect(() => checkpointBest({ path: "x", saveEvery })).toThrow(OptionError);
    expect(() => checkpointBest({ path: "x", mode: "best" as never })).toThrow(OptionError);
    let steps = 0;
    const count: Callback = { onProgress: () => void steps++ };
    await expect(run({ path: join(directory, "none", "x") }, count)).rejects.toThrow(/ENOENT/);
    await expect(run({ monitor: "recall" }, count)).rejects.toThrow("checkpointBest: monitor");
    expect(steps).toBe(0);
  });
  test("a file that cannot be written is an error, and the model can be used", async () => {
    await expect(run({ path: directory })).rejects.toThrow();
    const model = classifier();
    await train(model, { ...setting, optimizer: turning });
  });
});

describe("rollBackOnNonFinite", () => {
  /** Good for two epochs; from the seventh step on no number survives. */
  const diverging = sgd({ learningRate: (step) => (step <= 6 ? 0.3 : 1e38) });
  const run = async (options: Partial<TrainOptions>, ...others: Callback[]) => {
    const model = classifier();
    const result = await train(model, {
      ...setting,
      optimizer: diverging,
      epochs: 9,
      callbacks: [rollBackOnNonFinite(), ...others],
      ...options,
    });
    return { ...result, weights: bits(weightsOf(model)) };
  };

  test("stop: the error becomes the reason, and the weights are those of the last good epoch", async () => {
    for (const source of [data, data.lazy()]) {
      const { history, reason, weights } = await run({ data: source });
      expect(history.length).toBe(2);
      expect(reason).toMatch(/^train: the loss of step \d+ is .*; the last good weights were put back$/);
      expect(weights).toEqual(await weightsAfter(2, { data: source }));
    }
  });
  test("ignore: the epoch that leaves the finite numbers is the last", async () => {
    const { history, reason, weights } = await run({ onNonFinite: "ignore" });
    expect(history.length).toBe(3);
    expect(reason).toBe("epoch 3 left the finite numbers; its weights were put back");
    expect(weights).toEqual(await weightsAfter(2));
  });
  test("skip: an epoch with weights that are not finite is the last", async () => {
    const { reason, weights } = await run({ onNonFinite: "skip" });
    expect(reason).toMatch(/^epoch \d+ left the finite numbers/);
    expect(weights.length).toBeGreaterThan(0);
    expect(new Float32Array(weights.buffer).every(Number.isFinite)).toBe(true);
  });
  test("weights that are not finite are found at the end of an epoch whose losses were", async () => {
    const spoil: Callback = {
      onEpoch: ({ epoch }, { model }) => {
        const weights = model.weights.snapshot();
        weights[weights.length - 1] = Number.POSITIVE_INFINITY;
        if (epoch === 2) model.weights.restore(weights);
      },
    };
    const { history, reason, weights } = await run({ epochs: 2, callbacks: [spoil, rollBackOnNonFinite()] });
    expect(history.map(({ loss }) => Number.isFinite(loss))).toEqual([true, true]);
    expect(reason).toContain("epoch 2 left the finite numbers");
    expect(weights).toEqual(await weightsAfter(1));
  });
  test("an error in the first epoch brings the weights of the start", async () => {
    const { history, weights } = await run({ optimizer: sgd({ learningRate: 1e38 }) });
    expect(history).toEqual([]);
    expect(weights).toEqual(bits(weightsOf(classifier())));
  });
  test("a training without such a loss keeps its weights; other errors pass", async () => {
    const { reason, weights } = await run({ optimizer: turning, epochs: 3 });
    expect(reason).toBe("epochs");
    expect(weights).toEqual(await weightsAfter(3));
    const fails: Callback = {
      onEpoch: () => {
        throw new RangeError("mine");
      },
    };
    await expect(run({}, fails)).rejects.toThrow(RangeError);
  });
  test("with earlyStopping the best weights come back", async () => {
    const { reason, weights } = await run({}, earlyStopping({ monitor: "loss", mode: "max", patience: 9 }));
    expect(reason).toContain("put back");
    expect(weights).toEqual(await weightsAfter(1));
  });
  test("the file of the best weights is not touched by bad ones", async () => {
    const path = join(directory, "best.safetensors");
    await run({ onNonFinite: "ignore" }, checkpointBest({ path }));
    expect((await saved(path)).length).toBeGreaterThan(0);
    expect(new Float32Array((await saved(path)).buffer).every(Number.isFinite)).toBe(true);
    expect((await readFile(path)).length).toBeGreaterThan(0);
  });
});
