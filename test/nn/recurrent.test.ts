// Recurrent layers: PyTorch's numbers (see test/golden/recurrent.py), padding, names, and what does not fit.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  adam,
  add,
  createEngineSync,
  createTrainerSync,
  defineModel,
  dense,
  gradients,
  type Model,
  mean,
  mul,
  ones,
  reshape,
  sequential,
  softmaxCrossEntropy,
  sum,
  sumSquares,
  zeros,
} from "#src/index";
import {
  bidirectional,
  concatenate,
  embedding,
  gru,
  lstm,
  type RecurrentLayer,
  simpleRnn,
  slice,
} from "#src/layers";
import { type Given, Trial } from "../support/run.ts";

interface Case {
  readonly x: number[];
  readonly labels: number[];
  readonly state: number[][];
  readonly parameters: Record<string, number[]>;
  readonly sequences: number[];
  readonly last: number[];
  readonly gradients: Record<string, number[]> & { readonly state: number[][] };
  readonly losses: number[];
  readonly after: Record<string, number[]>;
}

const golden = JSON.parse(readFileSync(new URL("../golden/recurrent.json", import.meta.url), "utf8"));
const { batch, time, width, units, classes, lengths } = golden as Record<string, number> & {
  lengths: number[];
};
const cases = Object.entries(golden.cases as Record<string, Case>);
const lengthMask = Float32Array.from({ length: batch! * time! }, (_, i) =>
  Number(i % time! < lengths[Math.floor(i / time!)]!),
);

const engine = createEngineSync({ numerics: "exact" });
afterAll(() => engine.close());

/** A layer of PyTorch's in ours: as sequences, and what stands at their end. */
function layersOf(name: string) {
  const options = { returnSequences: true, name: "layer" };
  const make = (more: object): RecurrentLayer =>
    name.startsWith("lstm")
      ? lstm(units!, { ...options, ...more })
      : name.startsWith("gru")
        ? gru(units!, { ...options, ...more })
        : simpleRnn(units!, { ...options, ...more, activation: name.includes("relu") ? "relu" : "tanh" });
  const below = name.includes("stacked") ? make({ name: "below" }) : undefined;
  const wrap = name.includes("bidirectional") ? bidirectional : (layer: RecurrentLayer) => layer;
  return { below, sequences: wrap(make({})), last: wrap(make({ returnSequences: false })) };
}

/** PyTorch's name of a parameter of ours. */
function theirs(own: string, name: string): string {
  const [layer, part] = own.split(".") as [string, string];
  if (layer === "head") return own;
  const suffix = layer.endsWith("_reverse") ? "_reverse" : "";
  const level = name.includes("stacked") && layer === "layer" ? 1 : 0;
  const parts: Record<string, string> = {
    weight: "weight_ih",
    recurrentWeight: "weight_hh",
    bias: "bias_ih",
    recurrentBias: "bias_hh",
  };
  return `${parts[part]}_l${level}${suffix}`;
}

/** What the golden run computes, of an input in a graph. */
function build(name: string, x: Tensor, labels: Tensor, states: readonly Tensor[], mask?: Tensor) {
  const { below, sequences, last } = layersOf(name);
  const { graph } = x;
  const [hidden, cell] = states;
  const context = { mask, state: hidden && { hidden, cell } };
  const input = below ? below(x, context) : x;
  const y = sequences(input, context as object);
  const end = last(input, context as object);
  // PyTorch's padding is zeros, ours the last state.
  const shown = mask ? mul(y, graph.constant(lengthMask, [batch!, time!, 1])) : y;
  const logits = dense(classes!, { name: "head" })(end);
  const loss = add(softmaxCrossEntropy(logits, labels), mul(sumSquares(shown), 0.1 / batch!));
  return { shown, end, loss };
}

function expectNear(where: string, got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number) {
  expect(got.length, where).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const apart = Math.abs(got[i]! - want[i]!);
    if (!(apart <= tolerance * (1 + Math.abs(want[i]!))))
      expect.fail(`${where}: element ${i}: got ${got[i]}, wanted ${want[i]}`);
  }
}

// The file has six digits, and sums of a few dozen products in 32 bits are off by a few 1e-7.
const VALUES = 3e-6;
// Adam divides by the root of squares: near zero it magnifies; a wrong formula shows from 1e-2 on.
const TRAINED = 2e-4;

/** Trains a model by PyTorch's numbers, from its start, to its losses. */
function expectTrained(
  model: Model,
  wanted: Pick<Case, "x" | "labels" | "parameters" | "losses">,
  theirName: (own: string) => string,
) {
  const start = model.weights.segments.map(({ name, shape }) => {
    const values = Float32Array.from(wanted.parameters[theirName(name)]!);
    return [name, { shape, values }] as const;
  });
  model.setParameters(new Map(start));
  const optimizer = adam({ learningRate: golden.learningRate });
  const trainer = createTrainerSync(model, { loss: softmaxCrossEntropy, optimizer, engine });
  const inputs = Float32Array.from(wanted.x);
  const labels = Int32Array.from(wanted.labels);
  const losses = wanted.losses.map(
    () => trainer.stepSync({ inputs, labels, targets: undefined, size: batch! }).loss,
  );
  expectNear("losses", losses, wanted.losses, TRAINED);
}

describe("as PyTorch", () => {
  test.each(cases)("values and gradients: %s", async (name, wanted) => {
    const graph = new Graph();
    const x = graph.input("x", [batch!, time!, width!]);
    const labels = graph.input("labels", [batch!], "i32");
    const states = wanted.state.map((_, k) => graph.input(`state ${k}`, [batch!, units!]));
    const mask = name.includes("packed") ? graph.constant(lengthMask, [batch!, time!]) : undefined;
    const { shown, end, loss } = build(name, x, labels, states, mask);
    const parameters = [...graph.parameters];
    const asked = [x, ...states, ...parameters.map(([, tensor]) => tensor)];
    const slopes = gradients(loss, asked).map((each) => each!);
    const given: Given = new Map<Tensor, ArrayLike<number>>([
      [x, wanted.x],
      [labels, wanted.labels],
      ...states.map((state, k) => [state, wanted.state[k]!] as const),
      ...parameters.map(([own, tensor]) => [tensor, wanted.parameters[theirs(own, name)]!] as const),
    ]);
    const results = await new Trial(given, [shown, end, loss, ...slopes]).run(engine);
    const floats = results.map((words) => new Float32Array(words.buffer, words.byteOffset, words.length));
    expectNear("sequences", floats[0]!, wanted.sequences, VALUES);
    expectNear("last", floats[1]!, wanted.last, VALUES);
    expectNear("loss", floats[2]!, [wanted.losses[0]!], VALUES);
    expectNear("gradient of x", floats[3]!, wanted.gradients.x!, VALUES);
    for (const [k, want] of wanted.gradients.state.entries())
      expectNear(`gradient of state ${k}`, floats[4 + k]!, want, VALUES);
    for (const [k, [own]] of parameters.entries())
      expectNear(
        `gradient of ${own}`,
        floats[4 + states.length + k]!,
        wanted.gradients[theirs(own, name)]!,
        VALUES,
      );
    expect(new Set(parameters.map(([own]) => theirs(own, name)))).toEqual(
      new Set(Object.keys(wanted.parameters)),
    );
  });

  test.each(cases.filter(([name]) => !name.includes("state")))("ten steps of Adam: %s", (name, wanted) => {
    const model = defineModel({ input: [time!, width!] }, (x) => {
      // The model's own batch is 1 where it is only looked at.
      const rows = x.shape[0]!;
      const mask = name.includes("packed")
        ? x.graph.constant(lengthMask.slice(0, rows * time!), [rows, time!])
        : undefined;
      const { below, sequences, last } = layersOf(name);
      const input = below ? below(x, { mask }) : x;
      const y = sequences(input, { mask });
      const shown = mask ? mul(y, x.graph.constant(lengthMask.slice(0, rows * time!), [rows, time!, 1])) : y;
      x.graph.penalize(mul(sumSquares(shown), 0.1 / batch!));
      return dense(classes!, { name: "head" })(last(input, { mask }));
    });
    expectTrained(model, wanted, (own) => theirs(own, name));
    for (const [own, { values }] of model.parameters())
      expectNear(own, values, wanted.after[theirs(own, name)]!, TRAINED);
  });
});

interface Decoded {
  readonly x: number[];
  readonly labels: number[];
  readonly parameters: Record<string, number[]>;
  readonly output: number[];
  readonly states: number[];
  readonly gradients: Record<string, number[]>;
  readonly losses: number[];
}
const decoded = Object.entries(golden.decoded as Record<string, Decoded>);
const more: number = golden.more;

/** An encoder, and a decoder that begins with its final state: what the decoder gives, all states, what they add to the loss. */
function decode(name: string, x: Tensor) {
  const { graph, shape } = x;
  const rows = shape[0]!;
  const kind = name.startsWith("lstm") ? lstm : name.startsWith("gru") ? gru : simpleRnn;
  const seen = slice(x, [0, 0, 0], [rows, time!, width!]);
  const asked = slice(x, [0, time!, 0], [rows, more, width!]);
  const mask = name.includes("packed")
    ? graph.constant(lengthMask.slice(0, rows * time!), [rows, time!])
    : undefined;
  const make = (own: string, returnSequences: boolean) => {
    const layer = kind(units!, { returnSequences, name: own });
    // Both have the same names, each its own type of state.
    return (name.includes("bidirectional") ? bidirectional(layer) : layer) as RecurrentLayer;
  };
  const encoder = make("encoder", false).withState(seen, { mask });
  const decoder = make("decoder", true).withState(asked, { state: encoder.state });
  const listed = (state: object): Tensor[] => {
    const both: object[] = "forward" in state ? (Object.values(state) as object[]) : [state];
    return ["hidden", "cell"].flatMap((part) =>
      both.flatMap((each) => (each as Record<string, Tensor>)[part] ?? []),
    );
  };
  const states = [...listed(encoder.state), ...listed(decoder.state)];
  const scale = graph.constant(
    Float32Array.from({ length: rows * units! }, (_, i) => (i + 1) / (batch! * units!)),
    [rows, units!],
  );
  const added = states
    .map((state, k) => mul(sum(mul(state, scale)), (k + 1) / batch!))
    .reduce((a, b) => add(a, b));
  const last = slice(decoder.output, [0, more - 1, 0], [rows, 1, decoder.output.shape[2]!]);
  const logits = dense(classes!, { name: "head" })(reshape(last, [rows, decoder.output.shape[2]!]));
  return { output: decoder.output, states: concatenate(states, 0), added, logits };
}
const theirPart = (own: string) =>
  own.startsWith("head") ? own : `${own.split(/[._]/)[0]}.${theirs(own.replace(/^[a-z]+/, "layer"), "")}`;

describe("a decoder that begins where an encoder ends, as PyTorch", () => {
  test.each(decoded)("values and gradients: %s", async (name, wanted) => {
    const graph = new Graph();
    const x = graph.input("x", [batch!, time! + more, width!]);
    const labels = graph.input("labels", [batch!], "i32");
    const { output, states, added, logits } = decode(name, x);
    const loss = add(softmaxCrossEntropy(logits, labels), added);
    const parameters = [...graph.parameters];
    const slopes = gradients(loss, [x, ...parameters.map(([, tensor]) => tensor)]).map((each) => each!);
    const given: Given = new Map<Tensor, ArrayLike<number>>([
      [x, wanted.x],
      [labels, wanted.labels],
      ...parameters.map(([own, tensor]) => [tensor, wanted.parameters[theirPart(own)]!] as const),
    ]);
    const results = await new Trial(given, [output, states, loss, ...slopes]).run(engine);
    const floats = results.map((words) => new Float32Array(words.buffer, words.byteOffset, words.length));
    expectNear("output", floats[0]!, wanted.output, VALUES);
    expectNear("states", floats[1]!, wanted.states, VALUES);
    expectNear("loss", floats[2]!, [wanted.losses[0]!], VALUES);
    expectNear("gradient of x", floats[3]!, wanted.gradients.x!, VALUES);
    for (const [k, [own]] of parameters.entries())
      expectNear(`gradient of ${own}`, floats[4 + k]!, wanted.gradients[theirPart(own)]!, VALUES);
  });

  test.each(decoded)("ten steps of Adam: %s", (name, wanted) => {
    const model = defineModel({ input: [time! + more, width!] }, (x) => {
      const { added, logits } = decode(name, x);
      x.graph.penalize(added);
      return logits;
    });
    expectTrained(model, wanted, theirPart);
  });
});

describe("the state after the last step", () => {
  const kinds = { lstm, gru, simpleRnn };
  const options = [
    {},
    { reverse: true },
    { returnSequences: true },
    { returnSequences: true, reverse: true },
  ];
  const runs = Object.entries(kinds).flatMap(([name, kind]) =>
    options.map((each) => [`${name} ${JSON.stringify(each)}`, kind, each] as const),
  );

  test.each(runs)("lets a sequence go on as if it had not been cut: %s", async (_, kind, each) => {
    const graph = new Graph();
    const x = graph.input("x", [4, 5, 2]);
    const layer = kind(3, each);
    const [early, late] = [slice(x, [0, 0, 0], [4, 2, 2]), slice(x, [0, 2, 0], [4, 3, 2])];
    const [first, second] = "reverse" in each ? [late, early] : [early, late];
    const { output, state } = layer.withState(first);
    const rest = layer.withState(second, { state });
    const { output: plain } = layer.withState(x);
    const parts = "reverse" in each ? [rest.output, output] : [output, rest.output];
    const joined = "returnSequences" in each ? concatenate(parts, 1) : rest.output;
    const [cut, whole, same] = await valuesOf([joined, plain, layer(x)]);
    expect(cut).toEqual(whole);
    expect(whole).toEqual(same);
  });
});

/** Values of some tensors, every parameter and input the same odd numbers. */
async function valuesOf(
  tensors: readonly Tensor[],
  inputs: ReadonlyMap<string, ArrayLike<number>> = new Map(),
) {
  const { graph } = tensors[0]!;
  const sources = [...graph.inputs, ...graph.parameters].map(([name, tensor]) => {
    const odd = Array.from({ length: tensor.size }, (_, i) => Math.sin(i + 3 * name.length));
    return [tensor, inputs.get(name) ?? odd] as const;
  });
  const results = await new Trial(new Map(sources), tensors).run(engine);
  return results.map((words) => new Float32Array(words.buffer, words.byteOffset, words.length));
}

describe("padding", () => {
  const layers = { lstm: () => lstm(3), gru: () => gru(3), simpleRnn: () => simpleRnn(3) };

  test.each(Object.entries(layers))("is the same as a shorter sequence: %s", async (_, make) => {
    const graph = new Graph();
    const x = graph.input("x", [4, 5, 2]);
    const layer = make();
    const mask = graph.constant([1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0], [4, 5]);
    const [long, short] = await valuesOf([layer(x, { mask }), layer(slice(x, [0, 0, 0], [4, 3, 2]))]);
    expect([...long!]).toEqual([...short!]);
  });

  test.each([
    ...Object.entries(layers),
    ["bidirectional", () => bidirectional(lstm(3))] as const,
    ["sequences", () => gru(3, { returnSequences: true })] as const,
  ])("reaches neither results nor gradients, whatever it holds: %s", async (_, make) => {
    const graph = new Graph();
    const x = graph.input("x", [4, 5, 2]);
    const real = Array.from({ length: 20 }, (_, i) => Number(i % 5 < 1 + (i % 3) || i === 3));
    const mask = graph.constant(real, [4, 5]);
    const y = (make() as RecurrentLayer)(x, { mask });
    const parameters = [...graph.parameters.values()];
    const slopes = gradients(sumSquares(y), [x, ...parameters]).map((each) => each!);
    const hidden = (value: number) =>
      new Map([["x", Float32Array.from({ length: 40 }, (_, i) => (real[i >> 1] ? Math.sin(i) : value))]]);
    const zero = await valuesOf([y, ...slopes], hidden(0));
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 3e38]) {
      expect(await valuesOf([y, ...slopes], hidden(value))).toEqual(zero);
    }
    expect(zero.every((each) => each.every(Number.isFinite) && each.some((one) => one !== 0))).toBe(true);
  });

  test("by tokens is the same as by 1 and 0", async () => {
    const model = defineModel({ input: [5], inputType: "i32" }, (tokens) => {
      const x = embedding(9, 2)(tokens);
      const mask = tokens.graph.constant([1, 1, 0, 1, 0], [1, 5]);
      const layer = bidirectional(gru(3));
      return concatenate([layer(x, { mask: tokens }), layer(x, { mask }), layer(x)]);
    });
    const y = await model.predict(Int32Array.of(3, 8, 0, 1, 0));
    expect(y.subarray(0, 6)).toEqual(y.subarray(6, 12));
    expect(y.subarray(0, 6)).not.toEqual(y.subarray(12));
  });

  test.each(Object.entries(layers))(
    "that hides everything leaves the initial state: %s",
    async (name, make) => {
      const graph = new Graph();
      const x = graph.input("x", [4, 5, 2]);
      const mask = graph.input("mask", [4, 5]);
      const hidden = graph.input("hidden", [4, 3]);
      const layer = make();
      const plain = layer(x, { mask });
      const begun = layer(x, { mask, state: { hidden } });
      const slopes = gradients(sum(add(plain, begun)), [x, hidden]).map((each) => each!);
      const start = Float32Array.from({ length: 12 }, (_, i) => Math.cos(i));
      const nothing = new Float32Array(20);
      const notFinite = new Float32Array(40).fill(Number.NaN);
      const results = await valuesOf(
        [plain, begun, slopes[1]!],
        new Map([
          ["mask", nothing],
          ["hidden", start],
          ["x", notFinite],
        ]),
      );
      expect([...results[0]!], name).toEqual(new Array(12).fill(0));
      expect(results[1], name).toEqual(start);
      expect([...results[2]!], name).toEqual(new Array(12).fill(1));
      const [dx] = await valuesOf([slopes[0]!], new Map([["mask", nothing]]));
      expect(dx!.every((each) => each === 0)).toBe(true);
    },
  );
});

describe("bidirectional", () => {
  test("joins both directions, or adds them", async () => {
    const graph = new Graph();
    const x = graph.input("x", [4, 5, 2]);
    const layer = lstm(3, { returnSequences: true });
    const side = bidirectional(layer)(x);
    const together = bidirectional(layer, { merge: "sum" })(x);
    const [forward, backward] = [layer(x), layer.reversed()(x)];
    const [a, b, c, d] = await valuesOf([
      side,
      together,
      concatenate([forward, backward]),
      add(forward, backward),
    ]);
    expect(side.shape).toEqual([4, 5, 6]);
    expect(together.shape).toEqual([4, 5, 3]);
    expect(a).toEqual(c);
    expect(b).toEqual(d);
  });
  test("twice reversed is the first again; names tell the directions apart", () => {
    const layer = gru(3);
    expect(layer.reversed().reversed()).toBe(layer);
    const model = sequential({ input: [5, 2] }, bidirectional(gru(3)), dense(1));
    expect(model.weights.segments.map(({ name }) => name)).toEqual([
      "gru.weight",
      "gru.recurrentWeight",
      "gru.bias",
      "gru.recurrentBias",
      "gru_reverse.weight",
      "gru_reverse.recurrentWeight",
      "gru_reverse.bias",
      "gru_reverse.recurrentBias",
      "dense.weight",
      "dense.bias",
    ]);
  });
});

describe("layers", () => {
  test("start from Glorot's and orthogonal weights, the forget gate open", () => {
    const model = sequential({ input: [5, 2] }, lstm(3), dense(1));
    model.initializeSync({ engine });
    const { values, shape } = model.parameters().get("lstm.recurrentWeight")!;
    expect(shape).toEqual([3, 12]);
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 3; b++) {
        const product = Array.from({ length: 12 }, (_, j) => values[a * 12 + j]! * values[b * 12 + j]!);
        expect(product.reduce((x, y) => x + y)).toBeCloseTo(Number(a === b), 5);
      }
    expect([...model.parameters().get("lstm.bias")!.values]).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    const closed = sequential({ input: [5, 2] }, lstm(1, { forgetBias: -2 }));
    closed.initializeSync({ engine });
    expect([...closed.parameters().get("lstm.bias")!.values]).toEqual([0, -2, 0, 0]);
  });
  test("take other initializers, and go without biases", () => {
    const options = { bias: false, initializer: ones, recurrentInitializer: zeros, name: "own" };
    const model = sequential({ input: [5, 2] }, gru(2, options));
    model.initializeSync({ engine });
    expect([...model.parameters()].map(([name, { values }]) => [name, [...values]])).toEqual([
      ["own.weight", new Array(12).fill(1)],
      ["own.recurrentWeight", new Array(12).fill(0)],
    ]);
  });
  test("stacked swap no axes between them", () => {
    const graph = new Graph();
    const x = graph.input("x", [4, 5, 2]);
    const y = mean(lstm(3)(lstm(3, { returnSequences: true })(x)));
    const place = (region: string) => ({ region, offset: 0 });
    const sources = [...graph.inputs, ...graph.parameters].map(
      ([name, tensor]) => [tensor, place(name)] as const,
    );
    const listing = compile({ graph, placements: new Map([...sources, [y, place("y")]]) }).listing();
    expect(listing.match(/copy/g)).toHaveLength(1);
  });
  test("predict one example as they do many", async () => {
    const model = sequential({ input: [6, 2] }, lstm(5, { returnSequences: true }), gru(5), dense(2));
    const inputs = Float32Array.from({ length: 9 * 12 }, (_, i) => Math.sin(i));
    const together = await model.predict(inputs, { engine });
    for (let k = 0; k < 9; k++) {
      const alone = await model.predict(inputs.slice(k * 12, (k + 1) * 12), { engine });
      expectNear(`example ${k}`, alone, together.subarray(k * 2, k * 2 + 2), 1e-6);
    }
  });
});

describe("what does not fit", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 5, 2]);

  test("options", () => {
    const lstmError = new OptionError("lstm: units: wanted a positive integer, got 0");
    expect(() => lstm(0)).toThrow(lstmError);
    expect(() => gru(2.5)).toThrow(new OptionError("gru: units: wanted a positive integer, got 2.5"));
    expect(() => lstm(2, { forgetBias: Number.NaN })).toThrow(OptionError);
    // @ts-expect-error no such activation
    expect(() => simpleRnn(2, { activation: "gelu" })).toThrow(
      new OptionError('simpleRnn: activation: got "gelu", wanted one of tanh, relu'),
    );
    // @ts-expect-error no such merge
    expect(() => bidirectional(lstm(2), { merge: "max" })).toThrow(
      new OptionError('bidirectional: merge: got "max", wanted one of concatenate, sum'),
    );
  });
  test("ranks", () => {
    expect(() => sequential({ input: [5] }, lstm(2))).toThrow(
      new ShapeError("lstm: wanted [batch, time, in], got [1, 5]"),
    );
    expect(() => sequential({ input: [5, 2, 2] }, gru(2))).toThrow(
      new ShapeError("gru: wanted [batch, time, in], got [1, 5, 2, 2]"),
    );
  });
  test("sequences of length zero", () => {
    expect(() => sequential({ input: [0, 2] }, lstm(2))).toThrow(ShapeError);
    expect(() => graph.input("empty", [4, 0, 2])).toThrow(ShapeError);
  });
  test("masks and states", () => {
    const layer = lstm(3, { name: "own" });
    expect(() => layer(x, { mask: graph.input("turned", [5, 4]) })).toThrow(
      new ShapeError("own: mask: got f32 [5, 4], wanted [4, 5]"),
    );
    expect(() => layer(x, { mask: graph.input("integers", [4], "i32") })).toThrow(
      new ShapeError("own: mask: got i32 [4], wanted [4, 5]"),
    );
    expect(() => layer(x, { state: { hidden: graph.input("hidden", [4, 2]) } })).toThrow(
      new ShapeError("own: state.hidden: got [4, 2], wanted [4, 3]"),
    );
    expect(() => gru(3, { name: "other" })(x, { state: { cell: graph.input("cell", [4, 3]) } })).toThrow(
      new OptionError("other: state.cell: only an LSTM has one"),
    );
  });
});
