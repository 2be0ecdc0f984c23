// How a student is taught: the teacher's word in the student's graph, or beside its targets.
import { DataError, OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sameShape, showShape, sizeOf } from "../core/shape.ts";
import { Dataset, dataset } from "../data/index.ts";
import { rewrite } from "../graph/rewrite.ts";
import { Graph, type Tensor } from "../graph/tensor.ts";
import { heNormal } from "../nn/initializers.ts";
import { Model, type RunOptions } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { meanSquaredError } from "../ops/loss.ts";
import { matmul } from "../ops/matmul.ts";
import { slice } from "../ops/movement.ts";
import { reshape } from "../ops/reshape.ts";
import type { Loss } from "../train/loss.ts";
import { type TrainResult, train } from "../train/train.ts";
import { TRAINING } from "../train/trainer.ts";
import {
  type DistillationOptions,
  type DistillOptions,
  divergenceAt,
  type FeaturePair,
  marks,
} from "./distill.ts";
import { checkTrained } from "./finite.ts";

function checked({ temperature = 4, alpha = 0.9 }: DistillationOptions) {
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new OptionError(`distill: temperature: wanted a finite number > 0, got ${temperature}`);
  if (!(alpha >= 0 && alpha <= 1)) throw new OptionError(`distill: alpha: wanted 0 ≤ x ≤ 1, got ${alpha}`);
  return { temperature, alpha };
}

function featureOf(graph: Graph, name: string): Tensor {
  const found = marks.get(graph)?.get(name);
  if (!found) throw new OptionError(`distill: features: no layer feature("${name}")`);
  return found;
}

/** What a teacher says of x in a graph, as it predicts: its weights are constants there, and no gradient goes into it. */
export function spoken(
  teacher: Model,
  values: ReadonlyMap<string, ParameterValues>,
  x: Tensor,
): { readonly output: Tensor; feature(name: string): Tensor } {
  const own = new Graph("predict");
  const input = own.input("input", x.shape, x.dtype);
  const y = teacher.trace(own, input);
  const into = x.graph;
  const become = rewrite(y, into, {
    source(tensor) {
      const { source } = tensor.node;
      if (tensor === input) return x;
      if (source?.kind === "parameter") return into.constant(values.get(source.name)!.values, tensor.shape);
      return into.constant(source?.kind === "constant" ? source.values : 0, tensor.shape);
    },
  });
  const of = (tensor: Tensor) => become.get(tensor)!;
  return {
    output: y === input ? x : of(y),
    feature(name) {
      const found = become.get(featureOf(own, name));
      if (!found)
        throw new OptionError(`distill: features: the teacher's output does not go by feature("${name}")`);
      return found;
    },
  };
}

/** What is trained in place of a student: the same with the teacher's part of the loss, and projections of features. */
class Apprentice extends Model {
  constructor(
    student: Model,
    teacher: Model,
    options: Required<DistillationOptions> & {
      readonly features: readonly FeaturePair[];
      readonly follows: boolean;
    },
  ) {
    const { features, follows, temperature, alpha } = options;
    const values = teacher.parameters();
    super({ input: student.inputShape, inputType: student.inputType }, (x) => {
      const { graph } = x;
      const y = student.trace(graph, x);
      if (graph.mode === "predict") return y;
      const word = spoken(teacher, values, x);
      if (follows) graph.penalize(mul(divergenceAt(y, word.output, temperature), alpha));
      for (const { student: mine, teacher: theirs, weight = 1 } of features) {
        const [own, goal] = [featureOf(graph, mine), word.feature(theirs)];
        const [from, to] = [own.shape.at(-1)!, goal.shape.at(-1)!];
        const projected =
          from === to ? own : matmul(own, graph.parameter(`projection.${mine}`, [from, to], heNormal));
        if (!sameShape(projected.shape, goal.shape))
          throw new ShapeError(
            `distill: features: ${mine} ${showShape(own.shape)} and ${theirs} ${showShape(goal.shape)}: wanted them alike but for the last axis`,
          );
        graph.penalize(mul(meanSquaredError(projected, goal), weight));
      }
      return y;
    });
  }
}

/** Examples with what the teacher says of them behind their targets: shares of the classes, or numbers, then its outputs. */
export async function taught(
  teacher: Model,
  data: Dataset,
  { outputs: known, ...options }: RunOptions & { readonly outputs?: Float32Array | undefined } = {},
): Promise<Dataset> {
  const { inputs, labels, targets } = data.materialize();
  const width = sizeOf(teacher.outputShape);
  const [batch] = data.batch("full");
  if (labels ? labels.shape.length > 0 || width < data.classes! : !targets || sizeOf(targets.shape) !== width)
    throw new DataError(
      `distill: data: wanted a label or ${width} targets an example, as the teacher's outputs`,
    );
  const count = data.length;
  if (known && known.length !== count * width)
    throw new DataError(
      `distill: outputs: got ${known.length} numbers, wanted ${count} × ${width}, as the teacher predicts them`,
    );
  const outputs = known ?? (await teacher.predict(data, options));
  const values = new Float32Array(count * 2 * width);
  for (let row = 0; row < count; row++) {
    const at = row * 2 * width;
    if (labels) values[at + labels.values[row]!] = 1;
    else values.set(batch!.targets!.subarray(row * width, (row + 1) * width), at);
    values.set(outputs.subarray(row * width, (row + 1) * width), at + width);
  }
  return dataset({ inputs, targets: { values, shape: [2 * width] } });
}

/** The two halves of what `taught` has put together. */
function halves(target: Tensor): readonly [Tensor, Tensor] {
  const [batch, width] = [target.shape[0]!, target.shape[1]! / 2];
  return [slice(target, [0, 0], [batch, width]), slice(target, [0, width], [batch, width])];
}

/** What `distill` does. */
export async function teach(student: Model, teacher: Model, options: DistillOptions): Promise<TrainResult> {
  const {
    features = [],
    temperature: _,
    alpha: __,
    teaching: given,
    outputs,
    ...rest
  } = checkOptions("distill", options, {
    ...TRAINING,
    temperature: 0,
    alpha: 0,
    features: 0,
    teaching: 0,
    outputs: 0,
  });
  const { temperature, alpha } = checked(options);
  if (
    !sameShape(student.outputShape, teacher.outputShape) ||
    !sameShape(student.inputShape, teacher.inputShape)
  )
    throw new ShapeError(
      `distill: student and teacher differ: ${showShape(student.inputShape)} → ${showShape(student.outputShape)} and ${showShape(teacher.inputShape)} → ${showShape(teacher.outputShape)}`,
    );
  const { data, loss, metrics = [], engine, seed = 0 } = rest;
  // It must not speak from weights that nobody has trained.
  checkTrained("distill: teacher", teacher);
  const can = data instanceof Dataset && features.length === 0 && metrics.length === 0 && !rest.validation;
  const teaching = given ?? (can ? "once" : "always");
  if (teaching !== "always" && !(can && teaching === "once"))
    throw new OptionError(
      `distill: teaching: wanted "once", for data in memory without features, metrics or validation, or "always", got ${JSON.stringify(teaching)}`,
    );
  if (outputs && teaching === "always")
    throw new OptionError(
      'distill: outputs: wanted none where the teacher speaks in each step, teaching "always"',
    );
  const both = (hard: Tensor, soft?: Tensor) => {
    const own = mul(hard, 1 - alpha);
    return soft ? add(own, mul(soft, alpha)) : own;
  };
  if (teaching === "once") {
    const told: Loss = (output, target) => {
      const [hard, soft] = halves(target);
      return both(
        loss(output, reshape(hard, output.shape)),
        divergenceAt(output, reshape(soft, output.shape), temperature),
      );
    };
    return train(student, {
      ...rest,
      loss: told,
      data: await taught(teacher, data as Dataset, { outputs, ...(engine && { engine }) }),
    });
  }
  const apprentice = new Apprentice(student, teacher, { temperature, alpha, features, follows: alpha > 0 });
  if (!student.weights.initialized) await student.initialize({ seed, ...(engine && { engine }) });
  await apprentice.initialize({ seed, ...(engine && { engine }) });
  apprentice.setParameters(new Map([...apprentice.parameters(), ...student.parameters()]));
  const names = new Set(student.weights.segments.map(({ name }) => name));
  const give = () =>
    student.setParameters(new Map([...apprentice.parameters()].filter(([name]) => names.has(name))));
  // In measuring, the loss is the whole of it.
  const told: Loss = (output, target) =>
    output.graph.mode === "train" ? both(loss(output, target)) : loss(output, target);
  try {
    return await train(apprentice, { ...rest, loss: told });
  } finally {
    give();
  }
}
