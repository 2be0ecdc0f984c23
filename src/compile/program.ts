// The compiler from end to end: graph → instructions → fused → planned → barriers → verified → words.
import { ALIGNMENT, GRAIN, INSTRUCTION_BYTES, ROOM_BYTES } from "../../assembly/abi.ts";
import type { Emitter } from "../graph/op.ts";
import type { Graph, Node, Tensor } from "../graph/tensor.ts";
import { addBarriers } from "./barriers.ts";
import { type Constant, type Placement, ProgramEmitter } from "./emit.ts";
import { fuse } from "./fuse.ts";
import {
  ACTIVATIONS,
  accesses,
  type Elementwise,
  type Instruction,
  localBytes,
  type Place,
  type Update,
} from "./instruction.ts";
import { list } from "./listing.ts";
import { plan } from "./plan.ts";
import { verify } from "./verify.ts";

/** A word of the program that is an address: it is known when the program has its place in memory. */
export interface Relocation {
  /** Index of the word. */
  readonly word: number;
  readonly region: string;
  readonly offset: number;
}

/** What a program is made of. */
export interface ProgramSource {
  readonly graph: Graph;
  /** Tensors whose place is given: inputs, parameters, results. Those that an op makes are computed; nothing else is. */
  readonly placements: ReadonlyMap<Tensor, Placement>;
  /** Where the number of the step lies, if ops may ask for it. */
  readonly step?: Placement;
  /** Instructions before those of the graph, as soon as the tensors of `kept` are there, and after those of the graph. */
  readonly before?: (emitter: Emitter) => void;
  readonly known?: (emitter: Emitter) => void;
  readonly after?: (emitter: ProgramEmitter) => void;
  /** Tensors that `before` makes, and those that `known` reads. */
  readonly fed?: readonly Tensor[];
  readonly kept?: readonly Tensor[];
  /** Tensors that are made for what making them does: nobody need read them. */
  readonly done?: readonly Tensor[];
}

/** A compiled program: instructions, the memory they want, and what can be said of both before anything runs. */
export class Program {
  /** Words of all instructions; slots and addresses are still to be filled in. */
  readonly words: Int32Array;
  /** The kernel of each instruction's first word. */
  readonly kernels: readonly string[];
  readonly relocations: readonly Relocation[];
  readonly constants: readonly Constant[];
  /** Bytes of each region but scratch. */
  readonly regions: ReadonlyMap<string, number>;
  /** Bytes of scratch that each thread needs. */
  readonly scratchBytes: number;
  /**
   * Multiply-adds and elements, and bytes written by what has neither: whether it is worth more than one thread. What threads
   * cannot share counts against it.
   */
  readonly work: number;
  readonly #instructions: readonly Instruction[];

  constructor(
    instructions: readonly Instruction[],
    regions: ReadonlyMap<string, number>,
    constants: readonly Constant[],
  ) {
    const encoder = new Encoder();
    for (const instruction of instructions) encoder.add(instruction);
    this.words = Int32Array.from(encoder.words);
    this.kernels = encoder.kernels;
    this.relocations = encoder.relocations;
    this.scratchBytes = ROOM_BYTES + Math.ceil(encoder.scratch / ALIGNMENT) * ALIGNMENT;
    this.regions = regions;
    this.constants = constants;
    this.work = instructions.reduce((sum, instruction) => sum + workOf(instruction), 0);
    this.#instructions = instructions;
  }

  /** The program as text, one instruction a line. */
  listing(): string {
    return list(this.#instructions);
  }

  /** Bytes of each region, of the program itself and of one thread's scratch, and their sum for one thread. */
  get memory(): Readonly<Record<string, number>> {
    const parts = {
      ...Object.fromEntries(this.regions),
      program: this.words.byteLength,
      scratch: this.scratchBytes,
    };
    return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
  }
}

/** Compiles a graph. @throws VerifyError where an op breaks a rule: a defect of the op, never of the caller. */
export function compile(source: ProgramSource): Program {
  const { graph, placements, fed = [], kept = [], done = [] } = source;
  const used = usedTensors(graph, [...placements.keys(), ...kept, ...done]);
  const copies = new Map<Tensor, Placement>();
  const direct = settle(placements, fed, copies);
  const emitter = new ProgramEmitter(direct, used, source.step);
  source.before?.(emitter);
  const order = inOrder(graph);
  const last = order.findLast(({ outputs }) => outputs.some((output) => kept.includes(output)));
  if (!last) source.known?.(emitter);
  for (const node of order) {
    if (node.op && node.outputs.some((output) => used.has(output))) node.op.emit(emitter, node);
    if (node === last) source.known?.(emitter);
  }
  for (const [tensor, { region, offset }] of copies) {
    const target = emitter.part(region, `${region} ${offset}`, offset, tensor.bytes);
    emitter.move(tensor.bytes / 4, emitter.buffer(tensor), target);
  }
  source.after?.(emitter);
  const fused = fuse(emitter.instructions);
  const activations = plan(fused);
  const instructions = addBarriers(fused);
  const regions = new Map(emitter.regions);
  if (activations > 0) regions.set(ACTIVATIONS, activations);
  for (const [name, bytes] of regions) regions.set(name, Math.ceil(bytes / (GRAIN * 4)) * GRAIN * 4);
  verify(instructions, regions);
  return new Program(instructions, regions, emitter.constants);
}

/**
 * The nodes as they are said. In prediction what depends on parameters alone comes first: a pass joins the last of those that
 * make what it reads, and that is to be the product whose result it scales, not the maker of the scale.
 */
function inOrder({ mode, nodes }: Graph): readonly Node[] {
  if (mode === "train") return nodes;
  const fixed = new Set<Node>();
  for (const node of nodes)
    if (node.source?.kind !== "input" && node.inputs.every((input) => fixed.has(input.node))) fixed.add(node);
  return [...new Set([...fixed, ...nodes])];
}

/** The tensors that something asked for depends on. */
function usedTensors(graph: Graph, asked: readonly Tensor[]): Set<Tensor> {
  const used = new Set(asked);
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.some((output) => used.has(output))) for (const input of node.inputs) used.add(input);
  }
  return used;
}

/**
 * A placed tensor is computed where it belongs. One that is only another name for a tensor has that one placed;
 * where that is not possible (it has a place already, or comes from outside), it is copied at the end.
 */
function settle(
  placements: ReadonlyMap<Tensor, Placement>,
  fed: readonly Tensor[],
  copies: Map<Tensor, Placement>,
): Map<Tensor, Placement> {
  const direct = new Map<Tensor, Placement>();
  for (const [tensor, placement] of placements) if (tensor.node.source) direct.set(tensor, placement);
  for (const [tensor, placement] of placements) {
    if (tensor.node.source && tensor.node.source.kind !== "constant") continue;
    let root = tensor;
    while (/^(reshape|checkpoint)$/.test(root.node.op?.name ?? "")) root = root.node.inputs[0]!;
    if (root.node.source || direct.has(root) || fed.includes(root)) copies.set(tensor, placement);
    else direct.set(root, placement);
  }
  return direct;
}

/** What an instruction costs, roughly. */
function workOf(instruction: Instruction): number {
  const { work, head, fused } = instruction;
  if (head) return work + head.n * fused.length;
  return accesses(instruction).reduce(
    (sum, { writes, start, end }) => sum + (writes ? end - start : 0),
    work,
  );
}

/** Writes instructions as words. */
class Encoder {
  readonly words: number[] = [];
  readonly kernels: string[] = [];
  readonly relocations: Relocation[] = [];
  scratch = 0;

  add(instruction: Instruction): void {
    const { kernel, operands, head, fused, locals } = instruction;
    this.#begin(kernel, fused.length);
    const start = localBytes(instruction);
    this.scratch = Math.max(this.scratch, start);
    for (const operand of operands) {
      if (typeof operand === "number") this.words.push(operand);
      else if (operand.kind === "float") this.words.push(bits(operand.value));
      else if (operand.kind === "null") this.words.push(0);
      else if (operand.kind === "local") this.words.push(head?.place && locals.has(head.place) ? 1 : 0);
      else if (operand.kind === "address") this.#place(operand.buffer as Place, locals, operand.offset);
      else {
        this.words.push(start);
        this.scratch = Math.max(this.scratch, start + operand.bytes);
      }
    }
    this.#end();
    for (const each of fused) {
      if (each.update) this.#update(each, locals);
      else this.#elementwise(each, locals);
    }
  }

  #update({ kernel, y, update }: Update, locals: ReadonlyMap<Place, number>): void {
    this.#begin(kernel, 0);
    this.words.push(locals.has(update.gradients) ? 1 : 0);
    this.#place(update.gradients, locals);
    this.#place(update.hyper, locals);
    for (const place of [y, ...update.states]) this.#place(place, locals);
    this.#end();
  }

  #elementwise(
    { kernel, y, inputs, parameters: [alpha, beta = 0] }: Elementwise,
    locals: ReadonlyMap<Place, number>,
  ): void {
    this.#begin(kernel, 0);
    const places = [y, ...inputs.map(({ place }) => place)];
    this.words.push(
      places.reduce((mask, place, bit) => mask | (locals.has(place) ? 1 << bit : 0), 0),
      bits(alpha),
      bits(beta),
    );
    this.#place(y, locals);
    for (const { place, repeat, period } of inputs) {
      this.#place(place, locals);
      this.words.push(repeat, period);
    }
    this.#end();
  }

  #begin(kernel: string, fused: number): void {
    this.kernels.push(kernel);
    this.words.push(0, fused);
  }

  #end(): void {
    while ((this.words.length * 4) % INSTRUCTION_BYTES !== 0) this.words.push(0);
  }

  /** An address, or for a value inside its group the offset in scratch. */
  #place(place: Place, locals: ReadonlyMap<Place, number>, more = 0): void {
    const local = locals.get(place);
    const { region, offset } = place;
    if (local === undefined)
      this.relocations.push({ word: this.words.length, region, offset: offset + more });
    this.words.push(local ?? 0);
  }
}

const view = new DataView(new ArrayBuffer(4));

/** The bits of a 32-bit float. */
function bits(value: number): number {
  view.setFloat32(0, value, true);
  return view.getInt32(0, true);
}
