// Layers put together: recomputed blocks give the same gradients from less memory; residual connections and branches.
import { afterAll, describe, expect, test } from "vitest";
import type { Placement } from "#src/compile/emit";
import { compile, type Program } from "#src/compile/program";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  activation,
  add,
  createEngine,
  createTrainer,
  dense,
  dropout,
  gradients,
  type Layer,
  mean,
  meanSquaredError,
  mul,
  OptionError,
  ShapeError,
  sequential,
  square,
  sum,
  tanh,
} from "#src/index";
import { batchNorm, branches, checkpoint, residual } from "#src/layers";
import { sam, sgd } from "#src/optim/index";
import { activityPenalty } from "#src/regularize";
import { bits, numbers, setWeights, weightsOf } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
const two = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => Promise.all([engine.close(), two.close()]));

/** A program for the gradients of a loss with respect to the input and every trained parameter. */
function program(body: Layer, shape: readonly number[], loss: (y: Tensor) => Tensor = (y) => sum(square(y))) {
  const graph = new Graph("train", 7);
  const x = graph.input("x", shape);
  const y = loss(body(x));
  const trained = [...graph.parameters.values()].filter(
    ({ node }) => node.source?.kind === "parameter" && node.source.trained,
  );
  const inputs = [x, ...graph.parameters.values()];
  const outputs = [y, ...(gradients(y, [x, ...trained]) as Tensor[])];
  const placements = new Map<Tensor, Placement>([
    ...inputs.map((tensor, k) => [tensor, { region: `in ${k}`, offset: 0 }] as const),
    ...outputs.map((tensor, k) => [tensor, { region: `out ${k}`, offset: 0 }] as const),
  ]);
  return { program: compile({ graph, placements, step: { region: "step", offset: 0 } }), inputs, outputs };
}

const activationsOf = ({ memory }: Program) => memory.activations ?? 0;

async function run({ program: each, inputs, outputs }: ReturnType<typeof program>, on = engine) {
  const loaded = on.load(each);
  if (each.regions.has("step")) loaded.integers("step")[0] = 3;
  for (const [k, { size }] of inputs.entries())
    if (each.regions.has(`in ${k}`)) loaded.floats(`in ${k}`).set(numbers(size, 100 * k, 0.3));
  await on.run(loaded);
  const results = outputs.map(({ size }, k) => bits(loaded.floats(`out ${k}`, 0, size).slice()));
  loaded.release();
  return results;
}

const wide = (units = 48) => {
  const layers = [
    dense(units, { activation: "tanh" }),
    dropout(0.3),
    dense(units, { activation: "gelu" }),
    dense(8),
  ];
  return (x: Tensor) => layers.reduce((h, layer) => layer(h), x);
};
const stack =
  (blocks: readonly Layer[]): Layer =>
  (x) =>
    blocks.reduce((h, block) => block(h), x);

/** As checkpoint, but for what it is for: one node more behind each block, since random numbers go by the nodes before them. */
const kept =
  (block: Layer): Layer =>
  (x) => {
    const y = block(x);
    x.graph.constant(0);
    return y;
  };

/** Which of some results differ from others, as a list that can be read. */
const differing = (a: readonly Int32Array[], b: readonly Int32Array[]) =>
  a.flatMap((each, k) =>
    each.length === b[k]!.length && each.every((word, i) => word === b[k]![i]) ? [] : [k],
  );

describe("checkpoint", () => {
  const shared = wide();
  const cases: [string, readonly Layer[]][] = [
    ["products and dropout", [wide(), wide(), wide(), wide()]],
    [
      "elementwise work first",
      Array.from({ length: 6 }, () => (x: Tensor) => tanh(mul(tanh(dense(32)(tanh(x))), 2))),
    ],
    ["one block four times", [shared, shared, shared, shared]],
    [
      "layers made inside the block",
      Array.from({ length: 4 }, () => (x: Tensor) => dense(8)(dropout(0.5)(dense(40)(x)))),
    ],
    [
      "batch norm",
      Array.from({ length: 4 }, () => stack([dense(32), batchNorm(), activation("relu"), dense(8)])),
    ],
    ["blocks in blocks", [1, 2, 3].map(() => stack([wide(), checkpoint(wide()), wide()]))],
  ];
  test.each(cases)("%s: the same bits of every gradient, from less memory", async (_, blocks) => {
    const plain = program(stack([dense(8), ...blocks.map(kept)]), [64, 8]);
    const saving = program(stack([dense(8), ...blocks.map(checkpoint)]), [64, 8]);
    expect(saving.outputs.length).toBe(plain.outputs.length);
    const want = await run(plain);
    expect(differing(await run(saving), want)).toEqual([]);
    expect(differing(await run(saving, two), want)).toEqual([]);
    expect(want.every((each) => each.some((word) => word !== 0))).toBe(true);
    expect(activationsOf(saving.program)).toBeLessThan(0.7 * activationsOf(plain.program));
    expect(saving.program.work).toBeGreaterThan(plain.program.work);
  });

  test("memory grows by a block's input with each block, not by what is inside", () => {
    const blocks = (count: number) => Array.from({ length: count }, () => wide(256));
    const growth = (wrap: (block: Layer) => Layer) => {
      const [few, many] = [4, 12].map((count) =>
        activationsOf(program(stack([dense(8), ...blocks(count).map(wrap)]), [64, 8]).program),
      );
      return (many! - few!) / 8;
    };
    // The input, and room to line it up.
    expect(growth(checkpoint)).toBeLessThanOrEqual(64 * 8 * 4 + 2 * 64);
    expect(growth((block) => block)).toBeGreaterThan(64 * 256 * 4 * 2);
  });

  test("elementwise work at a block's beginning is not taken up where its input was made", () => {
    const block = () => (x: Tensor) => dense(8)(tanh(tanh(tanh(tanh(x)))));
    const memory = (count: number) =>
      activationsOf(
        program(stack([dense(8), ...Array.from({ length: count }, () => checkpoint(block()))]), [64, 8])
          .program,
      );
    expect(memory(12) - memory(4)).toBeLessThanOrEqual(8 * (64 * 8 * 4 + 2 * 64));
  });

  test("in prediction it is the block alone", () => {
    const graph = new Graph("predict");
    checkpoint(wide())(graph.input("x", [4, 8]));
    expect(graph.nodes.filter(({ op }) => op?.name === "checkpoint")).toEqual([]);
    const same = new Graph();
    const x = same.input("x", [4, 8]);
    expect(checkpoint((h) => h)(x)).toBe(x);
  });

  test("trains as without it: state is renewed once, penalties count once, SAM goes through it", async () => {
    const layers = (wrap: (block: Layer) => Layer) => [
      dense(8),
      wrap(stack([dense(24), batchNorm(), activityPenalty({ l2: 0.1 }), activation("relu"), dense(8)])),
      // Without dropout: in SAM's second trace the gradients are among the nodes before it.
      wrap(residual(stack([dense(16, { activation: "tanh" }), dense(8)]))),
      dense(2),
    ];
    const trained = await Promise.all(
      [checkpoint, kept].map(async (wrap) => {
        const model = sequential({ input: [5] }, ...layers(wrap));
        setWeights(model);
        const optimizer = sam(sgd({ learningRate: 0.05 }));
        const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer, seed: 2, engine });
        const losses: number[] = [];
        for (const k of [0, 1, 2]) {
          const batch = {
            inputs: numbers(50, k),
            targets: numbers(20, k + 500),
            labels: undefined,
            size: 10,
          };
          losses.push((await trainer.step(batch)).loss);
        }
        trainer.close();
        const statistics = model.parameters().get("batchNorm.mean")!.values;
        return { losses, statistics, names: [...model.parameters().keys()], weights: weightsOf(model) };
      }),
    );
    const [own, plain] = trained as [(typeof trained)[0], (typeof trained)[0]];
    expect(own.names).toEqual(plain.names);
    expect(own.losses[0]).toBe(plain.losses[0]);
    for (const [k, loss] of own.losses.entries()) expect(loss).toBeCloseTo(plain.losses[k]!, 3);
    for (const [k, value] of own.statistics.entries()) expect(value).toBeCloseTo(plain.statistics[k]!, 3);
  });

  test("can be differentiated twice, and placed", async () => {
    const twice = (wrap: (block: Layer) => Layer): Layer => {
      const inner = dense(6, { activation: "tanh" });
      return (x) => {
        const y = wrap((h) => tanh(inner(h)))(x);
        const [slope] = gradients(sum(y), [x]);
        return add(mean(square(slope!)), mean(y));
      };
    };
    const [plain, saving] = [(block: Layer) => block, checkpoint].map((wrap) =>
      program(twice(wrap), [4, 6], (y) => y),
    );
    const [want, got] = [await run(plain!), await run(saving!)].map((all) =>
      all.map((each) => new Float32Array(each.buffer)),
    );
    for (const [k, each] of want!.entries())
      for (const [i, value] of each.entries()) expect(got![k]![i]).toBeCloseTo(value, 5);
    const placed = program(checkpoint(stack([dense(1), (x) => sum(x)])), [4, 6], (y) => y);
    const bare = program(stack([dense(1), (x) => sum(x)]), [4, 6], (y) => y);
    expect(differing(await run(placed), await run(bare))).toEqual([]);
  });
});

describe("residual and branches", () => {
  test("a residual adds its input, or a projection of it", async () => {
    const model = sequential(
      { input: [3] },
      residual(dense(3, { name: "block" })),
      residual(dense(2), { projection: dense(2, { bias: false }) }),
    );
    setWeights(model);
    const weights = new Map([...model.parameters()].map(([name, { values }]) => [name, values]));
    const product = (x: readonly number[], w: ArrayLike<number>, n: number) =>
      Array.from({ length: n }, (_, j) => x.reduce((total, each, k) => total + each * w[k * n + j]!, 0));
    const x = [0.5, -1, 2];
    const h = product(x, weights.get("block.weight")!, 3).map(
      (each, j) => each + weights.get("block.bias")![j]! + x[j]!,
    );
    const around = product(h, weights.get("dense_1.weight")!, 2);
    const want = product(h, weights.get("dense.weight")!, 2).map(
      (each, j) => each + weights.get("dense.bias")![j]! + around[j]!,
    );
    expect([...(await model.predict(x, { engine }))]).toEqual(want.map((each) => expect.closeTo(each, 5)));
  });

  test("branches stand side by side", async () => {
    const [left, right] = [dense(2, { name: "left" }), dense(3, { name: "right" })];
    const model = sequential({ input: [4] }, branches(left, right));
    setWeights(model);
    const alone = (layer: Layer) => {
      const part = sequential({ input: [4] }, layer);
      part.setParameters(
        new Map(
          [...model.parameters()].filter(
            ([name]) => part.parameters === undefined || part.weights.segments.some((s) => s.name === name),
          ),
        ),
      );
      return part.predict([1, 2, 3, 4], { engine });
    };
    expect(model.outputShape).toEqual([5]);
    expect([...(await model.predict([1, 2, 3, 4], { engine }))]).toEqual([
      ...(await alone(left)),
      ...(await alone(right)),
    ]);
  });

  test("what does not fit is refused", () => {
    expect(() => branches()).toThrow(OptionError);
    expect(() => sequential({ input: [4] }, residual(dense(3)))).toThrow(
      "residual: shapes differ: the block gives [1, 3], its input [1, 4]: wanted a projection to the former",
    );
    expect(() => sequential({ input: [4] }, residual(dense(3), { projection: dense(1) }))).toThrow(
      ShapeError,
    );
  });
});
