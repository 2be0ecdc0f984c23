// Rotary positions: pairs of neighbouring numbers turned by angles that grow with the time.
import { angleOf } from "../core/angles.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import { defineOp, float, type Op, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";

interface Turn {
  /** Columns that are turned, in heads of `size`. */
  readonly turned: number;
  readonly size: number;
  readonly sign: number;
}

const rotaryOp: Op<Turn> = defineOp<Turn>({
  name: "rotary",
  shape: ([x]) => ({ shape: x!.shape, dtype: "f32" }),
  // Turning back is the transpose of turning forth.
  gradient: ({ inputs: [, table], attributes, dy }) => [
    dy.graph.apply(rotaryOp, [dy, table!], { ...attributes, sign: -attributes.sign })[0],
    undefined,
  ],
  emit(emitter, { inputs: [x, table], outputs: [y], attributes: { turned, size, sign } }) {
    const columns = x!.shape.at(-1)!;
    const count = x!.size / columns;
    const cut = rows(count, columns * 4);
    emitter.call("rotary", [
      count,
      columns,
      turned,
      size,
      x!.shape[1]!,
      float(sign),
      read(emitter.buffer(table!)),
      read(emitter.buffer(x!), cut),
      write(emitter.buffer(y!), cut),
    ]);
  },
});

/** Options of {@link rotary}. */
export interface RotaryOptions {
  /** Numbers of one head; even. Default: all of them. */
  readonly size?: number;
  /** Time of the first row. Default: 0. */
  readonly start?: number;
  /** The slowest pair's wavelength is 2π · base. Default: 10,000. */
  readonly base?: number;
  /** Columns that are turned, whole heads; those behind them stay. Default: all. */
  readonly columns?: number;
}

/**
 * Rotary positions: x [batch, time, heads · size], in which each head's pair (x₂ᵢ, x₂ᵢ₊₁) is turned by the angle
 * (start + time) / base^(2i / size). Su et al. 2021, section 3.4.2.
 * Neighbours are pairs, as in the paper; some checkpoints pair number i with number i + size / 2 instead.
 * @throws ShapeError where x has another rank or its columns are not whole heads. @throws OptionError for an odd size.
 * @example rotary(passage, { size: 16 }) // [8, 12, 64] → the same
 */
export function rotary(x: Tensor, options: RotaryOptions = {}): Tensor {
  const width = x.shape.at(-1) ?? 0;
  const known = { size: 0, start: 0, base: 0, columns: 0 } as const;
  const {
    columns = width,
    size = columns,
    start = 0,
    base = 10_000,
  } = checkOptions("rotary", options, known);
  if (x.rank !== 3 || x.dtype !== "f32")
    throw new ShapeError(`rotary: wanted f32 [batch, time, columns], got ${x.dtype} ${showShape(x.shape)}`);
  if (!Number.isInteger(size) || size < 2 || size % 2 !== 0)
    throw new OptionError(`rotary: size: wanted an even number ≥ 2, got ${size}`);
  if (!(columns >= 1 && columns <= width && columns % size === 0)) {
    throw new ShapeError(
      `rotary: wanted whole heads of ${size} numbers, at most ${width}, got ${columns} columns`,
    );
  }
  if (!(base > 0 && Number.isFinite(base) && Number.isFinite(start)))
    throw new OptionError(
      `rotary: base and start: wanted a number > 0 and a number, got ${base} and ${start}`,
    );
  const time = x.shape[1]!;
  const table = new Float32Array(time * 2 * size);
  for (let t = 0; t < time; t++) {
    for (let k = 0; k < size; k++) {
      const { cos, sin } = angleOf(start + t, k, { size, base });
      table[2 * t * size + k] = cos;
      table[(2 * t + 1) * size + k] = k % 2 === 0 ? -sin : sin;
    }
  }
  const inputs = [x, x.graph.constant(table, [time, 2, size])];
  return x.graph.apply(rotaryOp, inputs, { turned: columns, size, sign: 1 })[0]!;
}
