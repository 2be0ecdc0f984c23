// The compiler's own form of a program: instructions that still name buffers, not addresses.
import { BLOCK } from "../../assembly/abi.ts";
import { type Buffer, type Cut, elements, type Operand } from "../graph/op.ts";

/** A buffer and where it lies; a planned one gets its offset from the planner. */
export interface Place extends Buffer {
  /** Named regions outlive the step; ACTIVATIONS is planned anew for each program. */
  region: string;
  offset: number;
}

export const ACTIVATIONS = "activations";

/** One operand of an elementwise instruction: element i is at (i / repeat) % period, or at i where period is 0. */
interface ElementwiseInput {
  readonly place: Place;
  readonly repeat: number;
  readonly period: number;
}

export interface Elementwise {
  readonly kernel: string;
  readonly y: Place;
  readonly inputs: readonly ElementwiseInput[];
  readonly parameters: readonly [number, number?];
  readonly update?: undefined;
}

/** A parameter update: y and the states change in place, so they are among the inputs too. */
export interface Update {
  readonly kernel: string;
  readonly y: Place;
  readonly inputs: readonly ElementwiseInput[];
  readonly update: {
    readonly gradients: Place;
    readonly hyper: Place;
    readonly states: readonly Place[];
  };
}

/** What can stand behind a head. */
export type Pass = Elementwise | Update;

/** What a pass makes or changes. */
export const outputs = ({ y, update }: Pass): readonly Place[] => [y, ...(update?.states ?? [])];

export interface Instruction {
  readonly kernel: string;
  readonly operands: readonly Operand[];
  /** What the passes behind this one may take up while it is in cache, its elements, and whether it can stay in scratch. */
  readonly head:
    | { readonly place: Place | undefined; readonly n: number; readonly passing?: boolean }
    | undefined;
  readonly fused: Pass[];
  /** Offsets in scratch of values that live inside the group only. */
  readonly locals: Map<Place, number>;
  /** Nothing that outlives the step may be changed before this. */
  readonly fence: boolean;
  readonly work: number;
}

export const BARRIER = "barrier";
export const MAP = "map";

export function instruction(
  kernel: string,
  operands: readonly Operand[],
  rest: Partial<Instruction> = {},
): Instruction {
  return { kernel, operands, head: undefined, fused: [], locals: new Map(), fence: false, work: 0, ...rest };
}

/** One touch of memory. */
export interface Access {
  readonly place: Place;
  readonly start: number;
  readonly end: number;
  readonly writes: boolean;
  readonly reads: boolean;
  readonly cut: Cut | undefined;
  /** Whether a group takes it element by element, in the order of its passes. */
  readonly element: boolean;
}

/** What an instruction touches, in the order in which it does. */
export function accesses({ kernel, operands, head, fused, locals }: Instruction): Access[] {
  const list: Access[] = [];
  for (const operand of operands) {
    if (typeof operand === "number" || operand.kind !== "address") continue;
    const place = operand.buffer as Place;
    if (locals.has(place)) continue;
    const start = place.offset + operand.offset;
    const { cut, mode, bytes } = operand;
    const element = place === head?.place;
    list.push({
      place,
      start,
      end: start + bytes,
      writes: mode !== "read",
      reads: mode !== "write",
      cut,
      element,
    });
  }
  const cut = kernel === MAP ? elements(head!.n) : undefined;
  for (const pass of fused) {
    for (const { place, period } of pass.inputs) {
      if (locals.has(place)) continue;
      const end = place.offset + place.bytes;
      list.push({
        place,
        start: place.offset,
        end,
        writes: false,
        reads: true,
        cut: period === 0 ? cut : undefined,
        element: period === 0,
      });
    }
    for (const place of outputs(pass)) {
      if (locals.has(place)) continue;
      const end = place.offset + place.bytes;
      list.push({ place, start: place.offset, end, writes: true, reads: false, cut, element: true });
    }
  }
  return list;
}

/** Bytes that the values inside a group take of each thread's scratch. */
export function localBytes({ locals }: Instruction): number {
  return locals.size === 0 ? 0 : Math.max(...locals.values()) + BLOCK * 4;
}
