// The update of a step: gives an optimizer its parameters, gradients, hyper-parameters and state, and keeps what it
// wants done until the rest of the step is written.
import type { Placement } from "../compile/emit.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { type Buffer, defineOp, type Emitter, type UpdateOperands } from "../graph/op.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { reshape } from "../ops/reshape.ts";
import type { Slot, TrainedParameter, Transform, TransformContext } from "../optim/transform.ts";

/** What a region of state holds before the first step: a number everywhere, or a copy of the parameters. */
export type Initial = number | "parameters";

/** Where to evaluate a parameter: at θ + weight · (slot − θ), with the slot's region and its place there in bytes. */
export interface EvaluationPoint {
  readonly name: string;
  readonly region: string;
  readonly offset: number;
  readonly weight: number;
}

/** A parameter with its gradient and its place in the flat vector, in bytes. */
export interface ParameterSlope {
  readonly name: string;
  readonly parameter: Tensor;
  readonly slope: Tensor;
  readonly offset: number;
}

/** An update kernel that makes a vector of a gradient instead of changing a parameter. */
const directionOp = defineOp<{
  readonly kernel: string;
  readonly operands: (emitter: Emitter) => Pick<UpdateOperands, "states" | "hyper">;
}>({
  name: "direction",
  shape: ([gradient]) => ({ shape: gradient!.shape, dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [gradient], outputs: [made], attributes: { kernel, operands } }) {
    const [gradients, parameters] = [emitter.buffer(gradient!), emitter.buffer(made!)];
    emitter.update(kernel, { ...operands(emitter), gradients, parameters, made: true });
  },
});

class Parameter implements TrainedParameter {
  readonly name: string;
  readonly tensor: Tensor;
  readonly offset: number;
  #gradient: Tensor;
  #updatedBy: string | undefined;

  constructor({ name, parameter, slope, offset }: ParameterSlope) {
    this.name = name;
    this.tensor = parameter;
    this.offset = offset;
    this.#gradient = slope;
  }

  get gradient(): Tensor {
    return this.#gradient;
  }

  set gradient(gradient: Tensor) {
    if (this.#updatedBy !== undefined) {
      throw new OptionError(
        `chain: a transform of the gradient of ${this.name} stands behind ${this.#updatedBy}, which has used it: put it before`,
      );
    }
    if (sizeOf(gradient.shape) !== this.tensor.size) {
      throw new ShapeError(
        `${this.name}: its gradient has ${gradient.size} elements, wanted ${this.tensor.size}`,
      );
    }
    this.#gradient = gradient;
  }

  usedBy(name: string): void {
    this.#updatedBy = name;
  }
}

/** An optimizer's part of a step, while the step is compiled. */
export class Update {
  /** Where hyper-parameters and state lie. */
  readonly placements = new Map<Tensor, Placement>();
  /** What each region of state holds before the first step. */
  readonly initial = new Map<string, Initial>();
  /** Tensors that `emit` reads. */
  readonly reads = new Set<Tensor>();
  /** Parameters that are evaluated elsewhere than they are trained. */
  readonly evaluation: EvaluationPoint[] = [];
  readonly #loss: Tensor;
  readonly #length: number;
  readonly #hyper: Placement;
  readonly #later: ((emitter: Emitter) => void)[] = [];

  /**
   * Has an optimizer say what it does.
   * `length`: elements of the flat vector. `hyper`: where the optimizer's words lie.
   */
  constructor(
    optimizer: Transform,
    loss: Tensor,
    slopes: readonly ParameterSlope[],
    length: number,
    hyper: Placement,
  ) {
    this.#loss = reshape(loss, []);
    this.#length = length;
    this.#hyper = hyper;
    const parameters = slopes.map((each) => new Parameter(each));
    optimizer.apply(this.#context(loss.graph, optimizer, optimizer.name, 0, parameters));
  }

  /** Writes what was said, behind everything that the gradients come from. */
  emit(emitter: Emitter): void {
    for (const write of this.#later) write(emitter);
  }

  #context(
    graph: Graph,
    optimizer: Transform,
    path: string,
    word: number,
    parameters: readonly Parameter[],
  ): TransformContext {
    const at = (index: number) => this.#hyper.offset + (word + index) * 4;
    const words = (emitter: Emitter) =>
      emitter.part(this.#hyper.region, `${path} hyper`, at(0), (optimizer.hyperWords - word) * 4);
    return {
      graph,
      parameters,
      loss: this.#loss,
      within: (name, first, fewer = parameters) =>
        this.#context(graph, optimizer, `${path}/${name}`, word + first, fewer as readonly Parameter[]),
      hyper: (index) => {
        const tensor = graph.input(`${path} hyper ${index}`, []);
        this.placements.set(tensor, { region: this.#hyper.region, offset: at(index) });
        return tensor;
      },
      state: (name, shape, initial = 0) => this.#state(graph, `${path} ${name}`, shape, initial),
      slot: (parameter, slot) => this.#slot(graph, parameter as Parameter, path, slot),
      assign: (state, value) => {
        this.reads.add(value).add(state);
        this.#later.push((emitter) => emitter.move(state.size, emitter.buffer(value), emitter.buffer(state)));
      },
      direction: (kernel, parameter, slots = []) => {
        const states = this.#slots(parameter as Parameter, path, slots);
        const operands = (emitter: Emitter) => ({ states: states(emitter), hyper: words(emitter) });
        return graph.apply(directionOp, [parameter.gradient], { kernel, operands })[0]!;
      },
      update: (kernel, slots = []) => {
        for (const parameter of parameters) {
          const { gradient, tensor } = parameter;
          const states = this.#slots(parameter, path, slots);
          parameter.usedBy(path);
          this.reads.add(gradient).add(tensor);
          this.#later.push((emitter) =>
            emitter.update(kernel, {
              gradients: emitter.buffer(gradient),
              parameters: emitter.buffer(tensor),
              states: states(emitter),
              hyper: words(emitter),
            }),
          );
        }
      },
      evaluateAt: (slot, weight) => {
        for (const { name, offset } of parameters) {
          this.evaluation.push({ name, region: `${path} ${slot}`, offset, weight });
        }
      },
    };
  }

  /** A slot as a tensor. */
  #slot(graph: Graph, parameter: Parameter, path: string, slot: Slot): Tensor {
    const { name, initial } = typeof slot === "string" ? { name: slot, initial: 0 } : slot;
    const region = `${path} ${name}`;
    const tensor = graph.input(`${region} of ${parameter.name}`, parameter.tensor.shape);
    this.placements.set(tensor, { region, offset: parameter.offset });
    this.initial.set(region, initial);
    // The region is as long as the flat vector, whichever parameters it is used for.
    this.#later.push((emitter) => void emitter.part(region, region, 0, this.#length * 4));
    return tensor;
  }

  /** Says what the slots of a parameter hold at first; answers their places. */
  #slots(parameter: Parameter, path: string, slots: readonly Slot[]): (emitter: Emitter) => Buffer[] {
    const regions = slots.map((slot) => {
      const { name, initial } = typeof slot === "string" ? { name: slot, initial: 0 } : slot;
      this.initial.set(`${path} ${name}`, initial);
      return { name, region: `${path} ${name}` };
    });
    return (emitter) =>
      regions.map(({ name, region }) => {
        emitter.part(region, region, 0, this.#length * 4);
        return emitter.part(
          region,
          `${name} of ${parameter.name}`,
          parameter.offset,
          parameter.tensor.size * 4,
        );
      });
  }

  #state(graph: Graph, region: string, shape: Shape, initial: number): Tensor {
    const tensor = graph.input(region, shape);
    this.placements.set(tensor, { region, offset: 0 });
    this.initial.set(region, initial);
    return tensor;
  }
}
