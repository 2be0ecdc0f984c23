// Reading ahead: what happens when, what an error or an end does to a source.
import { afterAll, describe, expect, test } from "vitest";
import { fromIterable } from "#src/data/index";
import { adam, createEngine, evaluate, softmaxCrossEntropy, train } from "#src/index";
import { ahead } from "#src/train/ahead";
import { classifier } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => engine.close());

const example = (i: number) => ({ input: [i, 1, 0, 1, 0, i % 2], label: i % 4 });
const options = { loss: softmaxCrossEntropy, optimizer: adam(), batchSize: 2, engine };

/** A stream of pairs that notes when an example is asked for. */
function noted(events: string[], count: number) {
  return fromIterable(
    async function* () {
      try {
        for (let i = 0; i < count; i++) {
          events.push(`read ${i}`);
          yield example(i);
        }
      } finally {
        // As a file that is closed.
        await new Promise((resolve) => setTimeout(resolve, 50));
        events.push("closed");
      }
    },
    { inputShape: [6], classes: 4 },
  );
}

describe("a training", () => {
  test("reads the next batch before it has told of the step", async () => {
    const events: string[] = [];
    const callbacks = [{ onProgress: ({ step }: { step: number }) => void events.push(`step ${step}`) }];
    await train(classifier(), { ...options, data: noted(events, 6), callbacks });
    // A batch more than a step at a time, never two.
    expect(events.indexOf("read 3")).toBeLessThan(events.indexOf("step 1"));
    expect(events.indexOf("read 4")).toBeGreaterThan(events.indexOf("step 1"));
    expect(events.indexOf("read 5")).toBeLessThan(events.indexOf("step 2"));
    expect(events).toContain("step 3");
  });
  test("does what it did when the source fails: the steps before it count", async () => {
    const data = fromIterable(
      async function* () {
        for (let i = 0; i < 5; i++) {
          if (i === 4) throw new RangeError("the source is broken");
          yield example(i);
        }
      },
      { inputShape: [6], classes: 4 },
    );
    let steps = 0;
    const callbacks = [{ onProgress: () => void steps++ }];
    await expect(train(classifier(), { ...options, data, callbacks })).rejects.toThrow(
      "the source is broken",
    );
    expect(steps).toBe(2);
  });
  test("closes the source when it is stopped", async () => {
    const events: string[] = [];
    const callbacks = [
      {
        onProgress: (_: unknown, control: { stop(why: string, when: "now"): void }) =>
          control.stop("enough", "now"),
      },
    ];
    const { steps } = await train(classifier(), { ...options, data: noted(events, 100), callbacks });
    expect(steps).toBe(1);
    expect(events).toEqual(["read 0", "read 1", "read 2", "read 3", "closed"]);
  });
  test("does not wait for a source that gives nothing more", async () => {
    const data = fromIterable(
      async function* () {
        for (let i = 0; i < 3; i++) yield example(i);
        await new Promise(() => {});
      },
      { inputShape: [6], classes: 4 },
    );
    const callbacks = [
      {
        onProgress: (_: unknown, control: { stop(why: string, when: "now"): void }) =>
          control.stop("enough", "now"),
      },
    ];
    expect((await train(classifier(), { ...options, data, callbacks })).reason).toBe("enough");
  });
});

test("a measurement reads ahead too", async () => {
  const events: string[] = [];
  const { loss, examples } = await evaluate(classifier(), noted(events, 5), { ...options });
  expect(examples).toBe(5);
  expect(loss).toBeGreaterThan(0);
  expect(events).toEqual(["read 0", "read 1", "read 2", "read 3", "read 4", "closed"]);
});

test("items come in order, each asked for before the one before it is given away", async () => {
  const events: string[] = [];
  const items = async function* () {
    for (let i = 0; i < 3; i++) {
      events.push(`made ${i}`);
      yield i;
    }
  };
  for await (const item of ahead(items())) {
    await new Promise((resolve) => setTimeout(resolve));
    events.push(`used ${item}`);
  }
  expect(events).toEqual(["made 0", "made 1", "used 0", "made 2", "used 1", "used 2"]);
});
