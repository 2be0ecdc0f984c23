// Scaled dot-product attention as one instruction, whose scores never reach memory; its gradient is another.
import { ATTENTION_BLOCK } from "../../assembly/abi.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { keys as keysOf } from "../core/random.ts";
import { showShape } from "../core/shape.ts";
import {
  type Buffer,
  defineOp,
  type Emitter,
  nothing,
  type Operand,
  read,
  scratch,
  write,
} from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Where queries, keys and values lie: the number of an input, and the column of it where they begin. */
interface Part {
  readonly input: number;
  readonly column: number;
}

interface Attention {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly parts: readonly [Part, Part, Part];
  readonly masked: boolean;
  readonly causal: boolean;
  readonly scale: number;
  readonly rate: number;
  readonly key: readonly [number, number];
}

const BLOCK = ATTENTION_BLOCK;
const padded = (size: number) => Math.ceil(size / 16) * 16;

/** Bytes of a thread's scratch, as the kernel lays it out: what grows with the time is not in it. */
function scratchBytes({ keySize, valueSize }: Attention): number {
  const [k, v] = [padded(keySize), padded(valueSize)];
  return 4 * (4 * BLOCK + k + v + 4 * BLOCK * BLOCK + BLOCK * (5 * k + 3 * v));
}

const floatBits = (value: number) => new Int32Array(Float32Array.of(value).buffer)[0]!;

/** The operands that forward and gradient share. */
function operandsOf(emitter: Emitter, inputs: readonly Tensor[], attributes: Attention) {
  const { heads, queries, keys, keySize, valueSize, parts, masked, causal, scale, rate, key } = attributes;
  const mask = masked ? inputs[attentionInputs(attributes)] : undefined;
  const stride = ({ input }: Part) => inputs[input]!.shape[2]! * 4;
  const table = emitter.table("attention", [
    inputs[0]!.shape[0]!,
    heads,
    queries,
    keys,
    keySize,
    valueSize,
    ...parts.map(stride),
    causal ? 1 : 0,
    mask === undefined ? 0 : mask.dtype === "f32" ? 1 : 2,
    floatBits(scale),
    floatBits(rate),
    key[0] | 0,
    key[1] | 0,
  ]);
  const at = (access: typeof read, buffers: readonly Buffer[]): Operand[] =>
    parts.map(({ input, column }) => {
      const whole = access(buffers[input]!);
      return {
        ...(whole as object),
        offset: column * 4,
        bytes: buffers[input]!.bytes - column * 4,
      } as Operand;
    });
  return {
    table: read(table),
    parts: at,
    mask: mask ? read(emitter.buffer(mask)) : nothing,
    work: scratch(scratchBytes(attributes)),
    step: rate > 0 ? read(emitter.stepWord()) : nothing,
  };
}

/** How many of the inputs are not the mask. */
const attentionInputs = ({ parts }: Attention) => 1 + Math.max(...parts.map(({ input }) => input));

/** Gradients of all inputs but the mask, from these, the mask, the output, the row sums and dy. */
const gradientOp = defineOp<Attention>({
  name: "attentionGradient",
  shape: (inputs, attributes) =>
    inputs.slice(0, attentionInputs(attributes)).map(({ shape }) => ({ shape, dtype: "f32" as const })),
  gradient: "none",
  emit(emitter, { inputs, outputs, attributes }) {
    const { heads, queries, keys, keySize, valueSize } = attributes;
    const { table, parts, mask, work, step } = operandsOf(emitter, inputs, attributes);
    const [y, lse, dy] = inputs.slice(-3).map((input) => read(emitter.buffer(input)));
    const given = inputs.map((input) => emitter.buffer(input));
    const made = outputs.map((output) => emitter.buffer(output));
    emitter.call(
      "attentionGradient",
      [table, ...parts(read, given), mask, y!, lse!, work, step, dy!, ...parts(write, made)],
      { work: inputs[0]!.shape[0]! * heads * queries * keys * (3 * keySize + 2 * valueSize) },
    );
  },
});

const attentionOp = defineOp<Attention>({
  name: "attention",
  shape([first], { heads, queries, valueSize }) {
    const batch = first!.shape[0]!;
    return [
      { shape: [batch, queries, heads * valueSize], dtype: "f32" },
      { shape: [batch, heads, queries], dtype: "f32" },
    ];
  },
  gradient({ inputs, outputs: [y, sums], attributes, dy, wants }) {
    const count = attentionInputs(attributes);
    if (attributes.masked && wants(count))
      throw new OptionError(
        "attention: mask: has no gradient, but the loss depends on parameters through it",
      );
    return dy.graph.apply(gradientOp, [...inputs, y!, sums!, dy], attributes);
  },
  emit(emitter, { inputs, outputs: [y, sums], attributes }) {
    const { heads, queries, keys, keySize, valueSize } = attributes;
    const { table, parts, mask, work, step } = operandsOf(emitter, inputs, attributes);
    const given = inputs.map((input) => emitter.buffer(input));
    const made = [write(emitter.buffer(y!)), write(emitter.buffer(sums!))];
    emitter.call("attention", [table, ...parts(read, given), mask, ...made, work, step], {
      work: inputs[0]!.shape[0]! * heads * queries * keys * (keySize + valueSize),
    });
  },
});

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Into how many heads the columns are cut. Default: 1. */
  readonly heads?: number;
  /** A query sees no key behind its own place; queries and keys must be as many. Default: false. */
  readonly causal?: boolean;
  /**
   * [batch, keys]: f32 is added to the scores of a key, −∞ hides it; i32 hides where it is 0, so that tokens whose padding
   * is 0 serve as they are. Default: every key is seen.
   */
  readonly mask?: Tensor | undefined;
  /** What scores are multiplied by. Default: 1 / √(size of a head's queries). */
  readonly scale?: number;
  /** In training, the probability with which a weight is set to 0, the others scaled by 1 / (1 − rate). Default: 0. */
  readonly dropout?: number;
}

/** Sizes of a head. */
interface HeadSizes {
  readonly keySize: number;
  readonly valueSize: number;
}

function apply(
  inputs: readonly Tensor[],
  parts: readonly [Part, Part, Part],
  { keySize, valueSize }: HeadSizes,
  options: AttentionOptions,
): Tensor {
  const { heads = 1, causal = false, mask, scale = 1 / Math.sqrt(keySize), dropout = 0 } = options;
  const { graph } = inputs[0]!;
  const [queries, keys] = [inputs[parts[0].input]!.shape[1]!, inputs[parts[1].input]!.shape[1]!];
  const batch = inputs[0]!.shape[0]!;
  if (causal && queries !== keys)
    throw new ShapeError(`attention: causal: wanted as many queries as keys, got ${queries} and ${keys}`);
  if (mask && (mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== keys))
    throw new ShapeError(`attention: mask: wanted [${batch}, ${keys}], got ${showShape(mask.shape)}`);
  if (!Number.isFinite(scale))
    throw new OptionError(`attention: scale: wanted a finite number, got ${scale}`);
  if (!(dropout >= 0 && dropout < 1))
    throw new OptionError(`attention: dropout: wanted 0 ≤ rate < 1, got ${dropout}`);
  const rate = graph.mode === "train" ? dropout : 0;
  const key = keysOf(graph.seed, `attention ${graph.nodes.length}`);
  const sizes = { heads, queries, keys, keySize, valueSize };
  const attributes = { ...sizes, parts, masked: mask !== undefined, causal, scale, rate, key };
  return graph.apply(attentionOp, mask ? [...inputs, mask] : inputs, attributes)[0]!;
}

/** The size of a head. @throws OptionError or ShapeError where the columns are not so many heads. */
function headSize(columns: number, heads: number, what: string): number {
  if (!Number.isSafeInteger(heads) || heads < 1)
    throw new OptionError(`attention: heads: wanted a positive integer, got ${heads}`);
  if (columns % heads !== 0)
    throw new ShapeError(
      `attention: wanted a multiple of ${heads} columns for ${heads} heads, got ${columns} in ${what}`,
    );
  return columns / heads;
}

/**
 * Scaled dot-product attention: softmax(scale · q kᵀ + mask) v for each head. q [batch, queries, heads · keySize],
 * k [batch, keys, heads · keySize], v [batch, keys, heads · valueSize] → [batch, queries, heads · valueSize].
 * Scores are made block by block and kept nowhere: memory grows with the time, not with its square.
 * A query that sees no key gives zeros. Differentiable once. Vaswani et al. 2017, section 3.2; Dao et al. 2022.
 * @throws ShapeError where shapes do not fit. @throws OptionError for an option out of range.
 * @example attention(queries, keys, values, { heads: 2, causal: false }) // [8, 5, 16]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const known = { heads: 0, causal: 0, mask: 0, scale: 0, dropout: 0 } as const;
  const { heads = 1 } = checkOptions("attention", options, known);
  const shown = () => [q, k, v].map(({ dtype, shape }) => `${dtype} ${showShape(shape)}`).join(", ");
  const [batch, , width] = q.shape;
  if (
    [q, k, v].some(({ rank, dtype, shape }) => rank !== 3 || dtype !== "f32" || shape[0] !== batch) ||
    k.shape[1] !== v.shape[1] ||
    k.shape[2] !== width
  ) {
    throw new ShapeError(
      `attention: wanted f32 [batch, queries, width], [batch, keys, width] and [batch, keys, values], got ${shown()}`,
    );
  }
  const sizes = {
    keySize: headSize(width!, heads, "q and k"),
    valueSize: headSize(v.shape[2]!, heads, "v"),
  };
  const parts = [0, 1, 2].map((input) => ({ input, column: 0 })) as unknown as readonly [Part, Part, Part];
  return apply([q, k, v], parts, sizes, options);
}

/**
 * The same where queries, keys and values are columns of one tensor [batch, time, q k v], or keys and values of a second:
 * as projections leave them, without a copy.
 */
export function packedAttention(
  inputs: readonly [Tensor] | readonly [Tensor, Tensor],
  sizes: HeadSizes,
  options: AttentionOptions & { readonly heads: number },
): Tensor {
  const width = options.heads * sizes.keySize;
  const parts: readonly [Part, Part, Part] =
    inputs.length === 1
      ? [
          { input: 0, column: 0 },
          { input: 0, column: width },
          { input: 0, column: 2 * width },
        ]
      : [
          { input: 0, column: 0 },
          { input: 1, column: 0 },
          { input: 1, column: width },
        ];
  return apply(inputs, parts, sizes, options);
}
