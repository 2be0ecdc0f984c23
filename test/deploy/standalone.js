// Compiled models wherever JavaScript runs: one hash of what they predict, that of an engine here, in Node 20 to 26, Deno, Bun,
// workerd, and Chromium and Firefox under a strict content-security policy; then what a page loads of them, beside others.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine, dense, flatten, sequential } from "../../build/src/index.js";
import {
  conv2d,
  embedding,
  layerNorm,
  lstm,
  maxPool2d,
  transformerEncoderBlock,
} from "../../build/src/layers.js";
import { quantize } from "../../build/src/quantize/index.js";
import { compileModel } from "../../build/src/standalone/index.js";
import { installPackages } from "../conformance/packages.js";
import { check, finish } from "./support/check.js";
import { predictInPages } from "./support/pages.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "downhill-standalone-"));
const write = (name, contents) => writeFileSync(join(folder, name), contents);

const models = {
  mlp: sequential({ input: [784] }, dense(64, { activation: "relu" }), dense(10)),
  cnn: sequential(
    { input: [28, 28, 1] },
    conv2d(16, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    conv2d(32, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    flatten(),
    dense(10),
  ),
  tokens: sequential(
    { input: [9], inputType: "i32" },
    embedding(20, 16),
    transformerEncoderBlock({ heads: 2, causal: true, rotary: true }),
    layerNorm(),
    dense(20, { activation: "gelu" }),
  ),
};

/** Models that are quantized: of both instruction sets, for integers have the same bits from each, however a host multiplies them. */
const quantized = {
  bytes: sequential(
    { input: [19, 19, 2] },
    conv2d(16, 3, { activation: "relu" }),
    conv2d(24, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    flatten(),
    dense(10),
  ),
  state: sequential({ input: [12, 10] }, lstm(20), dense(10)),
};

/** What every host runs: three examples of each model, and a hash of the bits of what comes out. */
const PREDICTING = `
/** @param {{ predict(input: Float32Array): Float32Array }} model */
export function hashOf({ predict }, { inputShape, inputType }) {
  const size = inputShape.reduce((product, each) => product * each, 1);
  const inputs = Float32Array.from({ length: 3 * size }, (_, i) =>
    inputType === "i32" ? (i * 7) % 20 : ((i * 7919) % 1013) / 507 - 1,
  );
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(predict(inputs).buffer)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
`;
const names = [...Object.keys(models), ...Object.keys(quantized)];
const list = (line) => names.map(line).join("\n");
const FILES = {
  "predicting.js": PREDICTING,
  // From files: a URL beside the module.
  "program.js": `import { hashOf } from "./predicting.js";
${list((name) => `import * as ${name} from "./${name}.js";`)}
const hashes = {};
for (const [name, each] of Object.entries({ ${names} }))
  hashes[name] = hashOf(await each.load(new URL(\`./\${name}.weights\`, import.meta.url)), each.metadata);
const refused = await ${names[0]}.load(new Uint8Array(4)).catch(({ message }) => message);
console.log(JSON.stringify({ hashes, refused }));
`,
  // Imported: nothing is compiled while it runs.
  "worker.js": `import { hashOf } from "./predicting.js";
${list((name) => `import * as ${name} from "./${name}-beside.js";\nimport ${name}Wasm from "./${name}.wasm";\nimport ${name}Weights from "./${name}.weights";`)}
 export default {
  async test() {
    const hashes = {};
${list((name) => `    hashes.${name} = hashOf(await ${name}.load(${name}Weights, ${name}Wasm), ${name}.metadata);`)}
    const refused = await ${names[0]}.load(new Uint8Array(4), ${names[0]}Wasm).catch(({ message }) => message);
    console.log(JSON.stringify({ hashes, refused }));
  },
};
`,
  "page.js": `import { hashOf } from "./predicting.js";
${list((name) => `import * as ${name} from "./${name}.js";\nimport * as ${name}Beside from "./${name}-beside.js";`)}
const hashes = {};
let outcome;
try {
${list(
  (
    name,
  ) => `  hashes.${name} = hashOf(await ${name}.load(new URL("./${name}.weights", import.meta.url)), ${name}.metadata);
  const ${name}Compiled = await WebAssembly.compileStreaming(fetch("./${name}.wasm"));
  hashes["${name}, beside"] = hashOf(await ${name}Beside.load(fetch("./${name}.weights"), ${name}Compiled), ${name}.metadata);`,
)}
  const refused = await ${names[0]}.load(new Uint8Array(4)).catch(({ message }) => message);
  outcome = { hashes, refused };
} catch (error) {
  outcome = { error: String(error) };
}
await fetch("/told", { method: "POST", body: JSON.stringify(outcome) });
`,
  "page.html": `<!doctype html><title>A compiled model</title><link rel="icon" href="data:,"><script type="module" src="page.js"></script>`,
  "config.capnp": `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .main)]);
const main :Workerd.Worker = (
  compatibilityDate = "2026-09-01",
  modules = [
    ${[
      ["worker.js", "esModule"],
      ["predicting.js", "esModule"],
      ...names.flatMap((name) => [
        [`${name}-beside.js`, "esModule"],
        [`${name}.wasm`, "wasm"],
        [`${name}.weights`, "data"],
      ]),
    ]
      .map(([name, kind]) => `(name = "${name}", ${kind} = embed "${name}"),`)
      .join("\n    ")}
  ],
);
`,
};

/** What a host found, against what an engine here predicts. */
function compare(host, outcome, wanted, refusal) {
  for (const [name, hash] of Object.entries(outcome?.hashes ?? {}))
    check(`${host}: ${name}`, hash === wanted[name.replace(", beside", "")], hash);
  check(`${host}: all models, and weights of four bytes refused`, outcome?.refused === refusal, outcome);
}

installPackages(here("../runtimes"));
const runtime = (name) => here(`../runtimes/node_modules/${name}`);
const RUNTIMES = [
  ["Node 20", process.execPath, ["program.js"]],
  ...[22, 24, 26].map((version) => [`Node ${version}`, runtime(`node${version}/bin/node`), ["program.js"]]),
  ["Deno", runtime(".bin/deno"), ["run", "--allow-read", "program.js"]],
  ["Bun", runtime(".bin/bun"), ["program.js"]],
  ["workerd", runtime(".bin/workerd"), ["test", "config.capnp"]],
];

try {
  const engine = await createEngine({ numerics: "exact", threads: 1 });
  const { hashOf } = await import(`data:text/javascript,${encodeURIComponent(PREDICTING)}`);
  const wanted = {};
  let bytes = 0;
  const compiled = async (name, model, instructionSet) => {
    const inline = await compileModel(model, { name, batchSizes: [2, 1], instructionSet });
    const beside = await compileModel(model, { name, batchSizes: [2, 1], wasm: "beside" });
    write(`${name}.js`, inline.code);
    write(`${name}-beside.js`, beside.code);
    write(`${name}.wasm`, beside.wasm.plain);
    write(`${name}.weights`, inline.weights);
    bytes ||= inline.weights.length;
    await model.prepare?.({ batchSize: 3, engine });
    wanted[name] = hashOf({ predict: (inputs) => model.predictSync(inputs, { engine }) }, model);
  };
  for (const [name, model] of Object.entries(models)) {
    await model.initialize({ engine, seed: 4 });
    await compiled(name, model, "plain");
  }
  for (const [name, model] of Object.entries(quantized)) {
    await model.initialize({ engine, seed: 4 });
    const size = model.inputShape.reduce((product, each) => product * each, 8);
    const calibration = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1013) / 507 - 1);
    const options = { weights: "int8", activations: "int8", calibration, engine };
    await compiled(name, await quantize(model, options), "both");
  }
  await engine.close();
  for (const [name, text] of Object.entries(FILES)) write(name, text);
  write("package.json", JSON.stringify({ type: "module" }));
  const refusal = `${names[0]}: weights: got 4 bytes, wanted ${bytes}`;
  for (const [name, binary, words] of RUNTIMES) {
    const environment = { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" };
    const run = spawnSync(binary, words, {
      cwd: folder,
      env: environment,
      encoding: "utf8",
      timeout: 120_000,
    });
    const line = `${run.stdout}\n${run.stderr}`.match(/\{"hashes".*\}/)?.[0];
    compare(name, line ? JSON.parse(line) : run.stderr || String(run.error), wanted, refusal);
  }
  for (const [name, outcome] of await predictInPages(folder)) compare(name, outcome, wanted, refusal);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
finish();
