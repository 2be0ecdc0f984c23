// A weight that is no finite number is named, before anything is made of it.
import { afterAll, describe, expect, test } from "vitest";
import {
  clusterWeights,
  compress,
  distill,
  lowRank,
  movementPruning,
  oneShotSparsity,
  shrink,
} from "#src/compress/index";
import { adam, createEngineSync, DataError, type Model, softmaxCrossEntropy } from "#src/index";
import { bits, classes, classifier, weightsOf } from "../train/setting.ts";

const engine = createEngineSync({ numerics: "exact" });
afterAll(() => engine.close());

const data = classes(24);
const learning = { data, loss: softmaxCrossEntropy, optimizer: adam(), engine };

/** A classifier with one bad number. */
function broken(value: number, name = "dense.weight"): Model {
  return set(classifier(), name, value);
}

function set(model: Model, name: string, value: number): Model {
  const values = model.parameters();
  values.get(name)!.values[5] = value;
  model.setParameters(values);
  return model;
}

describe.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%s", (value) => {
  test.each<[string, (model: Model) => unknown]>([
    ["lowRank", (model) => lowRank(model, { rank: 1 })],
    ["lowRank", (model) => lowRank(model, { energy: 0.5 })],
    ["clusterWeights", (model) => clusterWeights(model, { clusters: 4 })],
    ["shrink", (model) => shrink(model, { ratio: 0.5 })],
    ["shrink", (model) => shrink(model, { ratio: 0.5, by: "l1", scope: "model" })],
    ["distill: teacher", (model) => distill(classifier(), model, learning)],
    ["distill: teacher", (model) => distill(classifier(), model, { ...learning, teaching: "always" })],
    ["compress", (model) => compress(model, { data, validation: data, target: { size: 1 }, engine })],
  ])("%s", async (where, work) => {
    const model = broken(value);
    const before = weightsOf(model);
    const error = await (async () => work(model))().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toBe(
      `${where}: dense.weight: got ${value} at index 5, wanted finite numbers`,
    );
    expect(bits(weightsOf(model))).toEqual(bits(before));
  });

  test("movementPruning", () => {
    const { model, prune } = movementPruning(classifier(), { schedule: oneShotSparsity({ to: 0.5, at: 1 }) });
    set(model, "dense.weight.scores", value);
    expect(() => prune(0.5)).toThrow(DataError);
    expect(() => prune(0.5)).toThrow(/^movementPruning: dense\.weight\.scores: got .* at index 5/);
    set(model, "dense.weight.scores", 0);
    prune(0.5);
  });

  test("what is not looked at may hold it", async () => {
    const model = broken(value, "dense.bias");
    await lowRank(model, { rank: 1 });
    clusterWeights(model, { parameters: ["dense.weight"] });
    clusterWeights(broken(value), { parameters: ["dense_1.weight"] });
    expect([...weightsOf(model)]).toContainEqual(value);
  });
});
