// Compiles a model to a module of its own, with the kernels that it needs and nothing else of downhill.
import { host } from "#host";
import { CONTROL_STEPS } from "../../assembly/abi.ts";
import { EngineError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { createEngine } from "../engine/engine.ts";
import { rewrite } from "../graph/rewrite.ts";
import { Graph } from "../graph/tensor.ts";
import type { InstructionSet } from "../host/host.ts";
import { type Freezable, frozenOf } from "../inference/freezable.ts";
import type { Frozen } from "../inference/frozen.ts";
import { Model } from "../nn/model.ts";
import { div, sub } from "../ops/arithmetic.ts";
import { checksum } from "./constants.ts";
import { laidOut } from "./layout.ts";
import { type Metadata, moduleText, moduleTypes, type Normalization } from "./module-text.ts";
import { exportsOf, shake } from "./shake.ts";

/** Options of {@link compileModel}. */
export interface CompileModelOptions {
  /** What its errors call it: letters, digits, "-" and "_". Default: "model". */
  readonly name?: string;
  /** Examples that it takes at a time: inputs are cut into the largest parts that there are. Default: [1]. */
  readonly batchSizes?: readonly number[];
  /** "plain": runs everywhere, with the same bits. "relaxed": with fused multiply-add. "both": what the runtime has. Default: "plain". */
  readonly instructionSet?: InstructionSet | "both";
  /** "inline": in the module, as text. "beside": in files of their own, one of which `load` is given. Default: "inline". */
  readonly wasm?: "inline" | "beside";
  /** Names of the numbers of an output, for who reads them. */
  readonly classNames?: readonly string[];
  /** Has the module take (input − mean) / deviation of what it is given: numbers, or one for each place of the last axis. */
  readonly normalization?: Normalization | undefined;
}

/** A compiled model: the files that it is made of. */
export interface CompiledModel {
  /** The ES module: exports `load` and `metadata`, imports nothing. */
  readonly code: string;
  /** The declarations of the module, in TypeScript. */
  readonly types: string;
  /** What `load` is given. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** WebAssembly by instruction set: the kernels and the program. In `code` already, unless it is to lie beside. */
  readonly wasm: Readonly<Partial<Record<InstructionSet, Uint8Array<ArrayBuffer>>>>;
  /** Names of the kernels in it. */
  readonly kernels: readonly string[];
  /** Bytes of memory that the model takes when it is loaded. */
  readonly memoryBytes: number;
}

const OPTIONS = {
  name: 0,
  batchSizes: 0,
  instructionSet: 0,
  wasm: 0,
  classNames: 0,
  normalization: 0,
} as const;

/** The best first: a module takes the first that its runtime has. */
const SETS: Readonly<Record<InstructionSet | "both", readonly InstructionSet[]>> = {
  plain: ["plain"],
  relaxed: ["relaxed"],
  both: ["relaxed", "plain"],
};

/**
 * Compiles a model, or what freezes as a quantized model does, to an ES module without imports and a file of weights: with
 * the kernels that its programs name, on one thread, wherever there is WebAssembly with vectors. `load(weights)` of the
 * module answers `{ predict }`, which needs no promise and gives the bits of a frozen model on an engine, batch size by
 * batch size: those of `model.predict`, unless scales such as a batch normalization's were folded into weights.
 * Throws `OptionError` for options that are none of these, `EngineError` for a model without weights or where the host has
 * no bytes of the kernels, `MemoryError` where the model does not fit into 4 GiB.
 * @example
 * await model.initialize();
 * const { code, weights } = await compileModel(model, { name: "digits", batchSizes: [1, 8] });
 * await writeFileAtomically("digits.js", new TextEncoder().encode(code));
 * await writeFileAtomically("digits.weights", weights);
 */
export async function compileModel(
  model: Freezable,
  options: CompileModelOptions = {},
): Promise<CompiledModel> {
  const { name, batchSizes, instructionSet, wasm, ...more } = settle(options);
  const frozen = await frozenAt(model, batchSizes, more.normalization);
  const [first] = frozen.values();
  const { classNames } = more;
  const last = first!.output.shape.at(-1);
  const isNames =
    Array.isArray(classNames) &&
    classNames.length === last &&
    classNames.every((each) => typeof each === "string");
  if (classNames && !isNames)
    throw new OptionError(
      `compileModel: classNames: got ${JSON.stringify(classNames)}, wanted ${last} strings`,
    );
  const metadata: Metadata = {
    name,
    inputShape: first!.input.shape.slice(1),
    inputType: first!.input.dtype as "f32" | "i32",
    outputShape: first!.output.shape.slice(1),
    batchSizes: [...frozen.keys()],
    ...more,
  };
  const { constants, pages, firstSlot, kernels, runs, programs, address } = laidOut(frozen);
  const sum = checksum(constants.file);
  const mark = { address: CONTROL_STEPS, bytes: new Uint8Array(Uint32Array.of(sum).buffer) };
  const modules = new Map<InstructionSet, Uint8Array<ArrayBuffer>>();
  for (const set of SETS[instructionSet]) {
    const sources = await kernelsOf(set, kernels);
    const exports = ["begin", "proceed"];
    modules.set(set, shake(sources, { kernels, firstSlot, exports, pages, runs: [mark, ...runs] }));
  }
  const code = moduleText({
    metadata,
    programs,
    inputLimit: metadata.inputType === "i32" ? limitOf(model, first!) : undefined,
    weights: { address, bytes: constants.file.length, checksum: sum, stretches: constants.stretches },
    wasm: wasm === "inline" ? [...modules.values()] : [],
  });
  return {
    code,
    types: moduleTypes(wasm === "inline"),
    weights: constants.file,
    wasm: Object.fromEntries(modules),
    kernels,
    memoryBytes: pages * 65_536,
  };
}

function settle(options: CompileModelOptions) {
  const where = "compileModel";
  const {
    name = "model",
    instructionSet = "plain",
    wasm = "inline",
    ...more
  } = checkOptions(where, options, OPTIONS);
  const { batchSizes = [1], ...rest } = more;
  const refuse = (what: string, got: unknown, wanted: string): never => {
    throw new OptionError(`${where}: ${what}: got ${JSON.stringify(got)}, wanted ${wanted}`);
  };
  if (!/^[\w-]+$/.test(name)) refuse("name", name, 'letters, digits, "-" and "_"');
  if (!Object.hasOwn(SETS, instructionSet))
    refuse("instructionSet", instructionSet, '"plain", "relaxed" or "both"');
  if (wasm !== "inline" && wasm !== "beside") refuse("wasm", wasm, '"inline" or "beside"');
  const isCount = (size: unknown) => Number.isInteger(size) && (size as number) > 0;
  if (!(Array.isArray(batchSizes) && batchSizes[0] && batchSizes.every(isCount)))
    refuse("batchSizes", batchSizes, "positive integers");
  // From the most examples to the fewest, as the module looks through them.
  return { name, instructionSet, wasm, batchSizes: [...new Set(batchSizes)].sort((a, b) => b - a), ...rest };
}

/** The modules that have the kernels: those on bytes are in one of their own. @throws EngineError */
async function kernelsOf(instructionSet: InstructionSet, kernels: readonly string[]): Promise<Uint8Array[]> {
  const variant = { instructionSet, shared: false };
  const first = await host.bytes?.(variant);
  if (!first)
    throw new EngineError("compileModel: kernels: got compiled ones, wanted a host that has their bytes");
  const known = exportsOf(first);
  if (kernels.every((kernel) => known.has(kernel))) return [first];
  return [first, await (await import("#quantized")).bytes(variant)];
}

/** The model by batch size, frozen where numbers are the same everywhere. */
async function frozenAt(
  model: Freezable,
  batchSizes: readonly number[],
  normalization: Normalization | undefined,
): Promise<ReadonlyMap<number, Frozen>> {
  const engine = await createEngine({ numerics: "exact", threads: 1 });
  try {
    const frozen = new Map<number, Frozen>();
    for (const batchSize of batchSizes) {
      const each = await frozenOf(model, { batchSize, engine });
      frozen.set(batchSize, normalization ? normalized(each, normalization) : each);
    }
    return frozen;
  } finally {
    await engine.close();
  }
}

/** Integers of the input are below this: they number rows of a table, or the model has said so itself. */
function limitOf(model: Freezable, { input, nodes }: Frozen): number {
  const limits = nodes.flatMap(({ op, inputs: [table, indices] }) => {
    let root = indices;
    while (root?.node.op?.name === "reshape") root = root.node.inputs[0];
    return op?.name === "gather" && root === input ? [table!.shape[0]!] : [];
  });
  return Math.min((model instanceof Model && model.inputLimit) || 2 ** 31, ...limits);
}

/** The same behind a change of its input. */
function normalized(frozen: Frozen, { mean, deviation }: Normalization): Frozen {
  const graph = new Graph("predict");
  const { shape, dtype } = frozen.input;
  const input = graph.input("input", shape, dtype);
  const by = (what: string, numbers: number | readonly number[], good: (value: number) => boolean) => {
    // As the module has them: in 32 bits a small deviation may be 0.
    const values = [numbers].flat().map((value) => (typeof value === "number" ? Math.fround(value) : NaN));
    if ((typeof numbers === "number" || values.length === shape.at(-1)) && values.every(good))
      return graph.constant(values, [values.length]);
    throw new OptionError(
      `compileModel: normalization: ${what}: got ${JSON.stringify(numbers)}, wanted a number or ${shape.at(-1)} of them`,
    );
  };
  if (dtype !== "f32")
    throw new OptionError(`compileModel: normalization: got an input of ${dtype}, wanted f32`);
  const centred = sub(input, by("mean", mean, Number.isFinite));
  const given = div(
    centred,
    by("deviation", deviation, (value) => value > 0 && Number.isFinite(value)),
  );
  const become = rewrite(frozen.output, graph, {
    source(tensor) {
      const { source } = tensor.node;
      if (source?.kind !== "constant") return given;
      const values = tensor.dtype === "i8" ? Int8Array.from(source.values) : source.values;
      return graph.constant(values, tensor.shape, source.name);
    },
  });
  return { ...frozen, graph, input, output: become.get(frozen.output)! };
}
