// The same initial weights and batches as a PyTorch run: the same losses and final weights. See test/golden/mlp.py.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mnist } from "#src/data/index";
import { relaxedSupported } from "#src/engine/variant";
import { adam, createEngine, createTrainer, dense, sequential, softmaxCrossEntropy } from "#src/index";
import { bits, spread, weightsOf } from "./setting.ts";

const golden = JSON.parse(readFileSync(new URL("../golden/mlp.json", import.meta.url), "utf8"));
const file = readFileSync(new URL(`../golden/${golden.finalWeightsFile}`, import.meta.url));
const finalWeights = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));

const SIZES = [784, 64, 64, 10];

/** The formula that mlp.py describes; parameter by parameter in the order of the file. */
function initialWeights(): [string, { shape: number[]; values: Float32Array }][] {
  let at = 0;
  return SIZES.slice(1).flatMap((fanOut, layer): ReturnType<typeof initialWeights> => {
    const fanIn = SIZES[layer]!;
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    const name = layer === 0 ? "dense" : `dense_${layer}`;
    const values = Float32Array.from({ length: fanIn * fanOut }, (_, i) => spread(at + i) * limit);
    at += fanIn * fanOut + fanOut;
    return [
      [`${name}.weight`, { shape: [fanIn, fanOut], values }],
      [`${name}.bias`, { shape: [fanOut], values: new Float32Array(fanOut) }],
    ];
  });
}

/** Pixels divided, not multiplied by 1/255: mlp.py's rounding. */
async function batches() {
  const { train } = await mnist();
  const { steps, batchSize } = golden;
  return Array.from({ length: steps }, (_, step) => ({
    inputs: Float32Array.from(
      train.inputs.values.subarray(step * batchSize * 784, (step + 1) * batchSize * 784),
      (pixel) => pixel / 255,
    ),
    labels: Int32Array.from(train.labels!.values.subarray(step * batchSize, (step + 1) * batchSize)),
    targets: undefined,
    size: batchSize as number,
  }));
}

test("the formula gives the weights that PyTorch started from", () => {
  const flat = Float32Array.from(initialWeights().flatMap(([, { values }]) => [...values]));
  const bytes = new Uint8Array(flat.buffer);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(golden.initialWeightsSha256);
});

// PyTorch in 32 bits differs from itself in 64 bits by 3e-7 and 5e-7 on this run; a wrong formula shows from 1e-3 on.
const LOSS_RELATIVE = 1e-5;
const WEIGHT_ABSOLUTE = 1e-4;

const examples = await batches();

test.each(["exact", "fast"] as const)("50 steps of Adam as PyTorch's, numerics: %s", async (numerics) => {
  const ends: Float32Array[] = [];
  for (const threads of [1, 2]) {
    const engine = await createEngine({ numerics, threads });
    try {
      expect(engine.instructionSet).toBe(numerics === "fast" && relaxedSupported() ? "relaxed" : "plain");
      const model = sequential(
        { input: [784] },
        dense(64, { activation: "relu" }),
        dense(64, { activation: "relu" }),
        dense(10),
      );
      model.setParameters(new Map(initialWeights()));
      const { learningRate } = golden.optimizer;
      const optimizer = adam({ learningRate });
      const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine });
      let worst = 0;
      for (const [step, batch] of examples.entries()) {
        const { loss } = await trainer.step(batch);
        worst = Math.max(worst, Math.abs(loss / golden.losses[step] - 1));
      }
      expect(worst).toBeLessThan(LOSS_RELATIVE);
      const weights = weightsOf(model);
      expect(weights.length).toBe(finalWeights.length);
      const apart = weights.reduce((most, value, i) => Math.max(most, Math.abs(value - finalWeights[i]!)), 0);
      expect(apart).toBeLessThan(WEIGHT_ABSOLUTE);
      ends.push(weights);
    } finally {
      await engine.close();
    }
  }
  expect(bits(ends[1]!)).toEqual(bits(ends[0]!));
});
