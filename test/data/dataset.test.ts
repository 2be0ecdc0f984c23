import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError, OptionError } from "#src/core/errors";
import { permutation } from "#src/core/random";
import { type Dataset, type DatasetSource, dataset } from "#src/data/dataset";
import { copyRows } from "#src/data/field";

/** Example i has the input [i, 10·i] and the label i mod 3. */
function numbered(n: number): Dataset {
  return dataset({
    inputs: Array.from({ length: n }, (_, i) => [i, 10 * i]),
    labels: Array.from({ length: n }, (_, i) => i % 3),
  });
}

const ids = (data: Dataset): number[] => Array.from(data, ({ input }) => input[0]!);

describe("dataset", () => {
  test("takes nested arrays", () => {
    const data = dataset({
      inputs: [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ],
      targets: [[0.5, 0.25], new Float32Array([1, 2])],
    });
    expect(data.length).toBe(2);
    expect(data.inputShape).toEqual([2, 2]);
    expect(data.targetShape).toEqual([2]);
    expect(data.classes).toBe(undefined);
    expect(data.at(1)).toEqual({
      input: Float32Array.of(5, 6, 7, 8),
      target: Float32Array.of(1, 2),
      label: undefined,
    });
  });

  test("takes arrays of typed arrays and plain numbers", () => {
    const data = dataset({ inputs: [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)], targets: [7, 8] });
    expect([data.inputShape, data.targetShape]).toEqual([[3], [1]]);
    expect(data.at(1)).toEqual({
      input: Float32Array.of(4, 5, 6),
      target: Float32Array.of(8),
      label: undefined,
    });
  });

  test("takes nothing but inputs", () => {
    const data = dataset({ inputs: [1, 2, 3] });
    expect([data.inputShape, data.targetShape]).toEqual([[1], undefined]);
    expect([...data.batch(2)].map(({ size, targets, labels }) => [size, targets, labels])).toEqual([
      [2, undefined, undefined],
      [1, undefined, undefined],
    ]);
  });

  test.each([Uint8Array, Int32Array, Float32Array])("holds a %o without a copy", (Values) => {
    const values = new Values(6);
    const data = dataset({ inputs: { values, shape: [3] }, labels: new Uint8Array(2) });
    expect(data.inputs.values).toBe(values);
    expect(data.subset([1, 0]).split(0.5)[0].inputs.values).toBe(values);
    expect(data.slice(1).inputs.values.buffer).toBe(values.buffer);
  });

  test.each([
    [Int8Array.of(-1, 2), Int32Array.of(-1, 2)],
    [Uint8ClampedArray.of(300, 2), Uint8Array.of(255, 2)],
    [Uint16Array.of(65535, 2), Int32Array.of(65535, 2)],
    [Int16Array.of(-32768, 2), Int32Array.of(-32768, 2)],
    [Uint32Array.of(2 ** 31, 2), Float32Array.of(2 ** 31, 2)],
    [Float64Array.of(0.1, 2), Float32Array.of(0.1, 2)],
  ])("converts %o", (values, wanted) => {
    expect(dataset({ inputs: values }).inputs.values).toEqual(wanted);
  });

  test("takes a Buffer as the bytes that it is", () => {
    const buffer = Buffer.from([1, 2, 3, 4]);
    const data = dataset({ inputs: { values: buffer, shape: [2] }, labels: buffer.subarray(0, 2) });
    for (const { values } of [data.inputs, data.labels!, data.shuffle(1).materialize().inputs]) {
      expect(values.constructor).toBe(Uint8Array);
    }
    expect(data.inputs.values.buffer).toBe(buffer.buffer);
  });

  test("scales and offsets, rounded to 32 bits after each operation", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const data = dataset({ inputs: { values: bytes, shape: [256], scale: 1 / 255, offset: -0.1307 } });
    const f = Math.fround;
    const wanted = Float32Array.from(bytes, (x) => f(f(x * f(1 / 255)) + f(-0.1307)));
    expect(data.at(0).input).toEqual(wanted);
    expect([...data.batch("full")][0]!.inputs).toEqual(wanted);
  });

  test("labels are integers, held as they come, and tell the number of classes", () => {
    const bytes = Uint8Array.of(0, 4, 1);
    expect(dataset({ inputs: [1, 2, 3], labels: bytes }).labels!.values).toBe(bytes);
    const data = dataset({ inputs: [1, 2, 3], labels: [0, 2 ** 24 + 1, 1] });
    expect(data.labels!.values).toEqual(Int32Array.of(0, 2 ** 24 + 1, 1));
    expect(data.classes).toBe(2 ** 24 + 2);
    expect(data.take(1).classes).toBe(2 ** 24 + 2);
    expect(data.targetShape).toEqual([]);
    expect(dataset({ inputs: [1], labels: [0], classes: 10 }).classes).toBe(10);
  });

  test("an example may have several labels", () => {
    const data = dataset({ inputs: [1, 2], labels: [[0, 1, 2], Int32Array.of(2, 1, 0)] });
    expect(data.targetShape).toEqual([3]);
    expect(data.at(1).label).toEqual(Int32Array.of(2, 1, 0));
    expect([...data.batch(2)][0]!.labels).toEqual(Int32Array.of(0, 1, 2, 2, 1, 0));
  });
});

describe("bad data", () => {
  const sources: [string, DatasetSource, new (message: string) => Error, string][] = [
    [
      "empty",
      { inputs: [] },
      DataError,
      "dataset: inputs: empty dataset: got shape [0], wanted 1 example or more",
    ],
    [
      "empty rows",
      { inputs: [[], []] },
      DataError,
      "dataset: inputs: empty dataset: got shape [2, 0], wanted 1 example or more",
    ],
    [
      "lengths",
      { inputs: [1, 2, 3], labels: [0, 1] },
      DataError,
      "dataset: lengths differ: got 3 inputs and 2 labels",
    ],
    [
      "flat inputs",
      { inputs: new Float32Array(6), targets: [[1], [2]] },
      DataError,
      "dataset: lengths differ: got 6 inputs and 2 targets; for flat inputs give { values, shape } of one example",
    ],
    [
      "ragged",
      { inputs: [[1, 2], [3]] },
      DataError,
      "dataset: inputs[1]: ragged row: got 1 values, wanted 2 as in row 0",
    ],
    [
      "ragged inside",
      {
        inputs: [
          [[1], [2]],
          [[1], [2, 3]],
        ],
      },
      DataError,
      "dataset: inputs[1][1]: ragged row: got 2 values, wanted 1 as in row 0",
    ],
    [
      "a number for a row",
      { inputs: [[1], 2] as number[][] },
      DataError,
      "dataset: inputs[1]: got 2, wanted 1 values",
    ],
    [
      "a row for a number",
      { inputs: [1, [2]] as number[] },
      DataError,
      "dataset: inputs[1]: got Array, wanted a number",
    ],
    [
      "text",
      { inputs: [["1"]] as unknown as number[][] },
      DataError,
      'dataset: inputs[0][0]: got "1", wanted a number',
    ],
    [
      "missing",
      { inputs: [[1, undefined]] as number[][] },
      DataError,
      "dataset: inputs[0][1]: got undefined, wanted a number",
    ],
    [
      "not finite",
      {
        inputs: [
          [1, 2],
          [3, Number.NaN],
        ],
      },
      DataError,
      "dataset: inputs[1][1]: got NaN, wanted a finite number",
    ],
    [
      "not finite, flat",
      { inputs: { values: Float32Array.of(1, 2, 3, Infinity), shape: [2] } },
      DataError,
      "dataset: inputs: example 1, element 1: got Infinity, wanted a finite 32-bit number",
    ],
    [
      "not finite, in a typed row",
      { inputs: [[1, 2], Float32Array.of(1, -Infinity)] },
      DataError,
      "dataset: inputs: example 1, element 1: got -Infinity, wanted a finite 32-bit number",
    ],
    [
      "too large for 32 bits",
      { inputs: [1], targets: Float64Array.of(1e39) },
      DataError,
      "dataset: targets: example 0: got 1e+39, wanted a finite 32-bit number",
    ],
    [
      "fractional label",
      { inputs: [1, 2], labels: [0, 0.5] },
      DataError,
      "dataset: labels: example 1: label: got 0.5, wanted an integer from 0",
    ],
    [
      "negative label",
      { inputs: [1], labels: [-1] },
      DataError,
      "dataset: labels: example 0: label: got -1, wanted an integer from 0",
    ],
    [
      "label out of range",
      { inputs: [1, 2], labels: Uint8Array.of(1, 3), classes: 3 },
      DataError,
      "dataset: labels: example 1: label: got 3, wanted an integer from 0 to 2",
    ],
    [
      "bigint",
      { inputs: BigInt64Array.of(1n) as unknown as number[] },
      OptionError,
      "dataset: inputs: got BigInt64Array, wanted arrays or { values, shape }",
    ],
    [
      "none",
      { inputs: undefined as unknown as number[] },
      OptionError,
      "dataset: inputs: got undefined, wanted arrays or { values, shape }",
    ],
    [
      "shape",
      { inputs: { values: [1], shape: [0] } },
      OptionError,
      "dataset: inputs: shape: got [0], wanted integers from 1",
    ],
    [
      "shape that does not divide",
      { inputs: { values: [1, 2, 3], shape: [2] } },
      DataError,
      "dataset: inputs: number of values: got 3, wanted a multiple of 2 for examples of shape [2]",
    ],
    [
      "scale",
      { inputs: { values: [1], shape: [1], scale: Number.NaN } },
      OptionError,
      "dataset: inputs: scale and offset: got NaN and 0, wanted finite numbers",
    ],
    [
      "targets and labels",
      { inputs: [1], targets: [1], labels: [1] },
      OptionError,
      "dataset: got targets and labels, wanted one of them",
    ],
    [
      "classes",
      { inputs: [1], labels: [0], classes: 0 },
      OptionError,
      "dataset: classes: got 0, wanted an integer from 1",
    ],
  ];
  test.each(sources)("%s", (_, source, type, message) => {
    expect(() => dataset(source)).toThrow(new type(message));
    expect(() => dataset(source)).toThrow(type);
  });

  test("arrays that hold themselves", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => dataset({ inputs: loop as number[] })).toThrow(
      new DataError("dataset: inputs: got arrays deeper than 16, wanted less"),
    );
  });
});

describe("views", () => {
  test("slice counts as Array.slice does", () => {
    const plain = numbered(10);
    const shuffled = plain.shuffle(1);
    const bound = fc.integer({ min: -12, max: 12 });
    fc.assert(
      fc.property(bound, fc.option(bound, { nil: undefined }), (from, to) => {
        for (const data of [plain, shuffled]) {
          const wanted = ids(data).slice(from, to);
          if (wanted.length === 0) expect(() => data.slice(from, to)).toThrow(DataError);
          else expect(ids(data.slice(from, to))).toEqual(wanted);
        }
      }),
    );
  });

  test("take gives all where there are fewer", () => {
    expect(ids(numbered(3).take(2))).toEqual([0, 1]);
    expect(ids(numbered(3).take(9))).toEqual([0, 1, 2]);
    expect(() => numbered(3).take(0)).toThrow(
      new DataError("dataset: empty dataset: got 0 examples, wanted 1 or more"),
    );
  });

  test("views of views refer to the rows of the arrays", () => {
    const data = numbered(10).slice(2).shuffle(3).subset([5, 5, 0]).slice(1);
    const order = [...permutation(8, 3)].map((i) => i + 2);
    expect(ids(data)).toEqual([order[5], order[0]]);
    const rows = new Float32Array(4);
    copyRows(data.inputs, data.indices, rows);
    expect([...rows]).toEqual([order[5]!, order[5]! * 10, order[0]!, order[0]! * 10]);
    const labels = new Int32Array(2);
    copyRows(data.labels!, data.indices, labels);
    expect([...labels]).toEqual([order[5]! % 3, order[0]! % 3]);
  });

  test("materialize lays the rows out in order", () => {
    const view = numbered(10).subset([7, 2, 7]);
    const data = view.materialize();
    expect(data.indices).toBe(undefined);
    expect([...data.inputs.values]).toEqual([7, 70, 2, 20, 7, 70]);
    expect([...data]).toEqual([...view]);
    expect(data.classes).toBe(3);
    expect(data.materialize()).toBe(data);
    const targets = dataset({ inputs: [1, 2], targets: [[3], [4]] })
      .subset([1])
      .materialize();
    expect([...targets]).toEqual([
      { input: Float32Array.of(2), target: Float32Array.of(4), label: undefined },
    ]);
  });

  test("copyRows without indices copies all", () => {
    const all = new Float32Array(6);
    copyRows(numbered(3).inputs, undefined, all);
    expect([...all]).toEqual([0, 0, 1, 10, 2, 20]);
  });

  test.each([-1, 10, 0.5, Number.NaN])("position %s is refused", (i) => {
    const message = `dataset: example: got ${i}, wanted an integer from 0 to 9`;
    expect(() => numbered(10).at(i)).toThrow(new OptionError(message));
    expect(() => numbered(10).subset([i])).toThrow(new OptionError(message));
    expect(() => numbered(10).shuffle(1).at(i)).toThrow(new OptionError(message));
  });

  test("filter keeps what fits, and refuses to keep nothing", () => {
    expect(ids(numbered(7).filter(({ label }) => label === 1))).toEqual([1, 4]);
    expect(ids(numbered(7).filter((_, index) => index > 4))).toEqual([5, 6]);
    expect(() => numbered(7).filter(() => false)).toThrow(DataError);
  });

  test("shuffle is a permutation that its seed decides", () => {
    const data = numbered(20);
    expect(ids(data.shuffle(1))).toEqual(ids(data.shuffle(1)));
    expect(ids(data.shuffle(1))).not.toEqual(ids(data.shuffle(2)));
    expect(ids(data.shuffle(1)).sort((a, b) => a - b)).toEqual(ids(data));
  });
});

describe("split", () => {
  test("parts are apart, complete and of the right size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 60 }), fc.nat(), fc.boolean(), (n, seed, shuffle) => {
        const parts = numbered(n).split({ a: 0.7, b: 0.2, c: 0.1 }, { seed, shuffle });
        expect(Object.keys(parts)).toEqual(["a", "b", "c"]);
        const all = Object.values(parts).flatMap(ids);
        if (!shuffle) expect(all).toEqual(ids(numbered(n)));
        expect(all.sort((x, y) => x - y)).toEqual(ids(numbered(n)));
        expect(Math.abs(parts.a.length - 0.7 * n)).toBeLessThanOrEqual(0.5);
        expect(Math.abs(parts.b.length - 0.2 * n)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("a fraction gives two, shuffled unless told otherwise", () => {
    const [train, test] = numbered(10).split(0.8, { seed: 1 });
    expect([train.length, test.length]).toEqual([8, 2]);
    expect(ids(train)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(numbered(10).split(0.8, { shuffle: false }).map(ids)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [8, 9],
    ]);
    expect(numbered(10).split(0.8).map(ids)).toEqual(numbered(10).split(0.8, { seed: 0 }).map(ids));
  });

  test("fractions whose sum is rounded to more than 1 are fine", () => {
    expect(0.2 + 0.4 + 0.3 + 0.1).toBeGreaterThan(1);
    const parts = numbered(10).split({ a: 0.2, b: 0.4, c: 0.3, d: 0.1 });
    expect(Object.values(parts).map(({ length }) => length)).toEqual([2, 4, 3, 1]);
  });

  test("fractions may leave something over", () => {
    expect(ids(numbered(10).split({ some: 0.3 }, { shuffle: false }).some)).toEqual([0, 1, 2]);
  });

  test.each<[number | Record<string, number>, string]>([
    [0, "got 0, 1"],
    [1, "got 1, 0"],
    [-0.5, "got -0.5, 1.5"],
    [Number.NaN, "got NaN, NaN"],
    [{ a: 0.8, b: 0.3 }, "got 0.8, 0.3"],
  ])("%j is refused", (fractions, got) => {
    const message = `split: fractions: ${got}, wanted numbers above 0 with a sum of at most 1`;
    expect(() => numbered(10).split(fractions as number)).toThrow(new OptionError(message));
  });

  test("an empty part is refused", () => {
    expect(() => numbered(3).split({ train: 0.9, test: 0.1 })).toThrow(
      new DataError('split: empty dataset: "test" got 0 of 3 examples, wanted 1 or more'),
    );
  });
});

describe("map", () => {
  test("runs once for each example, and keeps a shape of the same size", () => {
    let calls = 0;
    const data = dataset({
      inputs: { values: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 2] },
      labels: [1, 0],
    });
    const mapped = data.map(({ input, label }, index) => {
      calls++;
      return { input: input.map((x) => -x), label: (label as number) + index };
    });
    expect(calls).toBe(2);
    expect(mapped.inputShape).toEqual([2, 2]);
    expect([...mapped]).toEqual([
      { input: Float32Array.of(-1, -2, -3, -4), target: undefined, label: 1 },
      { input: Float32Array.of(-5, -6, -7, -8), target: undefined, label: 1 },
    ]);
    expect([...mapped.inputs.values]).toEqual([-1, -2, -3, -4, -5, -6, -7, -8]);
  });

  test("takes new shapes from nested arrays, or as options", () => {
    const data = numbered(2);
    const nested = data.map(({ input: [x] }) => ({ input: [[x!], [1], [2]], target: x! + 0.5 }));
    expect([nested.inputShape, nested.targetShape, nested.classes]).toEqual([[3, 1], [1], undefined]);
    const flat = data.map(() => ({ input: new Float32Array(6), target: [1, 2] }), { inputShape: [3, 2] });
    expect([flat.inputShape, flat.targetShape]).toEqual([[3, 2], [2]]);
    const labels = data.map(({ input }, i) => ({ input, label: [i, 2, 3] }), { classes: 4 });
    expect([labels.targetShape, labels.classes]).toEqual([[3], 4]);
  });

  test.each<[string, Parameters<Dataset["map"]>[0], string]>([
    [
      "non-finite values",
      (_, i) => ({ input: [0, i / (1 - i)] }),
      "map: example 1: input[1]: got Infinity, wanted a finite number",
    ],
    [
      "lengths that change",
      (_, i) => ({ input: Array(i + 1).fill(0) }),
      "map: example 1: input: got 2 values, wanted 1 as before",
    ],
    [
      "labels that vanish",
      ({ input }, i) => (i ? { input } : { input, label: 1 }),
      "map: example 1: label: got 0 values, wanted 1 as before",
    ],
    [
      "labels out of range",
      ({ input }) => ({ input, label: 3 }),
      "map: example 0: label: got 3, wanted an integer from 0 to 2",
    ],
    [
      "labels and targets",
      ({ input }) => ({ input, label: 1, target: 1 }),
      "map: example 0: got a target and a label, wanted one of them",
    ],
    ["nothing", () => undefined as never, "map: example 0: got undefined, wanted { input, target or label }"],
  ])("refuses %s", (_, change, message) => {
    expect(() => numbered(5).map(change)).toThrow(new DataError(message));
  });
});

describe("batch", () => {
  test.each([
    [1, [1, 1, 1, 1, 1, 1, 1]],
    [3, [3, 3, 1]],
    [7, [7]],
    [100, [7]],
    ["full" as const, [7]],
  ])("size %s keeps the last, smaller one", (size, sizes) => {
    const batches = [...numbered(7).batch(size)];
    expect(batches.map((batch) => batch.size)).toEqual(sizes);
    expect(batches.flatMap(({ inputs }) => [...inputs])).toEqual(
      [0, 1, 2, 3, 4, 5, 6].flatMap((i) => [i, 10 * i]),
    );
    expect(batches.flatMap(({ labels }) => [...labels!])).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  test("a seed and an epoch decide the order", () => {
    const order = (epoch?: number) =>
      [...numbered(9).batch(4, { seed: 5, ...(epoch !== undefined && { epoch }) })].flatMap(({ inputs }) =>
        [...inputs].filter((_, i) => i % 2 === 0),
      );
    expect(order()).toEqual([...permutation(9, 5, 0)]);
    expect(order(2)).toEqual([...permutation(9, 5, 2)]);
  });

  test.each([0, -1, 1.5, Number.NaN, "half"])("size %s is refused", (size) => {
    expect(() => [...numbered(3).batch(size as number)]).toThrow(
      new OptionError(`batch: size: got ${size}, wanted an integer from 1 or "full"`),
    );
  });
});
