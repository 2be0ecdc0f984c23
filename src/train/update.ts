// The update of a step: gives an optimizer its parameters, gradients, hyper-parameters and state. What it changes it
// changes by ops, so that the order of the graph is the order of the step: who asks for a parameter behind its update
// reads what the update has made.

import { GUARD_SKIP } from "../../assembly/abi.ts";
import type { Placement } from "../compile/emit.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { type Buffer, defineOp, type Emitter, type Op, read, type UpdateOperands } from "../graph/op.ts";
import type { Graph, Tensor } from "../graph/tensor.ts";
import { reshape } from "../ops/reshape.ts";
import type { LastWork, Slot, TrainedParameter, Transform, TransformContext } from "../optim/transform.ts";

/** What a region of state holds before the first step: a number everywhere, or a copy of the parameters. */
export type Initial = number | "parameters";

/** A tensor of optimizer state: its region, and its place there in bytes. */
export interface StatePart {
  readonly region: string;
  readonly offset: number;
  readonly shape: Shape;
}

/** A parameter with its gradient and its place in the flat vector, in bytes. */
export interface ParameterSlope {
  readonly name: string;
  readonly parameter: Tensor;
  readonly slope: Tensor;
  readonly offset: number;
}

/** The state and the words of an update kernel. */
type Operands = (emitter: Emitter) => Pick<UpdateOperands, "states" | "hyper">;

/** An update kernel that changes a parameter, the second input, by its gradient; the output is the same memory. */
const updateOp = defineOp<{ readonly kernel: string; readonly operands: Operands }>({
  name: "update",
  shape: ([, parameter]) => parameter!,
  gradient: "none",
  emit(emitter, { inputs: [gradient, parameter], outputs: [changed], attributes: { kernel, operands } }) {
    const [gradients, parameters] = [emitter.buffer(gradient!), emitter.buffer(parameter!)];
    emitter.alias(changed!, parameter!);
    emitter.update(kernel, { ...operands(emitter), gradients, parameters });
  },
});

/** Puts the second input in place of the first; the output is the same memory. */
const changeOp = defineOp({
  name: "change",
  shape: ([place]) => place!,
  gradient: "none",
  emit(emitter, { inputs: [place, value], outputs: [changed] }) {
    emitter.alias(changed!, place!);
    emitter.move(place!.size, emitter.buffer(value!), emitter.buffer(place!));
  },
});

/** Ends the step where a scalar is not finite. */
const guardOp = defineOp({
  name: "guard",
  shape: ([scalar]) => scalar!,
  gradient: "none",
  emit(emitter, { inputs: [scalar], outputs: [passed] }) {
    emitter.alias(passed!, scalar!);
    emitter.call("guard", [GUARD_SKIP, read(emitter.buffer(scalar!))], { fence: true });
  },
});

/** An update kernel that makes a vector of a gradient instead of changing a parameter. */
const directionOp = defineOp<{ readonly kernel: string; readonly operands: Operands }>({
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
  readonly offset: number;
  #tensor: Tensor;
  #gradient: Tensor;
  #updatedBy: string | undefined;

  constructor({ name, parameter, slope, offset }: ParameterSlope) {
    this.name = name;
    this.#tensor = parameter;
    this.offset = offset;
    this.#gradient = slope;
  }

  get tensor(): Tensor {
    return this.#tensor;
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

  becomes(tensor: Tensor): void {
    this.#tensor = tensor;
  }
}

/** Where to evaluate a parameter: at θ + weight · (slot − θ), with the slot's region and its place there in bytes. */
export interface EvaluationPoint {
  readonly region: string;
  readonly offset: number;
  readonly size: number;
  readonly weight: number;
}

/** What an optimizer works on. */
export interface UpdateSource {
  readonly graph: Graph;
  readonly loss: Tensor;
  readonly slopes: readonly ParameterSlope[];
  /** Elements of the flat vector. */
  readonly length: number;
  /** Where the optimizer's words lie. */
  readonly hyper: Placement;
  /** Gradients with respect to some tensors of what measures the model's output, where some parameters have other values. */
  readonly slopesAt: (
    values: ReadonlyMap<string, Tensor>,
    of: readonly Tensor[],
    /** Default: the loss. */
    measure?: (output: Tensor) => Tensor,
  ) => readonly Tensor[];
}

/** An optimizer's part of a step, while the step is compiled. */
export class Update {
  /** Where hyper-parameters and state lie. */
  readonly placements = new Map<Tensor, Placement>();
  /** What each region of state holds before the first step. */
  readonly initial = new Map<string, Initial>();
  /** Bytes of each region of state. */
  readonly bytes = new Map<string, number>();
  /** Every tensor of state, by its name in a file. */
  readonly parts = new Map<string, StatePart>();
  /** Tensors that stand for something done: nobody need read them. */
  readonly done = new Set<Tensor>();
  /** Parameters that are evaluated elsewhere than they are trained. */
  readonly evaluation: EvaluationPoint[] = [];
  readonly #source: UpdateSource;
  /** Regions as long as the flat vector. */
  readonly #slots = new Set<string>();
  /** All parameters, whichever group they are in. */
  readonly #parameters: readonly Parameter[];
  /** State to be set at the end. */
  #assigned: { readonly state: Tensor; readonly value: Tensor }[] = [];
  /** State that has been set, under its new name. */
  readonly #settled = new Map<Tensor, Tensor>();
  /** What is done behind everything else, and who asked for it. */
  #last: { readonly by: string; readonly work: LastWork } | undefined;

  /** Has an optimizer say what it does. */
  constructor(optimizer: Transform, source: UpdateSource) {
    this.#source = source;
    this.#parameters = source.slopes.map((each) => new Parameter(each));
    for (const [state, { next }] of source.graph.renewals) this.#assigned.push({ state, value: next });
    optimizer.apply(this.#context(optimizer, optimizer.name, 0, this.#parameters));
    this.#settle();
    this.#last?.work((scalar) => this.#guard(scalar));
    this.#settle();
    this.#checkOrder();
  }

  /** Writes what must be known before the graph: how long the regions of slots are. */
  reserve(emitter: Emitter): void {
    for (const region of this.#slots) emitter.part(region, region, 0, this.#source.length * 4);
  }

  #context(
    optimizer: Transform,
    path: string,
    word: number,
    parameters: readonly Parameter[],
  ): TransformContext {
    const { graph, loss, hyper, slopes, slopesAt } = this.#source;
    const all = this.#parameters;
    const at = (index: number) => hyper.offset + (word + index) * 4;
    const words = (emitter: Emitter) =>
      emitter.part(hyper.region, `${path} hyper`, at(0), (optimizer.hyperWords - word) * 4);
    const operandsOf = (parameter: Parameter, slots: readonly Slot[]): Operands => {
      const states = this.#statesOf(parameter, path, slots);
      return (emitter) => ({ states: states(emitter), hyper: words(emitter) });
    };
    const wantAll = (name: string) => {
      if (parameters.length < slopes.length) {
        throw new OptionError(
          `${name}: wanted all parameters, got the ${parameters.length} of a group: put it around parameterGroups`,
        );
      }
    };
    return {
      graph,
      parameters,
      loss: reshape(loss, []),
      wantAll,
      within: (name, first, fewer = parameters) =>
        this.#context(optimizer, `${path}/${name}`, word + first, fewer as readonly Parameter[]),
      hyper: (index) => {
        const tensor = graph.input(`${path} hyper ${index}`, []);
        this.placements.set(tensor, { region: hyper.region, offset: at(index) });
        return tensor;
      },
      state: (name, shape, initial = 0) => this.#state(`${path} ${name}`, shape, initial),
      slot: (parameter, slot) => {
        const { region } = this.#slotOf(parameter as Parameter, path, slot);
        const { offset, tensor } = parameter as Parameter;
        return this.#tensor(region, offset, tensor.shape);
      },
      assign: (state, value) => {
        this.#assigned.push({ state, value });
      },
      direction: (kernel, parameter, slots = []) => {
        const operands = operandsOf(parameter as Parameter, slots);
        return graph.apply(directionOp, [parameter.gradient], { kernel, operands })[0]!;
      },
      update: (kernel, slots = []) => {
        for (const parameter of parameters) {
          const { gradient, tensor } = parameter;
          parameter.usedBy(path);
          const operands = operandsOf(parameter, slots);
          parameter.becomes(this.#do(updateOp, [gradient, tensor], { kernel, operands }));
        }
      },
      evaluateAt: (slot, weight) => {
        for (const { offset, tensor } of parameters) {
          this.evaluation.push({ region: `${path} ${slot}`, offset, size: tensor.size, weight });
        }
      },
      change: (parameter, value) => {
        (parameter as Parameter).becomes(this.#change(parameter.tensor, value));
      },
      guard: (scalar) => {
        wantAll(path);
        this.#guard(scalar);
      },
      gradientsAt: (values) =>
        slopesAt(new Map(parameters.map(({ name }, index) => [name, values[index]!] as const)), values),
      gradientsOf(measure) {
        const values = all.map(({ name, tensor }) => [name, tensor] as const);
        const of = parameters.map(({ tensor }) => tensor);
        return slopesAt(new Map(values), of, measure);
      },
      last: (work) => {
        if (this.#last) {
          throw new OptionError(
            `${path}: wants the end of the step, which ${this.#last.by} has: wanted one such optimizer, for all its parameters`,
          );
        }
        this.#last = { by: path, work };
      },
    };
  }

  /** An op that is applied for what it does. */
  #do<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
    const [output] = this.#source.graph.apply(op, inputs, attributes) as [Tensor];
    this.done.add(output);
    return output;
  }

  #change(place: Tensor, value: Tensor): Tensor {
    if (value.size !== place.size)
      throw new ShapeError(`update: got ${value.size} elements, wanted ${place.size}`);
    return this.#do(changeOp, [place, value], undefined);
  }

  /** Sets the state that waits for it. */
  #settle(): void {
    for (const { state, value } of this.#assigned)
      this.#settled.set(state, this.#change(this.#settled.get(state) ?? state, value));
    this.#assigned = [];
  }

  #guard(scalar: Tensor): void {
    this.#settle();
    this.#do(guardOp, [scalar], undefined);
  }

  /** Memory that has been changed must not be read under its old name. */
  #checkOrder(): void {
    const stale = new Set<Tensor>();
    for (const { op, inputs } of this.#source.graph.nodes) {
      const old = inputs.find((input) => stale.has(input));
      if (op && old) throw new Error(`update: ${op.name} reads a tensor that has been changed before it`);
      const place = op === updateOp ? inputs[1] : op === changeOp ? inputs[0] : undefined;
      if (place) stale.add(place);
    }
  }

  /** Notes a slot's region, and what it holds at first. */
  #slotOf(parameter: Parameter, path: string, slot: Slot): { name: string; region: string } {
    const { name, initial } = typeof slot === "string" ? { name: slot, initial: 0 } : slot;
    const region = `${path} ${name}`;
    const { offset, tensor } = parameter;
    this.#slots.add(region);
    this.initial.set(region, initial);
    this.bytes.set(region, this.#source.length * 4);
    this.parts.set(`${region}/${parameter.name}`, { region, offset, shape: tensor.shape });
    return { name, region };
  }

  /** The places of a parameter's slots. */
  #statesOf(parameter: Parameter, path: string, slots: readonly Slot[]): (emitter: Emitter) => Buffer[] {
    const all = slots.map((slot) => this.#slotOf(parameter, path, slot));
    const { name: of, offset, tensor } = parameter;
    return (emitter) =>
      all.map(({ name, region }) => emitter.part(region, `${name} of ${of}`, offset, tensor.size * 4));
  }

  #state(region: string, shape: Shape, initial: Initial): Tensor {
    const tensor = this.#tensor(region, 0, shape);
    this.initial.set(region, initial);
    this.bytes.set(region, tensor.size * 4);
    this.parts.set(region, { region, offset: 0, shape });
    return tensor;
  }

  /** A tensor that lies in a region of state. */
  #tensor(region: string, offset: number, shape: Shape): Tensor {
    const tensor = this.#source.graph.input(`${region} ${offset}`, shape);
    this.placements.set(tensor, { region, offset });
    return tensor;
  }
}
