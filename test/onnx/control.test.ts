// Graphs inside nodes: branches that are known when a file is read, and loops said step by step. ONNX's own tests of them
// run in test/deploy/onnx-node-tests.js.
import { afterAll, describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import {
  createEngine,
  createTrainer,
  defineModel,
  greater,
  max,
  meanSquaredError,
  sgd,
  square,
} from "#src/index";
import { gru, lstm, simpleRnn } from "#src/layers";
import { fromOnnx, toOnnx } from "#src/onnx/index";
import {
  floats,
  INT64,
  integers,
  node,
  onnxBytes,
  type SaidGraph,
  type SaidModel,
} from "../support/onnx-files.ts";
import { numbers } from "../train/setting.ts";

const BOOL = 9;
const engine = await createEngine({ threads: 1 });
afterAll(() => engine.close());

const modelOf = (said: SaidModel) => fromOnnx(onnxBytes(said));
const run = async (said: SaidModel, x: readonly number[]) => [
  ...(await (await modelOf(said)).predict(x, { engine })),
];
const refused = async (said: SaidModel): Promise<string> => {
  const error = await modelOf(said).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(FormatError);
  return error.message;
};
const named = (...names: string[]) => names.map((name) => ({ name }));
const truth = (name: string, value: number) => ({ name, type: BOOL, shape: [], values: [value] });
const whole = (name: string, value: number) => ({ name, type: INT64, shape: [], values: [value] });

describe("If", () => {
  const branches = (condition: SaidModel["nodes"], more: Partial<SaidModel> = {}): SaidModel => ({
    nodes: [
      ...condition,
      node("Relu", ["x"], ["r"]),
      node("If", ["c"], ["y"], {
        then_branch: {
          graph: { nodes: [node("MatMul", ["r", "w"], ["a"])], outputs: named("a") },
        },
        else_branch: { graph: { nodes: [node("Frobnicate", ["r"], ["b"])], outputs: named("b") } },
      }),
    ],
    ...more,
    initializers: [
      floats("w", [4, 1], [1, 10, 100, 1000]),
      integers("four", 4),
      ...(more.initializers ?? []),
    ],
  });
  const byShape = [
    node("Shape", ["x"], ["s"], { start: { integer: 1 } }),
    node("Equal", ["s", "four"], ["c"]),
  ];
  test("a condition of shapes is known: its branch is said, with the weights around it", async () => {
    expect(await run(branches(byShape), [1, 2, 3, -4])).toEqual([321]);
    const model = await modelOf(branches(byShape));
    expect([...model.parameters().keys()]).toEqual(["w"]);
  });
  test("the branch that is taken must be readable", async () => {
    expect(await refused(branches([], { initializers: [truth("c", 0)] }))).toMatch(
      /node 1 \(If\): attribute "else_branch": node 0 \(Frobnicate\): operator "Frobnicate" of domain "", opset 17/,
    );
  });
  test("a condition of the input is refused with its node", async () => {
    const running = [
      node("ReduceMax", ["x"], ["m"], { keepdims: { integer: 0 } }),
      node("Cast", ["m"], ["c"], { to: { integer: BOOL } }),
    ];
    expect(await refused(branches(running))).toMatch(
      /node 3 \(If\): a condition that is known only while running is not supported/,
    );
    expect(
      await refused(branches([], { initializers: [{ ...truth("c", 1), shape: [2], values: [1, 1] }] })),
    ).toMatch(/node 1 \(If\): condition: got bool \[2\], wanted one truth value/);
  });
});

describe("Loop", () => {
  /** h ← h · 2 + step; the states are stacked as well. */
  const body: SaidGraph = {
    nodes: [
      node("Cast", ["i"], ["f"], { to: { integer: 1 } }),
      node("Mul", ["h", "two"], ["d"]),
      node("Add", ["d", "f"], ["next"]),
      node("Less", ["i", "last"], ["on"]),
    ],
    inputs: named("i", "was", "h"),
    outputs: named("on", "next", "next"),
    initializers: [{ name: "two", shape: [1], values: [2] }],
  };
  const loop = (trips: string, last: number, wanted: string, inner = body): SaidModel => ({
    nodes: [
      node("Loop", [trips, "", "x"], ["h.end", "all"], { body: { graph: inner } }),
      node("Transpose", ["all"], ["y"], { perm: { integers: [1, 0, 2] } }),
    ],
    outputs: named(wanted),
    initializers: [whole("trips", 3), whole("last", last), whole("none", 0)],
  });
  const x = [1, -1, 0, 5];
  // ((x · 2 + 0) · 2 + 1) · 2 + 2
  const states = [1, 2, 3].map((k) => x.map((value) => value * 2 ** k + [0, 0, 1, 4][k]!));
  test("so many steps as a number says, or until a known condition ends", async () => {
    expect(await run(loop("trips", 99, "h.end"), x)).toEqual(states[2]);
    expect(await run(loop("trips", 99, "y"), x)).toEqual(states.flat());
    expect(await run(loop("", 2, "y"), x)).toEqual(states.flat());
    expect(await run(loop("trips", 0, "y"), x)).toEqual(states[0]);
  });
  test("no steps leave what is carried, and no results of steps", async () => {
    const { nodes } = loop("none", 99, "y");
    const carried = node("Loop", ["none", "", "x"], ["y"], {
      body: { graph: { ...body, outputs: body.outputs!.slice(0, 2) } },
    });
    expect(await run({ ...loop("none", 9, "y"), nodes: [carried] }, x)).toEqual(x);
    expect(await refused({ ...loop("none", 99, "y"), nodes })).toMatch(
      /node 0 \(Loop\): no step, which leaves results without elements, is not supported/,
    );
  });
  test("more than 512 steps are refused, and many steps of many", async () => {
    expect(await refused(loop("", 1e6, "y"))).toMatch(
      /node 0 \(Loop\): a loop of more than 512 steps is not supported/,
    );
    const nested = (depth: number): SaidGraph =>
      depth === 0
        ? { nodes: [], inputs: named("i0", "c0", "h0"), outputs: named("c0", "h0") }
        : {
            nodes: [
              node("Loop", ["many", "", `h${depth}`], [`o${depth}`], { body: { graph: nested(depth - 1) } }),
            ],
            inputs: named(`i${depth}`, `c${depth}`, `h${depth}`),
            outputs: named(`c${depth}`, `o${depth}`),
          };
    const deep = { nodes: nested(4).nodes, initializers: [whole("many", 500)] };
    const renamed = deep.nodes.map((each) => ({ ...each, inputs: ["many", "", "x"], outputs: ["y"] }));
    expect(await refused({ ...deep, nodes: renamed })).toMatch(
      /\(Loop\): graphs inside: got more nodes, counted each time, wanted at most 100000/,
    );
  });
  test("what a graph inside says wrong is named with both nodes", async () => {
    const wrong = (change: Partial<SaidGraph>) => refused(loop("trips", 9, "y", { ...body, ...change }));
    expect(await wrong({ inputs: named("i", "was", "h", "more") })).toMatch(
      /node 0 \(Loop\): attribute body: got 4 inputs and 3 outputs, wanted 3 and 3/,
    );
    expect(
      await wrong({
        nodes: [node("Add", ["h", "nothing"], ["next"])],
        outputs: named("was", "next", "next"),
      }),
    ).toMatch(/node 0 \(Loop\): "nothing": got a name that nothing makes/);
    expect(
      await wrong({
        nodes: [node("Add", ["h", "later"], ["next"]), node("Neg", ["next"], ["later"])],
        outputs: named("was", "next", "next"),
      }),
    ).toMatch(/node 0 \(Loop\): attribute "body": node \d \((Add|Neg)\): got a cycle/);
    expect(
      await wrong({ nodes: [node("Add", ["h", "all"], ["next"])], outputs: named("was", "next", "next") }),
    ).toMatch(/node 0 \(Loop\): got a cycle through "all"/);
    expect(
      await wrong({
        nodes: [node("Concat", ["h"], ["next"], { axis: { integer: 7 } })],
        outputs: named("was", "next", "next"),
      }),
    ).toMatch(/node 0 \(Loop\): attribute "body": node 0 \(Concat\): axis: got 7/);
    expect(await wrong({ outputs: named("on", "next", "") })).toMatch(/got an output without a name/);
    expect(await wrong({ initializers: [...body.initializers!, ...body.initializers!] })).toMatch(
      /node 0 \(Loop\): attribute "body": initializer "two": got it twice/,
    );
    expect(await refused({ nodes: [node("Loop", ["", "", "x"], ["y"])] })).toMatch(
      /node 0 \(Loop\): attribute body: got none, wanted a graph/,
    );
  });
});

describe("Scan", () => {
  /** Sums of what is gone through; the weight around it takes part. */
  const body: SaidGraph = {
    nodes: [node("Mul", ["now", "w"], ["m"]), node("Add", ["sum", "m"], ["next"])],
    inputs: named("sum", "now"),
    outputs: named("next", "next"),
  };
  const scan = (attributes: object, size: number | string = 3): SaidModel => ({
    nodes: [
      node("ReduceMin", ["x", "one"], ["least"], { keepdims: { integer: 0 } }),
      node("Mul", ["least", "zero"], ["start"]),
      node("Scan", ["start", "x"], ["end", "y"], {
        body: { graph: body },
        num_scan_inputs: { integer: 1 },
        scan_input_axes: { integers: [1] },
        scan_output_axes: { integers: [-1] },
        ...attributes,
      }),
    ],
    inputs: [{ name: "x", shape: ["n", size, 2] }],
    initializers: [
      floats("w", [2], [1, 10]),
      { name: "zero", shape: [], values: [0] },
      { ...integers("one", 1) },
    ],
    opsets: { "": 18 },
  });
  const x = [1, 2, 3, 4, 5, 6, 0, 1, 0, 1, 0, 1];
  test("axes and directions of what goes in and comes out", async () => {
    expect(await run(scan({}), x)).toEqual([1, 4, 9, 20, 60, 120, 0, 0, 0, 10, 20, 30]);
    const backwards = { scan_input_directions: { integers: [1] } };
    expect((await run(scan(backwards), x)).slice(0, 6)).toEqual([5, 8, 9, 60, 100, 120]);
    const turned = { ...backwards, scan_output_directions: { integers: [1] } };
    expect((await run(scan(turned), x)).slice(0, 6)).toEqual([9, 8, 5, 120, 100, 60]);
  });
  test("a weight that the body uses is trained", async () => {
    const model = await modelOf(scan({}));
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: sgd({ learningRate: 2e-3 }),
      engine,
    });
    const batch = { inputs: Float32Array.from(x), targets: new Float32Array(12), labels: undefined, size: 2 };
    const before = (await trainer.step(batch)).loss;
    for (let k = 0; k < 5; k++) await trainer.step(batch);
    expect((await trainer.step(batch)).loss).toBeLessThan(before / 2);
  });
  test("what does not fit is refused with the node", async () => {
    const cases: [SaidModel, string][] = [
      [scan({}, 513), "a sequence of more than 512 steps is not supported"],
      [scan({ num_scan_inputs: { integer: 3 } }), "attribute num_scan_inputs: got 3"],
      [scan({ num_scan_inputs: { integer: 0 } }), "attribute num_scan_inputs: got 0"],
      [scan({ scan_input_axes: { integers: [1, 1] } }), "attribute scan_input_axes: got 2 numbers, wanted 1"],
      [scan({ scan_input_axes: { integers: [3] } }), "axis: got 3, wanted -3 to 2"],
      [scan({ scan_output_axes: { integers: [9] } }), "axis: got 9, wanted -3 to 2"],
    ];
    for (const [said, message] of cases)
      expect(await refused(said)).toContain(`onnx: node 2 (Scan): ${message}`);
    const old = { nodes: [node("Scan", ["", "x", "x"], ["e", "y"])], opsets: { "": 8 } };
    expect(await refused(old)).toContain("node 0 (Scan): Scan of opset 8 is not supported");
  });
});

test.each([
  ["LSTM", lstm],
  ["GRU", gru],
  ["simple recurrence", simpleRnn],
] as const)("%s under a mask: what toOnnx writes predicts the same", async (_, layer) => {
  const model = defineModel({ input: [5, 3] }, (x) => {
    const mask = greater(max(square(x), { axes: -1 }), 0);
    return layer(4, { reverse: true })(layer(3, { returnSequences: true })(x, { mask }), { mask });
  });
  await model.initialize({ seed: 2, engine });
  const x = Float32Array.from(numbers(30, 6));
  // A hole, and an end.
  x.fill(0, 3, 6).fill(0, 24, 30);
  const back = await fromOnnx(await toOnnx(model, { engine }));
  const [got, wanted] = [await back.predict(x, { engine }), await model.predict(x, { engine })];
  for (const [k, value] of wanted.entries()) expect(got[k]).toBeCloseTo(value, 6);
});
