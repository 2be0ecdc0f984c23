// Embeddings: rows of a table by number, and the positions that are added to them.
import { angleOf } from "../core/angles.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Graph, Initializer, Tensor } from "../graph/tensor.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { batchMatmul } from "../ops/batch-matmul.ts";
import { gather } from "../ops/gather.ts";
import { slice } from "../ops/movement.ts";
import { reshape } from "../ops/reshape.ts";
import { normal } from "./initializers.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** What the table [vocabulary, units] starts from. Default: normal around 0, deviation 0.05. */
  readonly initializer?: Initializer;
  /** A number whose row is always 0 and never trained: the padding. Default: none. */
  readonly padding?: number;
  readonly name?: string;
}

/** An embedding; `attend` uses its table the other way round. */
export interface EmbeddingLayer extends Layer {
  /** [..., units] → [..., vocabulary]: the product with each row of the table, the logits of a model with tied weights. */
  readonly attend: Layer;
}

/**
 * Rows of a table by number: i32 [batch, ...] → f32 [batch, ..., units]. The model wants `inputType: "i32"`.
 * Numbers outside 0 … vocabulary − 1 are found by the host before they are used.
 * @throws OptionError for sizes that are not positive integers. @throws ShapeError where the input is not i32.
 * @example
 * const tokens = embedding(80, 64);
 * const model = sequential({ input: [32], inputType: "i32" }, tokens, dense(64), tokens.attend);
 */
export function embedding(vocabulary: number, units: number, options: EmbeddingOptions = {}): EmbeddingLayer {
  for (const [what, count] of Object.entries({ vocabulary, units })) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new OptionError(`embedding: ${what}: wanted a positive integer, got ${count}`);
  }
  const known = { initializer: 0, padding: 0, name: 0 } as const;
  const { initializer = normal(), padding } = checkOptions("embedding", options, known);
  if (padding !== undefined && !(Number.isInteger(padding) && padding >= 0 && padding < vocabulary))
    throw new OptionError(`embedding: padding: wanted 0 to ${vocabulary - 1}, got ${padding}`);
  const named = (graph: Graph) => options.name ?? graph.nameFor("embedding", layer);
  const withTable = (body: (x: Tensor, table: Tensor) => Tensor): Layer => {
    return (x) =>
      defineLayer(
        "embedding",
        (of, { parameter }) => body(of, parameter("weight", [vocabulary, units], initializer)),
        named(x.graph),
      )(x);
  };
  const look = withTable((tokens, table) => {
    if (tokens.dtype !== "i32") {
      throw new ShapeError(
        `${named(tokens.graph)}: wanted i32 tokens, got ${tokens.dtype} ${showShape(tokens.shape)}: the model's inputType is "i32"`,
      );
    }
    const rows = gather(table, tokens);
    if (padding === undefined) return rows;
    const kept = Float32Array.from({ length: vocabulary }, (_, token) => (token === padding ? 0 : 1));
    return mul(rows, gather(tokens.graph.constant(kept, [vocabulary, 1]), tokens));
  });
  const attend = withTable((h, table) => {
    const width = h.shape.at(-1);
    if (h.dtype !== "f32" || width !== units)
      throw new ShapeError(
        `${named(h.graph)}: attend: wanted f32 [..., ${units}], got ${h.dtype} ${showShape(h.shape)}`,
      );
    const [flat, rows] = [reshape(h, [1, h.size / units, units]), reshape(table, [1, vocabulary, units])];
    return reshape(batchMatmul(flat, rows, { transposeB: true }), [...h.shape.slice(0, -1), vocabulary]);
  });
  const layer: EmbeddingLayer = Object.assign((tokens: Tensor) => look(tokens), { attend });
  return layer;
}

/** [batch, time, width] as time and width. */
function sizesOf(where: string, { shape, rank, dtype }: Tensor): readonly [number, number] {
  if (rank !== 3 || dtype !== "f32")
    throw new ShapeError(`${where}: wanted f32 [batch, time, width], got ${dtype} ${showShape(shape)}`);
  return [shape[1]!, shape[2]!];
}

/** Options of {@link learnedPositions}. */
export interface LearnedPositionsOptions {
  /** Places that there are parameters for. Default: the input's time. */
  readonly length?: number;
  /** What the table [length, width] starts from. Default: normal around 0, deviation 0.05. */
  readonly initializer?: Initializer;
  readonly name?: string;
}

/**
 * Adds a trained row to each place: [batch, time, width] → the same. Gehring et al. 2017; Devlin et al. 2019.
 * @throws ShapeError where the input is longer than the table or of another rank.
 * @example learnedPositions({ length: 64 })
 */
export function learnedPositions(options: LearnedPositionsOptions = {}): Layer {
  const known = { length: 0, initializer: 0, name: 0 } as const;
  const { initializer = normal() } = checkOptions("learnedPositions", options, known);
  return defineLayer(
    "positions",
    (x, { name, parameter }) => {
      const [time, width] = sizesOf(name, x);
      const { length = time } = options;
      if (!(Number.isSafeInteger(length) && length >= time))
        throw new ShapeError(`${name}: wanted at most ${length} places, got ${time}`);
      const table = parameter("weight", [length, width], initializer);
      return add(x, length === time ? table : slice(table, [0, 0], [time, width]));
    },
    options.name,
  );
}

/**
 * Adds sines and cosines of each place: column 2i is sin(time / base^(2i / width)), column 2i + 1 its cosine.
 * Vaswani et al. 2017, section 3.5; base by default 10,000.
 * @throws ShapeError where the input is not [batch, time, width].
 * @example sinusoidalPositions()
 */
export function sinusoidalPositions(options: { readonly base?: number } = {}): Layer {
  const { base = 10_000 } = checkOptions("sinusoidalPositions", options, { base: 0 });
  if (!(base > 0 && Number.isFinite(base)))
    throw new OptionError(`sinusoidalPositions: base: wanted a number > 0, got ${base}`);
  return defineLayer("sinusoidalPositions", (x, { name }) => {
    const [time, width] = sizesOf(name, x);
    const table = new Float32Array(time * width);
    for (let i = 0; i < table.length; i++) {
      const column = i % width;
      const { sin, cos } = angleOf(Math.floor(i / width), column, { size: width, base });
      table[i] = column % 2 === 0 ? sin : cos;
    }
    return add(x, x.graph.constant(table, [time, width]));
  });
}
