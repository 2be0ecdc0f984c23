// Callbacks: what they see, in which order, and how they end a training.
import { afterAll, describe, expect, test } from "vitest";
import {
  accuracy,
  type Callback,
  createEngine,
  earlyStopping,
  type Model,
  OptionError,
  sgd,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { bits, classes, classifier, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const data = classes(40);
const setting = {
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: sgd({ learningRate: 0.1 }),
  engine,
  data,
  batchSize: 16,
  seed: 1,
};

test("the order of the calls, each waited for", async () => {
  const calls: string[] = [];
  const note = (name: string): Callback => {
    const later = async (what: string) => {
      await new Promise((resolve) => setTimeout(resolve));
      calls.push(`${name} ${what}`);
    };
    return {
      onBegin: ({ epochs, examples }) => later(`begin ${epochs} ${examples}`),
      onProgress: ({ epoch, step, examples }) => later(`progress ${epoch} ${step} ${examples}`),
      onEpoch: ({ epoch, step }) => later(`epoch ${epoch} ${step}`),
      onEnd: () => later("end"),
    };
  };
  await train(classifier(), {
    ...setting,
    data: data.lazy(),
    epochs: 2,
    callbacks: [note("a"), {}, note("b")],
  });
  const both = (what: string) => [`a ${what}`, `b ${what}`];
  expect(calls).toEqual([
    ...both("begin 2 undefined"),
    ...both("progress 1 1 16"),
    ...both("progress 1 2 32"),
    ...both("progress 1 3 40"),
    ...both("epoch 1 3"),
    ...both("progress 2 4 16"),
    ...both("progress 2 5 32"),
    ...both("progress 2 6 40"),
    ...both("epoch 2 6"),
    ...both("end"),
  ]);
});

test("progress and epochs see the means so far; a dataset in memory knows its length", async () => {
  let last: unknown;
  let examples: number | undefined;
  const { history } = await train(classifier(), {
    ...setting,
    callbacks: [
      {
        onBegin: (control) => {
          examples = control.examples;
        },
        onProgress: ({ loss, metrics }) => {
          last = { loss, metrics };
        },
      },
    ],
  });
  expect(examples).toBe(40);
  expect(history[0]).toMatchObject(last as object);
});

test("stop ends after the epoch, with the first reason", async () => {
  const stop: Callback = {
    onProgress: ({ epoch }, control) => {
      if (epoch === 2) {
        control.stop("enough");
        control.stop("more than enough");
      }
    },
  };
  const { history, reason, steps } = await train(classifier(), { ...setting, epochs: 9, callbacks: [stop] });
  expect({ epochs: history.length, reason, steps }).toEqual({ epochs: 2, reason: "enough", steps: 6 });
});

test("an error of a callback ends the training; the others hear of the end and the model can be used", async () => {
  const model = classifier();
  const calls: string[] = [];
  const fails: Callback = {
    onEpoch: () => {
      throw new RangeError("mine");
    },
  };
  const hears: Callback = { onEnd: () => void calls.push("end") };
  await expect(train(model, { ...setting, epochs: 3, callbacks: [fails, hears] })).rejects.toThrow(
    RangeError,
  );
  expect(calls).toEqual(["end"]);
  expect((await model.predict(data)).length).toBe(160);
  await train(model, setting);
});

describe("earlyStopping", () => {
  /** Losses fall while the learning rate is above 0 and rise when it is below: a schedule that first helps, then harms. */
  const turning = (good: number) => sgd({ learningRate: (step) => (step <= good * 3 ? 0.3 : 30) });
  const weightsAfter = async (epochs: number) => {
    const model = classifier();
    await train(model, { ...setting, optimizer: turning(3), epochs });
    return bits(weightsOf(model));
  };
  const run = async (options: Parameters<typeof earlyStopping>[0], model: Model = classifier()) => {
    const result = await train(model, {
      ...setting,
      optimizer: turning(3),
      validation: data,
      epochs: 30,
      callbacks: [earlyStopping(options)],
    });
    return { ...result, weights: bits(weightsOf(model)) };
  };

  test("waits for as many epochs as it has patience, then puts the best weights back", async () => {
    for (const patience of [0, 2]) {
      const { history, reason, weights } = await run({ patience });
      expect(history.length).toBe(3 + 1 + patience);
      expect(reason).toMatch(/^validation\.loss has not improved on [\d.]+ for/);
      expect(reason).toContain(` ${patience + 1} epoch`);
      expect(weights).toEqual(await weightsAfter(3));
    }
  });
  test("or leaves the last ones", async () => {
    const { history, weights } = await run({ restoreBest: false });
    expect(history.length).toBe(4);
    expect(weights).toEqual(await weightsAfter(4));
  });
  test("the best weights come back also where the epochs end first", async () => {
    const model = classifier();
    const stop = earlyStopping({ patience: 100 });
    const result = await train(model, {
      ...setting,
      optimizer: turning(3),
      validation: data,
      epochs: 6,
      callbacks: [stop],
    });
    expect(result.reason).toBe("epochs");
    expect(bits(weightsOf(model))).toEqual(await weightsAfter(3));
  });
  test("watches what it is told: more is better for a metric, less for a loss", async () => {
    const { history, reason } = await run({ monitor: "validation.accuracy", patience: 1 });
    const best = Math.max(...history.map(({ validation }) => validation!.metrics.accuracy!));
    expect(reason).toContain(`validation.accuracy has not improved on ${best}`);
    expect((await run({ monitor: "loss" })).reason).toContain("loss has not improved");
    // Turned round, the first epoch is the best.
    expect((await run({ monitor: "validation.loss", mode: "max" })).history.length).toBe(2);
  });
  test("a change below the least does not count", async () => {
    expect((await run({ minDelta: 10 })).history.length).toBe(2);
  });
  test("used again it begins anew", async () => {
    const stop = earlyStopping();
    for (let round = 0; round < 2; round++) {
      const options = { ...setting, optimizer: turning(3), validation: data, epochs: 30, callbacks: [stop] };
      expect((await train(classifier(), options)).history.length).toBe(4);
    }
  });
  test("says what there is to watch", async () => {
    await expect(run({ monitor: "validation.precision" })).rejects.toBeInstanceOf(OptionError);
    await expect(run({ monitor: "validation.precision" })).rejects.toThrow(
      "earlyStopping: monitor: there is no validation.precision; there are",
    );
    const alone = train(classifier(), {
      ...setting,
      callbacks: [earlyStopping({ monitor: "validation.loss" })],
    });
    await expect(alone).rejects.toThrow("there is no validation.loss");
    for (const patience of [-1, 0.5, Number.NaN])
      expect(() => earlyStopping({ patience })).toThrow(OptionError);
  });
});
