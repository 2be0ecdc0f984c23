// A run of a network: a training that is measured now and then. Loaded when one begins, for surfaces do without.
import { NonFiniteError } from "../core/errors.ts";
import { permutation } from "../core/random.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import { Evaluator } from "../train/evaluate.ts";
import { createTrainer, type TrainerOptions } from "../train/trainer.ts";
import type { Examples, TrainingTaskOptions } from "./networks.ts";
import { type RaceRecord, reaches, type Trajectory } from "./task.ts";

/** What a task asks of a training, and a race of the task. */
type Setting = Required<
  Pick<TrainingTaskOptions, "target" | "maxSteps" | "loss" | "metrics" | "batchSize" | "every">
> &
  Pick<TrainerOptions, "optimizer"> & { readonly engine: Engine; readonly seed: number };

/** The course of a training. */
export async function trained(
  model: Model,
  { train, test }: Examples,
  setting: Setting,
): Promise<Trajectory> {
  const { engine, loss, metrics, optimizer, seed, target, maxSteps, batchSize, every } = setting;
  const trainer = await createTrainer(model, { engine, loss, optimizer, seed });
  const data = train.materialize();
  const runner = trainer.runner(data);
  const evaluator = new Evaluator(model, engine, test, { loss, metrics });
  const trajectory: RaceRecord[] = [];
  let seconds = 0;
  const measure = async (step: number) => {
    const evaluation = await evaluator.run();
    const value = target.of === "loss" ? evaluation.loss : evaluation.metrics[target.of]!;
    // An accuracy may look finite where the loss no longer is.
    trajectory.push({ step, value: Number.isFinite(evaluation.loss) ? value : NaN, seconds });
    return !Number.isFinite(evaluation.loss) || reaches(target, value);
  };
  try {
    const rows = shuffled(data.length, seed, maxSteps * batchSize);
    let ended = await measure(0);
    for (let step = 0; step < maxSteps && !ended; ) {
      const count = Math.min(every, maxSteps - step, runner.capacity);
      const began = performance.now();
      await runner.run(batchSize, rows.subarray(step * batchSize, (step + count) * batchSize), step + 1);
      seconds += (performance.now() - began) / 1000;
      step += count;
      ended = await measure(step);
    }
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    trajectory.push({ step: error.step, value: NaN, seconds });
  } finally {
    runner.release();
    evaluator.release();
    trainer.close();
  }
  return trajectory;
}

/** The rows of n examples, shuffled anew each epoch, as many as are wanted. */
function shuffled(n: number, seed: number, wanted: number): Int32Array {
  const rows = new Int32Array(wanted);
  for (let at = 0; at < wanted; at += n) rows.set(permutation(n, seed, at / n).subarray(0, wanted - at), at);
  return rows;
}
