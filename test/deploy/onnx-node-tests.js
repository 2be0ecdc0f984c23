// The tests that ONNX's operators are defined by, and models that PyTorch has written, each with inputs and the outputs that
// they must give. They come from Debian's package libonnx-testdata; without it nothing is run, which fails.
// Floats and truth values are inputs of a program; where an operator has to know one beforehand, it is given as a number.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { compile } from "../../build/src/compile/program.js";
import { FormatError, OptionError } from "../../build/src/core/errors.js";
import { createEngine } from "../../build/src/engine/engine.js";
import { Graph } from "../../build/src/graph/tensor.js";
import { checkOperators, evaluate, nodesFor } from "../../build/src/onnx/import/evaluate.js";
import { readOnnx } from "../../build/src/onnx/import/file.js";
import { limitsOf, modelOf } from "../../build/src/onnx/import/model.js";
import { BOOL, isFloat, permuted } from "../../build/src/onnx/import/numbers.js";
import { readOnnxTensor } from "../../build/src/onnx/import/tensor.js";
import { Value } from "../../build/src/onnx/import/value.js";
import { maximum } from "../../build/src/ops/arithmetic.js";

const DATA = "/usr/share/libonnx-testdata/data";
const CATEGORIES = ["node", "pytorch-converted", "pytorch-operator", "simple"];
/** Tests that must pass: fewer are a step back. */
const WANTED = 906;
/** Files of PyTorch that must be models as well. */
const WANTED_MODELS = 86;
/** ONNX's own tolerance. */
const [RELATIVE, ABSOLUTE] = [1e-3, 1e-7];
/** Which inputs are a program's: all, the first, none. */
const WAYS = [() => true, (k) => k === 0, () => false];

/** What is wrong with a test, not with who runs it. */
const REPAIRS = {
  // Its outputs are those of an epsilon that its node does not say; the operator's default is another.
  test_adam_multiple: ({ nodes: [node] }) => node.attributes.set("epsilon", { float: 1e-2 }),
};
/** Largest float of 32 bits: of tests whose doubles go beyond it nothing is claimed. */
const LARGEST = 3.4028234663852886e38;

const limits = limitsOf();
const engine = await createEngine({ threads: 1 });

/** Runs tensors of a graph. */
async function run(graph, given, outputs) {
  const placements = new Map();
  const ends = { input: 0, output: 0 };
  const place = (region, tensor) => {
    placements.set(tensor, { region, offset: ends[region] });
    ends[region] += Math.ceil(tensor.size / 16) * 64;
  };
  for (const tensor of given.keys()) place("input", tensor);
  for (const tensor of outputs) if (!placements.has(tensor)) place("output", tensor);
  const program = compile({ graph, placements });
  const loaded = engine.load(program);
  try {
    for (const [tensor, numbers] of given) {
      const { region, offset } = placements.get(tensor);
      if (program.regions.has(region)) loaded.floats(region, offset, tensor.size).set(numbers);
    }
    await engine.run(loaded);
    return outputs.map((tensor) => {
      const { region, offset } = placements.get(tensor);
      return loaded[tensor.dtype === "i32" ? "integers" : "floats"](region, offset, tensor.size).slice();
    });
  } finally {
    loaded.release();
  }
}

/** Outputs for inputs, of which some are a program's. */
async function outputsOf(file, names, tensors, isRunning) {
  const graph = new Graph("predict");
  const scope = {
    graph,
    weight({ name, axes }) {
      const { shape, numbers } = file.initializers.get(name);
      return graph.constant(
        permuted(numbers(), shape, axes),
        axes.map((axis) => shape[axis]),
      );
    },
    state: () => undefined,
    spend() {},
  };
  const inputs = new Map();
  const values = new Map(
    tensors.map(({ type, shape, numbers }, k) => {
      const fits = (isFloat(type) || type === BOOL) && shape.every((size) => size > 0);
      if (!fits || !isRunning(k)) return [names[k], new Value(scope, shape, { type, numbers: numbers() })];
      const first = graph.input(names[k], shape);
      inputs.set(first, numbers());
      return [names[k], new Value(scope, shape, { type, first })];
    }),
  );
  const wanted = file.outputs.map(({ name }) => name);
  const nodes = nodesFor(file, wanted, new Set(names));
  checkOperators(file, nodes);
  const known = evaluate(file, nodes, scope, values, limits);
  const results = wanted.map((name) => known.get(name));
  const running = results.filter((value) => !value.fixed);
  // What is an input still has to be brought from one place to the other.
  const tensors_ = running.map(({ plain }) => (inputs.has(plain) ? maximum(plain, plain) : plain));
  const numbers = running.length > 0 ? await run(graph, inputs, tensors_) : [];
  return {
    inOps: running.length,
    results: results.map((value) => ({
      type: value.type,
      shape: value.shape,
      numbers: value.fixed ?? numbers[running.indexOf(value)],
    })),
  };
}

/** Outputs, with as many inputs as possible while running. */
async function attempt(file, names, tensors) {
  for (const [k, way] of WAYS.entries()) {
    try {
      return await outputsOf(file, names, tensors, way);
    } catch (error) {
      if (k === WAYS.length - 1 || !/known only while running/.test(error.message)) throw error;
    }
  }
}

/** What differs, or undefined; and the largest relative error. */
function compare(results, expected) {
  let worst = 0;
  for (const [k, { type, shape, numbers }] of expected.entries()) {
    const got = results[k];
    if (got.type !== type) return { problem: `output ${k}: got type ${got.type}, wanted ${type}` };
    if (got.shape.join() !== shape.join())
      return { problem: `output ${k}: got [${got.shape}], wanted [${shape}]` };
    const wanted = numbers();
    for (let at = 0; at < wanted.length; at++) {
      const [x, y] = [got.numbers[at], wanted[at]];
      if (Object.is(x, y) || x === y) continue;
      const error = Math.abs(x - y);
      const allowed = isFloat(type) ? ABSOLUTE + RELATIVE * Math.abs(y) : 0;
      if (!(error <= allowed)) return { problem: `output ${k}, element ${at}: got ${x}, wanted ${y}` };
      if (error > ABSOLUTE) worst = Math.max(worst, error / Math.abs(y));
    }
  }
  return { worst };
}

/** Floats of 16 bits whose bits are written as whole numbers. */
function typed(tensor, type) {
  if (type !== 16 || tensor.type !== 4) return tensor;
  const floats = () => new Float32Array(Uint32Array.from(tensor.numbers(), (bits) => bits << 16).buffer);
  return { ...tensor, type, numbers: floats };
}

/** One test: "passed", "failed" or "not claimed", and why. */
async function check(folder) {
  let operators = [];
  try {
    const file = readOnnx(readFileSync(`${folder}/model.onnx`), limits, new Map());
    REPAIRS[basename(folder)]?.(file);
    operators = [...new Set(file.nodes.map(({ operator }) => operator))];
    const candidates = file.inputs.filter(({ name }) => !file.initializers.has(name));
    if ([...candidates, ...file.outputs].some(({ type }) => type === 0))
      return { operators, outcome: "not claimed", why: "a sequence or an optional value" };
    const names = candidates.map(({ name }) => name);
    let [worst, inOps] = [0, 0];
    for (const set of readdirSync(folder).filter((name) => name.startsWith("test_data_set_"))) {
      const tensors = (what) =>
        readdirSync(`${folder}/${set}`)
          .filter((name) => name.startsWith(`${what}_`))
          .map((_, k) => readOnnxTensor(readFileSync(`${folder}/${set}/${what}_${k}.pb`), limits));
      const given = tensors("input").map((tensor, k) => typed(tensor, candidates[k].type));
      const expected = tensors("output").map((tensor, k) => typed(tensor, file.outputs[k].type));
      // Floats of 16 bits are computed in 32, and of these there would be 8 bits to compare.
      if (expected.some(({ type }) => type === 16))
        return { operators, outcome: "not claimed", why: "a result of bfloat16" };
      if (
        [...given, ...expected].some((tensor) =>
          tensor.numbers().some((x) => Number.isFinite(x) && Math.abs(x) > LARGEST),
        )
      )
        return { operators, outcome: "not claimed", why: "doubles that are no floats of 32 bits" };
      const { results, inOps: count } = await attempt(file, names.slice(0, given.length), given);
      const { problem, worst: own } = compare(results, expected);
      if (problem) return { operators, outcome: "failed", why: problem };
      worst = Math.max(worst, own);
      inOps += count;
    }
    return { operators, outcome: "passed", worst, inOps };
  } catch (error) {
    const isRefused = error instanceof FormatError && /is not supported/.test(error.message);
    return {
      operators,
      outcome: isRefused ? "not claimed" : "failed",
      why: isRefused ? error.message : error.stack,
    };
  }
}

/** Whether a file is a model that predicts what it must; undefined: it has no batch, or several inputs or outputs. */
async function predicts(folder) {
  const tensor = (name) => readOnnxTensor(readFileSync(`${folder}/test_data_set_0/${name}.pb`), limits);
  let model;
  try {
    model = modelOf(readFileSync(`${folder}/model.onnx`), {});
  } catch (error) {
    if (error instanceof FormatError || error instanceof OptionError) return undefined;
    throw error;
  }
  const [given, wanted] = [tensor("input_0").numbers(), tensor("output_0").numbers()];
  if (given.some((x) => Math.abs(x) > LARGEST)) return undefined;
  const got = await model.predict(given, { engine });
  const fits = (y, k) => Object.is(got[k], y) || Math.abs(got[k] - y) <= ABSOLUTE + RELATIVE * Math.abs(y);
  return got.length === wanted.length && wanted.every(fits);
}

if (!existsSync(DATA)) {
  console.log(`FAIL onnx-node-tests: wanted the Debian package libonnx-testdata in ${DATA}`);
  console.log("0 passed, 1 failed");
  process.exit(1);
}

const none = () => ({ passed: 0, failed: 0, "not claimed": 0 });
const total = none();
const reasons = new Map();
const byOperator = new Map();
let [close, hosted, models] = [0, 0, 0];
/** Part of the names of the tests that are run; default: all. */
const only = process.argv[2] ?? "";
for (const category of CATEGORIES) {
  const counts = none();
  for (const name of readdirSync(`${DATA}/${category}`).sort()) {
    const folder = `${DATA}/${category}/${name}`;
    if (!existsSync(`${folder}/model.onnx`) || !name.includes(only)) continue;
    const { outcome, why, worst, inOps, operators } = await check(folder);
    counts[outcome]++;
    total[outcome]++;
    if (outcome === "failed") console.log(`FAIL ${category}/${name}: ${why}`);
    if (outcome === "passed") {
      close += Number(worst <= 1e-5);
      hosted += Number(inOps === 0);
      const good = category.startsWith("pytorch") ? await predicts(folder) : undefined;
      if (good === false) {
        total.failed++;
        console.log(`FAIL ${category}/${name}: its model predicts otherwise`);
      }
      models += Number(good ?? false);
    }
    if (outcome === "not claimed") {
      const reason = why.replace(/^onnx: node \d+ (?:".*?" )?\((.*?)\): /, "$1: ");
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    for (const operator of operators) {
      const own = byOperator.get(operator) ?? none();
      own[outcome]++;
      byOperator.set(operator, own);
    }
  }
  const claimed = counts.passed + counts.failed;
  console.log(`ok ${category}: ${counts.passed} of ${claimed} claimed; ${counts["not claimed"]} not claimed`);
}
console.log("# operators: passed / claimed / in all");
const rows = [...byOperator].sort(([a], [b]) => (a < b ? -1 : 1));
const showCounts = ({ passed, failed, "not claimed": other }) =>
  `${passed}/${passed + failed}/${passed + failed + other}`;
console.log(rows.map(([name, own]) => `${name} ${showCounts(own)}`).join(", "));
console.log("# not claimed");
for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1])) console.log(`  ${count} × ${reason}`);
console.log(
  `# ${close} of ${total.passed} within 1e-5 of what is wanted; ${hosted} computed on the host alone`,
);
console.log(`ok ${models} of PyTorch's files predict as models`);
const isBehind = only === "" && (total.passed < WANTED || models < WANTED_MODELS);
if (isBehind)
  console.log(
    `FAIL onnx-node-tests: got ${total.passed} passed and ${models} models, wanted ${WANTED} and ${WANTED_MODELS}`,
  );
await engine.close();
console.log(`${total.passed} passed, ${total.failed + Number(isBehind)} failed`);
process.exitCode = total.failed > 0 || isBehind || total.passed === 0 ? 1 : 0;
