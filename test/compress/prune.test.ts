// Unstructured pruning: what becomes 0, that it stays 0 whatever trains the rest, and the scores of movement pruning.
import { afterAll, describe, expect, test } from "vitest";
import {
  annealedPruning,
  clusterWeights,
  gradualSparsity,
  iterativeSparsity,
  keepZeros,
  lotteryTicket,
  lowRank,
  movementPruning,
  oneShotSparsity,
  type PruneOptions,
  type PruningOptions,
  prune,
  pruning,
  type Reparametrized,
  reparametrize,
  settle,
  shrink,
  sparsityOf,
} from "#src/compress/index";
import {
  adamW,
  chain,
  clipByGlobalNorm,
  createEngine,
  createTrainer,
  dense,
  evaluate,
  type Model,
  mean,
  ShapeError,
  sequential,
  sgd,
  softmaxCrossEntropy,
  square,
  sub,
  type Transform,
  train,
} from "#src/index";
import { conv2d, rmsNorm } from "#src/layers";
import { accumulate, decoupledDecay, lookahead, muonWithAdamW, sam } from "#src/optim/index";
import golden from "../golden/compression.json" with { type: "json" };
import { bits, classes, classifier, numbers, setWeights, training, weightsOf } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const weightOf = (model: Model, name: string) => model.parameters().get(name)!.values;
const zerosOf = (values: Float32Array) => [...values.keys()].filter((i) => values[i] === 0);

describe("prune", () => {
  test("sets the smallest of all weights to 0, as many as the share says", () => {
    const model = classifier();
    const all = [...weightOf(model, "dense.weight"), ...weightOf(model, "dense_1.weight")];
    prune(model, { sparsity: 0.7 });
    const left = [...weightOf(model, "dense.weight"), ...weightOf(model, "dense_1.weight")];
    const limit = all.map(Math.abs).sort((a, b) => a - b)[Math.round(120 * 0.7)]!;
    expect(left).toEqual(all.map((x) => (Math.abs(x) >= limit ? x : 0)));
    expect(left.filter((x) => x === 0).length).toBe(84);
    expect(sparsityOf(model)).toBe(0.7);
    expect(zerosOf(weightOf(model, "dense.bias"))).toEqual([]);
    // Each parameter has its own share otherwise.
    expect(sparsityOf(model, "dense.weight")).not.toBeCloseTo(0.7, 3);
  });

  test("prunes each layer by itself, and some parameters alone", () => {
    const model = classifier();
    prune(model, { sparsity: 0.5, scope: "layer" });
    expect([sparsityOf(model, "dense.weight"), sparsityOf(model, "dense_1.weight")]).toEqual([0.5, 0.5]);
    prune(model, { sparsity: 0.75, parameters: "dense_1.*" });
    expect([sparsityOf(model, "dense.weight"), sparsityOf(model, "dense_1.*")]).toEqual([0.5, 39 / 52]);
  });

  test("leaves n of m along the inputs of each output, the largest", () => {
    const model = sequential({ input: [5, 5, 6] }, conv2d(3, 2), (x) => mean(x, { axes: [1, 2] }), dense(4));
    setWeights(model);
    const before = weightOf(model, "conv2d.weight");
    prune(model, { pattern: [2, 4] });
    const after = weightOf(model, "conv2d.weight");
    for (let tap = 0; tap < 4; tap++)
      for (let output = 0; output < 3; output++)
        for (const group of [
          [0, 1, 2, 3],
          [4, 5],
        ]) {
          const at = (c: number) => (tap * 6 + c) * 3 + output;
          const sizes = group.map((c) => Math.abs(before[at(c)]!)).sort((a, b) => b - a);
          for (const c of group)
            expect(after[at(c)]).toBe(Math.abs(before[at(c)]!) >= sizes[1]! ? before[at(c)] : 0);
        }
    // Three inputs of a dense layer: two of them stay.
    expect(sparsityOf(model, "dense.weight")).toBeCloseTo(1 / 3, 10);
  });

  test("takes any weights, the same by the same seed, and keeps what is 0", () => {
    const gone = (seed: number, first = 0.2) => {
      const model = classifier();
      prune(model, { sparsity: first });
      const before = zerosOf(weightOf(model, "dense.weight"));
      prune(model, { sparsity: 0.6, by: "random", seed });
      const after = zerosOf(weightOf(model, "dense.weight"));
      expect(sparsityOf(model)).toBe(0.6);
      expect(before.every((each) => after.includes(each))).toBe(true);
      return after;
    };
    expect(gone(1)).toEqual(gone(1));
    expect(gone(1)).not.toEqual(gone(2));
  });

  test("leaves weights that are no numbers", () => {
    const model = classifier();
    const values = model.parameters();
    values.get("dense.weight")!.values.fill(Number.NaN);
    model.setParameters(values);
    prune(model, { sparsity: 0.9 });
    expect(sparsityOf(model, "dense.weight")).toBe(0);
  });

  test("goes by a pattern that is global from the beginning each time", () => {
    const model = classifier();
    setWeights(model);
    prune(model, { sparsity: 0.5, parameters: /dense/g, scope: "layer" });
    for (const [name, { values }] of model.parameters())
      expect(zerosOf(values).length, name).toBe(Math.round(values.length / 2));
  });
  test("says what is wrong", () => {
    const wrong = (options: PruneOptions, message: RegExp) =>
      expect(() => prune(classifier(), options)).toThrow(message);
    wrong({ sparsity: 1 }, /prune: sparsity: wanted 0 ≤ x < 1, got 1/);
    wrong({}, /either a sparsity or a pattern/);
    wrong({ sparsity: 0.5, pattern: [2, 4] }, /either a sparsity or a pattern/);
    wrong(
      { sparsity: 0.5, scope: "all" as never },
      /prune: scope: wanted one of "layer", "model", got "all"/,
    );
    wrong(
      { sparsity: 0.5, by: "size" as never },
      /prune: by: wanted one of "magnitude", "random", got "size"/,
    );
    wrong({ pattern: [4, 4] }, /wanted integers 0 < n < m, got \[4,4\]/);
    wrong(
      { sparsity: 0.5, parameters: "conv" },
      /prune: parameters: wanted some of dense.weight, .* got none/,
    );
  });
});

describe("models without weights to prune", () => {
  const empty = sequential({ input: [4] }, (x) => square(x));
  empty.setParameters(new Map());

  test("are refused, and say so", async () => {
    const none = /: parameters: wanted weights to prune, the model has none$/;
    expect(() => prune(empty, { sparsity: 0.5 })).toThrow(none);
    expect(() => sparsityOf(empty)).toThrow(none);
    expect(() => movementPruning(empty, { schedule: () => 0.5 })).toThrow(none);
    expect(() => clusterWeights(empty)).toThrow(none);
    await expect(lowRank(empty)).rejects.toThrow(none);
    expect(() => shrink(empty, { ratio: 0.5 })).toThrow(
      /^shrink: no channels can go: wanted a layer whose channels are not the output's/,
    );
    const biases = sequential({ input: [2] }, rmsNorm());
    await biases.initialize({ engine });
    expect(() => prune(biases, { sparsity: 0.5 })).toThrow(
      /prune: parameters: wanted some of .*rmsNorm.scale, got none/,
    );
  });
});

describe("schedules", () => {
  test("are the papers' formulas, and stay where they end", () => {
    const gradual = gradualSparsity({ from: 0.1, to: 0.9, begin: 2, end: 6 });
    expect([0, 1, 2, 4, 6, 9].map(gradual)).toEqual([
      0,
      0,
      expect.closeTo(0.1, 12),
      expect.closeTo(0.8, 12),
      0.9,
      0.9,
    ]);
    const iterative = iterativeSparsity({ to: 1 - 0.8 ** 3, end: 3 });
    expect([0, 1, 2, 3].map(iterative)).toEqual([0, 0.2, 0.36, 0.488].map((x) => expect.closeTo(x, 12)));
    const every = gradualSparsity({ to: 0.8, end: 6, every: 3 });
    expect([every(2), every(3), every(5)]).toEqual([0, every(4), expect.closeTo(0.8 * (1 - 0.125), 12)]);
    expect([2, 3].map(oneShotSparsity({ to: 0.5, at: 3 }))).toEqual([0, 0.5]);
    expect(() => gradualSparsity({ to: 1, end: 3 })).toThrow(/0 ≤ from ≤ to < 1/);
    expect(() => gradualSparsity({ to: 0.5, end: 3, begin: 3 })).toThrow(/begin < end/);
    expect(() => oneShotSparsity({ to: 1, at: 3 })).toThrow(
      /oneShotSparsity: wanted 0 ≤ to < 1 .* got 1 and 3/,
    );
    expect(() => oneShotSparsity({ to: 0.5, at: 0.5 })).toThrow(/an integer at ≥ 0/);
  });

  test("prune while a model trains", async () => {
    const model = classifier();
    const shares: number[] = [];
    const told = { onEpoch: () => void shares.push(sparsityOf(model)) };
    const schedule = gradualSparsity({ from: 0.2, to: 0.9, end: 3 });
    await train(model, {
      ...training(engine),
      optimizer: keepZeros(sgd({ learningRate: 0.1, momentum: 0.9 })),
      epochs: 5,
      callbacks: [{ onBegin: () => expect(sparsityOf(model)).toBe(0) }, pruning({ schedule }), told],
    });
    expect(shares).toEqual([1, 2, 3, 4, 5].map((epoch) => Math.round(120 * schedule(epoch)) / 120));
  });
});

describe("pruning by steps", () => {
  const schedule = gradualSparsity({ from: 0.1, to: 0.8, begin: 5, end: 17 });
  const optimizer = () => keepZeros(adamW({ learningRate: 0.02 }));
  /** Ten steps an epoch, of which several come in one run; 20 in all. */
  const plan = () => ({
    ...training(engine),
    batchSize: 4,
    sampling: "in-order" as const,
    optimizer: optimizer(),
    epochs: 2,
  });
  const batches = [...classes(40).batch(4)];

  /** The same steps by hand, pruned behind every third; a new trainer goes on behind step `resume`. */
  const byHand = async (model: Model, pruneTo: (sparsity: number) => void, resume?: number) => {
    const make = () =>
      createTrainer(model, { loss: softmaxCrossEntropy, optimizer: optimizer(), seed: 1, engine });
    let trainer = await make();
    while (trainer.steps < 20) {
      await trainer.step(batches[trainer.steps % 10]!);
      if (trainer.steps % 3 === 0 && schedule(trainer.steps) > 0) pruneTo(schedule(trainer.steps));
      if (trainer.steps === resume) {
        const [state, weights] = [trainer.stateToBytes(), model.toBytes()];
        trainer.close();
        setWeights(model, 5);
        model.fromBytes(weights);
        trainer = await make();
        trainer.stateFromBytes(state);
      }
    }
    trainer.close();
    return bits(model.weights.snapshot());
  };

  test("comes exactly behind each so many steps, and what is 0 stays so between", async () => {
    const model = classifier();
    const seen: [step: number, share: number][] = [];
    await train(model, {
      ...plan(),
      callbacks: [
        pruning({ schedule, every: 3 }),
        { onProgress: ({ step }) => void (step % 3 === 0 && seen.push([step, sparsityOf(model)])) },
      ],
    });
    expect(seen).toEqual([3, 6, 9, 12, 15, 18].map((step) => [step, Math.round(120 * schedule(step)) / 120]));
    // Two steps more, and an epoch's end, leave them as they are.
    expect(sparsityOf(model)).toBe(0.8);
  });

  test("gives the bits of a loop of one's own, resumed or not", async () => {
    const [model, own, resumed] = [classifier(), classifier(), classifier()];
    await train(model, { ...plan(), callbacks: [pruning({ schedule, every: 3 })] });
    const pruneBy = (each: Model) => (sparsity: number) => prune(each, { sparsity });
    const wanted = bits(model.weights.snapshot());
    expect(await byHand(own, pruneBy(own))).toEqual(wanted);
    expect(await byHand(resumed, pruneBy(resumed), 10)).toEqual(wanted);
    expect(sparsityOf(resumed)).toBe(0.8);
  });

  test("so does movement pruning", async () => {
    const scored = () => movementPruning(classifier(), { schedule, every: 3 });
    const [one, own, resumed] = [scored(), scored(), scored()];
    await train(one.model, { ...plan(), callbacks: [one.callback] });
    const wanted = bits(one.model.weights.snapshot());
    expect(await byHand(own.model, own.prune)).toEqual(wanted);
    expect(await byHand(resumed.model, resumed.prune, 10)).toEqual(wanted);
    const before = one.model.parameters().get("dense.weight.threshold")!.values[0]!;
    expect(before).toBeGreaterThan(-1e30);
    one.prune(0);
    expect(sparsityOf(await settle(one.model, { engine }))).toBe(0);
    expect(() => one.prune(1)).toThrow(/movementPruning: sparsity: wanted 0 ≤ x < 1, got 1/);
  });

  test("wants a schedule before a training begins", () => {
    expect(() => pruning({} as PruningOptions)).toThrow(/^pruning: schedule: wanted a function/);
    expect(() => movementPruning(classifier(), {} as never)).toThrow(/^movementPruning: schedule: wanted/);
  });
  test("refuses what it does not know before a training begins", () => {
    const unknown = { schedule, sparsity: 0.5 } as never;
    expect(() => pruning(unknown)).toThrow(/pruning: .*sparsity/);
    expect(() => movementPruning(classifier(), unknown)).toThrow(/movementPruning: .*sparsity/);
    expect(() => pruning({ schedule, scope: "all" as never })).toThrow(/pruning: scope: wanted one of/);
    expect(() => movementPruning(classifier(), { schedule, scope: "all" as never })).toThrow(
      /movementPruning: scope: wanted one of/,
    );
  });

  test("wants whole steps", async () => {
    expect(() => pruning({ schedule, every: 0 })).toThrow(/pruning: every: wanted a positive integer, got 0/);
    expect(() => movementPruning(classifier(), { schedule, every: 1.5 })).toThrow(
      /movementPruning: every: wanted a positive integer, got 1.5/,
    );
    await expect(train(classifier(), { ...plan(), callbacks: [{ every: -1 }] })).rejects.toThrow(
      /train: callbacks: every: wanted a positive integer, got -1/,
    );
  });
});

describe("keepZeros", () => {
  const optimizers: [string, () => Transform][] = [
    ["momentum", () => sgd({ learningRate: 0.1, momentum: 0.9 })],
    ["AdamW", () => adamW({ learningRate: 0.01, weightDecay: 0.1 })],
    [
      "decay behind",
      () => chain(clipByGlobalNorm(1), sgd({ learningRate: 0.1 }), decoupledDecay({ rate: 0.01 })),
    ],
    ["lookahead", () => lookahead(adamW({ learningRate: 0.01 }), { every: 2 })],
    ["muon", () => muonWithAdamW({ muon: { learningRate: 0.02 } })],
    ["SAM", () => sam(sgd({ learningRate: 0.1, momentum: 0.9 }))],
    ["accumulation", () => accumulate(sgd({ learningRate: 0.1, momentum: 0.9 }), { every: 2 })],
  ];
  test.each(optimizers)("holds exactly, and the others learn: %s", async (_, optimizer) => {
    const model = classifier();
    const run = (kept: Transform) => train(model, { ...training(engine), optimizer: kept, epochs: 2 });
    await run(optimizer());
    prune(model, { sparsity: 0.6 });
    const before = weightOf(model, "dense.weight");
    const { history } = await run(keepZeros(optimizer()));
    const after = weightOf(model, "dense.weight");
    expect(zerosOf(after)).toEqual(zerosOf(before));
    expect(zerosOf(before).length).toBeGreaterThan(20);
    expect(after).not.toEqual(before);
    expect(history[1]!.loss).toBeLessThan(history[0]!.loss);
    // Without it they move.
    await run(optimizer());
    expect(sparsityOf(model)).toBeLessThan(0.3);
  });

  test("is the optimizer alone where nothing is 0, and has the mask's bits where the forward is masked", async () => {
    const [one, other] = [classifier(), classifier()];
    const optimizer = () => sgd({ learningRate: 0.1, momentum: 0.9 });
    await train(one, { ...training(engine), optimizer: optimizer() });
    await train(other, { ...training(engine), optimizer: keepZeros(optimizer()) });
    expect(bits(weightsOf(other))).toEqual(bits(weightsOf(one)));
  });
});

describe("annealedPruning", () => {
  test("finds zeros that cost less, as many, the same by the same seed", async () => {
    const data = classes(40);
    const model = classifier();
    await train(model, { ...training(engine), epochs: 5 });
    const weights = model.weights.snapshot();
    const options = {
      data,
      loss: softmaxCrossEntropy,
      sparsity: 0.5,
      steps: 60,
      share: 0.05,
      seed: 3,
      engine,
    };
    const found = await annealedPruning(model, options);
    expect(found.after).toBeLessThan(found.before);
    expect(found.accepted).toBeGreaterThan(0);
    expect(found.accepted).toBeLessThan(60);
    expect(sparsityOf(model)).toBe(0.5);
    const { loss } = await evaluate(model, data, { loss: softmaxCrossEntropy, engine });
    expect(loss).toBe(found.after);
    const after = model.weights.snapshot();
    // What is left has the values of before.
    expect([...after].every((x, i) => x === 0 || x === weights[i])).toBe(true);
    model.weights.restore(weights);
    expect(await annealedPruning(model, options)).toEqual(found);
    await expect(annealedPruning(model, { ...options, share: 0 })).rejects.toThrow(/share/);
    await expect(annealedPruning(model, { ...options, tries: 3 } as never)).rejects.toThrow(/tries/);
    // What goes wrong leaves the weights as they were.
    model.weights.restore(weights);
    await expect(annealedPruning(model, { ...options, data: classes(9, 5) })).rejects.toThrow(ShapeError);
    expect(model.weights.snapshot()).toEqual(weights);
  });
});

describe("lotteryTicket", () => {
  test("trains, prunes, and begins anew with the early weights of what is left", async () => {
    const model = classifier();
    const early = model.parameters();
    const starts: Float32Array[] = [];
    const runs = await lotteryTicket(model, {
      training: {
        ...training(engine),
        epochs: 2,
        callbacks: [{ onBegin: ({ model: own }) => void starts.push(weightOf(own, "dense.weight")) }],
      },
      sparsity: 0.75,
      rounds: 2,
    });
    expect(runs.length).toBe(3);
    expect(starts.map((values) => zerosOf(values).length > 0)).toEqual([false, true, true]);
    for (const start of starts)
      expect([...start].every((x, i) => x === 0 || x === early.get("dense.weight")!.values[i])).toBe(true);
    expect(zerosOf(starts[1]!).every((i) => starts[2]![i] === 0)).toBe(true);
    expect(sparsityOf(model)).toBe(0.75);
    await expect(
      lotteryTicket(model, { training: training(engine), sparsity: 0.5, rounds: 0 }),
    ).rejects.toThrow(/rounds/);
    await expect(lotteryTicket(model, { training: training(engine), sparsity: 1 })).rejects.toThrow(
      /^lotteryTicket: sparsity: wanted 0 ≤ x < 1, got 1/,
    );
  });
});

describe("movementPruning", () => {
  test("trains weights and scores as PyTorch does straight through", async () => {
    const { movement } = golden;
    const model = sequential({ input: [4] }, dense(3, { bias: false }));
    model.setParameters(new Map([["dense.weight", { shape: [4, 3], values: movement.weight }]]));
    const { model: scored, callback } = movementPruning(model, {
      schedule: oneShotSparsity({ to: 0.5, at: 1 }),
    });
    const trainer = await createTrainer(scored, {
      loss: (output, target) => mean(square(sub(output, target))),
      optimizer: sgd({ learningRate: 0.1 }),
      engine,
    });
    const batch = {
      inputs: Float32Array.from(movement.x),
      targets: Float32Array.from(movement.y),
      labels: undefined,
      size: 6,
    };
    for (const [step, wanted] of movement.steps.entries()) {
      if (step === 5) await callback.onEpoch!({ epoch: 1 } as never, {} as never);
      const { loss } = await trainer.step(batch);
      const near = (got: ArrayLike<number>, numbersOf: readonly number[]) => {
        for (const [i, x] of numbersOf.entries()) expect(Math.abs(got[i]! - x)).toBeLessThan(2e-6);
      };
      near([loss], [wanted.loss]);
      near(weightOf(scored, "dense.weight"), wanted.weight);
      near(weightOf(scored, "dense.weight.scores"), wanted.scores);
    }
    trainer.close();
    const plain = await settle(scored, { engine });
    expect(sparsityOf(plain)).toBeGreaterThan(0.3);
    expect([...plain.parameters().keys()]).toEqual(["dense.weight"]);
    expect(await plain.predict(numbers(8), { engine })).toEqual(await scored.predict(numbers(8), { engine }));
  });

  test("prunes by a schedule in a training, all together or by layer", async () => {
    const model = classifier();
    const options = { ...training(engine), optimizer: sgd({ learningRate: 0.1 }), epochs: 3 };
    for (const scope of ["model", "layer"] as const) {
      const { model: scored, callback } = movementPruning(model, {
        schedule: gradualSparsity({ to: 0.6, end: 3 }),
        scope,
      });
      await train(scored, { ...options, callbacks: [callback] });
      const plain = await settle(scored, { engine });
      expect(sparsityOf(plain)).toBe(0.6);
      if (scope === "layer") expect(sparsityOf(plain, "dense_1.weight")).toBe(29 / 48);
      prune(plain, { sparsity: 0.6 });
      await train(plain, { ...options, optimizer: keepZeros(sgd({ learningRate: 0.1 })) });
      expect(sparsityOf(plain)).toBe(0.6);
    }
  });
});

describe("settle", () => {
  test("refuses a model that is plain", async () => {
    await expect(settle(classifier() as never)).rejects.toThrow(/^settle: wanted a model with other tensors/);
  });
  test("leaves what is not replaced, and refuses other shapes", async () => {
    const model = classifier();
    const other = reparametrize(
      model,
      (graph) => new Map([["dense.bias", graph.constant(new Array(12).fill(2))]]),
    );
    const values = new Map(model.parameters());
    values.delete("dense.bias");
    other.setParameters(values);
    const plain = await settle(other, { engine });
    expect([...weightOf(plain, "dense.bias")]).toEqual(new Array(12).fill(2));
    expect(weightOf(plain, "dense.weight")).toEqual(weightOf(model, "dense.weight"));
    const smaller = shrink(model, { ratio: 0.5 }) as Reparametrized;
    await expect(settle(smaller, { engine })).rejects.toThrow(
      /^settle: dense.weight: got \[6, 6\], wanted \[6, 12\]/,
    );
  });
});
