// Turns the graph into instructions: walks the nodes that are needed, in order, and lets each op write its own.
import { GRAIN } from "../../assembly/abi.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { Buffer, CallOptions, Emitter, Operand, UpdateOperands } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ACTIVATIONS, type Instruction, instruction, MAP, type Pass, type Place } from "./instruction.ts";

/** Where a tensor has to lie. */
export interface Placement {
  readonly region: string;
  readonly offset: number;
}

/** Numbers that a program brings along. */
export interface Constant {
  readonly place: Place;
  readonly bytes: Uint8Array;
}

const align = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** The element of an operand that stands for element i of the result, as the kernels reckon it. */
function broadcast(from: Shape, to: Shape): { repeat: number; period: number } {
  const pad = to.length - from.length;
  const size = sizeOf(from);
  if (size === sizeOf(to)) return { repeat: 1, period: 0 };
  let repeat = 1;
  for (let axis = to.length - 1; axis >= 0 && (from[axis - pad] ?? 1) === 1; axis--) repeat *= to[axis]!;
  return size === 1 ? { repeat: 1, period: 1 } : { repeat, period: size };
}

/** The emitter behind which ops write, and what they have written. */
export class ProgramEmitter implements Emitter {
  readonly instructions: Instruction[] = [];
  readonly constants: Constant[] = [];
  /** Bytes of each named region. */
  readonly regions = new Map<string, number>();
  readonly #places = new Map<Tensor, Place>();
  readonly #placements: ReadonlyMap<Tensor, Placement>;
  readonly #used: ReadonlySet<Tensor>;
  readonly #step: Placement | undefined;

  constructor(placements: ReadonlyMap<Tensor, Placement>, used: ReadonlySet<Tensor>, step?: Placement) {
    this.#placements = placements;
    this.#used = used;
    this.#step = step;
  }

  buffer(tensor: Tensor): Buffer {
    let place = this.#places.get(tensor);
    if (!place) {
      const source = tensor.node.source;
      if (source?.kind === "constant") place = this.#constant(tensor, source.values);
      else {
        const { region, offset } = this.#placements.get(tensor) ?? { region: ACTIVATIONS, offset: 0 };
        const name = source ? source.name : `${tensor.node.op!.name}#${tensor.node.id}`;
        place = this.#place(
          tensor.index === 0 ? name : `${name}.${tensor.index}`,
          region,
          offset,
          tensor.bytes,
        );
      }
      this.#places.set(tensor, place);
    }
    return place;
  }

  temporary(name: string, bytes: number): Buffer {
    return this.#place(name, ACTIVATIONS, 0, bytes);
  }

  reserve(region: string, name: string, bytes: number): Buffer {
    return this.#place(name, region, this.regions.get(region) ?? 0, bytes);
  }

  part(region: string, name: string, offset: number, bytes: number): Buffer {
    return this.#place(name, region, offset, bytes);
  }

  table(name: string, words: ArrayLike<number>): Buffer {
    const bytes = new Uint8Array(Int32Array.from(words.length > 0 ? words : [0]).buffer);
    return this.#constantBytes(name, bytes);
  }

  stepWord(): Buffer {
    if (!this.#step) throw new Error("a program that counts no steps has no step word");
    return this.#place("step", this.#step.region, this.#step.offset, 4);
  }

  used(tensor: Tensor): boolean {
    return this.#used.has(tensor);
  }

  alias(output: Tensor, input: Tensor): void {
    this.#places.set(output, this.buffer(input) as Place);
  }

  call(kernel: string, operands: readonly Operand[], options: CallOptions = {}): void {
    const { head, passing = false, fence = false, work = 0 } = options;
    const place = head ? { place: this.buffer(head) as Place, n: head.size, passing } : undefined;
    this.instructions.push(instruction(kernel, operands, { head: place, fence, work }));
  }

  elementwise(
    kernel: string,
    output: Tensor,
    inputs: readonly Tensor[],
    parameters: readonly [number, number?] = [0],
  ): void {
    const operands = inputs.map((input) => ({
      place: this.buffer(input) as Place,
      ...broadcast(input.shape, output.shape),
    }));
    this.#map(output.size, { kernel, y: this.buffer(output) as Place, inputs: operands, parameters });
  }

  move(n: number, from: Buffer, to: Buffer): void {
    const inputs = [{ place: from as Place, repeat: 1, period: 0 }];
    this.#map(n, { kernel: "identity", y: to as Place, inputs, parameters: [0] });
  }

  update(kernel: string, { gradients, parameters, states, hyper, made = false }: UpdateOperands): void {
    const element = (place: Buffer) => ({ place: place as Place, repeat: 1, period: 0 });
    const vectors = [gradients, ...(made ? [] : [parameters]), ...states];
    this.#map(parameters.bytes / 4, {
      kernel,
      y: parameters as Place,
      inputs: [...vectors.map(element), { place: hyper as Place, repeat: 1, period: 1 }],
      update: {
        gradients: gradients as Place,
        hyper: hyper as Place,
        states: states as readonly Place[],
      },
    });
  }

  #map(n: number, pass: Pass): void {
    this.instructions.push(instruction(MAP, [n], { head: { place: undefined, n }, fused: [pass] }));
  }

  #constant({ node, dtype, bytes }: Tensor, values: Float32Array): Place {
    const own = new Uint8Array(bytes);
    if (dtype === "i8") own.set(values);
    else own.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return this.#constantBytes(`constant#${node.id}`, own);
  }

  #constantBytes(name: string, bytes: Uint8Array): Place {
    const known = this.constants.find(
      (constant) =>
        constant.bytes.length === bytes.length && constant.bytes.every((byte, at) => byte === bytes[at]),
    );
    if (known) return known.place;
    const offset = align(this.regions.get("constants") ?? 0, bytes.length < GRAIN * 4 ? 4 : GRAIN * 4);
    const place = this.#place(name, "constants", offset, bytes.length);
    this.constants.push({ place, bytes });
    return place;
  }

  #place(name: string, region: string, offset: number, bytes: number): Place {
    if (region !== ACTIVATIONS)
      this.regions.set(region, Math.max(this.regions.get(region) ?? 0, offset + bytes));
    return { name, region, offset, bytes };
  }
}
