// What an op is: one record with its shape rule, its gradient rule and how it is emitted.
// The emitter is the only thing that ops know of an engine.
import { GRAIN } from "../../assembly/abi.ts";
import type { Node, Tensor, ValueType } from "./tensor.ts";

/** What a gradient rule is given. */
interface GradientContext<A> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: A;
  /** Gradient with respect to the first output; further outputs are residuals and carry none. */
  readonly dy: Tensor;
  /** Whether anybody wants the gradient with respect to an input. */
  wants(input: number): boolean;
}

/** Gradients with respect to the inputs, in order; undefined where there is none. */
export type GradientRule<A> = (context: GradientContext<A>) => readonly (Tensor | undefined)[];

/** One op. A type without a gradient does not compile: "none" has to be written. */
export interface Op<A> {
  readonly name: string;
  /** Whether it takes tensors of bytes. Default: false. */
  readonly bytes?: boolean;
  shape(inputs: readonly Tensor[], attributes: A): ValueType | readonly ValueType[];
  readonly gradient: GradientRule<A> | "none";
  emit(emitter: Emitter, node: Node<A>): void;
}

/** Declares an op. */
export function defineOp<A = undefined>(op: Op<A>): Op<A> {
  return op;
}

/** Memory that a program works on. */
export interface Buffer {
  readonly name: string;
  readonly bytes: number;
}

/**
 * How an instruction shares a range among threads: thread t of T touches units ⌊units·t/T⌋ to ⌊units·(t+1)/T⌋,
 * each of `unitBytes`. Where two accesses share alike, no thread reads what another wrote, and no barrier is needed.
 */
export interface Cut {
  readonly units: number;
  readonly unitBytes: number;
}

/** Something an instruction carries: an integer, a float, an address that is read or written, room in the thread's scratch, or whether what it makes stays there. */
export type Operand =
  | number
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "null" }
  | {
      readonly kind: "address";
      readonly buffer: Buffer;
      readonly offset: number;
      readonly bytes: number;
      readonly mode: "read" | "write" | "update";
      /** Undefined: any thread may touch any part. */
      readonly cut: Cut | undefined;
    }
  | { readonly kind: "scratch"; readonly bytes: number }
  | { readonly kind: "local" };

export const float = (value: number): Operand => ({ kind: "float", value });
export const nothing: Operand = { kind: "null" };
/** Room in each thread's own scratch. */
export const scratch = (bytes: number): Operand => ({ kind: "scratch", bytes });
/** 1 where the head's result stays in scratch, see CallOptions. */
export const local: Operand = { kind: "local" };
/** Rows of `bytes` each, shared among the threads. */
export const rows = (units: number, unitBytes: number): Cut => ({ units, unitBytes });
/** Elements of 4 bytes, shared among the threads as elementwise kernels share them. */
export const elements = (n: number): Cut => ({ units: Math.ceil(n / GRAIN), unitBytes: GRAIN * 4 });
/** All of it belongs to one thread, always the same. */
export const single: Cut = { units: 1, unitBytes: 0 };

function address(mode: "read" | "write" | "update", buffer: Buffer, cut?: Cut): Operand {
  return { kind: "address", buffer, offset: 0, bytes: buffer.bytes, mode, cut };
}
export const read = (buffer: Buffer, cut?: Cut): Operand => address("read", buffer, cut);
export const write = (buffer: Buffer, cut?: Cut): Operand => address("write", buffer, cut);
export const update = (buffer: Buffer, cut?: Cut): Operand => address("update", buffer, cut);

/** What ops and optimizers write instructions with. */
export interface Emitter {
  /** The memory of a tensor. */
  buffer(tensor: Tensor): Buffer;
  /** Memory that lives from its first to its last use in the program. */
  temporary(name: string, bytes: number): Buffer;
  /** Memory that outlives the step: the next bytes of a named region. */
  reserve(region: string, name: string, bytes: number): Buffer;
  /** Memory at a given place of a named region, which others may name too. */
  part(region: string, name: string, offset: number, bytes: number): Buffer;
  /** Integers known beforehand. */
  table(name: string, words: ArrayLike<number>): Buffer;
  /** A word in memory that holds the number of the step, counted from 1 over the whole training. */
  stepWord(): Buffer;
  /** Whether anybody reads a tensor. */
  used(tensor: Tensor): boolean;
  /** The output is the input under another shape. */
  alias(output: Tensor, input: Tensor): void;
  /** Calls a kernel. */
  call(kernel: string, operands: readonly Operand[], options?: CallOptions): void;
  /** output = kernel(inputs) element by element, inputs broadcast; fused with its neighbours where that is possible. */
  elementwise(
    kernel: string,
    output: Tensor,
    inputs: readonly Tensor[],
    parameters?: readonly [number, number?],
  ): void;
  /** Copies n elements of 4 bytes. */
  move(n: number, from: Buffer, to: Buffer): void;
  /** Changes parameters and state in place by their gradient; fused with the gradient's maker where that is possible. */
  update(kernel: string, operands: UpdateOperands): void;
}

/** What an update kernel works on: vectors alike in length, and words that hold for all of them. */
export interface UpdateOperands {
  readonly gradients: Buffer;
  readonly parameters: Buffer;
  /** The first vector is made, not changed: the kernel does not read it. Default: false. */
  readonly made?: boolean;
  readonly states: readonly Buffer[];
  readonly hyper: Buffer;
}

export interface CallOptions {
  /** The kernel passes what it has just computed of this tensor through the elementwise instructions behind it. */
  readonly head?: Tensor;
  /** If these take all of it, it need not reach memory: it can stay in scratch, as the operand `local` tells. */
  readonly passing?: boolean;
  /** Nothing that outlives the step may be changed before this call. */
  readonly fence?: boolean;
  /** Multiply-adds, where they count for more than the bytes touched. */
  readonly work?: number;
}
