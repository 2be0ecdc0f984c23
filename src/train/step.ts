// Compiles what happens to one batch: feed, forward, loss and metrics, and in training backward and update.
import { GUARD_SKIP, GUARD_STOP } from "../../assembly/abi.ts";
import type { Placement } from "../compile/emit.ts";
import { compile, type Program } from "../compile/program.ts";
import { ShapeError } from "../core/errors.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";
import { type Emitter, float, read, rows, single, update, write } from "../graph/op.ts";
import { type DType, Graph, type LabelCheck, type Tensor } from "../graph/tensor.ts";
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
  /** What else is asked of labels. */
  readonly checks: readonly LabelCheck[];
  /** How many numbers of each step the loss and each metric give. */
  readonly widths: readonly number[];
  /** Most steps of one run, for which there is room. */
  readonly steps: number;
  /** What regions of optimizer state hold before the first step; all others hold zeros. */
  readonly initial: ReadonlyMap<string, Initial>;
}

/** Most words of the log: the more numbers a step has, the fewer steps a run. */
const LOG = 2 ** 16;

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
  const watched: Metric[] = [{ name: "loss", measure: penalized }, ...metrics];
  const results = watched.map(({ name, measure, collect }) => {
    const value = measure(output, target);
    if (value.size !== 1 && !collect)
      throw new ShapeError(`${name}: wanted a scalar, got ${showShape(value.shape)}`);
    return value;
  });
  const widths = results.map(({ size }) => size);
  const words = widths.reduce((sum, width) => sum + width);
  const steps = Math.max(1, Math.min(spec.steps, Math.floor(LOG / words)));

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
      if (training) emitSchedule(emitter, steps, 1 + training.optimizer.hyperWords);
      for (const [feed, region, tensor] of [
        [spec.input, REGION.input, input],
        [spec.target, REGION.target, target],
      ] as const)
        if (feed.resident) emitFeed(emitter, { ...spec, steps }, feed, region, tensor);
    },
    known: (emitter) => {
      const log = emitter.reserve(REGION.log, "log", steps * words * 4);
      let column = 0;
      for (const result of results) {
        const { size } = result;
        emitter.call("record", [
          words,
          column,
          size,
          read(emitter.buffer(result), single),
          update(log, single),
        ]);
        column += size;
      }
      if (training && training.onNonFinite !== "ignore") {
        const policy = training.onNonFinite === "skip" ? GUARD_SKIP : GUARD_STOP;
        emitter.call("guard", [policy, read(emitter.buffer(results[0]!))], { fence: true });
      }
    },
  });
  const source = target.node.source;
  const { labels: classes, checks = [] } = source?.kind === "input" ? source : {};
  return { program, classes, checks, widths, steps, initial: change?.initial ?? new Map() };
}

function emitSchedule(emitter: Emitter, steps: number, words: number): void {
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

/** The trained parameters on which the loss depends, with their gradients. */
function slopesOf(loss: Tensor, places: ReturnType<Model["place"]>): ParameterSlope[] {
  const parameters = places.flatMap(([parameter, { offset }]) => {
    const { source } = parameter.node;
    return source?.kind === "parameter" && source.trained ? [{ name: source.name, parameter, offset }] : [];
  });
  const slopes = gradients(
    loss,
    parameters.map(({ parameter }) => parameter),
  );
  return parameters.flatMap((each, index) => {
    const slope = slopes[index];
    return slope ? [{ ...each, slope }] : [];
  });
}
