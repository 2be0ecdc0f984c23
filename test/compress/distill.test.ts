// Distillation: the loss and its gradient against PyTorch's, the teacher once or always, features with projections.
import { afterAll, describe, expect, test } from "vitest";
import { type DistillOptions, distill, divergenceAt, feature } from "#src/compress/index";
import { spoken, taught } from "#src/compress/teaching";
import { dataset, fromIterable } from "#src/data/index";
import { Graph } from "#src/graph/tensor";
import {
  accuracy,
  createEngine,
  createTrainer,
  defineModel,
  dense,
  dropout,
  evaluate,
  type Model,
  meanSquaredError,
  sequential,
  sgd,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { batchNorm } from "#src/layers";
import golden from "../golden/compression.json" with { type: "json" };
import { bits, classes, numbers, setWeights, training, weightsOf } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const data = classes(40);
const large = () => {
  const model = sequential(
    { input: [6] },
    dense(16, { activation: "relu" }),
    feature("wide"),
    batchNorm(),
    dropout(0.5),
    dense(4),
  );
  setWeights(model);
  const values = model.parameters();
  const { values: variance } = values.get("batchNorm.variance")!;
  for (const i of variance.keys()) variance[i] = 0.5 + Math.abs(variance[i]!);
  model.setParameters(values);
  return model;
};
const small = () => {
  const model = sequential({ input: [6] }, dense(5, { activation: "relu" }), feature("thin"), dense(4));
  setWeights(model, 3000);
  return model;
};
const options = (more: Partial<DistillOptions> = {}): DistillOptions => ({
  data,
  loss: softmaxCrossEntropy,
  optimizer: sgd({ learningRate: 0.1 }),
  batchSize: 16,
  epochs: 2,
  engine,
  seed: 1,
  ...more,
});

describe("divergenceAt", () => {
  test.each(golden.distillation)("has PyTorch's loss and gradient at $temperature", async (run) => {
    const { temperature, student, teacher, loss, gradient } = run;
    // One example an input: the logits are the weights.
    const rows = sequential({ input: [3] }, dense(5, { bias: false }));
    rows.setParameters(new Map([["dense.weight", { shape: [3, 5], values: student }]]));
    const trainer = await createTrainer(rows, {
      loss: (output, target) => divergenceAt(output, target, temperature),
      optimizer: sgd({ learningRate: 1 }),
      engine,
    });
    const result = await trainer.step({
      inputs: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
      targets: Float32Array.from(teacher),
      labels: undefined,
      size: 3,
    });
    trainer.close();
    expect(Math.abs(result.loss - loss)).toBeLessThan(2e-6 * Math.max(1, loss));
    const after = rows.parameters().get("dense.weight")!.values;
    for (const [i, slope] of gradient.entries())
      expect(Math.abs(Math.fround(student[i]!) - after[i]! - slope)).toBeLessThan(2e-6);
  });
});

describe("distill", () => {
  test("has the same bits whether the teacher speaks once or always", async () => {
    const run = async (teaching: "once" | "always") => {
      const student = small();
      const teacher = large();
      const before = weightsOf(teacher);
      const { history } = await distill(student, teacher, options({ teaching, alpha: 0.7, temperature: 3 }));
      expect(bits(weightsOf(teacher))).toEqual(bits(before));
      return { student, losses: history.map(({ loss }) => loss) };
    };
    const [one, other] = [await run("once"), await run("always")];
    for (const [epoch, loss] of one.losses.entries())
      expect(Math.abs(loss - other.losses[epoch]!)).toBeLessThan(1e-5);
    const [a, b] = [weightsOf(one.student), weightsOf(other.student)];
    for (const i of a.keys()) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-5);
    expect(one.losses[1]).toBeLessThan(one.losses[0]!);
    expect(bits(a)).not.toEqual(bits(weightsOf(small())));
  });

  test("takes what the teacher has said already", async () => {
    const [one, other, teacher] = [small(), small(), large()];
    await distill(one, teacher, options());
    await distill(other, teacher, options({ outputs: await teacher.predict(data, { engine }) }));
    expect(bits(weightsOf(other))).toEqual(bits(weightsOf(one)));
    const contrary = small();
    await distill(contrary, teacher, options({ outputs: numbers(160) }));
    expect(bits(weightsOf(contrary))).not.toEqual(bits(weightsOf(one)));
  });

  test("is the loss alone where alpha is 0, the teacher alone where it is 1", async () => {
    const [one, other] = [small(), small()];
    await distill(one, large(), options({ alpha: 0 }));
    await train(other, { ...options() });
    const [a, b] = [weightsOf(one), weightsOf(other)];
    for (const i of a.keys()) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-6);
    const follower = small();
    const wrong = dataset({
      inputs: { values: data.inputs.values as Float32Array, shape: [6] },
      labels: new Int32Array(40),
      classes: 4,
    });
    const right = small();
    await distill(follower, large(), options({ alpha: 1, data: wrong }));
    await distill(right, large(), options({ alpha: 1 }));
    expect(bits(weightsOf(follower))).toEqual(bits(weightsOf(right)));
  });

  test("draws features together, through a projection that is gone afterwards", async () => {
    const [student, teacher] = [small(), large()];
    const names = student.weights.segments.map(({ name }) => name);
    const features = [{ student: "thin", teacher: "wide", weight: 2 }];
    const run = await distill(
      student,
      teacher,
      options({ alpha: 0, features, epochs: 100, data: data.take(16) }),
    );
    expect(student.weights.segments.map(({ name }) => name)).toEqual(names);
    // The features' part is what the loss has more than the loss alone.
    const few = data.take(16);
    const alone = async (model: Model) =>
      (await evaluate(model, few, { loss: softmaxCrossEntropy, engine })).loss;
    const before = run.history[0]!.loss - (await alone(small()));
    const after = run.history.at(-1)!.loss - (await alone(student));
    expect(before).toBeGreaterThan(0.3);
    expect(after).toBeLessThan(before / 2);
  });

  test("compares features of one width as they are", async () => {
    const model = () => {
      const made = sequential({ input: [6] }, dense(16, { activation: "relu" }), feature("thin"), dense(4));
      setWeights(made);
      return made;
    };
    const student = model();
    // The same first layer: its features have no distance to the teacher's.
    const features = [{ student: "thin", teacher: "wide" }];
    const [one] = (
      await distill(student, large(), options({ alpha: 0, features, epochs: 1, data: data.take(16) }))
    ).history;
    const plain = model();
    const [other] = (
      await train(plain, { ...training(engine), batchSize: 16, epochs: 1, data: data.take(16) })
    ).history;
    expect(Math.abs(one!.loss - other!.loss)).toBeLessThan(1e-6);
  });

  test("takes streams, validation and metrics, with the teacher in each step", async () => {
    const stream = fromIterable(
      Array.from({ length: 32 }, (_, i) => ({ ...data.at(i) })),
      { inputShape: [6], classes: 4 },
    );
    const run = await distill(
      small(),
      large(),
      options({ data: stream, validation: data, metrics: [accuracy], epochs: 8 }),
    );
    expect(run.history[0]!.validation!.metrics.accuracy).toBeGreaterThan(0);
    expect(run.history.at(-1)!.loss).toBeLessThan(run.history[0]!.loss);
  });

  test("takes targets that are numbers, and puts the teacher's behind them", async () => {
    const teacher = large();
    const targets = { values: numbers(160, 50), shape: [4] };
    const inputs = { values: data.inputs.values as Float32Array, shape: [6] };
    const all = await taught(teacher, dataset({ inputs, targets }));
    const outputs = await teacher.predict(inputs.values);
    expect([...all.at(3).target!]).toEqual([...targets.values.subarray(12, 16), ...outputs.subarray(12, 16)]);
    const hot = await taught(teacher, data.subset([5]));
    expect([...hot.at(0).target!.slice(0, 4)]).toEqual(
      [0, 1, 2, 3].map((c) => (c === data.at(5).label ? 1 : 0)),
    );
    const run = await distill(
      small(),
      teacher,
      options({ data: dataset({ inputs, targets }), loss: meanSquaredError }),
    );
    expect(run.history[1]!.loss).toBeLessThan(run.history[0]!.loss);
  });

  test("a teacher in a graph predicts, and no gradient goes into it", async () => {
    const teacher = large();
    const graph = new Graph("train");
    const { output } = spoken(teacher, teacher.parameters(), graph.input("input", [2, 6]));
    expect(output.shape).toEqual([2, 4]);
    expect(graph.parameters.size).toBe(0);
    expect(graph.nodes.some(({ op }) => op?.name === "dropout" || op?.name === "channelNorm")).toBe(false);
  });

  test("says what does not fit", async () => {
    const wrong = (more: Partial<DistillOptions>, message: RegExp, student = small(), teacher = large()) =>
      expect(distill(student, teacher, options(more))).rejects.toThrow(message);
    await wrong({ temperature: 0 }, /temperature: wanted a finite number > 0, got 0/);
    await wrong({ alpha: 2 }, /alpha: wanted 0 ≤ x ≤ 1/);
    await wrong({ teaching: "once", metrics: [accuracy] }, /teaching/);
    await wrong({}, /differ: \[6\] → \[3\] and \[6\] → \[4\]/, sequential({ input: [6] }, dense(3)));
    await wrong({ features: [{ student: "thin", teacher: "none" }] }, /no layer feature\("none"\)/);
    const aside = defineModel({ input: [6] }, (x) => {
      feature("aside")(dense(4)(x));
      return dense(4)(x);
    });
    await aside.initialize({ engine });
    await wrong(
      { features: [{ student: "thin", teacher: "aside" }] },
      /the teacher's output does not go by feature\("aside"\)/,
      small(),
      aside,
    );
    await wrong({}, /no weights yet/, small(), sequential({ input: [6] }, dense(4)));
    const inputs = { values: data.inputs.values as Float32Array, shape: [6] };
    const other = dataset({ inputs, targets: { values: numbers(120), shape: [3] } });
    await wrong({ outputs: numbers(40) }, /distill: outputs: got 40 numbers, wanted 40 × 4/);
    await wrong({ outputs: numbers(160), teaching: "always" }, /outputs: wanted none where .* in each step/);
    await wrong({ data: other }, /distill: data: wanted a label or 4 targets an example/);
  });
});
