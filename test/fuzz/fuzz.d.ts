// What fuzz.js gives.
import type { Kind } from "./mutations.js";

export interface Reader {
  readonly name: string;
  readonly kind: Kind;
  readonly seeds: readonly Uint8Array[];
  run(bytes: Uint8Array): unknown;
}
export interface Limits {
  readonly bytes: number;
  readonly milliseconds: number;
}
export const LIMITS: Limits;
export interface Fault {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly fault: string;
}
export interface FuzzOptions {
  readonly seed?: number;
  readonly prefixes?: number;
  readonly changes?: number;
  readonly until?: number;
  readonly before?: (number: number) => void;
  readonly limits?: Limits;
}
export function judge(reader: Reader, bytes: Uint8Array, limits?: Limits): Promise<string | undefined>;
export function fuzz(reader: Reader, options?: FuzzOptions): Promise<{ count: number; faults: Fault[] }>;
