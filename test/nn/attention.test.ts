// Attention, embeddings and blocks of transformers against PyTorch. See test/golden/attention.py.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { multiHeadAttention } from "#src/nn/attention";
import { embedding, learnedPositions, sinusoidalPositions } from "#src/nn/embedding";
import { dense } from "#src/nn/layers";
import { defineModel } from "#src/nn/model";
import { transformerDecoderBlock, transformerEncoderBlock } from "#src/nn/transformer";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { softmaxCrossEntropy } from "#src/ops/softmax";
import { adam } from "#src/optim/adam";
import { createTrainer } from "#src/train/trainer";
import { engineOf, enginesWith, numericsToTest } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

type Numbers = Record<string, number[]>;
const golden = JSON.parse(readFileSync("test/golden/attention.json", "utf8")) as Record<string, Numbers>;
const [BATCH, TIME, KEYS, WIDTH, HEADS] = [2, 5, 4, 6, 2];

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
/** The numbers of a tensor of the golden runs. */
const made = (number: number, shape: readonly number[], amplitude = 1): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.fround(amplitude * Math.sin(1 + 0.7 * i + 1.3 * number)),
  );
const scales = (number: number, width = WIDTH) => made(number, [width], 0.4).map((x) => Math.fround(1 + x));

/** Values for all parameters of a graph, taken in turn from tensors of the golden runs. */
function parametersFrom(
  graph: Graph,
  numberOf: (name: string) => number | readonly number[],
): Map<Tensor, readonly number[]> {
  return new Map(
    [...graph.parameters].map(([name, tensor]) => {
      const number = numberOf(name);
      return [tensor, typeof number === "number" ? made(number, tensor.shape, 0.4) : number];
    }),
  );
}

/** Wants an output, and the gradients of Σ weight · output, to be PyTorch's, on every engine. */
async function expectGolden(
  record: Numbers,
  y: Tensor,
  weightNumber: number,
  inputs: ReadonlyMap<Tensor, readonly number[]>,
  slopes: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const weight = y.graph.input("weight of y", y.shape);
  const made_ = gradients(sum(mul(y, weight)), Object.values(slopes));
  const outputs = new Map<string, Tensor>([["y", y]]);
  for (const [k, name] of Object.keys(slopes).entries()) outputs.set(name, made_[k]!);
  const given = new Map([...inputs, [weight, made(weightNumber, y.shape)] as const]);
  const trial = new Trial(given, [...outputs.values()]);
  for (const numerics of numericsToTest) {
    let one: Int32Array[] | undefined;
    for (const engine of await enginesWith(numerics)) {
      const words = await trial.run(engine);
      one ??= words;
      expect(words).toEqual(one);
    }
    for (const [k, name] of [...outputs.keys()].entries()) {
      const got = [...new Float32Array(one![k]!.buffer)];
      const wanted = record[name]!;
      expect(got.length, name).toBe(wanted.length);
      const largest = Math.max(...wanted.map(Math.abs));
      // Both are 32-bit sums of at most some hundred products: 40 units in the last place of the largest.
      for (const [i, x] of got.entries())
        expect(Math.abs(x - wanted[i]!), `${name} ${i}`).toBeLessThan(5e-6 * largest);
    }
  }
}

const attentionNumbers: Record<string, number> = {
  "projection.weight": 1,
  "projection.bias": 2,
  "output.weight": 3,
  "output.bias": 4,
};
const partOf = (name: string) => name.slice(name.indexOf(".") + 1);

describe("multiHeadAttention is PyTorch's MultiheadAttention", () => {
  test.each(["plain", "causal", "padded"])("%s", async (kind) => {
    const graph = new Graph();
    const x = graph.input("x", [BATCH, TIME, WIDTH]);
    const mask = graph.input("mask", [BATCH, TIME], "i32");
    const layer = multiHeadAttention(HEADS, { causal: kind === "causal" });
    const y = layer(x, kind === "padded" ? { mask } : {});
    const parameters = parametersFrom(graph, (name) => attentionNumbers[partOf(name)]!);
    const slopes = Object.fromEntries([...graph.parameters].map(([name, tensor]) => [partOf(name), tensor]));
    const inputs = new Map([...parameters, [x, made(0, x.shape)] as const]);
    if (kind === "padded") inputs.set(mask, [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    await expectGolden(golden[kind]!, y, 9, inputs, { x, ...slopes });
  });

  test("cross-attention", async () => {
    const graph = new Graph();
    const x = graph.input("x", [BATCH, TIME, WIDTH]);
    const context = graph.input("context", [BATCH, KEYS, WIDTH]);
    const y = multiHeadAttention(HEADS)(x, { context });
    // PyTorch has one matrix for all three; here queries have their own.
    const columns = (number: number, rows: number, from: number, to: number) =>
      Array.from({ length: rows }, (_, row) =>
        made(number, [rows, 3 * WIDTH], 0.4).slice(row * 3 * WIDTH + from, row * 3 * WIDTH + to),
      ).flat();
    const values: Record<string, readonly number[]> = {
      "query.weight": columns(1, WIDTH, 0, WIDTH),
      "query.bias": columns(2, 1, 0, WIDTH),
      "context.weight": columns(1, WIDTH, WIDTH, 3 * WIDTH),
      "context.bias": columns(2, 1, WIDTH, 3 * WIDTH),
    };
    const parameters = parametersFrom(
      graph,
      (name) => values[partOf(name)] ?? attentionNumbers[partOf(name)]!,
    );
    const output = graph.parameters.get("attention.output.weight")!;
    const inputs = new Map([
      ...parameters,
      [x, made(0, x.shape)] as const,
      [context, made(8, context.shape)] as const,
    ]);
    await expectGolden(golden.cross!, y, 9, inputs, { x, context, "output.weight": output });
  });

  test("names what does not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 5, 6]);
    expect(() => multiHeadAttention(0)).toThrow(
      new OptionError("multiHeadAttention: heads: wanted a positive integer, got 0"),
    );
    expect(() => multiHeadAttention(2, { dropout: 1 })).toThrow(OptionError);
    expect(() => multiHeadAttention(4)(x)).toThrow(
      new ShapeError("attention: wanted a width that 4 heads divide, or keySize: got 6"),
    );
    expect(() => multiHeadAttention(2)(graph.input("flat", [2, 6]))).toThrow(
      new ShapeError("attention_1: wanted [batch, time, width], got [2, 6]"),
    );
    expect(() => multiHeadAttention(2, { rotary: true })(x, { context: x })).toThrow(OptionError);
    const sized = multiHeadAttention(4, { keySize: 2, valueSize: 3, units: 7, rotary: true })(x);
    expect(sized.shape).toEqual([2, 5, 7]);
  });

  test("applied twice it shares its parameters", () => {
    const model = defineModel({ input: [3, 4] }, (x) => {
      const attend = multiHeadAttention(2);
      const block = transformerEncoderBlock({ heads: 2 });
      return block(block(attend(attend(x))));
    });
    expect(
      [...model.weights.segments]
        .map(({ name }) => name)
        .filter((name) => name.endsWith("projection.weight")),
    ).toEqual(["attention.projection.weight", "attention_1.projection.weight"]);
    expect(model.weights.segments.filter(({ name }) => name.startsWith("dense"))).toHaveLength(4);
  });
});

test("embedding is PyTorch's, padding included", async () => {
  const graph = new Graph();
  const tokens = graph.input("tokens", [2, 4], "i32");
  const y = embedding(7, 3, { padding: 2 })(tokens);
  const weight = graph.parameters.get("embedding.weight")!;
  const inputs = new Map<Tensor, readonly number[]>([
    [tokens, [0, 2, 6, 6, 1, 6, 2, 3]],
    [weight, made(1, [7, 3])],
  ]);
  await expectGolden(golden.embedding!, y, 9, inputs, { weight });
});

test("an embedding's table serves twice", async () => {
  const graph = new Graph();
  const tokens = graph.input("tokens", [1, 2], "i32");
  const layer = embedding(3, 2);
  const y = layer.attend(layer(tokens));
  expect([...graph.parameters.keys()]).toEqual(["embedding.weight"]);
  const weight = graph.parameters.get("embedding.weight")!;
  const trial = new Trial(
    new Map<Tensor, readonly number[]>([
      [tokens, [2, 0]],
      [weight, [1, 2, 3, 4, 5, 6]],
    ]),
    [y],
  );
  const [words] = await trial.run(await engineOf(1));
  expect([...new Float32Array(words!.buffer)]).toEqual([17, 39, 61, 5, 11, 17]);
  expect(y.shape).toEqual([1, 2, 3]);
});

test("positions are added", async () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 3, 5]);
  const learned = learnedPositions({ length: 4 })(x);
  const waves = sinusoidalPositions()(x);
  const table = graph.parameters.get("positions.weight")!;
  const inputs = new Map<Tensor, readonly number[]>([
    [x, new Array(30).fill(1)],
    [table, Array.from({ length: 20 }, (_, i) => i)],
  ]);
  const results = await new Trial(inputs, [learned, waves]).run(await engineOf(1));
  const [first, second] = results.map((words) => [...new Float32Array(words.buffer)]);
  expect(first).toEqual(Array.from({ length: 30 }, (_, i) => 1 + (i % 15)));
  for (const [i, got] of second!.entries()) {
    const [time, column] = [Math.floor(i / 5) % 3, i % 5];
    const angle = time / 10_000 ** ((column - (column % 2)) / 5);
    expect(got).toBeCloseTo(1 + (column % 2 === 0 ? Math.sin(angle) : Math.cos(angle)), 6);
  }
  expect(() => learnedPositions({ length: 2 })(x)).toThrow(
    new ShapeError("positions_1: wanted at most 2 places, got 3"),
  );
  expect(() => sinusoidalPositions()(graph.input("flat", [2, 3]))).toThrow(ShapeError);
});

/** The parameters of an encoder block by the numbers of their tensors, the first of which is given. */
function blockNumbers(first: number, width: number): (name: string) => number | readonly number[] {
  const order = [
    "attention.projection.weight",
    "attention.projection.bias",
    "attention.output.weight",
    "attention.output.bias",
    "dense.weight",
    "dense.bias",
    "dense_1.weight",
    "dense_1.bias",
  ];
  const norms = ["layerNorm.scale", "layerNorm.offset", "layerNorm_1.scale", "layerNorm_1.offset"];
  return (name) => {
    const norm = norms.indexOf(name);
    if (norm >= 0) return norm % 2 === 0 ? scales(first + 8 + norm, width) : first + 8 + norm;
    const number = order.indexOf(name);
    expect(number, name).toBeGreaterThanOrEqual(0);
    return first + number;
  };
}

describe("blocks are PyTorch's layers", () => {
  test.each(["pre", "post"] as const)("TransformerEncoderLayer, normalized %s", async (norm) => {
    const graph = new Graph();
    const x = graph.input("x", [BATCH, TIME, WIDTH]);
    const activation = norm === "pre" ? "gelu" : "relu";
    const y = transformerEncoderBlock({ heads: HEADS, hidden: 8, norm, activation })(x);
    const inputs = new Map([
      ...parametersFrom(graph, blockNumbers(1, WIDTH)),
      [x, made(0, x.shape)] as const,
    ]);
    const [hidden, projection] = ["dense.weight", "attention.projection.weight"].map(
      (name) => graph.parameters.get(name)!,
    );
    await expectGolden(golden[`encoder ${norm}`]!, y, 13, inputs, {
      x,
      hidden: hidden!,
      "projection.weight": projection!,
    });
  });

  test("TransformerDecoderLayer", async () => {
    const graph = new Graph();
    const x = graph.input("x", [BATCH, TIME, WIDTH]);
    const context = graph.input("context", [BATCH, KEYS, WIDTH]);
    const y = transformerDecoderBlock({ heads: HEADS, hidden: 8 })(x, { context });
    const columns = (number: number, rows: number, from: number, to: number) =>
      Array.from({ length: rows }, (_, row) =>
        made(number, [rows, 3 * WIDTH], 0.4).slice(row * 3 * WIDTH + from, row * 3 * WIDTH + to),
      ).flat();
    const own: Record<string, number | readonly number[]> = {
      ...Object.fromEntries(
        Object.entries(attentionNumbers).map(([name, number]) => [`attention.${name}`, number]),
      ),
      "attention_1.query.weight": columns(5, WIDTH, 0, WIDTH),
      "attention_1.query.bias": columns(6, 1, 0, WIDTH),
      "attention_1.context.weight": columns(5, WIDTH, WIDTH, 3 * WIDTH),
      "attention_1.context.bias": columns(6, 1, WIDTH, 3 * WIDTH),
      "attention_1.output.weight": 7,
      "attention_1.output.bias": 8,
      "dense.weight": 9,
      "dense.bias": 10,
      "dense_1.weight": 11,
      "dense_1.bias": 12,
      "layerNorm.scale": scales(13),
      "layerNorm.offset": 14,
      "layerNorm_1.scale": scales(15),
      "layerNorm_1.offset": 16,
      "layerNorm_2.scale": scales(17),
      "layerNorm_2.offset": 18,
    };
    const inputs = new Map([
      ...parametersFrom(graph, (name) => own[name]!),
      [x, made(0, x.shape)] as const,
      [context, made(20, context.shape)] as const,
    ]);
    await expectGolden(golden.decoder!, y, 21, inputs, { x, context });
  });

  test("names what does not fit", () => {
    expect(() => transformerEncoderBlock({ heads: 2, norm: "none" as "pre" })).toThrow(
      new OptionError('transformerEncoderBlock: norm: wanted "pre" or "post", got "none"'),
    );
    expect(() => transformerDecoderBlock({ heads: 2, hidden: 0 })).toThrow(
      new OptionError("transformerDecoderBlock: hidden: wanted a positive integer, got 0"),
    );
    expect(() => embedding(0, 2)).toThrow(
      new OptionError("embedding: vocabulary: wanted a positive integer, got 0"),
    );
    expect(() => embedding(3, 2, { padding: 3 })).toThrow(
      new OptionError("embedding: padding: wanted 0 to 2, got 3"),
    );
    const x = new Graph().input("x", [2, 3]);
    expect(() => embedding(3, 2)(x)).toThrow(
      new ShapeError('embedding: wanted i32 tokens, got f32 [2, 3]: the model\'s inputType is "i32"'),
    );
    expect(() => embedding(3, 2).attend(x)).toThrow(ShapeError);
  });
});

test.each([1, 2, 3])("ten steps of a small transformer are PyTorch's, on %i threads", async (threads) => {
  const [vocabulary, time, width] = [11, 6, 8];
  const model = defineModel({ input: [time], inputType: "i32" }, (tokens) => {
    const h = learnedPositions()(embedding(vocabulary, width)(tokens));
    return dense(vocabulary)(transformerEncoderBlock({ heads: 2, hidden: 16, causal: true })(h));
  });
  const numbersOf = blockNumbers(3, width);
  const others: Record<string, number> = {
    "embedding.weight": 1,
    "positions.weight": 2,
    "dense_2.weight": 15,
    "dense_2.bias": 16,
  };
  model.setParameters(
    new Map(
      model.weights.segments.map(({ name, shape }) => {
        const number = others[name] ?? numbersOf(name);
        return [name, { shape, values: typeof number === "number" ? made(number, shape, 0.4) : number }];
      }),
    ),
  );
  const { losses, ...wanted } = golden.training! as { losses: number[]; table: number[] };
  const trainer = await createTrainer(model, {
    loss: softmaxCrossEntropy,
    optimizer: adam({ learningRate: 1e-2 }),
    engine: await engineOf(threads, "fast"),
  });
  for (const [step, loss] of losses.entries()) {
    const tokens = [0, 1, 2].map((b) =>
      Array.from({ length: time + 1 }, (_, t) => (3 * step + 5 * b + t * t) % vocabulary),
    );
    const inputs = Int32Array.from(tokens.flatMap((row) => row.slice(0, -1)));
    const labels = Int32Array.from(tokens.flatMap((row) => row.slice(1)));
    const got = await trainer.step({ inputs, labels, targets: undefined, size: 3 });
    // Losses of 2.4 in 32 bits, after at most ten updates that each divide by a root of a small number.
    expect(Math.abs(got.loss - loss), `step ${step}`).toBeLessThan(1e-5);
  }
  const table = model.parameters().get("embedding.weight")!.values;
  for (const [i, x] of table.entries()) expect(Math.abs(x - wanted.table[i]!)).toBeLessThan(1e-4);
  trainer.close();
});
