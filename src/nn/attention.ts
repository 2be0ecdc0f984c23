// Multi-head attention as a layer: one projection makes queries, keys and values, which are attended to where they lie.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Initializer, Tensor } from "../graph/tensor.ts";
import { packedAttention } from "../ops/attention.ts";
import { matmul } from "../ops/matmul.ts";
import { rotary } from "../ops/rotary.ts";
import { glorotUniform, zeros } from "./initializers.ts";
import { defineLayer } from "./layer.ts";

/** Options of {@link multiHeadAttention}. */
export interface MultiHeadAttentionOptions {
  /** A place sees none behind itself. Default: false. */
  readonly causal?: boolean;
  /** In training, the probability with which a weight of the attention is set to 0. Default: 0. */
  readonly dropout?: number;
  /** Numbers of a head's queries and keys. Default: the input's width / heads. */
  readonly keySize?: number;
  /** Numbers of a head's values. Default: keySize. */
  readonly valueSize?: number;
  /** Width of the result. Default: the input's. */
  readonly units?: number;
  /** Whether the projections add a bias. Default: true. */
  readonly bias?: boolean;
  /** Queries and keys are turned by their places, see `rotary`; only for self-attention. Default: false. */
  readonly rotary?: boolean;
  /** What the projections start from. Default: glorotUniform. */
  readonly initializer?: Initializer;
  readonly name?: string;
}

/** What attention looks at beside its input. */
export interface AttentionInputs {
  /** [batch, keys, any width]: keys and values come from here. Default: the input itself. */
  readonly context?: Tensor | undefined;
  /** [batch, keys]: as `attention` takes it: f32 is added to the scores, i32 hides where it is 0. */
  readonly mask?: Tensor | undefined;
}

/** A layer that may be given more to look at. */
export type AttentionLayer = (x: Tensor, given?: AttentionInputs) => Tensor;

const KNOWN = {
  causal: 0,
  dropout: 0,
  keySize: 0,
  valueSize: 0,
  units: 0,
  bias: 0,
  rotary: 0,
  initializer: 0,
  name: 0,
} as const;

/** @throws OptionError where an option that is there is no positive integer. */
function checkCounts(where: string, counts: Readonly<Record<string, number | undefined>>): void {
  for (const [name, count] of Object.entries(counts)) {
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1))
      throw new OptionError(`${where}: ${name}: wanted a positive integer, got ${count}`);
  }
}

/**
 * Multi-head attention: [batch, time, width] → [batch, time, units]; with a context of [batch, keys, …], cross-attention.
 * Parameters of self-attention are projection.weight [width, heads · (2 keySize + valueSize)], columns of queries, keys and
 * values side by side; of cross-attention query.weight and context.weight; of both output.weight, and biases that start at 0.
 * Vaswani et al. 2017, section 3.2.2.
 * @throws OptionError for an option out of range. @throws ShapeError where the input, the context or the mask does not fit.
 * @example
 * const attend = multiHeadAttention(2, { causal: true });
 * attend(passage); // [8, 12, 64]
 */
export function multiHeadAttention(heads: number, options: MultiHeadAttentionOptions = {}): AttentionLayer {
  checkOptions("multiHeadAttention", options, KNOWN);
  const { causal = false, dropout = 0, bias = true, initializer = glorotUniform } = options;
  checkCounts("multiHeadAttention", {
    heads,
    keySize: options.keySize,
    valueSize: options.valueSize,
    units: options.units,
  });
  if (!(dropout >= 0 && dropout < 1))
    throw new OptionError(`multiHeadAttention: dropout: wanted 0 ≤ rate < 1, got ${dropout}`);
  const layer: AttentionLayer = (x, given = {}) => {
    const own = options.name ?? x.graph.nameFor("attention", layer);
    const { context, mask } = checkOptions(own, given, { context: 0, mask: 0 });
    return defineLayer(
      "attention",
      (from, { name, parameter }) => {
        const width = from.shape.at(-1)!;
        for (const tensor of context ? [from, context] : [from]) {
          if (tensor.rank !== 3)
            throw new ShapeError(`${name}: wanted [batch, time, width], got ${showShape(tensor.shape)}`);
        }
        if (options.keySize === undefined && width % heads !== 0)
          throw new ShapeError(
            `${name}: wanted a width that ${heads} heads divide, or keySize: got ${width}`,
          );
        if (context && options.rotary)
          throw new OptionError(`${name}: rotary: wanted self-attention, got a context`);
        const { keySize = width / heads } = options;
        const { valueSize = keySize, units = width } = options;
        const [keys, values] = [heads * keySize, heads * valueSize];
        const project = (part: string, of: Tensor, columns: number) =>
          matmul(
            of,
            parameter(`${part}.weight`, [of.shape.at(-1)!, columns], initializer),
            bias ? parameter(`${part}.bias`, [columns], zeros) : undefined,
          );
        const turned = (qkv: Tensor) =>
          options.rotary ? rotary(qkv, { size: keySize, columns: 2 * keys }) : qkv;
        const inputs = context
          ? ([project("query", from, keys), project("context", context, keys + values)] as const)
          : ([turned(project("projection", from, 2 * keys + values))] as const);
        const heard = packedAttention(inputs, { keySize, valueSize }, { heads, causal, mask, dropout });
        return project("output", heard, units);
      },
      own,
    )(x);
  };
  return layer;
}
