// Files in ONNX's format as models: what they compute, how they train on, and that nothing else than a FormatError comes of
// a file that is wrong. Operators one by one: test/deploy/onnx-node-tests.js. PyTorch's files: test/golden/onnx-import.py.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { DownhillError, FormatError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import {
  createEngine,
  createTrainer,
  defineModel,
  dense,
  flatten,
  type Model,
  meanSquaredError,
  sequential,
  sgd,
} from "#src/index";
import { batchNorm, conv2d, embedding, globalAveragePool2d, lstm, maxPool2d } from "#src/layers";
import { modelOf } from "#src/onnx/import/model";
import { families, operatorsOf } from "#src/onnx/import/operators";
import { fromOnnx, toOnnx } from "#src/onnx/index";
import {
  floats,
  INT64,
  integers,
  node,
  onnxBytes,
  type SaidModel,
  type SaidTensor,
} from "../support/onnx-files.ts";
import { numbers } from "../train/setting.ts";

const engine = await createEngine({ threads: 1 });
afterAll(() => engine.close());

const draw = (size: number, seed = 1) => [...numbers(size, seed)];
const predict = async (model: Model, x: readonly number[]) => [...(await model.predict(x, { engine }))];
/** What a file makes of a batch. */
const run = async (said: SaidModel, x: readonly number[], options = {}) =>
  predict(await fromOnnx(onnxBytes(said), options), x);
const batchOf = (inputs: readonly number[], targets: readonly number[], size: number) => ({
  inputs: Float32Array.from(inputs),
  targets: Float32Array.from(targets),
  labels: undefined,
  size,
});
const close = (got: readonly number[], wanted: readonly number[], digits = 6) => {
  expect(got.length).toBe(wanted.length);
  for (const [k, value] of wanted.entries()) expect(got[k]).toBeCloseTo(value, digits);
};

describe("what PyTorch has written", () => {
  const golden = JSON.parse(readFileSync(new URL("../golden/onnx-import.json", import.meta.url), "utf8"));
  test.each(Object.keys(golden))("%s: predictions, and the losses of ten steps", async (name) => {
    const { model: file, x, y, target, rate, losses, parameters } = golden[name];
    const model = await fromOnnx(Buffer.from(file, "base64"));
    expect(model.parameterCount).toBe(parameters);
    // Numbers about 1, of sums of some dozens of products.
    close(await predict(model, x), y, 6);
    const optimizer = sgd({ learningRate: rate });
    const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer, engine });
    for (const wanted of losses) {
      const { loss } = await trainer.step(batchOf(x, target, 4));
      expect(Math.abs(loss - wanted)).toBeLessThan(1e-6);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]);
  });
});

/** x · weightᵀ + bias, a ReLU, another product: a file as PyTorch writes it. */
const perceptron: SaidModel = {
  nodes: [
    node("Gemm", ["x", "first.weight", "first.bias"], ["h"], { transB: { integer: 1 } }),
    node("Relu", ["h"], ["r"]),
    node("MatMul", ["r", "second.weight"], ["y"]),
  ],
  initializers: [
    floats("first.weight", [3, 4], draw(12, 2)),
    floats("first.bias", [3], draw(3, 3)),
    floats("second.weight", [3, 2], draw(6, 4)),
  ],
};

describe("parameters", () => {
  test("have the file's names and numbers; those of transposed products are stored transposed", async () => {
    const model = await fromOnnx(onnxBytes(perceptron));
    const parameters = model.parameters();
    expect([...parameters.keys()]).toEqual(["first.weight", "first.bias", "second.weight"]);
    const weight = parameters.get("first.weight")!;
    expect(weight.shape).toEqual([4, 3]);
    const [w, b, v] = perceptron.initializers!.map(({ values }) => values!) as [number[], number[], number[]];
    expect(weight.values[1]).toBe(Math.fround(w[4]!));
    const x = draw(8, 9);
    const wanted = [0, 1].flatMap((row) => {
      const h = [0, 1, 2].map((k) =>
        Math.max(0, b[k]! + [0, 1, 2, 3].reduce((sum, i) => sum + x[row * 4 + i]! * w[k * 4 + i]!, 0)),
      );
      return [0, 1].map((j) => h.reduce((sum, value, k) => sum + value * v[k * 2 + j]!, 0));
    });
    close(await predict(model, x), wanted);
  });

  test("a transposition of a weight is no instruction", async () => {
    const turned = {
      ...perceptron,
      nodes: [
        node("Transpose", ["first.weight"], ["t"], { perm: { integers: [1, 0] } }),
        node("MatMul", ["x", "t"], ["m"]),
        node("Add", ["m", "first.bias"], ["h"]),
        ...perceptron.nodes.slice(1),
      ],
    };
    const [a, b] = [await fromOnnx(onnxBytes(perceptron)), await fromOnnx(onnxBytes(turned))];
    expect(b.predictor(2).listing()).not.toMatch(/\bcopy\b/);
    close(await predict(b, draw(8)), await predict(a, draw(8)));
  });

  test("images are turned once on their way in; a convolution's weight lies as conv2d has it", async () => {
    const own = sequential(
      { input: [8, 8, 2] },
      conv2d(4, 3, { padding: 1, activation: "relu", name: "first" }),
      maxPool2d(2),
      conv2d(3, 3, { name: "second" }),
      globalAveragePool2d(),
    );
    await own.initialize({ seed: 4, engine });
    const weights = own.parameters();
    /** [height, width, in, out] → [out, in, height, width]. */
    const weightOf = (name: string): SaidTensor => {
      const { shape, values } = weights.get(`${name}.weight`)!;
      const [h, w, i, o] = shape as [number, number, number, number];
      const at = Array.from({ length: values.length }, (_, k) => {
        const [x, y] = [k % w, Math.floor(k / w) % h];
        const [c, n] = [Math.floor(k / w / h) % i, Math.floor(k / w / h / i)];
        return values[((y * w + x) * i + c) * o + n]!;
      });
      return floats(`${name}.weight`, [o, i, h, w], at);
    };
    const biasOf = (name: string) =>
      floats(
        `${name}.bias`,
        [weights.get(`${name}.bias`)!.shape[0]!],
        [...weights.get(`${name}.bias`)!.values],
      );
    const model = await fromOnnx(
      onnxBytes({
        nodes: [
          node("Conv", ["x", "first.weight", "first.bias"], ["a"], { pads: { integers: [1, 1, 1, 1] } }),
          node("Relu", ["a"], ["b"]),
          node("MaxPool", ["b"], ["c"], {
            kernel_shape: { integers: [2, 2] },
            strides: { integers: [2, 2] },
          }),
          node("Conv", ["c", "second.weight", "second.bias"], ["d"]),
          node("GlobalAveragePool", ["d"], ["e"]),
          node("Flatten", ["e"], ["y"]),
        ],
        inputs: [{ name: "x", shape: ["batch", 2, 8, 8] }],
        initializers: ["first", "second"].flatMap((name) => [weightOf(name), biasOf(name)]),
      }),
    );
    const pixels = draw(3 * 128, 5);
    const first = pixels.map((_, k) => {
      const [c, x, y] = [k % 2, Math.floor(k / 2) % 8, Math.floor(k / 16) % 8];
      return pixels[Math.floor(k / 128) * 128 + c * 64 + y * 8 + x]!;
    });
    expect(await predict(model, pixels)).toEqual(await predict(own, first));
    expect(model.parameters()).toEqual(weights);
    const graph = new Graph("predict");
    model.trace(graph, graph.input("x", [2, 2, 8, 8]));
    expect(graph.nodes.filter(({ op }) => op?.name === "permute")).toHaveLength(1);
  });
});

describe("training", () => {
  const x = draw(32, 11);
  const target = draw(16, 12);
  const steps = async (model: Model, count = 20) => {
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: sgd({ learningRate: 0.05 }),
      engine,
    });
    const losses: number[] = [];
    for (let k = 0; k < count; k++) losses.push((await trainer.step(batchOf(x, target, 8))).loss);
    return losses;
  };

  test("what is frozen stays, what is not moves, and the loss falls", async () => {
    const model = await fromOnnx(onnxBytes(perceptron), { frozen: "first.*" });
    expect(model.parameterCount).toBe(6);
    const before = model.parameters();
    const losses = await steps(model);
    expect(losses.at(-1)).toBeLessThan(0.95 * losses[0]!);
    const after = model.parameters();
    for (const name of ["first.weight", "first.bias"]) expect(after.get(name)).toEqual(before.get(name));
    expect(after.get("second.weight")).not.toEqual(before.get("second.weight"));
    // As a checkpoint too.
    const again = await fromOnnx(onnxBytes(perceptron), { frozen: ["first.weight", /bias/] });
    again.fromBytes(model.toBytes());
    expect(await predict(again, x)).toEqual(await predict(model, x));
  });

  test("an inner value is the features of another model, which begins with the file's weights", async () => {
    const features = await fromOnnx(onnxBytes(perceptron), { output: "r", frozen: () => true });
    expect(features.outputShape).toEqual([3]);
    const model = defineModel({ input: [4] }, (input) => dense(2)(features.trace(input.graph, input)));
    await model.initialize({ engine });
    expect(model.parameters().get("first.weight")).toEqual(features.parameters().get("first.weight"));
    const losses = await steps(model);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect(model.parameters().get("first.weight")).toEqual(features.parameters().get("first.weight"));
  });

  const normalized: SaidModel = {
    nodes: [
      node("Gemm", ["x", "w"], ["h"]),
      node("BatchNormalization", ["h", "scale", "offset", "mean", "variance"], ["n"], {
        momentum: { float: 0.8 },
      }),
      node("Relu", ["n"], ["y"]),
    ],
    initializers: [
      floats("w", [4, 2], draw(8, 5)),
      floats("scale", [2], [1, 2]),
      floats("offset", [2], [0.5, 0]),
      floats("mean", [2], [0.1, -0.2]),
      floats("variance", [2], [1.5, 0.5]),
    ],
  };
  test("a batch normalization goes by the batch and renews its statistics, unless they are frozen", async () => {
    const model = await fromOnnx(onnxBytes(normalized));
    expect(model.parameterCount).toBe(12);
    const own = sequential(
      { input: [4] },
      dense(2, { bias: false, name: "w" }),
      batchNorm({ decay: 0.8, runningVariance: "biased", name: "n" }),
      (h) => h,
    );
    const given = model.parameters();
    const named = [
      ["w.weight", "w"],
      ["n.scale", "scale"],
      ["n.offset", "offset"],
      ["n.mean", "mean"],
      ["n.variance", "variance"],
    ] as const;
    own.setParameters(new Map(named.map(([name, of]) => [name, given.get(of)!])));
    await steps(model, 1);
    await steps(own, 1);
    for (const [name, of] of named.slice(3))
      expect(model.parameters().get(of)).toEqual(own.parameters().get(name));
    expect(model.parameters().get("mean")).not.toEqual(given.get("mean"));
    const frozen = await fromOnnx(onnxBytes(normalized), { frozen: ["mean", "variance"] });
    await steps(frozen, 3);
    for (const name of ["mean", "variance"]) expect(frozen.parameters().get(name)).toEqual(given.get(name));
    expect(frozen.parameters().get("scale")).not.toEqual(given.get("scale"));
  });

  test("dropout is for training alone", async () => {
    const model = await fromOnnx(
      onnxBytes({
        nodes: [node("Dropout", ["x", "ratio"], ["d"]), node("MatMul", ["d", "w"], ["y"])],
        initializers: [{ name: "ratio", shape: [], values: [0.5] }, floats("w", [4, 4], draw(16))],
      }),
    );
    const names = (mode: "train" | "predict") => {
      const graph = new Graph(mode);
      model.trace(graph, graph.input("x", [2, 4]));
      return graph.nodes.map(({ op }) => op?.name);
    };
    expect(names("train")).toContain("dropout");
    expect(names("predict")).not.toContain("dropout");
  });
});

describe("opsets", () => {
  const x = draw(12, 3);
  const images = { inputs: [{ name: "x", shape: ["n", 2, 6] }] };
  const both = async (old: SaidModel, opset: number, fresh: SaidModel, now = 17) => {
    const [a, b] = [
      await run({ ...images, ...old, opsets: { "": opset } }, x),
      await run({ ...images, ...fresh, opsets: { "": now } }, x),
    ];
    close(a, b);
    return a;
  };
  const y = ["y"];
  const axes = { axes: { integers: [1] } };

  test("softmax: one axis since 13, all from one on before", async () => {
    const sums = async (opset: number) => {
      const shares = await run(
        { ...images, nodes: [node("Softmax", ["x"], y, { axis: { integer: 1 } })], opsets: { "": opset } },
        x,
      );
      return shares.reduce((sum, share) => sum + share, 0);
    };
    expect(await sums(11)).toBeCloseTo(1, 5);
    expect(await sums(13)).toBeCloseTo(6, 5);
    const shares = await run({ ...images, nodes: [node("LogSoftmax", ["x"], y)], opsets: { "": 13 } }, x);
    expect(shares.slice(0, 6).reduce((sum, share) => sum + Math.exp(share), 0)).toBeCloseTo(1, 5);
  });
  test("axes, limits and sizes: attributes before, inputs since", async () => {
    await both({ nodes: [node("ReduceSum", ["x"], y, { ...axes, keepdims: { integer: 0 } })] }, 11, {
      nodes: [node("ReduceSum", ["x", "axes"], y, { keepdims: { integer: 0 } })],
      initializers: [integers("axes", 1)],
    });
    await both({ nodes: [node("Unsqueeze", ["x"], ["u"], axes), node("Squeeze", ["u"], y, axes)] }, 11, {
      nodes: [node("Unsqueeze", ["x", "axes"], ["u"]), node("Squeeze", ["u", "axes"], y)],
      initializers: [integers("axes", 1)],
    });
    await both({ nodes: [node("Clip", ["x"], y, { min: { float: -0.2 }, max: { float: 0.3 } })] }, 6, {
      nodes: [node("Clip", ["x", "low", "high"], y)],
      initializers: [
        { name: "low", shape: [], values: [-0.2] },
        { name: "high", shape: [], values: [0.3] },
      ],
    });
    const part = await both(
      {
        nodes: [
          node("Slice", ["x"], y, {
            starts: { integers: [1] },
            ends: { integers: [9] },
            axes: { integers: [2] },
          }),
        ],
      },
      9,
      {
        nodes: [node("Slice", ["x", "starts", "ends", "axes"], y)],
        initializers: [
          integers("starts", 1),
          integers("ends", Number.MAX_SAFE_INTEGER),
          integers("axes", -1),
        ],
      },
    );
    close(part, [...x.slice(1, 6), ...x.slice(7)]);
    const padded = await both(
      { nodes: [node("Pad", ["x"], y, { pads: { integers: [0, 0, 1, 0, 0, 2] }, value: { float: 3 } })] },
      9,
      {
        nodes: [node("Pad", ["x", "pads", "value"], y)],
        initializers: [integers("pads", 0, 0, 1, 0, 0, 2), { name: "value", shape: [], values: [3] }],
      },
    );
    close(padded.slice(0, 9), [3, ...x.slice(0, 6), 3, 3]);
    await both(
      {
        nodes: [
          node("Split", ["x"], ["a", "b"], { axis: { integer: 2 }, split: { integers: [2, 4] } }),
          node("Concat", ["b", "a"], y, { axis: { integer: 2 } }),
        ],
      },
      11,
      {
        nodes: [
          node("Split", ["x", "sizes"], ["a", "b"], { axis: { integer: 2 } }),
          node("Concat", ["b", "a"], y, { axis: { integer: 2 } }),
        ],
        initializers: [integers("sizes", 2, 4)],
      },
    );
    await both(
      { nodes: [node("Upsample", ["x", "scales"], y)], initializers: [floats("scales", [3], [1, 1, 2])] },
      9,
      {
        nodes: [
          node("Resize", ["x", "", "scales"], y, {
            coordinate_transformation_mode: { string: "asymmetric" },
            nearest_mode: { string: "floor" },
          }),
        ],
        initializers: [floats("scales", [3], [1, 1, 2])],
      },
    );
  });
  test("before 7 an operand was laid along an axis", async () => {
    await both(
      {
        nodes: [node("Add", ["x", "b"], y, { broadcast: { integer: 1 }, axis: { integer: 1 } })],
        initializers: [floats("b", [2], [1, 2])],
      },
      6,
      { nodes: [node("Add", ["x", "b"], y)], initializers: [floats("b", [2, 1], [1, 2])] },
    );
  });
  test("a group normalization has a scale a group before 21, a channel since", async () => {
    const groups = { num_groups: { integer: 1 } };
    await both(
      {
        nodes: [node("GroupNormalization", ["x", "s", "o"], y, groups)],
        initializers: [floats("s", [1], [2]), floats("o", [1], [1])],
      },
      18,
      {
        nodes: [node("GroupNormalization", ["x", "s", "o"], y, groups)],
        initializers: [floats("s", [2], [2, 2]), floats("o", [2], [1, 1])],
      },
      21,
    );
  });
});

describe("shapes and integers", () => {
  test("shapes are reckoned at import, with the batch that there is", async () => {
    const said: SaidModel = {
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Concat", ["n1", "rest"], ["shape"], { axis: { integer: 0 } }),
        node("Reshape", ["x", "shape"], ["m"]),
        node("ReduceMean", ["m"], ["y"], { axes: { integers: [2] }, keepdims: { integer: 0 } }),
      ],
      initializers: [
        { name: "zero", type: INT64, shape: [], values: [0] },
        integers("axis", 0),
        integers("rest", 2, -1),
      ],
    };
    close(await run(said, [1, 3, 5, 7, 2, 2, 4, 8]), [2, 6, 2, 6]);
  });
  test("a file for one example takes more where it only reshapes", async () => {
    const said: SaidModel = {
      nodes: [
        node("Reshape", ["x", "shape"], ["m"]),
        node("ReduceMax", ["m"], ["y"], { axes: { integers: [1] }, keepdims: { integer: 0 } }),
      ],
      inputs: [{ name: "x", shape: [1, 4] }],
      initializers: [integers("shape", 1, 2, 2)],
    };
    close(await run(said, [1, 3, 5, 0, 2, 9, 4, 8]), [5, 3, 4, 9]);
  });
  test("a model has the same ops in the same order at every batch size", async () => {
    const turn = { perm: { integers: [1, 0, 2] } };
    const nodes = [
      node("Transpose", ["x"], ["t"], turn),
      node("Softmax", ["t"], ["s"]),
      node("Transpose", ["s"], ["y"], turn),
    ];
    const model = await fromOnnx(onnxBytes({ nodes, inputs: [{ name: "x", shape: ["n", 2, 3] }] }));
    const names = (batch: number) => {
      const graph = new Graph("predict");
      model.trace(graph, graph.input("x", [batch, 2, 3]));
      return graph.nodes.map(({ op }) => op?.name);
    };
    expect(names(1)).toEqual(names(2));
  });
  test("tokens name rows, and the place of the largest is a number", async () => {
    const table = draw(12, 8);
    const said: SaidModel = {
      nodes: [
        node("Gather", ["table", "x"], ["e"]),
        node("ReduceMean", ["e"], ["m"], { axes: { integers: [1] }, keepdims: { integer: 0 } }),
        node("ArgMax", ["m"], ["y"], { axis: { integer: 1 }, keepdims: { integer: 0 } }),
      ],
      inputs: [{ name: "x", type: INT64, shape: ["n", 2] }],
      initializers: [floats("table", [4, 3], table)],
    };
    const rows = await run(said, [0, 1, 3, 3], { output: "m" });
    const own = embedding(4, 3, { name: "table" });
    expect(own).toBeTypeOf("function");
    close(rows.slice(3), table.slice(9));
    const places = await run(said, [0, 1, 3, 3]);
    expect(places).toEqual(
      [0, 3].map((from) => rows.slice(from, from + 3).indexOf(Math.max(...rows.slice(from, from + 3)))),
    );
    await expect(run(said, [0, 4])).rejects.toThrow(/wanted 0 to 3/);
  });
  test("tokens that are padding are told from others", async () => {
    const pad = { name: "pad", type: INT64, shape: [], values: [3] };
    const said: SaidModel = {
      nodes: [
        node("Equal", ["x", "pad"], ["e"]),
        node("Not", ["e"], ["n"]),
        node("Cast", ["n"], ["f"], { to: { integer: 1 } }),
        node("Cast", ["x"], ["b"], { to: { integer: 9 } }),
        node("Where", ["b", "f", "seven"], ["y"]),
      ],
      inputs: [{ name: "x", type: INT64, shape: ["n", 3] }],
      initializers: [pad, { name: "seven", shape: [], values: [7] }],
    };
    expect(await run(said, [1, 3, 0, 3, 9, 2])).toEqual([1, 0, 7, 0, 1, 1]);
  });
  test("what no operator of ours does on integers says so", async () => {
    const said = {
      nodes: [node("Add", ["x", "x"], ["y"])],
      inputs: [{ name: "x", type: INT64, shape: ["n", 2] }],
    };
    await expect(fromOnnx(onnxBytes(said))).rejects.toThrow(
      /node 0 \(Add\): computing with integers of the input is not supported/,
    );
  });
});

describe("what a file may be", () => {
  const weights = new Map([["w.bin", new Uint8Array(Float32Array.from([9, ...draw(6, 4)]).buffer)]]);
  const outside = (external: Record<string, string>): SaidModel => ({
    ...perceptron,
    initializers: [
      ...perceptron.initializers!.slice(0, 2),
      { name: "second.weight", shape: [3, 2], external },
    ],
  });
  test("weights in another file are taken from the map, and nothing is opened", async () => {
    const bytes = onnxBytes(outside({ location: "w.bin", offset: "4", length: "24" }));
    const x = draw(4);
    expect(await predict(await fromOnnx(bytes, { weights }), x)).toEqual(await run(perceptron, x));
    await expect(fromOnnx(bytes)).rejects.toThrow(
      /initializer "second.weight": got numbers in another file, "w.bin"/,
    );
    const hostile = onnxBytes(outside({ location: "../../../etc/passwd" }));
    await expect(fromOnnx(hostile, { weights })).rejects.toThrow(
      /wanted its bytes under that name in weights, among "w.bin"/,
    );
    const beyond = onnxBytes(outside({ location: "w.bin", offset: "8", length: "24" }));
    await expect(fromOnnx(beyond, { weights })).rejects.toThrow(/got bytes 8 to 32, wanted at most 28/);
    const wrong = onnxBytes(outside({ location: "w.bin", offset: "-4" }));
    await expect(fromOnnx(wrong, { weights })).rejects.toThrow(/external offset: got "-4"/);
  });

  const relu = [node("Relu", ["x"], ["y"])];
  const added = (tensor: SaidTensor): SaidModel => ({
    nodes: [node("Add", ["x", "b"], ["y"])],
    initializers: [tensor],
  });
  test.each<[string, SaidModel, RegExp]>([
    [
      "a cycle",
      { nodes: [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])] },
      /node \d \((Add|Relu)\): got a cycle through "[ab]"/,
    ],
    [
      "an input that nothing makes",
      { nodes: [node("Add", ["x", "z"], ["y"])] },
      /node 0 \(Add\): "z": got a name that nothing makes/,
    ],
    [
      "an output that nothing makes",
      { nodes: relu, outputs: [{ name: "z" }] },
      /output: "z": got a name that nothing makes/,
    ],
    [
      "two values of a name",
      { nodes: [...relu, ...relu] },
      /node 1 \(Relu\): output "y": got a name that is taken/,
    ],
    [
      "an output named as an input",
      { nodes: [node("Relu", ["x"], ["x"])], outputs: [{ name: "x" }] },
      /output "x": got a name that is taken/,
    ],
    [
      "two initializers of a name",
      { nodes: relu, initializers: [floats("b", [1], [1]), floats("b", [1], [1])] },
      /initializer "b": got it twice/,
    ],
    [
      "an operator that is not known",
      { nodes: [{ ...relu[0]!, operator: "Frobnicate", name: "f1" }] },
      /node 0 "f1" \(Frobnicate\): operator "Frobnicate" of domain "", opset 17, is not supported/,
    ],
    [
      "a domain that is not known",
      { nodes: [{ ...relu[0]!, domain: "com.example" }], opsets: { "": 17, "com.example": 1 } },
      /node 0 \(com.example.Relu\): operator "Relu" of domain "com.example", opset 1/,
    ],
    [
      "a domain without opset",
      { nodes: [{ ...relu[0]!, domain: "com.example" }] },
      /got no opset of domain "com.example"/,
    ],
    [
      "an opset of the future",
      { nodes: relu, opsets: { "": 99 } },
      /node 0 \(Relu\): opset 99 is not supported: wanted 1 to 21/,
    ],
    [
      "an element type that is not known",
      added({ name: "b", type: 8, shape: [1], values: [0] }),
      /initializer "b": element type 8 is not supported: wanted one of float, uint8/,
    ],
    [
      "too few numbers",
      added(floats("b", [4], [1, 2, 3])),
      /initializer "b": got 12 bytes, wanted 16 for float \[4\]/,
    ],
    [
      "too few listed numbers",
      added({ name: "b", shape: [4], values: [1], field: 4 }),
      /initializer "b": got 1 numbers, wanted 4/,
    ],
    [
      "numbers in another type's field",
      added({ name: "b", shape: [1], values: [1], field: 7 }),
      /initializer "b": got numbers in several fields, or in that of another type/,
    ],
    [
      "a byte beyond its type",
      {
        nodes: [node("Cast", ["b"], ["c"], { to: { integer: 1 } }), node("Add", ["x", "c"], ["y"])],
        initializers: [{ name: "b", type: 2, shape: [1], values: [256], field: 5 }],
      },
      /initializer "b": element 0: got 256, wanted uint8/,
    ],
    ["a negative size", added({ name: "b", shape: [-1], values: [] }), /initializer "b": dims: got \[-1\]/],
    [
      "a tensor beyond all limits",
      added({ name: "b", shape: [2 ** 20, 2 ** 20], values: [] }),
      /dims: got \[1048576, 1048576\], wanted at most 268435456 elements/,
    ],
    [
      "an attribute of another type",
      { nodes: [node("Softmax", ["x"], ["y"], { axis: { float: 1 } })] },
      /node 0 \(Softmax\): attribute axis: got another type, wanted a whole number/,
    ],
    [
      "an attribute that is missing",
      { nodes: [node("Cast", ["x"], ["y"])] },
      /node 0 \(Cast\): attribute to: got none, wanted a whole number/,
    ],
    [
      "an axis that is none",
      { nodes: [node("Concat", ["x", "x"], ["y"], { axis: { integer: 5 } })] },
      /node 0 \(Concat\): axis: got 5, wanted -2 to 1/,
    ],
    ["sizes that do not fit", added(floats("b", [3], [1, 2, 3])), /node 0 \(Add\): .*do not broadcast/],
    [
      "what is known only while running",
      { nodes: [node("Reshape", ["x", "s"], ["y"]), node("Cast", ["x"], ["s"], { to: { integer: 7 } })] },
      /node 0 \(Reshape\): input 1 that is known only while running is not supported/,
    ],
    [
      "an output of numbers",
      { nodes: [node("Shape", ["x"], ["y"])] },
      /output "y": got numbers, wanted what depends on the input/,
    ],
    [
      "an output without the batch",
      { nodes: [node("ReduceSum", ["x"], ["y"], { keepdims: { integer: 0 } })] },
      /output "y": model: the output must keep the batch/,
    ],
    [
      "more than may be computed at import",
      {
        nodes: [node("ConstantOfShape", ["n"], ["c"]), node("Add", ["x", "c"], ["y"])],
        initializers: [integers("n", 2 ** 30, 4)],
      },
      /node 0 \(ConstantOfShape\): got more numbers to compute at import/,
    ],
  ])("refuses %s", async (_, said, message) => {
    const error = await fromOnnx(onnxBytes(said)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
  });

  test("what is not bytes, or no map of them, is refused by name", async () => {
    for (const wrong of [undefined, "digits.onnx", new ArrayBuffer(8), [8, 8]])
      await expect(fromOnnx(wrong as unknown as Uint8Array)).rejects.toThrow(
        /^fromOnnx: bytes: got .*, wanted a Uint8Array$/,
      );
    const bytes = onnxBytes(outside({ location: "w.bin" }));
    for (const wrong of [{ "w.bin": new Uint8Array(24) }, new Map([["w.bin", [1, 2]]])])
      await expect(fromOnnx(bytes, { weights: wrong as unknown as typeof weights })).rejects.toThrow(
        /^fromOnnx: weights: got .*, wanted a Map of names to Uint8Arrays$/,
      );
  });

  const many = 200_000;
  const long = { name: "n", type: INT64, shape: [1], values: [many] };
  const filled = node("ConstantOfShape", ["n"], ["c"]);
  test.each<[string, SaidModel, RegExp | undefined]>([
    [
      "the place of the largest of many known numbers",
      {
        nodes: [
          filled,
          node("ArgMax", ["c"], ["p"]),
          node("Cast", ["p"], ["f"], { to: { integer: 1 } }),
          node("Add", ["x", "f"], ["y"]),
        ],
        initializers: [long],
      },
      undefined,
    ],
    [
      "the largest of many known numbers, in order",
      {
        nodes: [
          filled,
          node("TopK", ["c", "n"], ["v", "p"]),
          node("ReduceMax", ["v"], ["m"]),
          node("Add", ["x", "m"], ["y"]),
        ],
        initializers: [long],
      },
      undefined,
    ],
    [
      "one element of very many",
      {
        nodes: [
          node("Resize", ["c", "", "", "one"], ["r"], {
            mode: { string: "linear" },
            antialias: { integer: 1 },
          }),
          filled,
          node("Add", ["x", "r"], ["y"]),
        ],
        initializers: [long, integers("one", 1)],
        opsets: { "": 18 },
      },
      undefined,
    ],
    [
      "more parts than outputs",
      { nodes: [node("Split", ["x"], ["y"], { num_outputs: { integer: 2 ** 40 } })] },
      /node 0 \(Split\): attribute num_outputs: got 1099511627776, wanted 1/,
    ],
    [
      "a diagonal of a type that there is not",
      {
        nodes: [
          node("EyeLike", ["w"], ["e"], { dtype: { integer: 99 } }),
          node("Add", ["e", "e"], ["f"]),
          node("MatMul", ["x", "f"], ["y"]),
        ],
        initializers: [{ name: "w", type: INT64, shape: [4, 4], values: draw(16).map(() => 1) }],
      },
      /node 0 \(EyeLike\): element type 99 is not supported/,
    ],
    [
      "integers of a type that there is not",
      {
        nodes: [node("QuantizeLinear", ["x", "s"], ["y"], { output_dtype: { integer: 99 } })],
        initializers: [{ name: "s", shape: [], values: [1] }],
        opsets: { "": 21 },
      },
      /node 0 \(QuantizeLinear\): element type 99 is not supported/,
    ],
    [
      "neighbours beyond all channels",
      { nodes: [node("LRN", ["x"], ["y"], { size: { integer: 2 ** 40 } })] },
      /node 0 \(LRN\): attribute size: got 1099511627776/,
    ],
    [
      "a loop that carries nothing",
      {
        nodes: [
          node("Relu", ["x"], ["r"]),
          node("Loop", ["n"], ["all"], {
            body: {
              graph: {
                nodes: [node("Identity", ["c"], ["d"])],
                inputs: [{ name: "i" }, { name: "c" }],
                outputs: [{ name: "d" }, { name: "r" }],
              },
            },
          }),
          node("ReduceSum", ["all", "zero"], ["y"], { keepdims: { integer: 0 } }),
        ],
        initializers: [{ ...long, values: [3] }, integers("zero", 0)],
      },
      undefined,
    ],
  ])("bounded: %s", async (_, said, message) => {
    const got = await fromOnnx(onnxBytes(said)).catch((thrown) => thrown);
    if (!message) expect(got).not.toBeInstanceOf(Error);
    else {
      expect(got).toBeInstanceOf(FormatError);
      expect(got.message).toMatch(message);
    }
  });

  test("options that do not fit the file", async () => {
    const two: SaidModel = {
      nodes: [node("Add", ["a", "b"], ["y"]), node("Relu", ["a"], ["z"])],
      inputs: ["a", "b"].map((name) => ({ name, shape: ["n", "m"] })),
      outputs: [{ name: "y" }, { name: "z" }],
    };
    const bytes = onnxBytes(two);
    const fails = (options: object, message: RegExp) =>
      expect(fromOnnx(bytes, options)).rejects.toThrow(message);
    await fails({}, /fromOnnx: output: got none, wanted one of "y", "z"/);
    await fails({ output: "y" }, /fromOnnx: input: got none, wanted one of "a", "b"/);
    await fails({ output: "y", input: "a" }, /input "a": got it beside "b"/);
    await fails({ output: "z", input: "b" }, /input "b": got one that the output does not depend on/);
    await fails({ output: "z" }, /inputShape: got none, wanted the sizes that "a" \[n, m\] leaves open/);
    await fails({ output: "z", inputShape: [2], frozen: "w*" }, /frozen: got none of the parameters/);
    for (const inputShape of ["2", [0], [-2], [1.5]])
      await fails({ output: "z", inputShape }, /^fromOnnx: inputShape: got .*, wanted a list of positive/);
    await fails({ outputs: "z" }, /fromOnnx: outputs: unknown option/);
    await fails({ limits: { maxNodes: 0 } }, /limits: maxNodes: got 0/);
    await fails({ limits: { maxNodes: 1 } }, /graph: got more nodes, wanted at most 1/);
    const model = await fromOnnx(bytes, { output: "z", inputShape: [2] });
    expect(await predict(model, [-1, 2])).toEqual([0, 2]);
    await expect(fromOnnx(onnxBytes(perceptron), { inputShape: [5] })).rejects.toThrow(
      /inputShape: got \[5\], wanted \[4\]/,
    );
  });

  /** What comes of bytes: a model, or an error that says what is wrong with them. */
  const outcome = (bytes: Uint8Array) => {
    try {
      return modelOf(bytes, { limits: { maxElements: 2 ** 20 } });
    } catch (error) {
      if (!(error instanceof DownhillError)) throw error;
      return error;
    }
  };
  const small = onnxBytes({
    ...perceptron,
    nodes: [
      ...perceptron.nodes.slice(0, 2),
      node("Softmax", ["r"], ["s"], { axis: { integer: -1 } }),
      node("MatMul", ["s", "second.weight"], ["y"]),
    ],
  });
  test("every beginning of a file is refused, or is a model", () => {
    const results = Array.from(small, (_, length) => outcome(small.subarray(0, length)));
    // Behind the graph only the opset is missing.
    expect(results.filter((each) => each instanceof FormatError).length).toBe(small.length);
  });
  test("a file with any byte changed is refused, or is a model", () => {
    let models = 0;
    for (const at of small.keys()) {
      for (const mask of [1, 0x80, 0xff]) {
        const bytes = small.slice();
        bytes[at]! ^= mask;
        if (!(outcome(bytes) instanceof Error)) models++;
      }
    }
    // Numbers of weights and letters of some names may be others.
    expect(models).toBeGreaterThan(100);
  });
});

describe("there and back", () => {
  const models: Record<string, Model> = {
    perceptron: sequential({ input: [6] }, dense(5, { activation: "gelu" }), dense(3)),
    convolutions: sequential(
      { input: [8, 8, 2] },
      conv2d(4, 3, { padding: "same", bias: false }),
      batchNorm(),
      maxPool2d(2),
      conv2d(3, 3, { activation: "hardSwish" }),
      flatten(),
      dense(2),
    ),
    recurrent: sequential({ input: [5, 3] }, lstm(4, { returnSequences: true }), lstm(3), dense(2)),
  };
  test.each(Object.keys(models))("%s: what toOnnx writes predicts the same", async (name) => {
    const model = models[name]!;
    await model.initialize({ seed: 2, engine });
    for (const opset of [17, 21] as const) {
      const back = await fromOnnx(await toOnnx(model, { engine, opset }));
      const x = draw(3 * model.inputShape.reduce((product, size) => product * size, 1), 6);
      close(await predict(back, x), await predict(model, x), 5);
      expect(back.parameterCount).toBeGreaterThan(0);
    }
  });
});

describe("the page", () => {
  const page = readFileSync(new URL("../../docs/onnx.md", import.meta.url), "utf8");
  test("lists every operator that is read, and no other", () => {
    const table = page.slice(page.indexOf("| operators"), page.length).split("\n\n")[0]!;
    const listed = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort();
    expect(listed).toEqual([...operatorsOf(""), ...operatorsOf("ai.onnx.preview.training")].sort());
    for (const family of Object.keys(families)) expect(table).toContain(`| ${family} |`);
  });
});
