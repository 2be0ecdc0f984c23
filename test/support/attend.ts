// What attention means, by its definition: every score, then every weight, in 64-bit floats.
import type { Node } from "#src/graph/tensor";
import type { Values } from "./elements.ts";

/** Attention by its definition; `visit` is told each score of a row with its weight, and where its key lies. */
export function attend(
  { inputs, attributes }: Node,
  values: readonly Values[],
  visit: (row: number, terms: readonly AttentionTerm[]) => void = () => {},
): Values[] {
  const { heads, queries, keys, keySize, valueSize, parts, masked, causal } = attributes;
  const scale = Math.fround(attributes.scale);
  const batch = inputs[0]!.shape[0]!;
  const y = new Float64Array(batch * queries * heads * valueSize);
  const sums = new Float64Array(batch * heads * queries);
  const mask = masked
    ? values[1 + Math.max(...parts.map((part: { input: number }) => part.input))]
    : undefined;
  const isBoolean = mask && inputs.findLast(({ rank }) => rank === 2)!.dtype === "i32";
  const [q, k, v] = parts.map(({ input }: { input: number }) => values[input]!) as [Values, Values, Values];
  const rowAt = (part: number, of: number, time: number, column: number) => {
    const [, length, width] = inputs[parts[part].input]!.shape as [number, number, number];
    return (of * length + time) * width + parts[part].column + column;
  };
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queries; i++) {
        const qAt = rowAt(0, b, i, h * keySize);
        const terms: AttentionTerm[] = [];
        for (let j = 0; j < (causal ? i + 1 : keys); j++) {
          const kAt = rowAt(1, b, j, h * keySize);
          let score = 0;
          for (let c = 0; c < keySize; c++) score += q[qAt + c]! * k[kAt + c]!;
          const added = mask ? mask[b * keys + j]! : 0;
          score = scale * score + (isBoolean ? (added === 0 ? Number.NEGATIVE_INFINITY : 0) : added);
          terms.push({ key: j, score, weight: 0, qAt, kAt });
        }
        const top = terms.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
        const dead = top === Number.NEGATIVE_INFINITY;
        const total = terms.reduce((sum, { score }) => sum + (dead ? 0 : Math.exp(score - top)), 0);
        const row = (b * heads + h) * queries + i;
        sums[row] = dead ? 0 : top + Math.log(total);
        const yAt = (b * queries + i) * heads * valueSize + h * valueSize;
        for (const term of terms) {
          term.weight = dead ? 0 : Math.exp(term.score - top) / total;
          const vAt = rowAt(2, b, term.key, h * valueSize);
          for (let c = 0; c < valueSize; c++) y[yAt + c]! += term.weight * v[vAt + c]!;
        }
        visit(row, terms);
      }
    }
  }
  return [y, sums];
}

/** A score of a row of attention. */
export interface AttentionTerm {
  readonly key: number;
  readonly score: number;
  weight: number;
  /** Where the factors of the score begin, in q and in k. */
  readonly qAt: number;
  readonly kAt: number;
}
