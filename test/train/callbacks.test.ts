// Callbacks: what they see, in which order, and how they end a training.
import { afterAll, expect, test } from "vitest";
import { type Callback, createEngine, NonFiniteError, OptionError, sgd, train } from "#src/index";
import { onPlateau } from "#src/instruments";
import { classes, classifier, training } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const setting = training(engine);
const { data } = setting;

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

test("stop with now cuts the epoch short; what was done is measured and told", async () => {
  const told: unknown[] = [];
  const stop: Callback = {
    onProgress: ({ step }, control) => {
      if (step === 4) control.stop("enough", "now");
    },
    onEpoch: ({ epoch, step, complete, validation }) =>
      void told.push({ epoch, step, complete, measured: validation !== undefined }),
  };
  const { history, reason, steps } = await train(classifier(), {
    ...setting,
    data: data.lazy(),
    validation: data,
    epochs: 9,
    callbacks: [stop],
  });
  expect({ reason, steps, epochs: history.length }).toEqual({ reason: "enough", steps: 4, epochs: 2 });
  expect(told).toEqual([
    { epoch: 1, step: 3, complete: true, measured: true },
    { epoch: 2, step: 4, complete: false, measured: true },
  ]);
});

test("an epoch that is cut at its end is complete", async () => {
  const stop: Callback = {
    onProgress: ({ examples }, control) => {
      if (examples === 40) control.stop("enough", "now");
    },
  };
  const { history } = await train(classifier(), { ...setting, epochs: 9, callbacks: [stop] });
  expect(history).toMatchObject([{ complete: true, step: 3 }]);
});

test("stop refuses a time that it does not know", async () => {
  const stop: Callback = { onBegin: (control) => control.stop("enough", "later" as never) };
  await expect(train(classifier(), { ...setting, callbacks: [stop] })).rejects.toThrow(OptionError);
});

test("what can be watched is known at the beginning", async () => {
  let names: readonly string[] = [];
  const look: Callback = {
    onBegin: ({ monitors }) => {
      names = monitors;
    },
  };
  await train(classifier(), { ...setting, callbacks: [look] });
  expect(names).toEqual(["loss", "accuracy"]);
  await train(classifier(), { ...setting, validation: data, callbacks: [look] });
  expect(names).toEqual(["loss", "accuracy", "validation.loss", "validation.accuracy"]);
});

test("an error can be answered with a reason, and all hear of it", async () => {
  const heard: string[] = [];
  const fails: Callback = {
    onEpoch: ({ epoch }) => {
      if (epoch === 2) throw new RangeError("mine");
    },
  };
  const answer = (reason: string | undefined): Callback => ({
    onError: async (error) => {
      heard.push(`${reason} ${(error as Error).message}`);
      return reason;
    },
  });
  // Without a return, also of a promise, an answer it is not.
  const silent: Callback = {
    onError: async () => {
      heard.push("silent");
    },
  };
  const callbacks = [fails, silent, answer(undefined), answer("a"), answer("b")];
  const { history, reason } = await train(classifier(), { ...setting, epochs: 5, callbacks });
  expect({ epochs: history.length, reason }).toEqual({ epochs: 2, reason: "a" });
  expect(heard).toEqual(["silent", "undefined mine", "a mine", "b mine"]);
  const unanswered = train(classifier(), { ...setting, epochs: 5, callbacks: callbacks.slice(0, 3) });
  await expect(unanswered).rejects.toThrow(RangeError);
});

test("the steps before a loss that is not finite count, also those of the same run", async () => {
  const diverging = {
    ...setting,
    data: classes(400),
    batchSize: 2,
    optimizer: sgd({ learningRate: (step) => (step < 150 ? 0.1 : 1e38) }),
  };
  const error = await train(classifier(), diverging).catch((error) => error);
  expect(error).toBeInstanceOf(NonFiniteError);
  const callbacks: Callback[] = [{ onError: (error) => (error as Error).name }];
  const { steps, reason } = await train(classifier(), { ...diverging, callbacks });
  expect({ steps, reason }).toEqual({ steps: error.step - 1, reason: "NonFiniteError" });
  expect(steps).toBeGreaterThanOrEqual(150);
});

test("onPlateau tells what each epoch came to", async () => {
  const seen: number[] = [];
  const plateau = { observe: (value: number) => void seen.push(value) };
  const run = (options?: Parameters<typeof onPlateau>[1]) =>
    train(classifier(), {
      ...setting,
      validation: data,
      epochs: 3,
      callbacks: [onPlateau(plateau, options)],
    });
  const { history } = await run();
  expect(seen.splice(0)).toEqual(history.map(({ validation }) => validation!.loss));
  const watched = await run({ monitor: "accuracy" });
  expect(seen).toEqual(watched.history.map(({ metrics }) => metrics.accuracy));
  await expect(run({ monitor: "recall" })).rejects.toThrow("onPlateau: monitor: there is no recall");
  for (const bad of [undefined, {}, { observe: 1 }])
    expect(() => onPlateau(bad as never)).toThrow(OptionError);
});
