// Compiles what happens to one batch: feed, forward, loss and metrics, and in training backward and update.
import { GUARD_SKIP, GUARD_STOP } from "../../assembly/abi.ts";
import type { Placement } from "../compile/emit.ts";
import { compile, type Program } from "../compile/program.ts";
import { ShapeError } from "../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";
import { type Emitter, float, read, rows, single, update, write } from "../graph/op.ts";
import { type DType, Graph, type Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { add } from "../ops/arithmetic.ts";
import { gradients } from "../ops/gradients.ts";
import type { Transform } from "../optim/transform.ts";
import type { Loss, Metric } from "./loss.ts";
import { type Initial, type ParameterSlope, Update } from "./update.ts";

/** How a field of the batch comes: as numbers that the host writes, or from a dataset that lies in the engine's memory. */
export interface FeedSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Bytes are scaled as they are taken, words are taken as they are; undefined: the host writes the batch. */
  readonly resident:
    | { readonly kind: "bytes"; readonly scale: number; readonly offset: number }
    | { readonly kind: "words" }
    | undefined;
  /** Examples in memory. */
  readonly examples: number;
}

export interface StepSpec {
  readonly model: Model;
  readonly batch: number;
  readonly input: FeedSpec;
  readonly target: FeedSpec;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  /** Absent: only measured. */
  readonly training?: {
    readonly optimizer: Transform;
    readonly seed: number;
    readonly onNonFinite: "stop" | "skip" | "ignore";
  };
  /** Most steps of one run. */
  readonly steps: number;
}

export interface CompiledStep {
  readonly program: Program;
  /** Labels must be below this, where the target is labels. */
  readonly classes: number | undefined;
  /** What regions of optimizer state hold before the first step; all others hold zeros. */
  readonly initial: ReadonlyMap<string, Initial>;
}

/** Region names that the trainer reads and writes. */
export const REGION = {
  input: "input",
  target: "target",
  order: "order",
  log: "log",
  schedule: "schedule",
  parameters: "parameters",
  hyper: "hyper",
} as const;

/** Where the dataset's part of a region of the batch lies. */
export const dataRegion = (region: string): string => `${region} data`;

/** Compiles a step. @throws ShapeError where model, loss, metrics and data do not fit together. */
export function compileStep(spec: StepSpec): CompiledStep {
  const { model, batch, loss, metrics, training } = spec;
  const graph = new Graph(training ? "train" : "predict", training?.seed ?? 0);
  const input = graph.input("input", [batch, ...spec.input.shape], spec.input.dtype);
  const target = graph.input("target", [batch, ...spec.target.shape], spec.target.dtype);
  const output = model.trace(graph, input);
  // What is trained on is what is reported and guarded; in measuring there are no penalties.
  const penalized: Loss = (of, goal) => graph.penalties.reduce((sum, each) => add(sum, each), loss(of, goal));
  const results = [{ name: "loss", measure: penalized }, ...metrics].map(({ name, measure }) => {
    const value = measure(output, target);
    if (value.size !== 1) throw new ShapeError(`${name}: wanted a scalar, got ${showShape(value.shape)}`);
    return value;
  });

  const placements = new Map<Tensor, Placement>(model.place(graph));
  for (const [tensor, feed] of [
    [input, spec.input],
    [target, spec.target],
  ] as const) {
    if (!feed.resident)
      placements.set(tensor, { region: tensor === input ? REGION.input : REGION.target, offset: 0 });
  }
  const optimizer = training?.optimizer;
  const change = optimizer
    ? new Update(optimizer, {
        graph,
        loss: results[0]!,
        slopes: slopesOf(results[0]!, model.place(graph)),
        length: model.weights.length,
        hyper: { region: REGION.hyper, offset: 4 },
        slopesAt(values, of, measure = (again) => penalized(again, target)) {
          const again = graph.again(values, () => measure(model.trace(graph, input)));
          return gradients(again, of).map((slope) => slope!);
        },
      })
    : undefined;
  for (const [tensor, placement] of change?.placements ?? []) placements.set(tensor, placement);

  const program = compile({
    graph,
    placements,
    ...(training ? { step: { region: REGION.hyper, offset: 0 } } : {}),
    fed: [input, target].filter((tensor) => !placements.has(tensor)),
    kept: [...results, input, target],
    done: [...(change?.done ?? [])],
    before: (emitter) => {
      change?.reserve(emitter);
      if (training) emitSchedule(emitter, spec, 1 + training.optimizer.hyperWords);
      if (spec.input.resident) emitFeed(emitter, spec, spec.input, REGION.input, input);
      if (spec.target.resident) emitFeed(emitter, spec, spec.target, REGION.target, target);
    },
    known: (emitter) => {
      const words = results.length;
      const log = emitter.reserve(REGION.log, "log", spec.steps * words * 4);
      for (const [column, result] of results.entries()) {
        emitter.call("record", [words, column, read(emitter.buffer(result), single), update(log, single)]);
      }
      if (training && training.onNonFinite !== "ignore") {
        const policy = training.onNonFinite === "skip" ? GUARD_SKIP : GUARD_STOP;
        emitter.call("guard", [policy, read(emitter.buffer(results[0]!))], { fence: true });
      }
    },
  });
  const source = target.node.source;
  const classes = source?.kind === "input" ? source.labels : undefined;
  return { program, classes, initial: change?.initial ?? new Map() };
}

function emitSchedule(emitter: Emitter, { steps }: StepSpec, words: number): void {
  const table = emitter.reserve(REGION.schedule, "schedule", steps * words * 4);
  const row = emitter.part(REGION.hyper, "hyper", 0, words * 4);
  emitter.call("schedule", [words, read(table, single), write(row, single)]);
}

function emitFeed(
  emitter: Emitter,
  { batch, steps }: StepSpec,
  feed: FeedSpec,
  region: string,
  tensor: Tensor,
): void {
  const columns = sizeOf(feed.shape);
  const bytes = feed.resident!.kind === "bytes";
  const data = emitter.part(dataRegion(region), "data", 0, feed.examples * columns * (bytes ? 1 : 4));
  const order = emitter.part(REGION.order, "order", 0, batch * steps * 4);
  const to = write(emitter.buffer(tensor), rows(batch, columns * 4));
  const numbers =
    feed.resident?.kind === "bytes" ? [float(feed.resident.scale), float(feed.resident.offset)] : [0, 0];
  emitter.call(bytes ? "feedBytes" : "feedWords", [batch, columns, read(data), read(order), ...numbers, to]);
}

/** The parameters on which the loss depends, with their gradients. */
function slopesOf(loss: Tensor, parameters: ReturnType<Model["place"]>): ParameterSlope[] {
  const slopes = gradients(
    loss,
    parameters.map(([tensor]) => tensor),
  );
  return parameters.flatMap(([parameter, { offset }], index) => {
    const slope = slopes[index];
    const { source } = parameter.node;
    return slope && source?.kind === "parameter" ? [{ name: source.name, parameter, slope, offset }] : [];
  });
}
