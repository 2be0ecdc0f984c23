import { describe, expect, test } from "vitest";
import { DataError, OptionError } from "#src/core/errors";
import { dataset } from "#src/data/dataset";
import type { Batch, Example, ExampleSource } from "#src/data/example";
import { fromIterable, type IterableDataset, type StreamItem } from "#src/data/iterable";

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

const ids = async (stream: IterableDataset, epoch = 0): Promise<number[]> =>
  (await collect(stream.examples(epoch))).map(({ input }) => input[0]!);

/** Example i has the input [i] and the label i mod 3; `log` hears what the source does. */
function counting(n: number, log: (event: string) => void = () => {}): IterableDataset {
  return fromIterable(
    function* (epoch) {
      log(`open ${epoch}`);
      try {
        for (let i = 0; i < n; i++) {
          log(`give ${i}`);
          yield { input: [i], label: i % 3 };
        }
      } finally {
        log("close");
      }
    },
    { inputShape: [1], classes: 3 },
  );
}

const upTo = (n: number): number[] => [...Array(n).keys()];

describe("sources", () => {
  const items: ExampleSource[] = [
    { input: [[1, 2]], target: 5 },
    { input: new Uint8Array([3, 4]), target: [6] },
  ];
  const wanted: Example[] = [
    { input: Float32Array.of(1, 2), target: Float32Array.of(5), label: undefined },
    { input: Float32Array.of(3, 4), target: Float32Array.of(6), label: undefined },
  ];
  const options = { inputShape: [2], targetShape: [1] };

  test.each<[string, Parameters<typeof fromIterable>[0]]>([
    ["an array", items],
    ["a function of an array", () => items],
    [
      "a generator function",
      function* () {
        yield* items;
      },
    ],
    [
      "an async generator function",
      async function* () {
        yield* items;
      },
    ],
    [
      "a web stream",
      () =>
        new ReadableStream({
          start(c) {
            for (const item of items) c.enqueue(item);
            c.close();
          },
        }) as unknown as AsyncIterable<StreamItem>,
    ],
    [
      "batches",
      [
        {
          inputs: [
            [1, 2],
            [3, 4],
          ],
          targets: [[5], [6]],
        },
      ],
    ],
    ["batches of flat arrays", [{ inputs: Float32Array.of(1, 2, 3, 4), targets: Float32Array.of(5, 6) }]],
    ["batches and examples", [{ inputs: [[1, 2]], targets: [5] }, items[1]!]],
  ])("%s", async (_, source) => {
    const stream = fromIterable(source, options);
    expect(await collect(stream)).toEqual(wanted);
    expect(await collect(stream.examples(1))).toEqual(wanted);
  });

  test("a web stream itself runs once", async () => {
    const source = new ReadableStream<StreamItem>({
      start(c) {
        c.enqueue(items[0]!);
        c.close();
      },
    });
    expect(await collect(fromIterable(source as unknown as AsyncIterable<StreamItem>, options))).toEqual([
      wanted[0],
    ]);
  });

  test.each([
    [
      "generator",
      (function* () {
        yield* items;
      })(),
    ],
    [
      "async generator",
      (async function* () {
        yield* items;
      })(),
    ],
  ])("a %s that is used up says so", async (_, generator) => {
    const stream = fromIterable(generator, options);
    expect(await collect(stream)).toEqual(wanted);
    await expect(collect(stream)).rejects.toThrow(
      new DataError("fromIterable: got a generator already used up, wanted a function that opens it anew"),
    );
  });

  test("batches of a dataset can come back in", async () => {
    const data = dataset({
      inputs: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      targets: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    });
    const stream = fromIterable(() => data.batch(2), { inputShape: [2] });
    expect(await collect(stream)).toEqual([...data]);
    const labelled = dataset({
      inputs: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      labels: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    });
    expect(await collect(fromIterable(() => labelled.batch(2), { inputShape: [2] }))).toEqual([...labelled]);
  });

  test("opens once an epoch, with its number, and reads no more than is asked for", async () => {
    const events: string[] = [];
    const stream = counting(100, (event) => events.push(event));
    expect(events).toEqual([]);
    for await (const batch of stream.batch(2, { epoch: 7 })) {
      expect(batch.size).toBe(2);
      break;
    }
    expect(events).toEqual(["open 7", "give 0", "give 1", "close"]);
  });
});

describe("batch", () => {
  test.each([
    [3, [3, 3, 1]],
    [7, [7]],
    [8, [7]],
    ["full" as const, [7]],
  ])("size %s keeps the last, smaller one", async (size, sizes) => {
    const batches: Batch[] = await collect(counting(7).batch(size));
    expect(batches.map((batch) => batch.size)).toEqual(sizes);
    expect(batches.flatMap(({ inputs }) => [...inputs])).toEqual(upTo(7));
    expect(batches.flatMap(({ labels }) => [...labels!])).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test("full grows with the stream", async () => {
    const [batch] = await collect(counting(1000).batch("full"));
    expect([...batch!.inputs]).toEqual(upTo(1000));
  });

  test("an empty stream is refused", async () => {
    await expect(collect(counting(0).batch(2))).rejects.toThrow(
      new DataError("dataset: empty dataset: the stream gave 0 examples, wanted 1 or more"),
    );
  });
});

describe("steps", () => {
  test("map is lazy and knows index and epoch", async () => {
    const stream = counting(3).map(
      async ({ input, label }, { index, epoch }) => ({
        input: [input[0]!, index, epoch],
        label,
      }),
      { inputShape: [3] },
    );
    expect((await collect(stream.batch("full", { epoch: 4 })))[0]!.inputs).toEqual(
      Float32Array.of(0, 0, 4, 1, 1, 4, 2, 2, 4),
    );
    expect(stream.inputShape).toEqual([3]);
  });

  test("filter and take", async () => {
    expect(await ids(counting(9).filter(({ label }) => label === 1))).toEqual([1, 4, 7]);
    expect(await ids(counting(9).filter(async (_, { index }) => index > 6))).toEqual([7, 8]);
    const events: string[] = [];
    expect(await ids(counting(9, (event) => events.push(event)).take(2))).toEqual([0, 1]);
    expect(events.slice(-2)).toEqual(["give 1", "close"]);
    expect(await ids(counting(9).take(0))).toEqual([]);
  });

  test.each([1, 4, 50, 1024])("shuffle within %i examples is a permutation", async (buffer) => {
    const stream = counting(50).shuffle(3, { buffer });
    const order = await ids(stream);
    expect([...order].sort((a, b) => a - b)).toEqual(upTo(50));
    expect(await ids(stream)).toEqual(order);
    // With a window of w nothing comes more than w places early.
    order.forEach((id, place) => {
      expect(id - place).toBeLessThanOrEqual(buffer);
    });
    if (buffer === 1) expect(order).toEqual(upTo(50));
    else {
      expect(order).not.toEqual(upTo(50));
      expect(await ids(stream, 1)).not.toEqual(order);
    }
  });

  test("shuffle holds copies: a generator may use one array for all", async () => {
    const input = new Float32Array(1);
    const stream = fromIterable(
      function* () {
        for (let i = 0; i < 5; i++) {
          input[0] = i;
          yield { input };
        }
      },
      { inputShape: [1] },
    );
    expect((await ids(stream.shuffle(1))).sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test("lazy gives a dataset's examples, with what is known of them", async () => {
    const data = dataset({
      inputs: [
        [1, 2],
        [3, 4],
      ],
      labels: [0, 1],
      classes: 5,
    }).shuffle(1);
    expect(await collect(data.lazy())).toEqual([...data]);
    expect([data.lazy().inputShape, data.lazy().classes]).toEqual([[2], 5]);
    const targets = dataset({ inputs: [1], targets: [[1, 2, 3]] });
    expect(targets.lazy().targetShape).toEqual([3]);
  });
});

describe("bad data", () => {
  const options = { inputShape: [2], classes: 3 };
  const first = { input: [0, 0], label: 0 };
  test.each<[string, StreamItem[], string]>([
    [
      "length",
      [first, { input: [1], label: 0 }],
      "dataset: example 1: input: got 1 values, wanted 2 of shape [2]",
    ],
    [
      "non-finite",
      [first, { input: [1, Number.NaN], label: 0 }],
      "fromIterable: example 1: input[1]: got NaN, wanted a finite number",
    ],
    [
      "non-finite, typed",
      [{ input: Float32Array.of(1, Infinity) }],
      "fromIterable: example 0: input: element 1: got Infinity, wanted a finite 32-bit number",
    ],
    [
      "label",
      [first, { input: [1, 1], label: 3 }],
      "fromIterable: example 1: label: got 3, wanted an integer from 0 to 2",
    ],
    [
      "fractional label",
      [{ input: [1, 1], label: 0.5 }],
      "fromIterable: example 0: label: got 0.5, wanted an integer from 0 to 2",
    ],
    [
      "a missing label",
      [first, { input: [1, 1] }],
      "dataset: example 1: label: got 0 values, wanted 1 as before",
    ],
    [
      "no object",
      [first, 5 as unknown as StreamItem],
      "fromIterable: example 1: got 5, wanted { input, target or label }",
    ],
    [
      "a batch",
      [
        first,
        {
          inputs: [
            [1, 2],
            [3, 4],
          ],
          labels: [1],
        },
      ],
      "fromIterable: batch from example 1: lengths differ: got 2 inputs and 1 labels; for flat inputs give { values, shape } of one example",
    ],
    [
      "a flat batch",
      [{ inputs: new Float32Array(3) }],
      "fromIterable: batch from example 0: inputs: number of values: got 3, wanted a multiple of 2 for examples of shape [2]",
    ],
  ])("%s", async (_, items, message) => {
    await expect(collect(fromIterable(items, options).batch(9))).rejects.toThrow(new DataError(message));
  });

  test("target of another length than its shape", async () => {
    const stream = fromIterable([{ input: [1], target: [1] }], { inputShape: [1], targetShape: [2] });
    await expect(collect(stream)).rejects.toThrow(
      new DataError("dataset: example 0: target: got 1 values, wanted 2 of shape [2]"),
    );
  });

  test("errors of the source pass through", async () => {
    const stream = fromIterable(function* (): Generator<StreamItem> {
      yield first;
      throw new RangeError("disk");
    }, options);
    await expect(collect(stream.shuffle(1).batch(1))).rejects.toThrow(new RangeError("disk"));
  });

  test("options", () => {
    expect(() => fromIterable([], { inputShape: [0] })).toThrow(
      new OptionError("dataset: input: shape: got [0], wanted integers from 1"),
    );
    expect(() => counting(1).shuffle(1, { buffer: 0 })).toThrow(OptionError);
    return expect(collect(counting(1).batch(0))).rejects.toThrow(OptionError);
  });
});
