// Structured pruning: the smaller model predicts what the larger one does with the weights of these channels at 0.
import { afterAll, describe, expect, test } from "vitest";
import { channelGroups, reparametrize, type ShrinkOptions, shrink } from "#src/compress/index";
import {
  add,
  createEngine,
  createTrainer,
  defineLayer,
  defineModel,
  dense,
  dropout,
  flatten,
  greater,
  type Layer,
  type Model,
  matmul,
  mul,
  relu,
  reshape,
  sequential,
  sgd,
  softmax,
  softmaxCrossEntropy,
  type Tensor,
  where,
  zeros,
} from "#src/index";
import {
  averagePool2d,
  batchNorm,
  branches,
  conv1d,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  embedding,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool2d,
  groupNorm,
  instanceNorm,
  layerNorm,
  maxPool2d,
  pad,
  permute,
  residual,
  separableConv2d,
  slice,
  upsample2d,
} from "#src/layers";
import { numbers, setWeights } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const image = { input: [8, 8, 3] };
const block = (filters: number): Layer[] => [
  conv2d(filters, 3, { padding: "same", bias: false }),
  batchNorm(),
  relu,
];
/** Each channel's own slope below 0. */
const slope = defineLayer("slope", (x, { parameter }) =>
  where(greater(x, 0), x, mul(x, parameter("slope", [x.shape.at(-1)!], zeros))),
);
const through = (x: Tensor, ...layers: Layer[]) => layers.reduce((h, layer) => layer(h), x);

/** Models by what their channels go through. */
const models: Record<string, () => Model> = {
  dense: () =>
    sequential({ input: [6] }, dense(12, { activation: "sigmoid" }), dense(9), dropout(0.5), dense(4)),
  "convolution, pooling, flatten": () =>
    sequential(
      image,
      conv2d(8, 3, { activation: "tanh" }),
      maxPool2d(2),
      conv2d(6, 2),
      averagePool2d(2),
      flatten(),
      dense(4),
    ),
  "batch normalization": () => sequential(image, ...block(8), ...block(6), globalAveragePool2d(), dense(4)),
  "instance normalization": () =>
    sequential(
      image,
      conv2d(8, 3),
      instanceNorm(),
      relu,
      globalMaxPool2d({ keepDims: true }),
      flatten(),
      dense(4),
    ),
  residual: () =>
    sequential(
      image,
      ...block(8),
      residual((x) => through(x, ...block(5), ...block(8))),
      residual((x) => through(x, ...block(6)), { projection: conv2d(6, 1) }),
      globalAveragePool2d(),
      dense(4),
    ),
  "padded residual": () =>
    defineModel(image, (x) => {
      const a = conv2d(5, 3, { padding: "same" })(x);
      const b = conv2d(8, 3, { padding: "same" })(relu(a));
      return dense(4)(
        globalAveragePool2d()(
          add(
            b,
            pad(a, [
              [0, 0],
              [0, 0],
              [0, 0],
              [0, 3],
            ]),
          ),
        ),
      );
    }),
  depthwise: () =>
    sequential(
      image,
      conv2d(8, 1),
      relu,
      depthwiseConv2d(3, { multiplier: 2, padding: "same" }),
      batchNorm(),
      relu,
      conv2d(6, 1),
      separableConv2d(7, 3, { stride: 2 }),
      flatten(),
      dense(4),
    ),
  groups: () =>
    sequential(image, conv2d(8, 3), relu, conv2d(12, 3, { groups: 2 }), relu, flatten(), dense(4)),
  concatenate: () =>
    sequential(
      image,
      branches(conv2d(5, 3, { padding: "same" }), conv2d(4, 1, { activation: "relu" }), maxPool2d(1)),
      ...block(6),
      branches(globalAveragePool2d(), globalMaxPool2d()),
      dense(4),
    ),
  transposed: () =>
    sequential(
      image,
      conv2d(6, 3, { stride: 2 }),
      relu,
      conv2dTranspose(5, 2, { stride: 2 }),
      relu,
      upsample2d(2),
      conv2d(2, 3),
      flatten(),
      dense(4),
    ),
  sequences: () =>
    sequential({ input: [10, 3] }, conv1d(8, 3), relu, conv1d(6, 3), globalAveragePool1d(), dense(4)),
  embedding: () =>
    sequential({ input: [5], inputType: "i32" }, embedding(7, 6), conv1d(8, 2), relu, flatten(), dense(4)),
  "a trained slope": () => sequential({ input: [6] }, dense(10), slope, dense(4)),
  "a mask": () => {
    const base = sequential({ input: [6] }, dense(10, { activation: "relu" }), dense(4));
    return reparametrize(base, (_, own) => {
      const { name, shape, initializer } = base.weights.segments[0]!;
      return new Map([[name, mul(own.parameter(name, shape, initializer), own.state("mask", shape, zeros))]]);
    });
  },
  permute: () =>
    defineModel(image, (x) =>
      dense(4)(flatten()(permute(conv2d(6, 3, { activation: "relu" })(x), [0, 3, 1, 2]))),
    ),
  "squeeze and excitation": () =>
    defineModel(image, (x) => {
      const h = conv2d(8, 3, { activation: "relu" })(x);
      const gate = dense(8, { activation: "sigmoid" })(
        dense(3, { activation: "relu" })(globalAveragePool2d()(h)),
      );
      const gated = mul(h, reshape(gate, [h.shape[0]!, 1, 1, -1]));
      return dense(4)(globalAveragePool2d()(gated));
    }),
};

/** Weights at which no normalization divides by next to nothing. */
function prepared(model: Model): Model {
  setWeights(model);
  const values = model.parameters();
  for (const [name, { values: all }] of values)
    if (/variance$|scale$/.test(name)) for (const i of all.keys()) all[i] = 0.5 + Math.abs(all[i]!);
  model.setParameters(values);
  return model;
}
const inputsOf = ({ inputShape, inputType }: Model, count = 3) => {
  const size = inputShape.reduce((a, b) => a * b, count);
  return inputType === "i32" ? Int32Array.from({ length: size }, (_, i) => (i * 5) % 7) : numbers(size, 3);
};

/** The larger model with all weights of the channels that go at 0. */
function masked(build: () => Model, options: ShrinkOptions): Model {
  const model = prepared(build());
  const smaller = shrink(model, options);
  const values = model.parameters();
  for (const { slices, bound } of channelGroups(model)) {
    if (bound) continue;
    const first = slices.find(({ makes }) => makes)!;
    // Which are gone is told by the numbers that are left: all are different.
    const left = new Set(smaller.parameters().get(first.parameter)!.values);
    const own = values.get(first.parameter)!;
    const at = (shape: readonly number[], axis: number, i: number) =>
      Math.floor(i / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % shape[axis]!;
    const gone = first.indices.map((indices) =>
      prepared(build())
        .parameters()
        .get(first.parameter)!
        .values.every((value, i) => !(indices.includes(at(own.shape, first.axis, i)) && left.has(value))),
    );
    for (const { parameter, axis, indices } of slices) {
      const { shape, values: all } = values.get(parameter)!;
      if (/mean$|variance$/.test(parameter)) continue;
      for (const i of all.keys())
        if (indices.some((list, channel) => gone[channel] && list.includes(at(shape, axis, i)))) all[i] = 0;
    }
  }
  model.setParameters(values);
  return model;
}

describe("shrink", () => {
  test.each(Object.entries(models))("predicts as the model with zeros: %s", async (_, build) => {
    const options = { ratio: 0.4 } as const;
    const smaller = shrink(prepared(build()), options);
    expect(smaller.parameterCount).toBeLessThan(0.8 * build().parameterCount);
    const inputs = inputsOf(smaller);
    const [got, wanted] = [
      await smaller.predict(inputs, { engine }),
      await masked(build, options).predict(inputs, { engine }),
    ];
    const largest = Math.max(...wanted.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    for (const [i, value] of wanted.entries()) expect(Math.abs(got[i]! - value) / largest).toBeLessThan(1e-6);
    // And it is not what the whole model predicts.
    const whole = await prepared(build()).predict(inputs, { engine });
    expect(Math.max(...whole.map((value, i) => Math.abs(value - got[i]!)))).toBeGreaterThan(1e-3);
  });

  const shapeOf = (model: Model, name: string) => model.parameters().get(name)!.shape;

  test("keeps as many, or those asked for, and the largest of each group", () => {
    const model = prepared(models.dense!());
    const smaller = shrink(model, { keep: { "dense.weight": 5, "dense_1.weight": [8, 2] } });
    expect(shapeOf(smaller, "dense.weight")).toEqual([6, 5]);
    expect(shapeOf(smaller, "dense_1.weight")).toEqual([5, 2]);
    expect(shapeOf(smaller, "dense_2.weight")).toEqual([2, 4]);
    const [all, left] = [model.parameters(), smaller.parameters()];
    const { values } = all.get("dense_1.bias")!;
    expect([...left.get("dense_1.bias")!.values]).toEqual([values[2], values[8]]);
    const norms = (by: (w: number) => number) =>
      Array.from({ length: 12 }, (_, unit) =>
        Array.from({ length: 6 }, (_, k) => by(all.get("dense.weight")!.values[k * 12 + unit]!)).reduce(
          (a, b) => a + b,
        ),
      );
    const best = (scores: number[]) =>
      [...scores.keys()]
        .sort((a, b) => scores[b]! - scores[a]!)
        .slice(0, 5)
        .sort((a, b) => a - b);
    const kept = (of: Model) =>
      [...of.parameters().get("dense.bias")!.values].map((b) => all.get("dense.bias")!.values.indexOf(b));
    expect(kept(smaller)).toEqual(best(norms((w) => w * w)));
    expect(kept(shrink(model, { keep: { "dense.weight": 5 }, by: "l1" }))).toEqual(best(norms(Math.abs)));
    expect(best(norms(Math.abs))).not.toEqual(best(norms((w) => w * w)));
  });

  test("goes by the scale of a normalization", () => {
    const model = prepared(models["batch normalization"]!());
    const scales = [...model.parameters().get("batchNorm.scale")!.values];
    const smaller = shrink(model, { keep: { "conv2d.weight": 3 }, by: "scale" });
    const left = [...smaller.parameters().get("batchNorm.scale")!.values];
    expect(left.toSorted()).toEqual(
      scales
        .toSorted((a, b) => b - a)
        .slice(0, 3)
        .toSorted(),
    );
    expect(() => shrink(prepared(models.dense!()), { ratio: 0.5, by: "scale" })).toThrow(
      "shrink: by: wanted a normalization with a scale behind dense.weight, got none",
    );
  });

  test("takes the ratio of all channels together", () => {
    const model = prepared(models.dense!());
    const values = model.parameters();
    // All of the second layer's neurons are alike, a third of the first's next to nothing.
    values.get("dense_1.weight")!.values.fill(0.25);
    for (const i of values.get("dense.weight")!.values.keys())
      if (i % 12 < 4) values.get("dense.weight")!.values[i]! *= 1e-3;
    model.setParameters(values);
    const smaller = shrink(model, { ratio: 4 / 21, scope: "model" });
    expect(shapeOf(smaller, "dense_1.weight")).toEqual([8, 9]);
    expect(shapeOf(shrink(model, { ratio: 0.5, multipleOf: 4 }), "dense_1.weight")).toEqual([8, 8]);
  });

  test("trains further, keeps what it renews, and shrinks again", async () => {
    const model = prepared(models.residual!());
    const before = model.parameters();
    const smaller = shrink(shrink(model, { ratio: 0.25 }), { ratio: 0.25 });
    expect(shapeOf(smaller, "conv2d.weight")).toEqual([3, 3, 3, 5]);
    const trainer = await createTrainer(smaller, {
      loss: softmaxCrossEntropy,
      optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
      engine,
    });
    const batch = {
      inputs: inputsOf(smaller, 4),
      labels: Int32Array.of(0, 1, 2, 3),
      targets: undefined,
      size: 4,
    };
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) losses.push((await trainer.step(batch)).loss);
    trainer.close();
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.3);
    expect(model.parameters()).toEqual(before);
  });

  test("says which channels go together", () => {
    const groups = channelGroups(models.residual!());
    expect(groups.map(({ name, size, bound }) => [name, size, bound])).toEqual([
      ["conv2d.weight", 8, undefined],
      ["conv2d_1.weight", 5, undefined],
      ["conv2d_3.weight", 6, undefined],
      ["dense.weight", 4, "output"],
    ]);
    const makes = groups[0]!.slices.filter((slice) => slice.makes).map(({ parameter }) => parameter);
    expect(makes.sort()).toEqual(["conv2d.weight", "conv2d_2.weight"]);
  });

  describe("refuses what it cannot follow, by name", () => {
    const refused: [string, () => Model, string][] = [
      ["layerNorm", () => sequential({ input: [6] }, dense(8), layerNorm(), dense(4)), "rowNorm"],
      ["groupNorm", () => sequential(image, conv2d(8, 3), groupNorm(2), flatten(), dense(4)), "channelNorm"],
      ["softmax", () => defineModel({ input: [6] }, (x) => dense(4)(softmax(dense(8)(x)))), "softmax"],
      [
        "slice",
        () => defineModel({ input: [6] }, (x) => dense(4)(slice(dense(8)(x), [0, 0], [x.shape[0]!, 4]))),
        "slice",
      ],
      [
        "a product of two channels",
        () =>
          defineModel({ input: [6] }, (x) => {
            const [a, b] = [dense(5)(x), dense(3)(x)].map((h, k) =>
              reshape(h, k === 0 ? [-1, 5, 1] : [-1, 1, 3]),
            );
            return dense(4)(flatten()(mul(a!, b!)));
          }),
        "reshape",
      ],
      [
        "a product of activations",
        () =>
          defineModel({ input: [6] }, (x) => {
            const h = dense(5)(x);
            return dense(4)(matmul(reshape(matmul(permute(h), h), [1, 25]), zeros(x.graph, [25, 3], "")));
          }),
        "reshape",
      ],
    ];
    test.each(refused)("%s", (_, build, op) => {
      const model = build();
      setWeights(model);
      expect(() => shrink(model, { ratio: 0.5 })).toThrow(
        new RegExp(
          `^shrink: the channels of (dense.weight|conv2d.weight) cannot go: ${op} needs all of them`,
        ),
      );
      expect(() => shrink(model, { ratio: 0.5 })).toThrow(op);
    });

    test("a shape that the model's function fixes", () => {
      const model = defineModel({ input: [6] }, (x) => {
        const h = reshape(dense(8)(x), [x.shape[0]!, 8, 1]);
        return dense(4)(flatten()(h));
      });
      setWeights(model);
      expect(() => shrink(model, { ratio: 0.5 })).toThrow(
        /^shrink: the model cannot do with fewer channels: reshape/,
      );
    });

    test("two numbers for channels that are the same", () => {
      const model = defineModel({ input: [6] }, (x) => dense(4)(add(dense(8)(x), dense(8)(x))));
      setWeights(model);
      expect(() => shrink(model, { keep: { "dense.weight": 5, "dense_1.weight": 3 } })).toThrow(
        /^shrink: keep: wanted the same for dense.weight and dense_1.weight, .* got \[5\] and \[3\]/,
      );
      const smaller = shrink(model, { keep: { "dense.weight": 5, "dense_1.weight": 5 } });
      expect(shapeOf(smaller, "dense_1.weight")).toEqual([6, 5]);
    });

    test("options out of range, and leaves the rest alone", () => {
      const model = prepared(models.dense!());
      const wrong = (options: ShrinkOptions, message: RegExp) =>
        expect(() => shrink(model, options)).toThrow(message);
      wrong({ ratio: 1 }, /ratio: wanted 0 ≤ x < 1, got 1/);
      wrong({}, /no channels can go/);
      wrong({ keep: { "dense.weight": 13 } }, /keep: dense.weight: wanted 1 to 12 channels/);
      wrong({ keep: { "dense.weight": [] } }, /wanted 1 to 12 channels/);
      wrong(
        { keep: { other: 3 } },
        /keep: wanted one of dense.weight, dense_1.weight, dense_2.weight, got other/,
      );
      wrong({ keep: { "dense.weight": "5" as unknown as number } }, /wanted 1 to 12 channels, got \[5\]/);
      wrong({ keep: { "dense_2.weight": 3 } }, /output needs all of them/);
      wrong({ ratio: 0.5, multipleOf: 0.5 }, /multipleOf/);
      const one = shrink(model, { ratio: 0.99, parameters: "dense_1.*" });
      expect(shapeOf(one, "dense_1.weight")).toEqual([12, 1]);
      expect(() => shrink(models.dense!(), { ratio: 0.5 })).toThrow(/no weights yet/);
    });
  });
});
