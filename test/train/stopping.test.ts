// Callbacks that end a training: each at its time, for its reason, with the weights that it promises.
import { afterAll, describe, expect, test } from "vitest";
import { fromIterable } from "#src/data/index";
import {
  type Callback,
  createEngine,
  earlyStopping,
  type Model,
  OptionError,
  sgd,
  stopAtTarget,
  timeBudget,
  train,
} from "#src/index";
import { bits, classifier, training, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const setting = training(engine);
const { data } = setting;

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
  });
  test("refuses what it cannot count with", () => {
    for (const patience of [-1, 0.5, Number.NaN])
      expect(() => earlyStopping({ patience })).toThrow(OptionError);
    for (const minDelta of [-1, Number.NaN]) expect(() => earlyStopping({ minDelta })).toThrow(OptionError);
    expect(() => earlyStopping({ mode: "least" as never })).toThrow(
      'wanted one of "min", "max", got "least"',
    );
  });
});

describe("stopAtTarget", () => {
  const run = (options: Parameters<typeof stopAtTarget>[0]) =>
    train(classifier(), { ...setting, validation: data, epochs: 40, callbacks: [stopAtTarget(options)] });

  test("ends after the first epoch that is good enough", async () => {
    const { history, reason } = await run({ target: 1.2 });
    const losses = history.map(({ validation }) => validation!.loss);
    expect(history.length).toBeLessThan(40);
    expect(losses.pop()).toBeLessThanOrEqual(1.2);
    expect(Math.min(...losses)).toBeGreaterThan(1.2);
    expect(reason).toBe(`validation.loss has reached 1.2: ${history.at(-1)!.validation!.loss}`);
  });
  test("more is better for a metric, and a value as good as the target is enough", async () => {
    const { history } = await run({ monitor: "validation.accuracy", target: 0.5 });
    const best = history.at(-1)!.validation!.metrics.accuracy!;
    expect(best).toBeGreaterThanOrEqual(0.5);
    const exact = await run({ monitor: "validation.accuracy", target: best });
    expect(exact.history.length).toBe(history.length);
    // Less is better, so the first epoch is good enough.
    expect((await run({ monitor: "accuracy", target: 1, mode: "min" })).history.length).toBe(1);
  });
  test("refuses a target that cannot be reached and a number that is not there", async () => {
    for (const target of [Number.NaN, Number.POSITIVE_INFINITY, undefined as never])
      expect(() => stopAtTarget({ target })).toThrow(OptionError);
    expect(() => stopAtTarget({ target: 1, mode: "low" as never })).toThrow(OptionError);
    const found = run({ target: 1, monitor: "recall" });
    await expect(found).rejects.toThrow(
      "stopAtTarget: monitor: there is no recall; there are loss, accuracy",
    );
  });
  test("a number that is not there is found before the first step", async () => {
    let steps = 0;
    const count: Callback = { onProgress: () => void steps++ };
    const callbacks = [count, stopAtTarget({ target: 1, monitor: "recall" })];
    await expect(train(classifier(), { ...setting, callbacks })).rejects.toThrow(OptionError);
    expect(steps).toBe(0);
  });
});

describe("timeBudget", () => {
  test("ends a stream that would not, within its first epoch", async () => {
    const [example] = data;
    const endless = fromIterable(
      function* () {
        for (;;) yield { input: example!.input, label: example!.label };
      },
      { inputShape: [6], classes: 4 },
    );
    const began = performance.now();
    const { history, reason } = await train(classifier(), {
      ...setting,
      data: endless,
      epochs: 5,
      callbacks: [timeBudget({ seconds: 0.2 })],
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(200);
    expect(reason).toBe("0.2 seconds are over");
    expect(history).toMatchObject([{ epoch: 1, complete: false }]);
  });
  test("ends a dataset in memory; time spent between the steps counts, and each training has its own", async () => {
    const wait: Callback = { onEpoch: () => new Promise((resolve) => setTimeout(resolve, 60)) };
    const callbacks = [wait, timeBudget({ seconds: 0.1 })];
    for (let round = 0; round < 2; round++) {
      const { history, reason } = await train(classifier(), { ...setting, epochs: 1000, callbacks });
      expect(reason).toBe("0.1 seconds are over");
      expect(history.length).toBeLessThanOrEqual(2);
    }
  });
  test("refuses a time that is none", () => {
    for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => timeBudget({ seconds })).toThrow(OptionError);
  });
});
