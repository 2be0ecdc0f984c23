// What compileModel writes: an ES module that brings a model's programs into their memory and runs them, and its declarations.
import { CONTROL_PROGRAM, CONTROL_STEPS } from "../../assembly/abi.ts";
import type { Shape } from "../core/shape.ts";
import { PRODUCER } from "../replay/program-file.ts";
import type { Stretch } from "./constants.ts";

/** What the module says of its model. */
export interface Metadata {
  readonly name: string;
  /** Of one example. */
  readonly inputShape: Shape;
  /** "i32": integers from 0, such as tokens. */
  readonly inputType: "f32" | "i32";
  /** Of one example. */
  readonly outputShape: Shape;
  readonly batchSizes: readonly number[];
  readonly classNames?: readonly string[] | undefined;
  /** What each number of the input goes through first. */
  readonly normalization?: Normalization | undefined;
}

/** A mean that is taken away, and a deviation that is divided by: a number, or one for each place of the last axis. */
export interface Normalization {
  readonly mean: number | readonly number[];
  readonly deviation: number | readonly number[];
}

/** A program of the module, in addresses of its memory. */
export interface ModuleProgram {
  readonly examples: number;
  readonly input: number;
  readonly output: number;
  /** Control words, from the program's address on. */
  readonly run: readonly number[];
  /** Those of the program that runs once, before all others. */
  readonly once?: readonly number[] | undefined;
}

/** All that the module knows. */
export interface ModuleContents {
  readonly metadata: Metadata;
  readonly programs: readonly ModuleProgram[];
  /** Integers of the input are below this. */
  readonly inputLimit: number | undefined;
  readonly weights: {
    readonly address: number;
    readonly bytes: number;
    readonly checksum: number;
    readonly stretches: readonly Stretch[];
  };
  /** The bytes of WebAssembly that the module holds, the best first; none: it is given them. */
  readonly wasm: readonly Uint8Array[];
}

/** How a stretch of the weights is read: `from` counts bytes of the file. */
const READERS = {
  raw: "new Uint8Array(memory.buffer).set(file.subarray(from, from + length), to);",
  bf16: "for (let i = 0; i < length / 4; i++) words[to / 4 + i] = half.getUint16(from + 2 * i, true) << 16;",
  f16: `for (let i = 0; i < length / 4; i++) {
      const bits = half.getUint16(from + 2 * i, true);
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
      const value = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
      floats[to / 4 + i] = bits >> 15 ? -value : value;
    }`,
};

/** Writes bytes as text. */
function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x6000)
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + 0x6000))));
  return parts.join("");
}

/** Where the module has its WebAssembly from, as its function load is to have it. */
function source({ length }: ModuleContents["wasm"]): string {
  if (length === 0) {
    return `wasm instanceof Module ? wasm : await bytesOf("wasm", wasm, "the module's .wasm file: a WebAssembly.Module, bytes, a URL or a Response")`;
  }
  return length === 1 ? "decoded(WASM[0])" : "WASM.map(decoded).find((each) => validate(each))";
}

/** Reads the weights, stretch by stretch. */
function reading({ address, stretches }: ModuleContents["weights"]): string {
  let from = 0;
  const lines = stretches.map(({ form, offset, bytes }) => {
    const line = `  {
    const [from, to, length] = [${from}, ${address + offset}, ${bytes}];
    ${READERS[form]}
  }\n`;
    from += form === "raw" ? bytes : bytes / 2;
    return line;
  });
  const halves = stretches.some(({ form }) => form !== "raw");
  return `${halves ? "  const half = new DataView(file.buffer, file.byteOffset, file.length);\n" : ""}${lines.join("")}`;
}

/** The text of the module. */
export function moduleText(contents: ModuleContents): string {
  const { metadata, programs, inputLimit, weights, wasm } = contents;
  const inline = wasm.length > 0;
  const checkIntegers = `    for (let i = 0; i < values.length; i++)
      if (!(Number.isInteger(values[i]) && values[i] >= 0 && values[i] < ${inputLimit}))
        fail(\`input: number \${i}\`, values[i], "an integer from 0 to ${Number(inputLimit) - 1}");
`;
  return `// The model ${metadata.name}, compiled by ${PRODUCER}: load(weights) gives what predicts with it.
const { instantiate${["", ", validate"][wasm.length - 1] ?? ", Module"} } = WebAssembly;

/** What the model takes and gives. */
export const metadata = ${JSON.stringify(metadata, undefined, 2)};
const size = (shape) => shape.reduce((product, each) => product * each, 1);
const [INPUT, OUTPUT] = [size(metadata.inputShape), size(metadata.outputShape)];
/** The most examples first. */
const PROGRAMS = ${JSON.stringify(programs)};
${inline ? `const WASM = ${JSON.stringify(wasm.map(base64), undefined, 2)};\nconst decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));\n` : ""}
function fail(what, got, wanted) {
  throw new RangeError(\`\${metadata.name}: \${what}: got \${got}, wanted \${wanted}\`);
}

async function bytesOf(what, source, wanted) {
  let given = await source;
  const files = given?.protocol === "file:" && globalThis.process?.getBuiltinModule?.("node:fs");
  if (files) given = files.readFileSync(given);
  else if (given instanceof URL || typeof given === "string") given = await fetch(given);
  if (typeof given?.arrayBuffer === "function") {
    if (given.ok === false) fail(what, \`status \${given.status} of \${given.url}\`, wanted);
    given = await given.arrayBuffer();
  }
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  if (Object.prototype.toString.call(given) !== "[object ArrayBuffer]") fail(what, given, wanted);
  return new Uint8Array(given);
}

export async function load(weights${inline ? "" : ", wasm"}) {
  const file = await bytesOf("weights", weights, "bytes, a URL or a Response");
  if (file.length !== ${weights.bytes}) fail("weights", \`\${file.length} bytes\`, ${weights.bytes});
  let checksum = 0x811c9dc5;
  for (const byte of file) checksum = Math.imul(checksum ^ byte, 0x01000193);
  if (checksum >>> 0 !== ${weights.checksum}) fail("weights", "damaged ones or another model's", "those written with this module");
  const source = ${source(wasm)};
  const made = await instantiate(source, {}).catch((cause) => {
    throw new Error(\`\${metadata.name}: wasm: \${cause.message}\`, { cause });
  });
  const { memory, begin, proceed } = (made.instance ?? made).exports;
  const words = new Uint32Array(memory?.buffer ?? 0);
  if (words[${CONTROL_STEPS / 4}] !== ${weights.checksum}) fail("wasm", "another module's", "that written with this module");
  const floats = new Float32Array(memory.buffer);
${reading(weights)}  const run = (control) => {
    words.set(control, ${CONTROL_PROGRAM / 4});
    begin();
    proceed();
  };
  for (const { once } of PROGRAMS) if (once) run(once);

  function predict(input, output) {
    const values = ArrayBuffer.isView(input) ? input : Float32Array.from(input);
    const count = values.length / INPUT;
    if (!(Number.isInteger(count) && count > 0)) fail("input", \`\${values.length} numbers\`, \`a multiple of \${INPUT}\`);
${inputLimit === undefined ? "" : checkIntegers}    const result = output ?? new Float32Array(count * OUTPUT);
    if (result.length !== count * OUTPUT) fail("output", \`room for \${result.length} numbers\`, count * OUTPUT);
    for (let from = 0, n; from < count; from += n) {
      const program = PROGRAMS.find(({ examples }) => examples <= count - from) ?? PROGRAMS.at(-1);
      n = Math.min(program.examples, count - from);
      ${metadata.inputType === "i32" ? "new Int32Array(memory.buffer)" : "floats"}.set(values.subarray(from * INPUT, (from + n) * INPUT), program.input / 4);
      run(program.run);
      result.set(floats.subarray(program.output / 4, program.output / 4 + n * OUTPUT), from * OUTPUT);
    }
    return result;
  }
  return { predict };
}
`;
}

/** The declarations of the module. */
export function moduleTypes(inline: boolean): string {
  const source = "ArrayBuffer | ArrayBufferView | URL | string | Response";
  const given = (type: string) => `${type} | PromiseLike<${type}>`;
  const wasm = inline ? "" : `, wasm: WebAssembly.Module | ${given(source)}`;
  return `/** What the model takes and gives. */
export declare const metadata: {
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly inputType: "f32" | "i32";
  readonly outputShape: readonly number[];
  readonly batchSizes: readonly number[];
  readonly classNames?: readonly string[];
  readonly normalization?: {
    readonly mean: number | readonly number[];
    readonly deviation: number | readonly number[];
  };
};
export interface Predictor {
  /**
   * Outputs [n, ...outputShape] for inputs [n, ...inputShape], written to \`output\`, by default a new array. Throws a RangeError
   * for parts of examples, or integers that are none of the model's.
   */
  predict(input: Float32Array | Int32Array | readonly number[], output?: Float32Array): Float32Array;
}
/** Brings the model into memory. Throws a RangeError for other weights than those written with this module. */
export declare function load(weights: ${given(source)}${wasm}): Promise<Predictor>;
`;
}
