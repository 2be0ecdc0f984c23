// Blocks of a transformer: attention and a small network for each place, each with a shortcut around it.
import { OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ActivationName } from "../ops/activation.ts";
import { add } from "../ops/arithmetic.ts";
import { type AttentionInputs, type AttentionLayer, multiHeadAttention } from "./attention.ts";
import type { Layer } from "./layer.ts";
import { dense, dropout as dropoutLayer } from "./layers.ts";
import { layerNorm } from "./normalization.ts";

/** Options of {@link transformerDecoderBlock}. */
export interface TransformerBlockOptions {
  /** Heads of each attention. */
  readonly heads: number;
  /** Width of the hidden layer. Default: four times the block's. */
  readonly hidden?: number;
  /** Of the hidden layer. Default: "gelu". */
  readonly activation?: ActivationName;
  /** In training, of attention weights, hidden units, and what each part adds. Default: 0. */
  readonly dropout?: number;
  /** Whether a part's input is normalized, or the sum behind it, as in the paper of 2017. Default: "pre". */
  readonly norm?: "pre" | "post";
  /** Added to each variance. Default: 1e-5. */
  readonly epsilon?: number;
}

/** Options of {@link transformerEncoderBlock}. */
export interface TransformerEncoderOptions extends TransformerBlockOptions {
  /** A place sees none behind itself: what a model of the next token is made of. Default: false. */
  readonly causal?: boolean;
  /** Queries and keys are turned by their places. Default: false. */
  readonly rotary?: boolean;
}

/** What a decoder block looks at beside its input. */
export interface DecoderInputs {
  /** What the encoder made, [batch, keys, any width]. */
  readonly context: Tensor;
  /** [batch, time], of the block's own places. */
  readonly mask?: Tensor | undefined;
  /** [batch, keys] */
  readonly contextMask?: Tensor | undefined;
}

/** A part of a block with its shortcut. */
type Step = (x: Tensor, part: Layer) => Tensor;

const BLOCK = { heads: 0, hidden: 0, activation: 0, dropout: 0, norm: 0, epsilon: 0 } as const;
const ENCODER = { ...BLOCK, causal: 0, rotary: 0 } as const;

function check<Options extends TransformerBlockOptions>(
  where: string,
  options: Options,
  known: OptionNames<Options>,
): void {
  const { norm = "pre", hidden } = checkOptions<Options>(where, options, known);
  if (norm !== "pre" && norm !== "post")
    throw new OptionError(`${where}: norm: wanted "pre" or "post", got ${JSON.stringify(norm)}`);
  if (hidden !== undefined && !(Number.isSafeInteger(hidden) && hidden >= 1))
    throw new OptionError(`${where}: hidden: wanted a positive integer, got ${hidden}`);
}

/** A shortcut around a part: x + part(norm(x)), or norm(x + part(x)). */
function shortcut({ norm = "pre", dropout = 0, epsilon = 1e-5 }: TransformerBlockOptions): Step {
  const normalize = layerNorm({ epsilon });
  const drop = dropoutLayer(dropout);
  return norm === "pre"
    ? (x, part) => add(x, drop(part(normalize(x))))
    : (x, part) => normalize(add(x, drop(part(x))));
}

/** Two dense layers at each place. They are made when the width is known, and then kept, so that applied twice they share. */
function feedForward({ hidden, activation = "gelu", dropout = 0 }: TransformerBlockOptions): Layer {
  const made = new Map<number, readonly Layer[]>();
  return (x) => {
    const width = x.shape.at(-1)!;
    const layers = made.get(width) ?? [
      dense(hidden ?? 4 * width, { activation }),
      dropoutLayer(dropout),
      dense(width),
    ];
    made.set(width, layers);
    return layers.reduce((h, layer) => layer(h), x);
  };
}

/**
 * A block of self-attention and two dense layers, each with layer normalization, dropout and a shortcut:
 * [batch, time, width] → the same. With `causal` it is the block of a model of the next token. Vaswani et al. 2017, section 3.1;
 * normalization before each part: Xiong et al. 2020.
 * @throws OptionError for an option out of range. @throws ShapeError where heads do not divide the width.
 * @example sequential({ input: [32], inputType: "i32" }, embedding(80, 64), transformerEncoderBlock({ heads: 4, causal: true }), dense(80))
 */
export function transformerEncoderBlock(options: TransformerEncoderOptions): AttentionLayer {
  check("transformerEncoderBlock", options, ENCODER);
  const { heads, causal = false, rotary = false, dropout = 0 } = options;
  const attend = multiHeadAttention(heads, { causal, rotary, dropout });
  const [first, second, last] = [shortcut(options), shortcut(options), feedForward(options)];
  return (x: Tensor, given: AttentionInputs = {}) =>
    second(
      first(x, (h) => attend(h, given)),
      last,
    );
}

/**
 * A block of causal self-attention, attention to what an encoder made, and two dense layers: [batch, time, width] → the same.
 * Vaswani et al. 2017, section 3.1.
 * @throws OptionError for an option out of range. @throws ShapeError where heads do not divide the width.
 * @example transformerDecoderBlock({ heads: 4 })(passage, { context: encoded }) // [8, 12, 64]
 */
export function transformerDecoderBlock(
  options: TransformerBlockOptions,
): (x: Tensor, given: DecoderInputs) => Tensor {
  check("transformerDecoderBlock", options, BLOCK);
  const { heads, dropout = 0 } = options;
  const [attend, look] = [
    multiHeadAttention(heads, { causal: true, dropout }),
    multiHeadAttention(heads, { dropout }),
  ];
  const [first, second, third] = [shortcut(options), shortcut(options), shortcut(options)];
  const last = feedForward(options);
  return (x, { context, mask, contextMask }) => {
    const own = first(x, (h) => attend(h, { mask }));
    return third(
      second(own, (h) => look(h, { context, mask: contextMask })),
      last,
    );
  };
}
