// What mutations.js gives.
export type Kind = "bytes" | "text" | "json";
export interface Cases {
  readonly prefixes: number;
  at(number: number): Uint8Array;
}
export function casesOf(
  reader: { readonly seeds: readonly Uint8Array[]; readonly kind: Kind },
  seed: number,
): Cases;
